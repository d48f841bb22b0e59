/** Work that is done while it is read, and read once; or for the sake of its result. @module */

import { CriaError } from "../errors.ts";
import type { FinishReason } from "./generation.ts";

/** What is to be done: pieces to read, and a result that can be asked for at any time. */
export interface ReadableWork<T, R> {
  /** Does the work; returns why it ended. */
  pieces(): AsyncGenerator<T, FinishReason, void>;
  /** What there is so far. */
  result(finishReason: FinishReason): R;
  /** The signal that may stop the work. */
  readonly signal: AbortSignal | undefined;
}

/**
 * Runs work when it is first read. When its signal aborts, reading throws the signal's reason and
 * the result is what there is; leaving a loop over it early stops it too.
 */
export class ReadOnce<T, R> {
  readonly #what: string;
  readonly #work: ReadableWork<T, R>;
  readonly #outcome = Promise.withResolvers<R>();
  #consumed = false;

  /**
   * Nothing happens yet.
   * @param what what errors call it: "the generation"
   * @param work what to do
   */
  constructor(what: string, work: ReadableWork<T, R>) {
    this.#what = what;
    this.#work = work;
    this.#outcome.promise.catch(() => {}); // who only iterates hears of a failure there
  }

  /** What it came to. Asking for it does the work, unless something reads it in the same turn. */
  get result(): Promise<R> {
    queueMicrotask(() => {
      if (!this.#consumed) this.#drain();
    });
    return this.#outcome.promise;
  }

  /**
   * The pieces.
   * @throws CriaError when they have been read already
   */
  read(): AsyncGenerator<T, void, void> {
    if (this.#consumed) throw new CriaError(`Cannot read ${this.#what}: it has been read already`);
    this.#consumed = true;
    return this.#settled();
  }

  /** Settles for what there is: for readers that leave before the work has begun. */
  stop(): void {
    this.#outcome.resolve(this.#work.result("abort"));
  }

  /** Does the work for the sake of its result. */
  async #drain(): Promise<void> {
    try {
      for await (const _ of this.read());
    } catch {
      // The outcome holds it.
    }
  }

  /** Passes pieces on and settles the outcome, whichever way it ends. */
  async *#settled(): AsyncGenerator<T, void, void> {
    const { resolve, reject } = this.#outcome, work = this.#work;
    try {
      resolve(work.result(yield* work.pieces()));
    } catch (error) {
      if (work.signal?.aborted) this.stop();
      else reject(error);
      throw error;
    } finally {
      this.stop(); // left early; after anything else it changes nothing
    }
  }
}
