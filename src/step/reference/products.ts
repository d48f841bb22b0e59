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
 */
export function weightRows(
  op: Recorded,
  operand: string,
  from: number,
  count: number,
): Float32Array {
  const quant = quantById(op.type(operand));
  if (quant === undefined) {
    throw new ArgumentError(`Cannot decode "${operand}": ${op.type(operand)} is no weight type`);
  }
  const rowBytes = tensorBytes(quant, [op.k]);
  return dequantize(quant.name, op.bytes(operand, from * rowBytes, count * rowBytes));
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

/** out = weight x + bias + residual. */
export function matmul(op: Recorded): void {
  const { n } = op, weight = weightRows(op, "weight", 0, n);
  const bias = op.has("bias") ? op.floats("bias", 0, n) : undefined;
  for (let row = 0; row < op.rows; row++) {
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
  const { n } = op, activation = activationOf(op.integer("activation"));
  const gate = weightRows(op, "gate", 0, n), up = weightRows(op, "up", 0, n);
  for (let row = 0; row < op.rows; row++) {
    const x = activationRow(op, row);
    const g = product(gate, x, n), u = product(up, x, n);
    const out = op.floats("out", row * op.integer("outStride"), n);
    for (let i = 0; i < n; i++) out[i] = activation(g[i]!) * u[i]!;
  }
}
