/** Cases of the products: every weight type, with and without what is added. @module */

import { dequantize, type Quant, QUANTS } from "../../src/quant.ts";
import {
  activationBytes,
  activationsOf,
  isRounded,
  roundActivations,
} from "../../src/step/reference/rounding.ts";
import type { Activation, Operand } from "../../src/step/step.ts";
import { byExpert } from "./expert_cases.ts";
import { activationType, type Scene, weightSizes } from "../kernel_support.ts";
import {
  type Bound,
  gatedBound,
  matmulBound,
  productRoundings,
  productSizes,
  U,
} from "./bounds.ts";
import { type Case, floatOutputs } from "./case.ts";
import { columnsOf } from "./row_cases.ts";

/** Activation rows as a product takes them: in the scene, and as numbers. */
function activations(
  scene: Scene,
  quant: Quant,
  rows: readonly number[],
  k: number,
  gap: number,
): { x: Operand; values: Float64Array[]; xStride: number } {
  const type = activationType(quant), floats = rows.map((row) => scene.floats("x", row, k));
  const xStride = k + gap;
  if (!isRounded(type)) {
    const values = floats.map((row) => Float64Array.from(row));
    return { x: scene.rows(floats, xStride), values, xStride };
  }
  const bytes = activationBytes(type, k), all = new Uint8Array(rows.length * bytes).fill(0xff);
  const values = floats.map((row, i) => {
    const out = all.subarray(i * bytes, (i + 1) * bytes);
    roundActivations(type, row, out);
    return activationsOf(type, out, k);
  });
  return { x: scene.at(scene.put(all), type), values, xStride };
}

interface Shape {
  readonly n: number;
  readonly k: number;
  readonly gap?: number;
  readonly experts?: number; // rows have matrices of their own, where there is more than one
}

function matmul(
  quant: Quant,
  { n, k, gap = 0, experts = 1 }: Shape,
  more: "" | "bias" | "residual" | "both",
): Case {
  const withBias = more === "bias" || more === "both";
  const withResidual = more === "residual" || more === "both";
  return {
    operation: "matmul",
    name: `${quant.name} n=${n} k=${k} gap=${gap} experts=${experts} ${more}`,
    record: (step, scene, batch) => {
      const { rows, matrix, groups, restore } = byExpert(scene, batch, experts);
      const w = scene.weights("w", quant, n * experts, k);
      const weight = scene.at(scene.put(w), quant.id);
      const { x, values, xStride } = activations(scene, quant, rows, k, gap);
      const b = scene.floats("bias", 2, n), r = rows.map((row) => scene.floats("r", row, n));
      const outStride = n + gap, residualStride = n + 2 * gap;
      const bias = withBias ? scene.rows([b], n) : undefined;
      const residual = withResidual ? scene.rows(r, residualStride) : undefined;
      const out = scene.at(scene.reserve(rows.length * outStride * 4));
      const options = { xStride, outStride, residualStride, bias, residual, groups };
      step.matmul({ rows: rows.length, n, k, x, weight, out, ...options });
      const bounds = values.map((row, i): Bound => (expected) => {
        const added = b.map((value, j) =>
          (withBias ? Math.abs(value) : 0) + (withResidual ? Math.abs(r[i]![j]!) : 0)
        );
        const sizes = productSizes(weightSizes(quant, matrix(w, i)), row);
        return matmulBound(sizes, added, productRoundings(k, quant.elements))(expected);
      });
      const outputs = restore(floatOutputs(out, outStride, n, bounds));
      return { inputs: new Int32Array(0), outputs };
    },
  };
}

/** A lone group, a short one, overlapping ones; pairs of groups, an odd number; experts. */
export const MATMUL_CASES: readonly Case[] = QUANTS.flatMap((quant) => {
  const [small = 0, large = 0] = columnsOf(quant);
  return [
    matmul(quant, { n: 5, k: small, gap: 3 }, "both"),
    matmul(quant, { n: 16, k: small }, ""),
    matmul(quant, { n: 35, k: large }, "bias"),
    matmul(quant, { n: 64, k: small, gap: 1 }, "residual"),
    matmul(quant, { n: 1, k: large }, ""),
    matmul(quant, { n: 35, k: small, gap: 2, experts: 5 }, ""),
  ];
});

function gated(
  quant: Quant,
  { n, k, gap = 0, experts = 1 }: Shape,
  activation: Activation,
): Case {
  return {
    operation: "gated",
    name: `${quant.name} n=${n} k=${k} experts=${experts} ${activation}`,
    record: (step, scene, batch) => {
      const { rows, matrix, groups, restore } = byExpert(scene, batch, experts);
      const weights = ["gate", "up"].map((name) => scene.weights(name, quant, n * experts, k));
      const [gate, up] = weights.map((w) => scene.at(scene.put(w), quant.id));
      const { x, values, xStride } = activations(scene, quant, rows, k, gap);
      const outStride = n + gap, out = scene.at(scene.reserve(rows.length * outStride * 4));
      const options = { xStride, outStride, activation, groups };
      step.gated({ rows: rows.length, n, k, x, gate: gate!, up: up!, out, ...options });
      const roundings = (productRoundings(k, quant.elements) + 1) * U;
      const bounds = values.map((row, i): Bound => (expected) => {
        const own = weights.map((w) => matrix(w, i));
        const [g, u] = own.map((w) => plainProduct(dequantize(quant.name, w), row));
        const [gError, uError] = own.map((w) =>
          productSizes(weightSizes(quant, w), row).map((size) => size * roundings)
        );
        return gatedBound(g!, u!, gError!, uError!)(expected);
      });
      const outputs = restore(floatOutputs(out, outStride, n, bounds));
      return { inputs: new Int32Array(0), outputs };
    },
  };
}

function plainProduct(weights: Float32Array, x: Float64Array): Float64Array {
  const y = new Float64Array(weights.length / x.length);
  weights.forEach((w, i) => y[Math.floor(i / x.length)]! += w * x[i % x.length]!);
  return y;
}

/** Both activations, short groups and overlapping ones, experts. */
export const GATED_CASES: readonly Case[] = QUANTS.flatMap((quant) => {
  const [small = 0, large = 0] = columnsOf(quant);
  return [
    gated(quant, { n: 5, k: small, gap: 3 }, "gelu"),
    gated(quant, { n: 35, k: large }, "silu"),
    gated(quant, { n: 64, k: small }, "gelu"),
    gated(quant, { n: 35, k: small, gap: 1, experts: 3 }, "silu"),
  ];
});
