/** Texts as vectors: the states of a model after its last block, pooled. @module */

import { ArgumentError, ContextError, ModelError } from "../errors.ts";
import { show } from "../model/metadata.ts";
import type { ModelSequence } from "../model/sequence.ts";
import type { EvaluateOptions, TokenizerLike } from "./engine.ts";
import { inFlight } from "./in_flight.ts";
import { Pacer } from "./pacer.ts";
import type { Prompt } from "./session.ts";

/** How the states of a text become one vector. */
export type Pooling = "mean" | "last" | "cls";

/** What a pooling needs. */
interface PoolingRow {
  /** Of how many tokens the model must read. */
  readonly read: (count: number) => number;
  /** Of how many of these, the last ones, the mean is taken. */
  readonly mean: (count: number) => number;
}

/**
 * Every pooling. No token sees those after it: of the first one, which "cls" takes, nothing else
 * need be read.
 */
const ROWS: Readonly<Record<Pooling, PoolingRow>> = {
  mean: { read: (count) => count, mean: (count) => count },
  last: { read: (count) => count, mean: () => 1 },
  cls: { read: () => 1, mean: () => 1 },
};

/** Their names. */
export const POOLINGS = Object.keys(ROWS) as readonly Pooling[];

/**
 * The values of `<architecture>.pooling_type` in a GGUF: none, mean, cls, last, rank. A model for
 * ranking reads its verdict off the last token.
 */
const POOLING_TYPES: readonly Pooling[] = ["mean", "mean", "cls", "last", "last"];

/** How texts are embedded. */
export interface EmbedOptions extends EvaluateOptions {
  /** How states become a vector; what the file names, else "mean", if left out. */
  readonly pooling?: Pooling | undefined;
  /** Gives vectors the length 1; true if left out. */
  readonly normalize?: boolean | undefined;
}

/** What embedding needs of a model. */
export interface EmbedParts {
  /** Unless the caller says otherwise. */
  readonly pooling: Pooling;
  readonly tokenizer: TokenizerLike;
  /** Length of a vector. */
  readonly dim: number;
  /** Most tokens of a text. */
  readonly context: number;
  /** Most jobs that the model takes at a time. */
  readonly maxQueue: number;
  /** Pages of the cache that can be had. */
  readonly pages: number;
  /** A new sequence whose pages nobody else gets to see. */
  readonly createSequence: () => ModelSequence;
}

/** So many tokens in flight fill a step while the next one is prepared. */
const TOKENS_AHEAD = 512;
/** The most texts in flight. */
const TEXTS_AHEAD = 64;

/**
 * The vectors of some texts, in their order. Each is what it would be alone, to the bit.
 * @throws {ContextError} a text is longer than the context
 */
export async function embed(
  parts: EmbedParts,
  texts: readonly Prompt[],
  { pooling = parts.pooling, normalize = true, ...options }: EmbedOptions,
): Promise<Float32Array[]> {
  if (!Object.hasOwn(ROWS, pooling)) {
    const state = `it is none of ${POOLINGS.join(", ")}`;
    throw new ArgumentError(`Cannot pool by ${JSON.stringify(pooling)}: ${state}`);
  }
  const { read, mean } = ROWS[pooling], lists = await tokensOf(parts, texts);
  const inputs = lists.map((tokens) => tokens.slice(0, read(tokens.length)));
  const total = inputs.reduce((sum, { length }) => sum + length, 0);
  let done = 0;
  const vectors: Float32Array[] = [];
  const { pages, maxQueue } = parts;
  const room = { pages, tokens: TOKENS_AHEAD, texts: Math.min(TEXTS_AHEAD, maxQueue) };
  await inFlight(room, inputs, options.signal, async (tokens, index, signal) => {
    using sequence = parts.createSequence();
    const sum = new MeanState(parts.dim);
    let before = 0;
    const onProgress = (now: number) => {
      done += now - before;
      before = now;
      options.onProgress?.(done, total);
    };
    const states = { rows: mean(tokens.length), take: (rows: Float32Array) => sum.add(rows) };
    await sequence.states(tokens, states, { priority: options.priority, signal, onProgress });
    vectors[index] = sum.vector(normalize);
  });
  return vectors;
}

/**
 * What the file says; the mean of all states where it says nothing.
 * @param metadata of the model's file
 * @param architecture before the key
 */
export function defaultPooling(
  metadata: ReadonlyMap<string, unknown>,
  architecture: string,
): Pooling {
  const key = `${architecture}.pooling_type`, type = metadata.get(key);
  if (type === undefined) return "mean";
  const pooling = typeof type === "number" ? POOLING_TYPES[type] : undefined;
  if (pooling !== undefined) return pooling;
  const last = POOLING_TYPES.length - 1;
  throw new ModelError(
    `Cannot use "${key}": ${show(type)} is not a whole number from 0 to ${last}`,
  );
}

/** The tokens of every text, with those that the model wants around a text. */
async function tokensOf(
  { tokenizer, context }: EmbedParts,
  texts: readonly Prompt[],
): Promise<readonly (readonly number[])[]> {
  if (!Array.isArray(texts)) {
    throw new ArgumentError(`Cannot embed ${typeof texts}: give a list of texts`);
  }
  const lists: (readonly number[])[] = [], pacer = new Pacer();
  for (const [index, text] of texts.entries()) {
    if (typeof text !== "string" && !Array.isArray(text)) {
      throw new ArgumentError(`Cannot embed text ${index + 1}: it is ${typeof text}`);
    }
    const tokens = typeof text === "string" ? await tokenizer.encodeAsync(text) : [...text];
    if (tokens.length === 0) {
      throw new ArgumentError(`Cannot embed text ${index + 1}: it has no tokens`);
    }
    if (tokens.length > context) {
      throw new ContextError(tokens.length, context, `embed text ${index + 1}`);
    }
    lists.push(tokens);
    await pacer.pause();
  }
  return lists;
}

/** The mean of states, added up in their order: chunks leave no trace. */
class MeanState {
  readonly #sums: Float64Array; // [dim]
  #count = 0;

  constructor(dim: number) {
    this.#sums = new Float64Array(dim);
  }

  /** @param states [some rows, dim] */
  add(states: Float32Array): void {
    const sums = this.#sums, dim = sums.length;
    for (let at = 0; at < states.length; at += dim, this.#count++) {
      for (let i = 0; i < dim; i++) sums[i]! += states[at + i]!;
    }
  }

  /** The mean; of length 1, if it is to, and has a length at all. */
  vector(normalize: boolean): Float32Array {
    const mean = this.#sums.map((sum) => sum / this.#count);
    const length = normalize ? Math.sqrt(mean.reduce((sum, x) => sum + x * x, 0)) : 1;
    return Float32Array.from(mean, (x) => x / (length || 1));
  }
}
