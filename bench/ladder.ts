/**
 * A product of matrices on every rung of a ladder, from three loops to all threads: named kernels
 * to read, to time (`bench/matmul_bench.ts`) and to test (`tests/ladder_test.ts`).
 *
 * All compute out [rows, n] = x [rows, k] times weight [n, k] transposed; some add a bias [n].
 * @module
 */

import { Region } from "../src/native/memory.ts";
import { ELEMENT } from "../src/native/operations.ts";
import { type Quant, quantByName, quantize } from "../src/quant.ts";
import { type Operand, Step } from "../src/step/step.ts";
import { activationType, kernels, poolOf } from "../tests/kernel_support.ts";
import { BEST, NO_INPUTS, THREADS } from "./kernel_scene.ts";

/** What is multiplied. */
export interface Problem {
  readonly rows: number;
  readonly n: number;
  readonly k: number; // a multiple of 32
  readonly x: Float32Array<ArrayBuffer>; // [rows, k]
  readonly weight: Float32Array<ArrayBuffer>; // [n, k]
  readonly bias: Float32Array<ArrayBuffer>; // [n]
}

/** One way to multiply. */
export interface Rung {
  readonly name: string;
  /** What makes it faster than the rung before. */
  readonly says: string;
  /** What is multiplied: floats, or codes of 8 bits with a scale for a row, or for 32 of them. */
  readonly numbers: "f32" | "int8 by rows" | "int8 by blocks";
  /** What becomes of the products. */
  readonly then: "nothing" | "bias" | "bias and SiLU";
  /** More multiplications than this take too long to be timed. */
  readonly most: number;
  /** Makes everything that does not belong to the product. */
  readonly prepare: (problem: Problem) => Ready;
}

/** A product that can be run, again and again. */
export interface Ready {
  readonly run: () => void;
  /** What the last run has left: [rows, n]. */
  readonly read: () => Float32Array;
}

/** Three loops: what everybody writes first. Reads all of `weight` for each row of x. */
function naive({ rows, n, k, x, weight }: Problem): Ready {
  const out = new Float32Array(rows * n);
  const run = () => {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < n; column++) {
        let total = 0;
        for (let i = 0; i < k; i++) total += x[row * k + i]! * weight[column * k + i]!;
        out[row * n + column] = total;
      }
    }
  };
  return { run, read: () => out };
}

const TILE_ROWS = 32, TILE_COLUMNS = 32, TILE_DEPTH = 256; // 32 KiB of x and of weights: a cache

/** Calls `tile` for the corners of all tiles, those of one output after each other. */
function forTiles(
  { rows, n, k }: Problem,
  tile: (row: number, column: number, first: number) => void,
): void {
  for (let row = 0; row < rows; row += TILE_ROWS) {
    for (let column = 0; column < n; column += TILE_COLUMNS) {
      for (let first = 0; first < k; first += TILE_DEPTH) tile(row, column, first);
    }
  }
}

/** Adds the products of one tile to `out`, four columns at once: each x is loaded for four. */
function addTile({ rows, n, k, x, weight }: Problem, out: Float32Array, corner: number[]): void {
  const [row0 = 0, column0 = 0, first = 0] = corner;
  const lastRow = Math.min(rows, row0 + TILE_ROWS);
  const lastColumn = Math.min(n, column0 + TILE_COLUMNS), end = Math.min(k, first + TILE_DEPTH);
  for (let row = row0; row < lastRow; row++) {
    for (let column = column0; column < lastColumn; column += 4) {
      let a = 0, b = 0, c = 0, d = 0;
      const start = (j: number) => Math.min(column + j, n - 1) * k; // past the last: it again
      const w = start(0), w1 = start(1), w2 = start(2), w3 = start(3);
      for (let i = first; i < end; i++) {
        const value = x[row * k + i]!;
        a += value * weight[w + i]!;
        b += value * weight[w1 + i]!;
        c += value * weight[w2 + i]!;
        d += value * weight[w3 + i]!;
      }
      const at = row * n + column, sums = [a, b, c, d];
      for (let j = 0; j < 4 && column + j < lastColumn; j++) out[at + j]! += sums[j]!;
    }
  }
}

/** The same in tiles: what is loaded once serves many products before it leaves the cache. */
function blocked(problem: Problem): Ready {
  const out = new Float32Array(problem.rows * problem.n);
  const run = () => {
    out.fill(0);
    forTiles(problem, (...corner) => addTile(problem, out, corner));
  };
  return { run, read: () => out };
}

/** Bias and SiLU while a finished tile is still in the cache, not in two more passes. */
function fused(problem: Problem): Ready {
  const { rows, n, k, bias } = problem, out = new Float32Array(rows * n);
  const finish = (row0: number, column0: number) => {
    for (let row = row0; row < Math.min(rows, row0 + TILE_ROWS); row++) {
      for (let column = column0; column < Math.min(n, column0 + TILE_COLUMNS); column++) {
        const value = out[row * n + column]! + bias[column]!;
        out[row * n + column] = value / (1 + Math.exp(-value));
      }
    }
  };
  const run = () => {
    out.fill(0);
    forTiles(problem, (row, column, first) => {
      addTile(problem, out, [row, column, first]);
      if (first + TILE_DEPTH >= k) finish(row, column);
    });
  };
  return { run, read: () => out };
}

/** Rows as codes from -127 to 127 and a scale for each. */
function codesOf(values: Float32Array, rows: number, k: number) {
  const codes = new Int8Array(rows * k), scales = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const part = values.subarray(row * k, (row + 1) * k);
    const scale = part.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127;
    scales[row] = scale;
    for (let i = 0; i < k; i++) codes[row * k + i] = scale > 0 ? Math.round(part[i]! / scale) : 0;
  }
  return { codes, scales };
}

/** Codes of 8 bits, a quarter of the memory: sums in int32 are exact, and scaled once. */
function int8({ rows, n, k, x, weight }: Problem): Ready {
  const w = codesOf(weight, n, k), out = new Float32Array(rows * n);
  const run = () => {
    const a = codesOf(x, rows, k);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < n; column++) {
        let total = 0;
        for (let i = 0; i < k; i++) {
          total = (total + a.codes[row * k + i]! * w.codes[column * k + i]!) | 0;
        }
        out[row * n + column] = total * a.scales[row]! * w.scales[column]!;
      }
    }
  };
  return { run, read: () => out };
}

/** How a kernel in C is run. */
interface Native {
  readonly type: "F32" | "Q8_0";
  readonly isa?: string;
  readonly threads?: number;
  readonly biased?: boolean;
}

/** The kernels that models run on: one step, whose rounding of x to int8 counts. */
function native({ type, isa = BEST, threads = 1, biased = false }: Native) {
  return ({ rows, n, k, x, weight, bias }: Problem): Ready => {
    const quant: Quant = quantByName(type)!, packed = quantize(type, weight);
    const parts = [
      x.byteLength,
      packed.length,
      bias.byteLength,
      rows * (2 * k + 512),
      rows * n * 4,
    ];
    const starts = parts.map((_, i) => parts.slice(0, i).reduce((a, b) => a + align(b), 0));
    const memory = Region.alloc(kernels, starts.at(-1)! + parts.at(-1)!);
    const at = (part: number, type: number): Operand => ({ memory, type, offset: starts[part]! });
    memory.write(starts[0]!, x);
    memory.write(starts[1]!, packed as Uint8Array<ArrayBuffer>);
    memory.write(starts[2]!, bias);
    const step = new Step(), rounded = quant.activation !== "float";
    const input = rounded ? at(3, activationType(quant)) : at(0, ELEMENT.F32);
    if (rounded) step.quantize({ rows, k, x: at(0, ELEMENT.F32), out: input });
    const operands = { x: input, weight: at(1, quant.id), out: at(4, ELEMENT.F32) };
    step.matmul({ rows, n, k, ...operands, bias: biased ? at(2, ELEMENT.F32) : undefined });
    const pool = poolOf(isa, threads), out = new Float32Array(rows * n);
    return { run: () => pool.run(step, NO_INPUTS), read: () => memory.read(starts[4]!, out) };
  };
}

/** Operands lie on whole cache lines. */
function align(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}

const SLOW = 512 ** 3, MIDDLING = 1024 ** 3;
const f32 = { numbers: "f32", then: "nothing" } as const;

/** The vectors that this processor has: the plainest, and the best. */
const VECTORS = [...new Set([kernels.isas.find((isa) => /^(avx2|neon)$/.test(isa)) ?? BEST, BEST])];

/**
 * Every rung, each faster than the ones before it of its kind of numbers; but for the scalar floats
 * in C, which round each fused product as the vectors do, without the instruction for it.
 */
export const RUNGS: readonly Rung[] = [
  { ...f32, name: "naive, TypeScript", says: "three loops", most: SLOW, prepare: naive },
  {
    ...f32,
    name: "blocked, TypeScript",
    says: "tiles for the cache",
    most: SLOW,
    prepare: blocked,
  },
  {
    ...{ name: "fused, TypeScript", says: "bias and SiLU tile by tile", most: SLOW },
    ...{ numbers: "f32", then: "bias and SiLU", prepare: fused },
  },
  {
    ...{ ...f32, name: "scalar, 1 thread", says: "C: what every kernel must equal", most: SLOW },
    prepare: native({ type: "F32", isa: "scalar" }),
  },
  ...VECTORS.map((isa): Rung => ({
    ...{ ...f32, name: `${isa}, 1 thread`, says: "vectors, tiles in registers", most: Infinity },
    prepare: native({ type: "F32", isa }),
  })),
  {
    ...{ name: `${BEST}, bias fused`, says: "the bias before a tile is stored", most: Infinity },
    ...{ numbers: "f32", then: "bias", prepare: native({ type: "F32", biased: true }) },
  },
  {
    ...{ ...f32, name: `${BEST}, ${THREADS} threads`, says: "rows in parallel", most: Infinity },
    prepare: native({ type: "F32", threads: THREADS }),
  },
  {
    ...{ name: "int8, TypeScript", says: "int8 x int8 -> int32 -> f32", most: SLOW },
    ...{ numbers: "int8 by rows", then: "nothing", prepare: int8 },
  },
  {
    ...{ name: "int8 scalar, 1 thread", says: "C, a scale for 32 codes", most: MIDDLING },
    ...{ numbers: "int8 by blocks", then: "nothing" },
    prepare: native({ type: "Q8_0", isa: "scalar" }),
  },
  ...VECTORS.map((isa): Rung => ({
    ...{ name: `int8 ${isa}, 1 thread`, says: "integer products of vectors", most: Infinity },
    ...{ numbers: "int8 by blocks", then: "nothing", prepare: native({ type: "Q8_0", isa }) },
  })),
  {
    ...{ name: `int8 ${BEST}, ${THREADS} threads`, says: "rows in parallel", most: Infinity },
    ...{ numbers: "int8 by blocks", then: "nothing" },
    prepare: native({ type: "Q8_0", threads: THREADS }),
  },
];
