/** What benches of kernels share: noise, matrices that no cache holds, ready steps. @module */

import { Region } from "../src/native/memory.ts";
import { ELEMENT } from "../src/native/operations.ts";
import { defaultThreads } from "../src/native/threads.ts";
import { type Quant, tensorBytes } from "../src/quant.ts";
import { type Operand, Step } from "../src/step/step.ts";
import { activationType, kernels, poolOf, Scene } from "../tests/kernel_support.ts";
import { type Ready, sum, TINY } from "./figures.ts";

/** Threads of every bench that does not say otherwise. */
export const THREADS = Number(Deno.env.get("CRIA_THREADS") ?? defaultThreads());
/** The instruction set of every bench that does not say otherwise. */
export const BEST = Deno.env.get("CRIA_ISA") ?? kernels.isas[0]!;
/** For steps that have none. */
export const NO_INPUTS = new Int32Array(1);

/** Outputs and inputs of a matrix. */
export interface Shape {
  readonly n: number;
  readonly k: number;
}

/** The feed-forward matrices of a 1b model. */
export const SHAPE: Shape = TINY ? { n: 48, k: 256 } : { n: 5632, k: 2048 };
/** So many bytes of matrices are more than a cache holds. */
export const UNCACHED_BYTES = TINY ? 1 << 16 : 128 << 20;

const scene = new Scene(1);

/** Random floats, row-major [rows, columns]. */
export function noise(rows: number, columns: number): Float32Array<ArrayBuffer> {
  const all = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) all.set(scene.floats("x", row, columns), row * columns);
  return all;
}

/** Where results lie. */
export interface Output extends Operand {
  readonly memory: Region;
}

/** A step that is ready to run; the sum of its first outputs is its checksum. */
export function ready(
  step: Step,
  out: Output,
  { isa = BEST, threads = THREADS, inputs = NO_INPUTS } = {},
): Ready {
  const pool = poolOf(isa, threads), { memory, offset, type } = out;
  const read = () =>
    type === ELEMENT.F32
      ? memory.read(offset, new Float32Array(48))
      : memory.read(offset, new Uint8Array(48));
  return { run: () => pool.run(step, inputs), checksum: () => sum(read()) };
}

/** Fills memory with random matrices of rows of `k`: 16 of them, over and over. */
export function writeWeights(region: Region, quant: Quant, k: number): void {
  const some = scene.weights("w", quant, 16, k), { bytes } = region;
  for (let at = 0; at < bytes; at += some.length) {
    region.write(at, some.subarray(0, Math.min(some.length, bytes - at)));
  }
}

/** The weights in use: one type at a time, for all types together are more than a gigabyte. */
let weights: { readonly key: string; readonly region: Region } | undefined;

/** Some matrices of one type and shape, one after another; they last until others are asked for. */
export function matricesOf(quant: Quant, { n, k }: Shape, count: number): Region {
  const key = `${quant.name} ${n} ${k} ${count}`;
  if (weights?.key === key) return weights.region;
  weights?.region[Symbol.dispose]();
  const region = Region.alloc(kernels, tensorBytes(quant, [n, k]) * count);
  writeWeights(region, quant, k);
  weights = { key, region };
  return region;
}

/** How many matrices make so many bytes, at least one. */
export function matrixCount(quant: Quant, { n, k }: Shape, bytes: number): number {
  return Math.max(1, Math.round(bytes / tensorBytes(quant, [n, k])));
}

/** What products read and write beside weights: floats, their rounded form, results. */
export function activations(rows: number, { n, k }: Shape = SHAPE) {
  const xBytes = rows * k * 4, roundedBytes = rows * (k * 2 + 512);
  const memory = Region.alloc(kernels, xBytes + roundedBytes + rows * Math.max(n, k) * 4);
  memory.write(0, noise(rows, k));
  const at = (offset: number, type: number = ELEMENT.F32) => ({ memory, type, offset });
  return {
    x: at(0),
    rounded: (type: number) => at(xBytes, type),
    out: at(xBytes + roundedBytes),
  };
}

/** What products are timed as. */
export interface Products {
  readonly quant: Quant;
  readonly rows: number;
  readonly shape?: Shape;
  /** Matrices, one product each. */
  readonly count?: number;
  readonly isa?: string;
  readonly threads?: number;
}

/** Products one after the other, each with a matrix of its own. */
export function products({ quant, rows, shape = SHAPE, count = 1, ...how }: Products): Ready {
  const { n, k } = shape, { x, rounded, out } = activations(rows, shape);
  const memory = matricesOf(quant, shape, count), step = new Step();
  const input = quant.activation === "float" ? x : rounded(activationType(quant));
  if (quant.activation !== "float") {
    const rounding = new Step();
    rounding.quantize({ rows, k, x, out: input });
    poolOf(BEST).run(rounding, NO_INPUTS);
  }
  for (let i = 0; i < count; i++) {
    const weight = { memory, type: quant.id, offset: i * tensorBytes(quant, [n, k]) };
    step.matmul({ rows, n, k, x: input, weight, out });
  }
  return ready(step, out, how);
}
