/** Log-probabilities of a token and of the likeliest, before the chain or after it. @module */

import { best, bestPlace, type Candidates, massOf, tokenAt } from "./candidates.ts";

/** A token with the natural logarithm of its probability. */
export interface Score {
  /** The token's id. */
  readonly token: number;
  /** ln p, -Infinity for what cannot be chosen. */
  readonly logprob: number;
}

/** What a distribution says of the chosen token, and of the likeliest ones. */
export interface Scores {
  /** ln p of the chosen token. */
  readonly logprob: number;
  /** The likeliest tokens, the likeliest first; there may be fewer than were asked for. */
  readonly top: readonly Score[];
}

/** ln softmax of the chosen token, and of the `count` likeliest, in double precision. */
export function scoresOf(candidates: Candidates, token: number, count: number): Scores {
  const { tokens, logits } = candidates;
  const highest = logits[bestPlace(candidates)]!;
  const logSum = Math.log(massOf(logits, highest));
  const score = (logit: number) => {
    if (!(logit > -Infinity)) return -Infinity; // NaN as well
    return (logit === highest ? 0 : logit - highest) - logSum;
  };
  const likeliest = count === 0 ? undefined : best(candidates, Math.min(count, logits.length));
  return {
    logprob: score(logits[tokens === undefined ? token : tokens.indexOf(token)]!),
    top: Array.from(likeliest?.logits ?? [], (logit, place) => {
      return { token: tokenAt(likeliest!, place), logprob: score(logit) };
    }),
  };
}
