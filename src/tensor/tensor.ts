/** Tensors over typed arrays, and views of them that share their data. @module */

import { ArgumentError } from "../errors.ts";
import { decodableByName, dequantize, quantize, tensorBytes } from "../quant.ts";
import {
  type ElementArrays,
  ELEMENTS,
  elementsOf,
  type ElementType,
  elementTypeOf,
  type NumberArray,
} from "./elements.ts";
import * as layouts from "./layout.ts";
import type { Layout, Range } from "./layout.ts";
import { tensorText } from "./print.ts";

/** Numbers in nested arrays, one level per axis. */
export type Nested = number | readonly Nested[];

/** How far numbers may differ to count as close: `|a - b| <= absolute + relative * |b|`. */
export interface Tolerance {
  /** Share of the other number (default 1e-5). */
  readonly relative?: number;
  /** Whatever its size (default 1e-8). */
  readonly absolute?: number;
}

/**
 * Some elements of a typed array, seen as an N-dimensional table. A view shares the data that it
 * was made from: what is written into one shows in the other.
 *
 * @example
 * ```ts
 * import { Tensor } from "./tensor.ts";
 * const table = Tensor.of(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]);
 * const column = table.slice(null, 1); // [2, 5], shares its data
 * column.set([-1], 50);
 * console.assert(table.at(1, 1) === 50);
 * ```
 */
export class TensorView<T extends NumberArray = Float32Array> implements Layout {
  /** The shared data; elements lie where `offset` and `strides` say. */
  readonly data: T;
  /** Length of each axis, outermost first. */
  readonly shape: readonly number[];
  /** Per axis, how far apart neighbours lie in `data`, in elements. */
  readonly strides: readonly number[];
  /** Where the first element lies in `data`. */
  readonly offset: number;

  /** @ignore */
  protected constructor(data: T, { shape, strides, offset }: Layout) {
    this.data = data;
    this.shape = shape;
    this.strides = strides;
    this.offset = offset;
  }

  /** How many elements there are. */
  get size(): number {
    return layouts.sizeOf(this.shape);
  }

  /** How many axes there are. */
  get rank(): number {
    return this.shape.length;
  }

  /** The element type, by NumPy's name: "float32". */
  get type(): ElementType {
    return elementTypeOf(this.data)!;
  }

  /** Whether the elements lie row after row in `data`, without gaps. */
  get contiguous(): boolean {
    return layouts.isRowMajor(this);
  }

  /**
   * One element; negative indices count from the end.
   *
   * @throws {ArgumentError} too few or too many indices, or one that lies outside
   */
  at(...indices: number[]): number {
    return this.data[layouts.positionOf(this, indices)]!;
  }

  /** Writes one element, as `at` finds it; the array rounds the value to its type. */
  set(indices: readonly number[], value: number): void {
    this.data[layouts.positionOf(this, indices)] = value;
  }

  /**
   * A part, without a copy: per axis an index (the axis goes away), `[start, stop, step]` as in
   * Python, or `null` for all of it. Axes that are not named stay whole.
   *
   * @throws {ArgumentError} an index outside, a step of 0, more ranges than axes
   * @example
   * ```ts
   * import { Tensor } from "./tensor.ts";
   * const table = Tensor.from([[1, 2, 3], [4, 5, 6]]);
   * table.slice(-1); // [4, 5, 6]
   * table.slice(null, [null, null, -1]); // [[3, 2, 1], [6, 5, 4]]
   * console.assert(table.slice([0, 1], [1]).equals(Tensor.from([[2, 3]])));
   * ```
   */
  slice(...ranges: Range[]): TensorView<T> {
    return new TensorView(this.data, layouts.sliced(this, ranges));
  }

  /**
   * The same elements in another shape, without a copy; one length may be -1.
   *
   * @throws {ArgumentError} another number of elements, or a view whose elements would have to move
   */
  reshape(...shape: number[]): TensorView<T> {
    return new TensorView(this.data, layouts.reshaped(this, shape));
  }

  /** The axes in another order, without a copy; none given: in reverse. */
  transpose(...axes: number[]): TensorView<T> {
    return new TensorView(this.data, layouts.permuted(this, axes));
  }

  /** Views of what lies along the first axis: of a matrix its rows. */
  *rows(): Generator<TensorView<T>> {
    for (let i = 0; i < (this.shape[0] ?? 0); i++) yield this.slice(i);
  }

  /** The elements, row after row. */
  *[Symbol.iterator](): Generator<number> {
    for (const position of layouts.positions(this)) yield this.data[position]!;
  }

  /** A tensor of its own, its elements row after row. */
  copy(): Tensor<T> {
    return this.to(this.type) as Tensor<T>;
  }

  /**
   * A copy with elements of another type, rounded as typed arrays do.
   *
   * @example
   * ```ts
   * import { Tensor } from "./tensor.ts";
   * console.assert(Tensor.from([1.5, -2.5]).to("int8").at(1) === -2);
   * ```
   */
  to<N extends ElementType>(type: N): Tensor<ElementArrays[N]> {
    const out = elementsOf(type).make(this.size);
    const { data } = this;
    let at = 0;
    layouts.forPieces(this, (start, stride, count) => {
      if (stride === 1) out.set(data.subarray(start, start + count), at);
      else for (let i = 0; i < count; i++) out[at + i] = data[start + i * stride]!;
      at += count;
    });
    return Tensor.of(out, this.shape);
  }

  /** Sets every element. */
  fill(value: number): this {
    const { data } = this;
    layouts.forPieces(this, (start, stride, count) => {
      if (stride === 1) data.fill(value, start, start + count);
      else for (let i = 0; i < count; i++) data[start + i * stride] = value;
    });
    return this;
  }

  /**
   * The elements as weights of a type, by ggml's name: "Q8_0". The inverse is `Tensor.dequantize`.
   *
   * @throws {ArgumentError} rows that are no whole blocks, a type that cannot be written
   */
  quantize(type: string): Uint8Array {
    refuseBrokenRows(type, this.shape);
    return quantize(type, this.to("float32").data);
  }

  /** Whether both have the same shape and the same numbers; a NaN equals a NaN. */
  equals(other: TensorView<NumberArray>): boolean {
    return this.#compare(other, (a, b) => a === b || (a !== a && b !== b));
  }

  /** Whether both have the same shape and nearly the same numbers; a NaN is close to a NaN. */
  closeTo(other: TensorView<NumberArray>, tolerance: Tolerance = {}): boolean {
    const { relative = 1e-5, absolute = 1e-8 } = tolerance;
    const close = (a: number, b: number) =>
      a === b || (a !== a && b !== b) ||
      (Number.isFinite(b) && Math.abs(a - b) <= absolute + relative * Math.abs(b));
    return this.#compare(other, close);
  }

  #compare(other: TensorView<NumberArray>, same: (a: number, b: number) => boolean): boolean {
    const { shape, data } = this;
    if (shape.length !== other.shape.length) return false;
    if (!shape.every((length, axis) => length === other.shape[axis])) return false;
    const theirs = other.contiguous ? other : other.copy();
    let at = theirs.offset, equal = true;
    layouts.forPieces(this, (start, stride, count) => {
      for (let i = 0; i < count && equal; i++) {
        equal = same(data[start + i * stride]!, theirs.data[at + i]!);
      }
      at += count;
    });
    return equal;
  }

  /** The elements as nested arrays; of a tensor without axes its number. */
  toArray(): Nested {
    if (this.rank <= 1) return this.rank === 0 ? this.at() : [...this];
    return Array.from(this.rows(), (row) => row.toArray());
  }

  /** Its elements as NumPy prints them; of a large tensor only the edges. */
  toString(): string {
    return tensorText(this.data, this, ELEMENTS[this.type].float);
  }

  /** What the console shows: type and shape, then the elements. */
  [Symbol.for("Deno.customInspect")](): string {
    return `${this.constructor.name} ${this.type} ${layouts.shapeText(this.shape)}\n${this}`;
  }
}

/**
 * An N-dimensional table of numbers whose elements lie row after row in a typed array of its own.
 *
 * @example
 * ```ts
 * import { Tensor } from "./tensor.ts";
 * const a = Tensor.from([[1, 2.5], [3, 4]]);
 * console.assert(`${a.transpose()}` === "[[1.  3. ]\n [2.5 4. ]]");
 * ```
 */
export class Tensor<T extends NumberArray = Float32Array> extends TensorView<T> {
  /**
   * A tensor over a typed array, which is not copied.
   *
   * @throws {ArgumentError} the shape has another number of elements
   */
  static of<T extends NumberArray>(data: T, shape: readonly number[] = [data.length]): Tensor<T> {
    const layout = layouts.rowMajor(shape);
    if (elementTypeOf(data) === undefined) {
      throw new ArgumentError(`Cannot make a tensor: its data is no typed array of numbers`);
    }
    if (layouts.sizeOf(shape) === data.length) return new Tensor(data, layout);
    const state = `there are ${data.length} elements`;
    throw new ArgumentError(
      `Cannot make a tensor of shape ${layouts.shapeText(shape)}: ${state}`,
    );
  }

  /** A tensor of zeros. */
  static zeros<N extends ElementType = "float32">(
    shape: readonly number[],
    type: N = "float32" as N,
  ): Tensor<ElementArrays[N]> {
    const layout = layouts.rowMajor(shape);
    return new Tensor(elementsOf(type).make(layouts.sizeOf(shape)), layout);
  }

  /**
   * A tensor of the numbers in nested arrays.
   *
   * @throws {ArgumentError} arrays of one level differ in length
   */
  static from<N extends ElementType = "float32">(
    values: Nested,
    type: N = "float32" as N,
  ): Tensor<ElementArrays[N]> {
    const shape: number[] = [];
    for (let inner = values; typeof inner !== "number"; inner = inner[0] ?? 0) {
      shape.push(inner.length);
    }
    const tensor = Tensor.zeros(shape, type);
    let at = 0;
    const fill = (part: Nested, axis: number): void => {
      if (typeof part === "number" && axis === shape.length) tensor.data[at++] = part;
      else if (typeof part === "object" && part.length === shape[axis]) {
        for (const inner of part) fill(inner, axis + 1);
      } else {
        const state = `not every array of level ${axis} has the same length`;
        throw new ArgumentError(`Cannot make a tensor: ${state}`);
      }
    };
    fill(values, 0);
    return tensor;
  }

  /**
   * Weights of a type as floats, by ggml's name: "F16", "BF16", "Q4_K".
   *
   * @throws {ArgumentError} an unknown type, rows that are no whole blocks, or another number of
   * elements than the shape has
   * @example
   * ```ts
   * import { Tensor } from "./tensor.ts";
   * const half = Tensor.dequantize("BF16", new Uint8Array([0x80, 0x3f, 0, 0x40]), [2]);
   * console.assert(`${half}` === "[1. 2.]");
   * ```
   */
  static dequantize(type: string, bytes: Uint8Array, shape: readonly number[]): Tensor {
    refuseBrokenRows(type, shape);
    return Tensor.of(dequantize(type, bytes), shape);
  }
}

/** In a model file no block goes on into the next row. */
function refuseBrokenRows(type: string, shape: readonly number[]): void {
  const layout = decodableByName(type);
  if (layout !== undefined) tensorBytes(layout, shape);
}
