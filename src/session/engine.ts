/** What a session needs of a model: sequences, a tokenizer, a chat template. @module */

import type { BatchRow } from "../model/batch.ts";
import type { EvaluateOptions, SequencePages } from "../model/sequence.ts";
import type { SpecialFilter } from "../tokenizer/special.ts";

export type { BatchRow, EvaluateOptions, SequencePages };

/** One run of positions in the cache of a model. Holds native memory until it is disposed of. */
export interface Sequence extends Disposable {
  /** How many tokens are in the cache; the next one gets this position. */
  readonly position: number;
  /** How many tokens fit. */
  readonly capacity: number;
  /** The tokens in the cache. */
  readonly tokens: readonly number[];
  /**
   * Forgets everything from `position` on; it is at most the present one. Where layers see a window
   * only, and what lies behind it would be needed again, more is forgotten: see `position`.
   */
  rewind(position: number): void;
  /**
   * Becomes the beginning of a text, as much of it as is known here or from other sequences.
   * Everything else is forgotten.
   * @returns how many of the tokens are in the cache
   */
  reuse(text: readonly number[]): number;
  /** Gives its keys and values to some work, such as keeping them elsewhere. */
  withPages<T>(work: (pages: SequencePages) => Promise<T>): Promise<T>;
  /** Another sequence with the same past; what they have in common is there once. */
  fork(): Sequence;
  /**
   * Runs tokens through the model and appends them to the cache.
   *
   * When it fails or is aborted, `position` says how many tokens have got into the cache.
   * @param tokens one or more token ids
   * @param options `signal` stops it between two parts; `onProgress` hears of each part
   * @returns logits after the last token, [vocabularySize], valid until the next call on this
   * sequence. At once for short work (a token of a small model), as a promise for all
   * that would block.
   */
  evaluate(
    tokens: readonly number[],
    options?: EvaluateOptions,
  ): Promise<Float32Array> | Float32Array;
  /**
   * The same with logits after every token.
   * @param tokens one or more, at most 64 token ids
   * @param logits where they go, [tokens.length, vocabularySize]
   * @returns `logits`
   */
  decode(
    tokens: readonly number[],
    logits: Float32Array<ArrayBuffer>,
    options?: EvaluateOptions,
  ): Promise<Float32Array> | Float32Array;
}

/** Sequences that can decode together. Holds native memory until it is disposed of. */
export interface Batch extends Disposable {
  /** The sequences; each may also be used alone, while it is not decoding here. */
  readonly sequences: readonly Sequence[];
  /**
   * Appends one token to each of some sequences, in one step: weights are read once for all. The
   * logits are those that each sequence would give alone, to the bit.
   * @param rows at most one for each sequence, in any order
   * @returns logits after each token, [vocabularySize] each, in the order of the rows; valid until
   * the next call on this batch
   */
  decode(rows: readonly BatchRow[]): Promise<Float32Array[]>;
}

/** The part of a tokenizer that generation uses. */
export interface TokenizerLike {
  /** The token before a text, where the model has one. */
  readonly bosToken: number | undefined;
  /** The token after a text, where the model has one. */
  readonly eosToken: number | undefined;
  /** Tokens that end a generation. */
  readonly endTokens: ReadonlySet<number>;
  /** Whether a text begins with `bosToken`. */
  readonly addBos: boolean;
  /** How many tokens there are. */
  readonly vocabularySize: number;
  /** The ids of a text. */
  encode(text: string, options?: { bos?: boolean; special?: boolean | SpecialFilter }): number[];
  /** The bytes that tokens stand for; none for special ones. */
  decodeBytes(ids: Iterable<number>): Uint8Array;
  /** The same, with pauses for the event loop. */
  encodeAsync(
    text: string,
    options?: { bos?: boolean; special?: boolean | SpecialFilter },
  ): Promise<number[]>;
  /** The spelling of one token. */
  piece(id: number): string;
  /** The token of a piece, if there is one. */
  idOf(piece: string): number | undefined;
  /** What a token is for; `control` and `unknown` ones are found with `special: true` only. */
  kind(id: number): string;
  /** A decoder that takes one id at a time and never splits a character. */
  stream(): TokenStreamLike;
}

/** A running decoder. */
export interface TokenStreamLike {
  /** The text that has become certain with this token; often its own, sometimes none. */
  push(id: number): string;
  /** What is left, replacement characters for broken ones. */
  flush(): string;
}

/** A model as sessions see it. */
export interface Engine {
  /** The model's tokenizer. */
  readonly tokenizer: TokenizerLike;
  /** The model's chat template: Jinja, or the name of a known form; undefined without one. */
  readonly chatTemplate: string | undefined;
  /** The template for chats with tools, where the model has one of its own for them. */
  readonly toolTemplate?: string | undefined;
  /** A new, empty sequence. */
  createSequence(): Sequence;
  /** What tells this model, and the form of its cache, from others. */
  identity(): Promise<{ readonly model: string; readonly layout: string }>;
}
