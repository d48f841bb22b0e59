/** The past of a session: its tokens, and the sequence of the cache that holds them. @module */

import { ContextError, CriaError, DisposedError } from "../errors.ts";
import { sharedLength } from "../model/sequence.ts";
import type { EvaluateOptions, Sequence, SequencePages } from "./engine.ts";

/** Tokens and their cache, kept in step; owns the sequence. */
export class Past implements Disposable {
  /** Every token of the session. The last one may not be in the cache yet. */
  #tokens: number[] = [];
  readonly #sequence: Sequence;
  #running = false; // a generation holds it
  #inFlight = false; // the sequence is at work
  #disposed = false;

  /**
   * Begins with the tokens of a sequence.
   * @param sequence disposed of with the past
   * @param tokens those of the sequence, and at most one that is not in the cache yet
   */
  constructor(sequence: Sequence, tokens: readonly number[] = sequence.tokens) {
    this.#sequence = sequence;
    this.#tokens = [...tokens];
  }

  /** Another past with the same tokens. */
  fork(): Past {
    this.#refuseRunning("fork");
    return new Past(this.#sequence.fork(), this.#tokens);
  }

  /** Every token of the session. */
  get tokens(): readonly number[] {
    return this.#tokens;
  }

  /** How many tokens fit. */
  get capacity(): number {
    return this.#sequence.capacity;
  }

  /**
   * Takes hold of the past for one generation.
   * @throws DisposedError after disposal; CriaError while another generation holds it
   */
  begin(): void {
    this.assertUsable();
    if (this.#running) {
      throw new CriaError("Cannot generate: another generation of this session is running");
    }
    this.#running = true;
  }

  /** Lets the past go again. */
  end(): void {
    this.#running = false;
    const { length } = this.#tokens;
    if (!this.#disposed && this.#sequence.position > length) this.#sequence.rewind(length);
  }

  /**
   * Makes `target` the session's tokens. What begins like the past stays in the cache, the rest is
   * evaluated; at least the last token, for its logits. When that fails, the past is left as long
   * as it agrees with `target`.
   * @param target the tokens, one or more
   * @param room how many more must fit behind them
   * @returns logits of the last token, and how many tokens came from the cache
   * @throws ContextError when they do not fit
   */
  async advance(
    target: readonly number[],
    room: number,
    options: EvaluateOptions,
  ): Promise<{ logits: Float32Array; cachedTokens: number }> {
    if (target.length + room > this.capacity) {
      throw new ContextError(target.length + room, this.capacity);
    }
    const kept = this.#sequence.reuse(target.slice(0, -1)); // the last one is wanted for its logits
    this.#tokens = target.slice(0, Math.max(kept, sharedLength(this.#tokens, target)));
    try {
      const logits = await this.#evaluate(target.slice(kept), options);
      this.#tokens = [...target];
      return { logits, cachedTokens: kept };
    } catch (error) {
      if (!this.#disposed) this.#sequence.rewind(kept);
      throw error;
    }
  }

  /** Appends a token that was sampled; it gets into the cache by `step`. */
  append(token: number): void {
    this.#tokens.push(token);
  }

  /** Evaluates the last token, the only one that is not in the cache. */
  step(options: EvaluateOptions): Promise<Float32Array> | Float32Array {
    this.#dropGuesses();
    return this.#evaluate(this.#tokens.slice(-1), options);
  }

  /**
   * Evaluates the last token and guesses at what follows it; they stay in the cache as far as they
   * are then appended.
   * @param guesses the guesses
   * @param logits [1 + guesses.length, vocabularySize]
   */
  async stepAhead(
    guesses: readonly number[],
    logits: Float32Array<ArrayBuffer>,
    options: EvaluateOptions,
  ): Promise<void> {
    this.#dropGuesses();
    const tokens = [...this.#tokens.slice(-1), ...guesses];
    await this.#watch(Promise.resolve(this.#sequence.decode(tokens, logits, options)));
  }

  /** Takes tokens out of the cache that were guessed and not appended. */
  #dropGuesses(): void {
    this.assertUsable();
    if (this.#sequence.position >= this.#tokens.length) {
      this.#sequence.rewind(this.#tokens.length - 1);
    }
  }

  /** Forgets all tokens from `position` on. */
  rewind(position: number): void {
    this.#refuseRunning("rewind");
    this.#tokens.length = position;
    this.#sequence.rewind(Math.min(position, this.#sequence.position));
  }

  /** Lends what is in the cache to some work; nothing else may happen meanwhile. */
  async lend<T>(
    verb: string,
    work: (cached: number, pages: SequencePages) => Promise<T>,
  ): Promise<T> {
    this.#refuseRunning(verb);
    this.#running = this.#inFlight = true;
    try {
      const { position } = this.#sequence;
      return await this.#sequence.withPages((pages) => work(position, pages));
    } finally {
      this.#running = this.#inFlight = false;
      if (this.#disposed) this.#sequence[Symbol.dispose]();
    }
  }

  #refuseRunning(verb: string): void {
    this.assertUsable();
    if (!this.#running) return;
    throw new CriaError(`Cannot ${verb} the session: a generation is running`);
  }

  /**
   * Refuses work after the end.
   * @throws DisposedError after disposal
   */
  assertUsable(): void {
    if (this.#disposed) throw new DisposedError("Cannot use the session: it is disposed of");
  }

  /** Frees the sequence: now, or when the call in flight is done. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (!this.#inFlight) this.#sequence[Symbol.dispose]();
  }

  /** Runs tokens through the model; stays synchronous where the sequence does. */
  #evaluate(
    tokens: readonly number[],
    options: EvaluateOptions,
  ): Promise<Float32Array> | Float32Array {
    this.assertUsable();
    const logits = this.#sequence.evaluate(tokens, options);
    return logits instanceof Promise ? this.#watch(logits) : logits;
  }

  /** Keeps the sequence alive while it is at work. */
  async #watch(logits: Promise<Float32Array>): Promise<Float32Array> {
    this.#inFlight = true;
    try {
      const found = await logits;
      this.assertUsable();
      return found;
    } finally {
      this.#inFlight = false;
      if (this.#disposed) this.#sequence[Symbol.dispose]();
    }
  }
}
