/** Several sequences over one cache that decode together: one token of each in one step. @module */

import { ArgumentError, CriaError, DisposedError } from "../errors.ts";
import type { ModelSequence } from "./sequence.ts";
import { MAX_LOGIT_ROWS } from "./work.ts";

/** The most sequences that one step takes. */
export const MAX_BATCH = MAX_LOGIT_ROWS;

/** One token for one sequence of a batch. */
export interface BatchRow {
  /** Which sequence, by its index in the batch. */
  readonly sequence: number;
  /** The token that it is extended by. */
  readonly token: number;
}

/** Sequences that share a page store. Holds native memory until disposed of. */
export class SequenceBatch implements Disposable {
  readonly #vocabularySize: number;
  #logits: Float32Array<ArrayBuffer> | undefined; // [sequences, vocabularySize]
  #busy = false;
  #disposed = false;
  /** The sequences; each may also be used alone, while it is not decoding here. */
  readonly sequences: readonly ModelSequence[];

  /**
   * @param vocabularySize logits of a token
   * @param sequences the sequences, which it takes over
   */
  constructor(vocabularySize: number, sequences: readonly ModelSequence[]) {
    this.#vocabularySize = vocabularySize;
    this.sequences = sequences;
  }

  /**
   * Appends one token to each of some sequences, in one step. The logits are those that each
   * sequence would give alone, to the bit.
   * @param rows at most one for each sequence, in any order
   * @returns logits after each token, [vocabularySize] each, in the order of the rows; valid until
   * the next call on this batch
   */
  async decode(rows: readonly BatchRow[]): Promise<Float32Array[]> {
    if (this.#disposed) throw new DisposedError("Cannot use a batch: it was disposed of");
    if (this.#busy) throw new CriaError("Cannot use a batch: another call on it is running");
    if (rows.length === 0) throw new ArgumentError("Cannot decode an empty list of rows");
    const sequences = rows.map((row) => this.#checked(row));
    if (new Set(sequences).size < rows.length) {
      throw new CriaError("Cannot decode two rows of a sequence: another call on it is running");
    }
    const size = this.#vocabularySize;
    this.#logits ??= new Float32Array(this.sequences.length * size);
    const part = (row: number) => this.#logits!.subarray(row * size, (row + 1) * size);
    this.#busy = true;
    try {
      const calls = sequences.map((sequence, row) => {
        return sequence.decode([rows[row]!.token], part(row), { aside: true });
      });
      const ends = await Promise.allSettled(calls);
      const failed = ends.find(({ status }) => status === "rejected");
      if (failed?.status === "rejected") throw failed.reason;
      return rows.map((_, row) => part(row));
    } finally {
      this.#busy = false;
    }
  }

  /** The sequence of a row, if it can take the token. */
  #checked({ sequence: index, token }: BatchRow): ModelSequence {
    const sequence = this.sequences[index];
    if (!sequence) {
      const count = this.sequences.length;
      throw new ArgumentError(`Cannot decode sequence ${index}: the batch has ${count}`);
    }
    sequence.check([token]);
    return sequence;
  }

  /** Disposes of the sequences, after the call in flight if there is one. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    for (const sequence of this.sequences) sequence[Symbol.dispose]();
  }
}
