/** Samplers written by users: what they get and return, and how that is checked. @module */

import { CriaError } from "../errors.ts";
import { tokenAt } from "./candidates.ts";
import type { SamplerStep } from "./chain.ts";
import type { SamplerContext } from "./context.ts";

/** Tokens and their logits side by side, in any order. */
export interface TokenLogits {
  /** Token ids, none of them twice. */
  readonly tokens: Uint32Array; // [count]
  /** Their logits; -Infinity or NaN: never. */
  readonly logits: Float32Array; // [count]
}

/**
 * A sampler of your own, for `order`: it gets what is left, and returns what it leaves. It may
 * change what it gets. Behind `topK` there is little; in front of it, the whole vocabulary.
 */
export type CustomSampler = (candidates: TokenLogits, context: SamplerContext) => TokenLogits;

/** A user's sampler as a step of the chain: it gets copies, and what it returns is checked. */
export function customStep(sampler: CustomSampler, at: number): SamplerStep {
  return (candidates, context) => {
    const { logits } = candidates;
    const size = context.logits.length;
    const tokens = Uint32Array.from(logits, (_, place) => tokenAt(candidates, place));
    const known = new Set(tokens);
    const left = sampler({ tokens, logits: Float32Array.from(logits) }, context);
    const refuse = (state: string) => {
      throw new CriaError(`Cannot sample with "order": the function at place ${at} ${state}`);
    };
    if (!(left?.tokens instanceof Uint32Array && left.logits instanceof Float32Array)) {
      return refuse("returned no tokens (Uint32Array) with logits (Float32Array)");
    }
    if (left.tokens.length !== left.logits.length) {
      return refuse(`returned ${left.tokens.length} tokens and ${left.logits.length} logits`);
    }
    if (!left.logits.some((logit) => logit > -Infinity)) {
      return refuse(`left none of ${size} tokens`);
    }
    for (const token of left.tokens) {
      if (!known.delete(token)) {
        return refuse(`returned token ${token}, which it did not get, or twice`);
      }
    }
    return { tokens: left.tokens.slice(), logits: left.logits.slice(), sorted: false };
  };
}
