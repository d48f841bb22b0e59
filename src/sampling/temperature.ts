/** Temperature, fixed or by how even the distribution is. @module */

import { best, bestPlace, type Candidates } from "./candidates.ts";
import { type ChainContext, owned } from "./context.ts";
import { countPossible, depthOf } from "./truncation.ts";

/** Below this nothing but the best token has a chance. */
const COLDEST = 1e-30;

/** Quotients that are larger might not be finite. */
const LARGE = 1e37;

/** Divides logits; 0 and less leave the best token alone. */
export function heat(candidates: Candidates, context: ChainContext): Candidates {
  const { temperature: fixed, dynatempRange } = context.options;
  const temperature = dynatempRange > 0 ? dynamic(candidates, context) : fixed;
  if (temperature === 1) return candidates;
  if (temperature < COLDEST) return best(candidates, 1);
  const left = owned(candidates, context), { logits } = left;
  left.top = bestPlace(candidates); // it stays the best
  const highest = logits[left.top] ?? 0;
  const isLarge = highest < Infinity && Math.abs(highest) / temperature > LARGE;
  const shift = isLarge ? highest : 0; // leaves differences as they are
  for (let at = 0; at < logits.length; at++) logits[at] = (logits[at]! - shift) / temperature;
  return left;
}

/** The temperature by the entropy: that of n even tokens is ln n, which gives the highest. */
function dynamic(candidates: Candidates, { options }: ChainContext): number {
  const { temperature, dynatempRange, dynatempExponent } = options;
  const low = Math.max(0, temperature - dynatempRange);
  const high = temperature + dynatempRange;
  const count = countPossible(candidates);
  if (count < 2) return 1; // whatever it is, the token is chosen
  const { sum, mean } = depthOf(candidates.logits, candidates.logits[bestPlace(candidates)]!);
  const evenness = (mean + Math.log(sum)) / Math.log(count);
  return low + (high - low) * Math.min(1, Math.max(0, evenness)) ** dynatempExponent;
}
