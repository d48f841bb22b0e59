/** Numbers by token, from the tokens before, and what they do to logits. @module */

import { type Candidates, sortDown } from "./candidates.ts";
import { type ChainContext, owned } from "./context.ts";

/** Numbers by token: how often each occurs, or how long. */
export interface Tally {
  readonly numbers: Uint32Array; // [vocabularySize], 0 for most
  readonly tokens: number[]; // those that have a number
}

/** Where the last n of some tokens begin; -1 means all. */
export function begin(count: number, lastN: number): number {
  return lastN < 0 ? 0 : Math.max(0, count - lastN);
}

/** No numbers yet. */
export function newTally({ scratch, logits }: ChainContext): Tally {
  return { numbers: scratch.counts(logits.length), tokens: [] };
}

/** Gives a token a number, if it has none as high; tokens beyond the vocabulary are none. */
export function raise({ numbers, tokens }: Tally, token: number, number: number): void {
  const now = numbers[token];
  if (now === undefined || number <= now) return;
  if (now === 0) tokens.push(token);
  numbers[token] = number;
}

/** Changes the logits of tokens that have a number; candidates that were sorted are so again. */
export function change(
  candidates: Candidates,
  context: ChainContext,
  { numbers, tokens: changed }: Tally,
  to: (logit: number, number: number) => number,
): Candidates {
  const { tokens, logits, sorted } = owned(candidates, context);
  if (tokens === undefined) {
    for (const token of changed) logits[token] = to(logits[token]!, numbers[token]!);
  } else {
    for (let place = 0; place < tokens.length; place++) {
      const number = numbers[tokens[place]!]!;
      if (number > 0) logits[place] = to(logits[place]!, number);
    }
  }
  for (const token of changed) numbers[token] = 0;
  return sorted ? sortDown({ tokens, logits, sorted: false }) : { tokens, logits, sorted };
}
