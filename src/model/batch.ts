/** Several sequences over one cache that decode together: one token of each in one step. @module */

import { PAGE_POSITIONS } from "../cache/pages.ts";
import { ArgumentError, CriaError, DisposedError } from "../errors.ts";
import type { Recording } from "./runner.ts";
import type { ModelSequence, SequenceParts } from "./sequence.ts";
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
  readonly #parts: SequenceParts;
  readonly #recordings = new Map<number, Recording>(); // by rows
  #logits: Float32Array<ArrayBuffer> | undefined; // [sequences, vocabularySize]
  #busy = false;
  #disposed = false;
  /** The sequences; each may also be used alone, while it is not decoding here. */
  readonly sequences: readonly ModelSequence[];

  /**
   * @param parts what the sequences were made from; they share its store
   * @param sequences the sequences, which it takes over
   */
  constructor(parts: SequenceParts, sequences: readonly ModelSequence[]) {
    this.#parts = parts;
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
    const joined = this.#join(rows);
    let done = false;
    this.#busy = true;
    try {
      const recording = this.#fill(rows, joined), { vocabularySize, runner, work } = this.#parts;
      this.#logits ??= new Float32Array(this.sequences.length * vocabularySize);
      const logits = this.#logits.subarray(0, rows.length * vocabularySize);
      await runner.runAside(recording, () => work.readLogits(logits));
      done = true;
      return rows.map((_, row) =>
        logits.subarray(row * vocabularySize, (row + 1) * vocabularySize)
      );
    } finally {
      this.#busy = false;
      joined.forEach((sequence, row) => sequence.leave(done ? [rows[row]!.token] : []));
    }
  }

  /** Claims the sequences of all rows, or none. */
  #join(rows: readonly BatchRow[]): ModelSequence[] {
    const joined: ModelSequence[] = [];
    try {
      for (const { sequence: index, token } of rows) {
        const sequence = this.sequences[index];
        if (!sequence) {
          const count = this.sequences.length;
          throw new ArgumentError(`Cannot decode sequence ${index}: the batch has ${count}`);
        }
        sequence.join(token);
        joined.push(sequence);
      }
      return joined;
    } catch (error) {
      for (const sequence of joined) sequence.leave([]);
      throw error;
    }
  }

  #fill(rows: readonly BatchRow[], joined: readonly ModelSequence[]): Recording {
    const { store, rope, runner, capacity } = this.#parts;
    const tableWords = Math.ceil(capacity / PAGE_POSITIONS);
    const recording = this.#recordings.get(rows.length) ??
      runner.record(store, rows.length, rows.length * tableWords, rows.length);
    this.#recordings.set(rows.length, recording);
    const { batch } = recording;
    const positions = rows.map(({ token }, row) => {
      batch.tokens[row] = token;
      return joined[row]!.fillRow(batch, row, row * tableWords);
    });
    rope.rows(positions, batch.angles);
    return recording;
  }

  /** Disposes of the sequences, after the call in flight if there is one. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    for (const sequence of this.sequences) sequence[Symbol.dispose]();
  }
}
