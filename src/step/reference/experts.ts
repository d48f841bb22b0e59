/** Mixtures of experts: routing, and rows brought together by expert and back. @module */

import type { Recorded } from "./recorded.ts";
import { activationBytes, isRounded, roundActivations } from "./rounding.ts";
import { softmaxOf } from "./rows.ts";

/** The indices of the largest numbers, largest first; of equals the lower index first. */
function largest(x: Float32Array, count: number): number[] {
  return Array.from(x, (_, i) => i).sort((a, b) => x[b]! - x[a]! || a - b).slice(0, count);
}

/** Weights of the chosen experts; slots and groups of all pairs, by expert, then by row. */
export function route(op: Recorded): void {
  const { rows, n: experts, k: ranks } = op, pairs: { expert: number; at: number }[] = [];
  for (let row = 0; row < rows; row++) {
    const x = op.floats("x", row * op.integer("xStride"), experts), chosen = largest(x, ranks);
    const p = softmaxOf(x), all = chosen.reduce((sum, expert) => sum + p[expert]!, 0);
    const scale = op.integer("normalised") === 1 ? 1 / all : 1;
    const weights = op.floats("weights", row * op.integer("weightStride"), ranks);
    weights.set(chosen.map((expert) => p[expert]! * scale));
    chosen.forEach((expert, rank) => pairs.push({ expert, at: row * ranks + rank }));
  }
  pairs.sort((a, b) => a.expert - b.expert || a.at - b.at);
  const slots = op.integers("slots", 0, pairs.length);
  pairs.forEach(({ at }, slot) => slots[at] = slot);
  const groups = op.integers("groups", 0, 3 * Math.min(experts, pairs.length)).fill(0);
  [...new Set(pairs.map(({ expert }) => expert))].forEach((expert, i) => {
    const from = pairs.findIndex((pair) => pair.expert === expert);
    groups.set([expert, from, pairs.filter((pair) => pair.expert === expert).length], 3 * i);
  });
}

/** The slots of a row that lie among the pairs, and their ranks. */
function slotsOf(op: Recorded, row: number): { rank: number; slot: number }[] {
  const ranks = op.integer("ranks"), slots = op.integers("slots", row * ranks, ranks);
  return Array.from(slots, (slot, rank) => ({ rank, slot }))
    .filter(({ slot }) => slot >= 0 && slot < op.rows * ranks);
}

/** out[slot] = x[row] for every slot of the row. */
export function scatter(op: Recorded): void {
  const { rows, k } = op, type = op.type("out"), bytes = activationBytes(type, k);
  for (let row = 0; row < rows; row++) {
    const x = op.floats("x", row * op.integer("xStride"), k);
    for (const { slot } of slotsOf(op, row)) {
      const out = op.bytes("out", slot * bytes, bytes);
      if (isRounded(type)) roundActivations(type, x, out);
      else out.set(new Uint8Array(x.buffer, x.byteOffset, bytes));
    }
  }
}

/** out[row] = residual[row] + sum of weight * x[slot] over the slots of the row. */
export function gather(op: Recorded): void {
  const { rows, n } = op, ranks = op.integer("ranks");
  for (let row = 0; row < rows; row++) {
    const sum = op.has("residual")
      ? Float64Array.from(op.floats("residual", row * op.integer("residualStride"), n))
      : new Float64Array(n);
    for (const { rank, slot } of slotsOf(op, row)) {
      const [weight = 0] = op.floats("weights", row * ranks + rank, 1);
      op.floats("x", slot * n, n).forEach((x, i) => sum[i]! += weight * x);
    }
    op.floats("out", row * op.integer("outStride"), n).set(sum);
  }
}
