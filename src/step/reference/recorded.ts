/** One recorded operation: its fields by name, views of the bytes of its operands. @module */

import { ArgumentError } from "../../errors.ts";
import { ELEMENT, OP_WORDS, type OperationName, OPERATIONS } from "../../native/operations.ts";

/** The bytes of each memory by its handle; -1 is the inputs of the run. */
export type Memories = ReadonlyMap<number, Uint8Array<ArrayBuffer>>;

/** The words of one operation, read by the names that OPERATIONS gives them. */
export class Recorded {
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #floats: Float32Array<ArrayBuffer>;
  readonly #memories: Memories;
  /** Which operation it is. */
  readonly name: OperationName;
  /** Rows of the batch. */
  readonly rows: number;
  /** Outputs, or elements of a row. */
  readonly n: number;
  /** Inputs. */
  readonly k: number;

  /**
   * @param name which operation it is
   * @param words its `OP_WORDS.size` words
   * @param memories where its operands may lie
   */
  constructor(name: OperationName, words: Int32Array<ArrayBuffer>, memories: Memories) {
    this.name = name;
    this.#words = words;
    this.#floats = new Float32Array(words.buffer, words.byteOffset, words.length);
    this.#memories = memories;
    this.rows = words[2]! >>> 0;
    this.n = words[3]! >>> 0;
    this.k = words[4]! >>> 0;
  }

  /** An integer parameter. */
  integer(field: string): number {
    const at = this.#find(OPERATIONS[this.name].parameters, field);
    return this.#words[OP_WORDS.parameters + at]! >>> 0;
  }

  /** A float parameter. */
  float(field: string): number {
    return this.#floats[OP_WORDS.floats + this.#find(OPERATIONS[this.name].floats, field)]!;
  }

  /** Whether an operand was given. */
  has(operand: string): boolean {
    return this.type(operand) !== ELEMENT.NONE;
  }

  /** The element type of an operand. */
  type(operand: string): number {
    return this.#words[this.#slot(operand) + 1]! >>> 0;
  }

  /** `count` bytes of an operand, from byte `at` of it on. */
  bytes(operand: string, at: number, count: number): Uint8Array<ArrayBuffer> {
    const slot = this.#slot(operand);
    const [region = 0, , low = 0, high = 0] = this.#words.subarray(slot, slot + 4);
    const memory = this.#memories.get(region);
    const from = (high >>> 0) * 2 ** 32 + (low >>> 0) + at;
    if (memory === undefined || from + count > memory.length) {
      const there = memory === undefined ? "is not there" : `has ${memory.length}`;
      throw new ArgumentError(
        `Cannot use bytes ${from} to ${from + count} for "${operand}": memory ${region} ${there}`,
      );
    }
    return memory.subarray(from, from + count);
  }

  /** `count` floats of an operand, from element `at` of it on; writing them writes the memory. */
  floats(operand: string, at: number, count: number): Float32Array<ArrayBuffer> {
    const bytes = this.bytes(operand, at * 4, count * 4);
    return new Float32Array(bytes.buffer, bytes.byteOffset, count);
  }

  /** `count` integers of an operand, from element `at` of it on. */
  integers(operand: string, at: number, count: number): Int32Array<ArrayBuffer> {
    const bytes = this.bytes(operand, at * 4, count * 4);
    return new Int32Array(bytes.buffer, bytes.byteOffset, count);
  }

  #slot(operand: string): number {
    return OP_WORDS.operands + 4 * this.#find(OPERATIONS[this.name].operands, operand);
  }

  #find(fields: readonly string[], field: string): number {
    const at = fields.indexOf(field);
    if (at < 0) throw new ArgumentError(`Cannot read "${field}" of "${this.name}": it has none`);
    return at;
  }
}
