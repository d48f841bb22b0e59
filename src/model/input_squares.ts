/** What meets the columns of a model's matrices: mean squares of the inputs of products. @module */

import { ELEMENT } from "../native/operations.ts";
import { Recorded } from "../step/amounts.ts";
import type { Operand } from "../step/step.ts";
import { activationBytes, activationsOf } from "../step/reference/rounding.ts";
import type { Piece } from "./runner.ts";

const MATRICES = ["weight", "gate", "up"]; // operands of products

/** Sums of one matrix. */
interface Sums {
  readonly squares: Float64Array; // [columns]
  rows: number;
}

/** Adds up the squares of what products read, by tensor. */
export class InputSquares {
  readonly #names = new Map<string, string>(); // by memory and offset
  readonly #read: (offset: number, to: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;
  readonly #sums = new Map<string, Sums>();

  /**
   * @param weights the model's matrices and vectors by name
   * @param read copies out of the memory of activations
   */
  constructor(
    weights: ReadonlyMap<string, Operand>,
    read: (offset: number, to: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>,
  ) {
    for (const [name, { memory, offset }] of weights) {
      this.#names.set(`${memory.handle}+${offset}`, name);
    }
    this.#read = read;
  }

  /** Adds the inputs of the products in a piece of a step that is about to run. */
  add({ step, batch }: Piece): void {
    for (let index = 0; index < step.count; index++) {
      const op = new Recorded(step.words, index, batch.words);
      if (op.kind !== "matmul" && op.kind !== "gated") continue;
      if (op.operand("groups")) continue; // experts: rows are not those of one matrix
      const places = MATRICES.map((name) => op.operand(name));
      const names = places.flatMap((place) =>
        place ? this.#names.get(`${place.handle}+${place.offset}`) ?? [] : []
      );
      if (names.length > 0) this.#addRows(op, names);
    }
  }

  #addRows(op: Recorded, names: readonly string[]): void {
    const { type, offset } = op.operand("x")!, { k } = op;
    const size = activationBytes(type, k);
    const stride = type === ELEMENT.F32 ? 4 * op.parameter("xStride") : size;
    const all = this.#read(offset, new Uint8Array((op.rows - 1) * stride + size));
    const squares = new Float64Array(k);
    for (let row = 0; row < op.rows; row++) {
      const bytes = all.subarray(row * stride, row * stride + size);
      const x = type === ELEMENT.F32
        ? new Float32Array(all.buffer, row * stride, k)
        : activationsOf(type, bytes, k);
      for (let i = 0; i < k; i++) squares[i]! += x[i]! * x[i]!;
    }
    for (const name of names) {
      const sums = this.#sums.get(name) ?? { squares: new Float64Array(k), rows: 0 };
      this.#sums.set(name, sums);
      sums.rows += op.rows;
      for (let i = 0; i < k; i++) sums.squares[i]! += squares[i]!;
    }
  }

  /** The mean squares so far, by tensor, [columns]. */
  result(): Map<string, Float32Array> {
    return new Map(
      Array.from(
        this.#sums,
        ([name, { squares, rows }]) =>
          [name, Float32Array.from(squares, (sum) => sum / rows)] as const,
      ),
    );
  }
}
