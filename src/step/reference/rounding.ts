/** Activations rounded to int8 blocks: their layout, how they are written and read. @module */

import { ELEMENT } from "../../native/operations.ts";
import type { Recorded } from "./recorded.ts";

/** A row of `k` activations: codes [k] i8 | scales [k / block] f32 | sums, each on 64 bytes. */
interface Layout {
  /** Columns that share a scale. */
  readonly block: number;
  /** Sums of codes that products use: of so many columns each, in so many bytes each. */
  readonly sums: readonly { readonly columns: number; readonly bytes: 2 | 4 }[];
}

const ACT32: Layout = { block: 32, sums: [{ columns: 32, bytes: 4 }] };
const ACT256: Layout = {
  block: 256,
  sums: [{ columns: 16, bytes: 2 }, { columns: 32, bytes: 2 }],
};

const { abs, fround } = Math;
const align = (bytes: number): number => Math.ceil(bytes / 64) * 64;

/** Whether an element type is one of rounded activations. */
export function isRounded(type: number): boolean {
  return type === ELEMENT.ACT32 || type === ELEMENT.ACT256;
}

function layoutOf(type: number): Layout {
  return type === ELEMENT.ACT32 ? ACT32 : ACT256;
}

/** Bytes of a row of `k` activations of type F32, ACT32 or ACT256. */
export function activationBytes(type: number, k: number): number {
  if (!isRounded(type)) return 4 * k;
  const { block, sums } = layoutOf(type);
  return sums.reduce(
    (total, sum) => total + align(k / sum.columns * sum.bytes),
    align(k) + align(k / block * 4),
  );
}

/** Rounds to the nearest integer, halves to the even one. */
function roundEven(x: number): number {
  const low = Math.floor(x), rest = x - low;
  return rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1;
}

/**
 * Scale and codes of one block, in the single precision of the kernels: a code more or less is no
 * rounding error of a sum. A block of almost nothing is zero, one that is not finite NaN.
 */
export function roundBlock(x: Float32Array, codes: Int8Array): number {
  const most = x.reduce((max, value) => abs(value) > max || value !== value ? abs(value) : max, 0);
  codes.fill(0);
  if (!x.every(Number.isFinite)) return NaN;
  if (most < fround(1e-30)) return 0;
  const scale = fround(127 / most);
  x.forEach((value, i) => codes[i] = roundEven(fround(value * scale)));
  return fround(most / 127);
}

/**
 * Rounds a row of activations.
 * @param type ACT32 or ACT256
 * @param x [k]
 * @param out the row's `activationBytes`
 */
export function roundActivations(type: number, x: Float32Array, out: Uint8Array): void {
  const { block, sums } = layoutOf(type), k = x.length;
  const codes = new Int8Array(out.buffer, out.byteOffset, k);
  const view = new DataView(out.buffer, out.byteOffset, out.byteLength);
  for (let b = 0; b < k / block; b++) {
    const part = x.subarray(b * block, (b + 1) * block);
    const d = roundBlock(part, codes.subarray(b * block, (b + 1) * block));
    view.setFloat32(align(k) + 4 * b, d, true);
  }
  let at = align(k) + align(k / block * 4);
  for (const { columns, bytes } of sums) {
    for (let s = 0; s < k / columns; s++) {
      const sum = codes.subarray(s * columns, (s + 1) * columns).reduce((a, b) => a + b, 0);
      if (bytes === 4) view.setInt32(at + 4 * s, sum, true);
      else view.setInt16(at + 2 * s, sum, true);
    }
    at += align(k / columns * bytes);
  }
}

/**
 * A row of activations as numbers: code times scale where they are rounded.
 * @param type F32, ACT32 or ACT256
 * @param row the row's bytes
 * @param k columns
 */
export function activationsOf(type: number, row: Uint8Array, k: number): Float64Array {
  if (!isRounded(type)) {
    return Float64Array.from(new Float32Array(row.buffer, row.byteOffset, k));
  }
  const { block } = layoutOf(type);
  const codes = new Int8Array(row.buffer, row.byteOffset, k);
  const scales = new Float32Array(row.buffer, row.byteOffset + align(k), k / block);
  return Float64Array.from(codes, (code, i) => code * scales[Math.floor(i / block)]!);
}

/** Row `row` of an operation's operand `x` as numbers. */
export function activationRow(op: Recorded, row: number): Float64Array {
  const type = op.type("x"), { k } = op;
  const stride = isRounded(type) ? activationBytes(type, k) : 4 * op.integer("xStride");
  return activationsOf(type, op.bytes("x", row * stride, activationBytes(type, k)), k);
}
