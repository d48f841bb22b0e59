/** Operations on rows: embedding, norm, rounding, RoPE, activation, add, copy, softmax. @module */

import { activationOf } from "./gate.ts";
import { weightRows } from "./products.ts";
import type { Recorded } from "./recorded.ts";
import { activationBytes, isRounded, roundActivations } from "./rounding.ts";

/** out[row] = weight[tokens[row]] * scale. */
export function embed(op: Recorded): void {
  const tokens = op.integers("tokens", 0, op.rows), scale = op.float("scale");
  for (let row = 0; row < op.rows; row++) {
    const weight = weightRows(op, "weight", tokens[row]!, 1);
    op.floats("out", row * op.k, op.k).set(weight.map((value) => value * scale));
  }
}

/** x / sqrt(mean(x^2) + epsilon) * weight, of `heads` groups of `k` in a row. */
export function norm(op: Recorded): void {
  const { k } = op, heads = op.integer("heads"), epsilon = op.float("epsilon");
  const weight = op.floats("weight", 0, k), type = op.type("out");
  for (let row = 0; row < op.rows; row++) {
    for (let head = 0; head < heads; head++) {
      const x = op.floats("x", row * op.integer("xStride") + head * k, k);
      const squares = x.reduce((sum, value) => sum + value * value, 0);
      const r = 1 / Math.sqrt(squares / k + epsilon);
      const y = x.map((value, i) => value * r * weight[i]!);
      if (isRounded(type)) {
        const bytes = activationBytes(type, k);
        roundActivations(type, y, op.bytes("out", row * bytes, bytes));
      } else {
        op.floats("out", row * op.integer("outStride") + head * k, k).set(y);
      }
    }
  }
}

/** Rounds rows of floats to int8 activations. */
export function quantizeRows(op: Recorded): void {
  const type = op.type("out"), bytes = activationBytes(type, op.k);
  for (let row = 0; row < op.rows; row++) {
    const x = op.floats("x", row * op.integer("xStride"), op.k);
    roundActivations(type, x, op.bytes("out", row * bytes, bytes));
  }
}

/** Turns pairs of the first `dims` of each head: (x0 cos - x1 sin, x0 sin + x1 cos). */
export function rope(op: Recorded): void {
  const headDim = op.integer("headDim"), dims = op.integer("dims"), half = dims / 2;
  const [step, away] = op.integer("pairs") === 1 ? [1, half] : [2, 1]; // halves or neighbours
  for (let row = 0; row < op.rows; row++) {
    const angles = op.floats("angles", row * dims, dims); // [dims / 2][cos, sin]
    for (let head = 0; head < op.integer("heads"); head++) {
      const x = op.floats("x", row * op.integer("stride") + head * headDim, headDim);
      for (let j = 0; j < half; j++) {
        const cos = angles[2 * j]!, sin = angles[2 * j + 1]!;
        const x0 = x[j * step]!, x1 = x[j * step + away]!;
        x[j * step] = x0 * cos - x1 * sin;
        x[j * step + away] = x0 * sin + x1 * cos;
      }
    }
  }
}

/** out = activation(gate) * up. */
export function activate(op: Recorded): void {
  const activation = activationOf(op.integer("activation"));
  for (let row = 0; row < op.rows; row++) {
    const gate = op.floats("gate", row * op.integer("gateStride"), op.n);
    const up = op.floats("up", row * op.integer("upStride"), op.n);
    const out = op.floats("out", row * op.integer("outStride"), op.n);
    for (let i = 0; i < op.n; i++) out[i] = activation(gate[i]!) * up[i]!;
  }
}

/** out = a + b. */
export function add(op: Recorded): void {
  for (let row = 0; row < op.rows; row++) {
    const a = op.floats("a", row * op.integer("aStride"), op.n);
    const b = op.floats("b", row * op.integer("bStride"), op.n);
    const out = op.floats("out", row * op.integer("outStride"), op.n);
    for (let i = 0; i < op.n; i++) out[i] = a[i]! + b[i]!;
  }
}

/** out[row] = x[row], or x[index[row]]. */
export function copy(op: Recorded): void {
  const index = op.has("index") ? op.integers("index", 0, op.rows) : undefined;
  for (let row = 0; row < op.rows; row++) {
    const from = index?.[row] ?? row;
    const x = op.floats("x", from * op.integer("xStride"), op.n);
    op.floats("out", row * op.integer("outStride"), op.n).set(x);
  }
}

/** cap * tanh(x / cap); x where there is no cap. */
export function softcapOf(x: number, cap: number): number {
  return cap === 0 ? x : cap * Math.tanh(x / cap);
}

/** out = cap * tanh(x / cap). */
export function softcap(op: Recorded): void {
  for (let row = 0; row < op.rows; row++) {
    const x = op.floats("x", row * op.integer("xStride"), op.n);
    const out = op.floats("out", row * op.integer("outStride"), op.n);
    for (let i = 0; i < op.n; i++) out[i] = softcapOf(x[i]!, op.float("cap"));
  }
}

/** The softmax of numbers: exp(x - max) over their sum. */
export function softmaxOf(x: ArrayLike<number>): Float64Array {
  const most = Array.from(x).reduce((a, b) => Math.max(a, b), -Infinity);
  const p = Float64Array.from(x, (value) => Math.exp(value - most));
  const sum = p.reduce((a, b) => a + b, 0);
  return p.map((value) => value / sum);
}

/** out = softmax(x). */
export function softmax(op: Recorded): void {
  for (let row = 0; row < op.rows; row++) {
    const x = op.floats("x", row * op.integer("xStride"), op.n);
    op.floats("out", row * op.integer("outStride"), op.n).set(softmaxOf(x));
  }
}
