/** Penalties: tokens that have occurred become less likely. @module */

import type { Candidates } from "./candidates.ts";
import type { ChainContext } from "./context.ts";
import { begin, change, newTally, raise } from "./tally.ts";

/** Repetition, presence and frequency penalties. */
export function penalize(candidates: Candidates, context: ChainContext): Candidates {
  const { previousTokens, options } = context;
  const { repeatPenalty, presencePenalty, frequencyPenalty, penaltyLastN } = options;
  const tally = newTally(context);
  for (let at = begin(previousTokens.length, penaltyLastN); at < previousTokens.length; at++) {
    const token = previousTokens[at]!;
    raise(tally, token, (tally.numbers[token] ?? 0) + 1);
  }
  return change(candidates, context, tally, (logit, count) => {
    const repeated = logit > 0 ? logit / repeatPenalty : logit * repeatPenalty;
    return repeated - count * frequencyPenalty - presencePenalty;
  });
}
