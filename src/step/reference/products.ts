/** Products of weight matrices and activations. @module */

import { ArgumentError } from "../../errors.ts";
import { dequantize, quantById, tensorBytes } from "../../quant.ts";
import { activationOf } from "./gate.ts";
import type { Recorded } from "./recorded.ts";
import { activationRow } from "./rounding.ts";

/**
 * Rows [from, from + count) of a weight matrix [n, k], as floats.
 * @param op an operation whose rows of weights have `k` columns
 * @param operand which of its operands
 * @param start bytes behind the operand at which the matrix begins
 */
export function weightRows(
  op: Recorded,
  operand: string,
  from: number,
  count: number,
  start = 0,
): Float32Array {
  const quant = quantById(op.type(operand));
  if (quant === undefined) {
    throw new ArgumentError(`Cannot decode "${operand}": ${op.type(operand)} is no weight type`);
  }
  const rowBytes = tensorBytes(quant, [op.k]);
  return dequantize(quant.name, op.bytes(operand, start + from * rowBytes, count * rowBytes));
}

/** weight [n, k] times x [k]: [n]. */
function product(weight: Float32Array, x: Float64Array, n: number): Float64Array {
  const y = new Float64Array(n);
  for (let row = 0; row < n; row++) {
    const start = row * x.length;
    for (let c = 0; c < x.length; c++) y[row]! += weight[start + c]! * x[c]!;
  }
  return y;
}

/** Rows that share a matrix: their numbers, and the matrix's. */
interface Group {
  readonly expert: number;
  readonly rows: readonly number[];
}

/** The groups of an operation; all rows and the only matrix where there are none. */
function groupsOf(op: Recorded): Group[] {
  const run = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);
  if (!op.has("groups")) return [{ expert: 0, rows: run(0, op.rows) }];
  const count = Math.min(op.integer("experts"), op.rows);
  return Array.from({ length: count }, (_, i) => {
    const [expert = 0, from = 0, rows = 0] = op.integers("groups", 3 * i, 3);
    return { expert, rows: run(from, rows) };
  });
}

/** The matrix of an expert: they follow each other, or lie where a table says. */
function matrixOf(op: Recorded, side: string, places: string, expert: number): Float32Array {
  if (!op.has(places)) return weightRows(op, side, expert * op.n, op.n);
  const [low = 0, high = 0] = op.integers(places, 2 * expert, 2);
  return weightRows(op, side, 0, op.n, (high >>> 0) * 2 ** 32 + (low >>> 0));
}

/** out = weight x + bias + residual, where rows may have matrices of their own. */
export function matmul(op: Recorded): void {
  for (const group of groupsOf(op)) matmulGroup(op, group);
}

function matmulGroup(op: Recorded, { expert, rows }: Group): void {
  const { n } = op, weight = matrixOf(op, "weight", "places", expert);
  const bias = op.has("bias") ? op.floats("bias", 0, n) : undefined;
  for (const row of rows) {
    const y = product(weight, activationRow(op, row), n);
    const residual = op.has("residual")
      ? op.floats("residual", row * op.integer("residualStride"), n)
      : undefined;
    const out = op.floats("out", row * op.integer("outStride"), n);
    for (let i = 0; i < n; i++) out[i] = y[i]! + (bias?.[i] ?? 0) + (residual?.[i] ?? 0);
  }
}

/** out = activation(gate x) * (up x). */
export function gated(op: Recorded): void {
  for (const group of groupsOf(op)) gatedGroup(op, group);
}

function gatedGroup(op: Recorded, { expert, rows }: Group): void {
  const { n } = op, activation = activationOf(op.integer("activation"));
  const [gate, up] = ["gate", "up"].map((side) => matrixOf(op, side, `${side}Places`, expert));
  for (const row of rows) {
    const x = activationRow(op, row);
    const g = product(gate!, x, n), u = product(up!, x, n);
    const out = op.floats("out", row * op.integer("outStride"), n);
    for (let i = 0; i < n; i++) out[i] = activation(g[i]!) * u[i]!;
  }
}
