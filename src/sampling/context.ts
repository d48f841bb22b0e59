/** What samplers know beside the candidates, and the arrays that they use again. @module */

import type { Candidates } from "./candidates.ts";
import type { Breakers } from "./dry.ts";
import type { ChainOptions } from "./options.ts";

/** What every sampler gets to know. */
export interface SamplerContext {
  /** The numbers of the chain. */
  readonly options: ChainOptions;
  /** The tokens before, the prompt's included. */
  readonly previousTokens: ArrayLike<number>;
  /** The logits that the model gave, before everything; not to be changed. */
  readonly logits: Float32Array; // [vocabularySize]
  /** The next random number, from 0 and below 1; the seed decides. */
  readonly random: () => number;
}

/** What the samplers of the table have beside that. */
export interface ChainContext extends SamplerContext {
  /** Arrays to be used again. */
  readonly scratch: Scratch;
  /** What DRY follows no repetition across. */
  readonly breakers: Breakers;
  /** The surprise that mirostat allows, in bits. */
  readonly mu: number;
}

/** Arrays that last from token to token: a vocabulary's worth is not allocated for each. */
export class Scratch {
  #floats = new Float32Array(0);
  #counts = new Uint32Array(0);
  #integers = new Int32Array(0);

  /** Room for logits. */
  floats(length: number): Float32Array {
    if (this.#floats.length !== length) this.#floats = new Float32Array(length);
    return this.#floats;
  }

  /** Counts by token, all 0; who uses them leaves them so. */
  counts(length: number): Uint32Array {
    if (this.#counts.length !== length) this.#counts = new Uint32Array(length);
    return this.#counts;
  }

  /** Room for so many whole numbers at least. */
  integers(least: number): Int32Array {
    if (this.#integers.length < least) this.#integers = new Int32Array(2 * least);
    return this.#integers;
  }
}

/**
 * New candidates whose logits may be changed: those of the model are copied, all others belong to
 * the chain already.
 */
export function owned(candidates: Candidates, { logits, scratch }: ChainContext): Candidates {
  const { tokens, sorted } = candidates;
  if (candidates.logits !== logits) return { tokens, logits: candidates.logits, sorted };
  const copy = scratch.floats(logits.length);
  copy.set(logits);
  return { tokens, logits: copy, sorted };
}
