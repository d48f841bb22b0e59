/** Cases of the operations on rows. @module */

import { ELEMENT } from "../../src/native/operations.ts";
import { type Quant, QUANTS } from "../../src/quant.ts";
import { activationBytes } from "../../src/step/reference/rounding.ts";
import type { Activation, RopePairs } from "../../src/step/step.ts";
import type { Scene } from "../kernel_support.ts";
import {
  activateBound,
  equalBound,
  normBound,
  ropeBound,
  roundedBound,
  softcapBound,
  softmaxBound,
} from "./bounds.ts";
import { type Case, floatOutputs, InputWords, type Output } from "./case.ts";

const NO_INPUTS = new Int32Array(0);
const NAMES = new Map<number, string>([
  [ELEMENT.F32, "F32"],
  [ELEMENT.ACT32, "ACT32"],
  [ELEMENT.ACT256, "ACT256"],
]);

function rowsOf(scene: Scene, name: string, rows: readonly number[], count: number) {
  return rows.map((row) => scene.floats(name, row, count));
}

/** Sizes that a type allows: an odd one where it can be, and one that is shared among threads. */
export function columnsOf(quant: Quant): number[] {
  return { float: [77, 512], block32: [96, 512], block256: [256, 512] }[quant.activation];
}

function embed(quant: Quant, k: number): Case {
  const vocabulary = 41;
  return {
    operation: "embed",
    name: `${quant.name} k=${k}`,
    record: (step, scene, rows) => {
      const input = new InputWords();
      const tokens = input.integers(rows.map((row) => scene.random("token", row).below(41)));
      const weight = scene.at(scene.put(scene.weights("w", quant, vocabulary, k)), quant.id);
      const out = scene.at(scene.reserve(rows.length * k * 4));
      step.embed({ rows: rows.length, n: vocabulary, k, tokens, weight, out, scale: 1.7 });
      const exact = rows.map(() => equalBound); // decoding and scaling round alike; 0 is -0
      return { inputs: input.words, outputs: floatOutputs(out, k, k, exact) };
    },
  };
}
/** Each weight type. */
export const EMBED_CASES: readonly Case[] = QUANTS.flatMap((quant) =>
  columnsOf(quant).map((k) => embed(quant, k))
);

function norm(k: number, heads: number, gap: number): Case {
  const xStride = heads * k + gap, outStride = heads * k + 2 * gap;
  return {
    operation: "norm",
    name: `k=${k} heads=${heads} gap=${gap}`,
    record: (step, scene, rows) => {
      const x = scene.rows(rowsOf(scene, "x", rows, heads * k), xStride);
      const weight = scene.rows([scene.floats("w", 2, k)], k);
      const out = scene.at(scene.reserve(rows.length * outStride * 4));
      const strides = { heads, xStride, outStride };
      step.norm({ rows: rows.length, k, x, weight, out, epsilon: 1e-5, ...strides });
      const outputs = floatOutputs(out, outStride, heads * k, rows.map(() => normBound(k)));
      return { inputs: NO_INPUTS, outputs };
    },
  };
}

/** Where rows of rounded activations lie. */
function roundedOutputs(
  at: number,
  type: number,
  k: number,
  values: readonly Float32Array[] | undefined,
): Omit<Output, "bound">[] {
  const bytes = activationBytes(type, k);
  return (values ?? []).map((_, row) => ({ at: at + row * bytes, bytes, type, count: k }));
}

/** The normed values go straight into activations. */
function normRounded(type: number, k: number): Case {
  return {
    operation: "norm",
    name: `${NAMES.get(type)} k=${k}`,
    record: (step, scene, rows) => {
      const values = rowsOf(scene, "x", rows, k), weights = scene.floats("w", 2, k);
      const x = scene.rows(values, k), weight = scene.rows([weights], k);
      const out = scene.at(scene.reserve(rows.length * activationBytes(type, k)), type);
      step.norm({ rows: rows.length, k, x, weight, out, epsilon: 1e-5 });
      const outputs = roundedOutputs(out.offset, type, k, values).map((piece, row) => {
        const sum = values[row]!.reduce((a, b) => a + b * b, 0), r = 1 / Math.sqrt(sum / k + 1e-5);
        const y = values[row]!.map((value, i) => Math.abs(value * r * weights[i]!));
        const block = type === ELEMENT.ACT32 ? 32 : 256;
        const code = (i: number) => {
          const start = i - i % block;
          return Math.max(...y.subarray(start, start + block)) / 127;
        };
        return [{ ...piece, bound: roundedBound(code) }];
      });
      return { inputs: NO_INPUTS, outputs };
    },
  };
}
/** One group and several, odd sizes, gaps between rows, rounding at once. */
export const NORM_CASES: readonly Case[] = [
  norm(77, 1, 0),
  norm(5, 1, 3),
  norm(32, 3, 5),
  norm(130, 4, 0),
  norm(1, 1, 0),
  normRounded(ELEMENT.ACT32, 96),
  normRounded(ELEMENT.ACT32, 512),
  normRounded(ELEMENT.ACT256, 512),
];

function quantize(type: number, k: number, gap: number): Case {
  return {
    operation: "quantize",
    name: `${NAMES.get(type)} k=${k} gap=${gap}`,
    record: (step, scene, rows) => {
      const values = rowsOf(scene, "x", rows, k);
      values.forEach((row, i) => rows[i]! % 5 === 3 && row.fill(0, 0, k / 2)); // a scale of zero
      const x = scene.rows(values, k + gap);
      const out = scene.at(scene.reserve(rows.length * activationBytes(type, k)), type);
      step.quantize({ rows: rows.length, k, x, out, xStride: k + gap });
      const outputs = roundedOutputs(out.offset, type, k, values).map((piece) => [piece]);
      return { inputs: NO_INPUTS, outputs };
    },
  };
}
/** Both blocks. */
export const QUANTIZE_CASES: readonly Case[] = [
  quantize(ELEMENT.ACT32, 96, 3),
  quantize(ELEMENT.ACT32, 512, 0),
  quantize(ELEMENT.ACT256, 256, 1),
  quantize(ELEMENT.ACT256, 768, 0),
];

function rope(pairs: RopePairs, heads: number, headDim: number, dims: number, gap: number): Case {
  const stride = heads * headDim + gap;
  return {
    operation: "rope",
    name: `${pairs} heads=${heads} headDim=${headDim} dims=${dims}`,
    record: (step, scene, rows) => {
      const values = rowsOf(scene, "x", rows, heads * headDim), x = scene.rows(values, stride);
      const input = new InputWords(), all = new Float32Array(rows.length * dims);
      rows.forEach((row, i) => {
        for (let j = 0; j < dims / 2; j++) {
          const angle = row * 10000 ** (-2 * j / dims);
          all.set([Math.cos(angle), Math.sin(angle)], i * dims + 2 * j);
        }
      });
      const angles = input.floats(all);
      step.rope({ rows: rows.length, x, angles, pairs, heads, headDim, dims, stride });
      const bounds = values.map((row) => {
        const partner = (i: number) => {
          const d = i % headDim, away = pairs === "halves" ? dims / 2 : 1;
          if (d >= dims) return 0;
          const first = pairs === "halves" ? d < dims / 2 : d % 2 === 0;
          return Math.abs(row[first ? i + away : i - away]!);
        };
        return ropeBound(row.map((value, i) => Math.abs(value) + partner(i)));
      });
      return { inputs: input.words, outputs: floatOutputs(x, stride, heads * headDim, bounds) };
    },
  };
}
/** Both kinds of pairs, all dimensions and a part of them. */
export const ROPE_CASES: readonly Case[] = (["neighbours", "halves"] as const).flatMap((pairs) => [
  rope(pairs, 3, 10, 6, 7),
  rope(pairs, 8, 64, 64, 0),
]);

function activate(activation: Activation, n: number): Case {
  return {
    operation: "activate",
    name: `${activation} n=${n}`,
    record: (step, scene, rows) => {
      const gates = rowsOf(scene, "gate", rows, n).map((row) => row.map((value) => 3 * value));
      const ups = rowsOf(scene, "up", rows, n);
      const gate = scene.rows(gates, n), up = scene.rows(ups, n);
      const out = scene.at(scene.reserve(rows.length * n * 4));
      step.activate({ rows: rows.length, n, gate, up, out, activation });
      const bounds = gates.map((row, i) => activateBound(row, ups[i]!));
      return { inputs: NO_INPUTS, outputs: floatOutputs(out, n, n, bounds) };
    },
  };
}
/** Both functions. */
export const ACTIVATE_CASES: readonly Case[] = (["silu", "gelu"] as const).flatMap((name) => [
  activate(name, 77),
  activate(name, 1),
  activate(name, 512),
]);

function add(n: number): Case {
  return {
    operation: "add",
    name: `n=${n}`,
    record: (step, scene, rows) => {
      const a = scene.rows(rowsOf(scene, "a", rows, n), n);
      const b = scene.rows(rowsOf(scene, "b", rows, n), n);
      const out = scene.at(scene.reserve(rows.length * n * 4));
      step.add({ rows: rows.length, n, a, b, out });
      const exact = rows.map(() => undefined); // one rounding, the same
      return { inputs: NO_INPUTS, outputs: floatOutputs(out, n, n, exact) };
    },
  };
}
/** Odd, and shared among threads. */
export const ADD_CASES: readonly Case[] = [add(77), add(513)];

function copy(n: number, indexed: boolean): Case {
  const xRows = 29;
  return {
    operation: "copy",
    name: `n=${n}${indexed ? " by index" : ""}`,
    record: (step, scene, rows) => {
      const from = indexed ? Array.from({ length: xRows }, (_, i) => i) : rows;
      const x = scene.rows(rowsOf(scene, "x", from, n), n), input = new InputWords();
      const out = scene.at(scene.reserve(rows.length * n * 4));
      const index = input.integers(rows.map((row) => scene.random("index", row).below(xRows)));
      step.copy({ rows: rows.length, n, x, out, ...(indexed ? { index, xRows } : {}) });
      const exact = rows.map(() => undefined);
      return { inputs: input.words, outputs: floatOutputs(out, n, n, exact) };
    },
  };
}
/** With and without an index. */
export const COPY_CASES: readonly Case[] = [
  copy(77, false),
  copy(77, true),
  copy(513, false),
  copy(513, true),
];

function softmax(n: number): Case {
  return {
    operation: "softmax",
    name: `n=${n}`,
    record: (step, scene, rows) => {
      const values = rowsOf(scene, "x", rows, n).map((row) => row.map((value) => 9 * value));
      const x = scene.rows(values, n), out = scene.at(scene.reserve(rows.length * n * 4));
      step.softmax({ rows: rows.length, n, x, out });
      const outputs = floatOutputs(out, n, n, values.map((row) => softmaxBound(row)));
      return { inputs: NO_INPUTS, outputs };
    },
  };
}
/** Odd, alone, and shared among threads. */
export const SOFTMAX_CASES: readonly Case[] = [softmax(77), softmax(1), softmax(600)];

function softcap(n: number, cap: number): Case {
  return {
    operation: "softcap",
    name: `n=${n} cap=${cap}`,
    record: (step, scene, rows) => {
      const values = rowsOf(scene, "x", rows, n).map((row) => row.map((value) => 9 * value));
      const x = scene.rows(values, n), out = scene.at(scene.reserve(rows.length * n * 4));
      step.softcap({ rows: rows.length, n, x, out, cap });
      const outputs = floatOutputs(out, n, n, values.map(() => softcapBound(cap)));
      return { inputs: NO_INPUTS, outputs };
    },
  };
}
/** Odd, and shared among threads; where it bends and where it ends. */
export const SOFTCAP_CASES: readonly Case[] = [softcap(77, 30), softcap(1, 5), softcap(600, 0.5)];
