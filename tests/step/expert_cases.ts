/** Cases of mixtures of experts: routing, rows to their groups and back. @module */

import { ELEMENT } from "../../src/native/operations.ts";
import { activationBytes } from "../../src/step/reference/rounding.ts";
import type { Groups } from "../../src/step/step.ts";
import type { Scene } from "../kernel_support.ts";
import { type Bound, gatherBound, softmaxBound } from "./bounds.ts";
import { type Case, floatOutputs, type Output } from "./case.ts";

const NO_INPUTS = new Int32Array(0);

/** A batch sorted by the expert of each row. */
export interface ByExpert {
  /** The rows in the order of their experts. */
  readonly rows: readonly number[];
  /** The rows' groups; none where there is one expert. */
  readonly groups: Groups | undefined;
  /** The matrix of the i-th row, out of the bytes of all. */
  readonly matrix: (weights: Uint8Array<ArrayBuffer>, i: number) => Uint8Array<ArrayBuffer>;
  /** Brings what belongs to the sorted rows into the order of the batch. */
  readonly restore: <T>(sorted: readonly T[]) => T[];
}

/** Sorts a batch by expert; a row always has the same one. */
export function byExpert(scene: Scene, batch: readonly number[], experts: number): ByExpert {
  const expertOf = (row: number) => scene.random("expert", row).below(experts);
  const order = batch.map((row, at) => ({ at, row, expert: expertOf(row) }))
    .sort((a, b) => a.expert - b.expert || a.at - b.at);
  const list = new Int32Array(3 * Math.min(experts, batch.length));
  [...new Set(order.map(({ expert }) => expert))].forEach((expert, i) => {
    const from = order.findIndex((one) => one.expert === expert);
    list.set([expert, from, order.filter((one) => one.expert === expert).length], 3 * i);
  });
  const put = () => scene.at(scene.put(new Uint8Array(list.buffer)), ELEMENT.I32);
  return {
    rows: order.map(({ row }) => row),
    groups: experts > 1 ? { experts, list: put() } : undefined,
    matrix: (weights, i) => {
      const bytes = weights.length / experts, { expert } = order[i]!;
      return weights.subarray(expert * bytes, (expert + 1) * bytes);
    },
    restore: (sorted) => batch.map((_, at) => sorted[order.findIndex((one) => one.at === at)]!),
  };
}

function route(experts: number, ranks: number, normalised: boolean): Case {
  return {
    operation: "route",
    name: `${ranks} of ${experts}${normalised ? " normalised" : ""}`,
    record: (step, scene, rows) => {
      const values = rows.map((row) => scene.floats("x", row, experts).map((value) => 3 * value));
      values.forEach((row, i) => rows[i]! % 3 === 1 && row.fill(row[0]!, 0, experts / 2)); // equals
      const x = scene.rows(values, experts), pairs = rows.length * ranks;
      const integers = (count: number) => scene.at(scene.reserve(count * 4), ELEMENT.I32);
      const weights = scene.at(scene.reserve(pairs * 4)), slots = integers(pairs);
      const groups = integers(3 * Math.min(experts, pairs));
      step.route({
        rows: rows.length,
        n: experts,
        k: ranks,
        x,
        weights,
        slots,
        groups,
        normalised,
      });
      const bounds = values.map((row): Bound => (expected) => { // twice: the sum has the same error
        const top = row.toSorted((a, b) => b - a).subarray(0, ranks);
        return Float64Array.from(softmaxBound(top)(expected), (bound) => 2 * bound);
      });
      return { inputs: NO_INPUTS, outputs: floatOutputs(weights, ranks, ranks, bounds) };
    },
  };
}

/** One, few and many of them, more than a vector holds; with equals among the scores. */
export const ROUTE_CASES: readonly Case[] = [
  route(4, 2, true),
  route(4, 2, false),
  route(1, 1, true),
  route(37, 8, true),
  route(128, 8, false),
];

/** Slots of all pairs in an order of their own, and where those of each row are. */
function slotsOf(scene: Scene, rows: readonly number[], ranks: number) {
  const order = scene.random("slots").order(rows.length * ranks);
  const list = scene.at(scene.put(new Uint8Array(Int32Array.from(order).buffer)), ELEMENT.I32);
  const mine = rows.map((_, row) => order.slice(row * ranks, (row + 1) * ranks));
  return { list, mine };
}

const TYPES = [[ELEMENT.F32, "F32"], [ELEMENT.ACT32, "ACT32"], [ELEMENT.ACT256, "ACT256"]] as const;

function scatter([type, typeName]: typeof TYPES[number], k: number, ranks: number): Case {
  return {
    operation: "scatter",
    name: `${typeName} k=${k} ranks=${ranks}`,
    record: (step, scene, rows) => {
      const x = scene.rows(rows.map((row) => scene.floats("x", row, k)), k + 3);
      const { list: slots, mine } = slotsOf(scene, rows, ranks), bytes = activationBytes(type, k);
      const out = scene.at(scene.reserve(rows.length * ranks * bytes), type);
      step.scatter({ rows: rows.length, k, x, slots, out, ranks, xStride: k + 3 });
      const outputs = mine.map((row) =>
        row.map((slot): Output => ({ at: out.offset + slot * bytes, bytes }))
      );
      return { inputs: NO_INPUTS, outputs };
    },
  };
}

/** Every form of activations. */
export const SCATTER_CASES: readonly Case[] = TYPES.flatMap((type) => [
  scatter(type, 256, 2),
  scatter(type, 768, 3),
]);

function gather(n: number, ranks: number, withResidual: boolean): Case {
  return {
    operation: "gather",
    name: `n=${n} ranks=${ranks}${withResidual ? " residual" : ""}`,
    record: (step, scene, rows) => {
      const { list: slots, mine } = slotsOf(scene, rows, ranks), count = rows.length * ranks;
      const values = Array.from({ length: count }, () => new Float32Array(n));
      const factors = rows.map((row) => scene.floats("weight", row, ranks));
      rows.forEach((row, i) =>
        mine[i]!.forEach((slot, rank) => values[slot] = scene.floats(`x${rank}`, row, n))
      );
      const r = rows.map((row) => scene.floats("r", row, n));
      const x = scene.rows(values, n), weights = scene.rows(factors, ranks);
      const residual = withResidual ? scene.rows(r, n) : undefined;
      const out = scene.at(scene.reserve(rows.length * n * 4));
      step.gather({ rows: rows.length, n, x, slots, weights, residual, out, ranks });
      const bounds = rows.map((_, i) =>
        gatherBound(
          r[i]!.map((value, c) =>
            mine[i]!.reduce(
              (sum, slot, rank) => sum + Math.abs(factors[i]![rank]! * values[slot]![c]!),
              withResidual ? Math.abs(value) : 0,
            )
          ),
          ranks,
        )
      );
      return { inputs: NO_INPUTS, outputs: floatOutputs(out, n, n, bounds) };
    },
  };
}

/** Odd, and shared among threads; with and without what is added to. */
export const GATHER_CASES: readonly Case[] = [
  gather(77, 2, true),
  gather(513, 8, true),
  gather(64, 1, false),
];
