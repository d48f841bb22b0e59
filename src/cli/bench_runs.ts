/** What `cria bench` measures: prompts and tokens of one sequence or of several. @module */

import type { Batch } from "../session/engine.ts";
import type { Model } from "../session/model.ts";

/** What one figure is taken of. */
export interface Test {
  /** Prompts in one piece, or tokens one after another. */
  readonly kind: "pp" | "tg";
  /** Tokens of each sequence. */
  readonly tokens: number;
  /** Tokens in each sequence before it begins. */
  readonly depth: number;
  /** Sequences: their prompts are read in turn, their tokens are decoded together. */
  readonly parallel: number;
}

/** The name of a test: "pp512". */
export function nameOf({ kind, tokens }: Test): string {
  return `${kind}${tokens}`;
}

/** A test that is ready to run again and again. Holds the sequences until it is disposed of. */
export class Bench implements Disposable {
  readonly #test: Test;
  readonly #batch: Batch;
  readonly #ids: readonly number[];
  readonly #signal: AbortSignal;

  private constructor(test: Test, batch: Batch, ids: readonly number[], signal: AbortSignal) {
    this.#test = test;
    this.#batch = batch;
    this.#ids = ids;
    this.#signal = signal;
  }

  /**
   * Makes the sequences and fills them up to the test's depth.
   * @param model the model
   * @param test what is to be measured
   * @param signal stops it
   */
  static async prepare(model: Model, test: Test, signal: AbortSignal): Promise<Bench> {
    const { vocabularySize } = model.config;
    const batch = model.createBatch(test.parallel);
    const past = pseudoTokens(test.depth, vocabularySize, 1);
    try {
      for (const sequence of test.depth > 0 ? batch.sequences : []) {
        await sequence.evaluate(past, { signal });
      }
    } catch (error) {
      batch[Symbol.dispose]();
      throw error;
    }
    return new Bench(test, batch, pseudoTokens(test.tokens, vocabularySize, 2), signal);
  }

  /** Tokens per second of all sequences, in one run from the test's depth on. */
  async run(): Promise<number> {
    const { tokens, depth, parallel } = this.#test;
    for (const sequence of this.#batch.sequences) sequence.rewind(depth);
    this.#signal.throwIfAborted();
    const startMs = performance.now();
    await this.#work();
    const seconds = (performance.now() - startMs) / 1000;
    await new Promise((resolve) => setTimeout(resolve, 0)); // Ctrl-C must get its turn
    return tokens * parallel / seconds;
  }

  async #work(): Promise<void> {
    const { sequences } = this.#batch, signal = this.#signal, [single] = sequences;
    if (this.#test.kind === "pp") {
      for (const sequence of sequences) await sequence.evaluate(this.#ids, { signal });
    } else if (sequences.length === 1) {
      for (const id of this.#ids) {
        const logits = single!.evaluate([id], { signal });
        if (logits instanceof Promise) await logits;
      }
    } else {
      for (const token of this.#ids) {
        signal.throwIfAborted();
        await this.#batch.decode(sequences.map((_, sequence) => ({ sequence, token })));
      }
    }
  }

  /** Gives the sequences back. */
  [Symbol.dispose](): void {
    this.#batch[Symbol.dispose]();
  }
}

/** Token ids that look random and are the same every time (Numerical Recipes' LCG). */
function pseudoTokens(count: number, vocabularySize: number, seed: number): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * vocabularySize);
  });
}

/** The middle value; the mean of the middle two of an even count. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
