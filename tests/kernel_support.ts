/** What kernel tests share: the library, its pools, seeded data, scenes of memory. @module */

import { Kernels } from "../src/native/ffi.ts";
import { findLibrary } from "../src/native/library.ts";
import { Region } from "../src/native/memory.ts";
import { ELEMENT } from "../src/native/operations.ts";
import { Pool, type RunnableStep } from "../src/native/pool.ts";
import { dequantize, type Quant, QUANTS, tensorBytes } from "../src/quant.ts";
import { type Memories, REFERENCE, runReference } from "../src/step/reference.ts";
import type { Operand } from "../src/step/step.ts";

/** The kernel library of this checkout, or the one that CRIA_LIBRARY names. */
export const kernels = new Kernels(await findLibrary());

/** The seed of this run: CRIA_SEED, or a fresh one. Tests print it in their names. */
export const SEED = Number(Deno.env.get("CRIA_SEED") ?? crypto.getRandomValues(new Uint16Array(1)));

const pools = new Map<string, Pool>();

/** A pool that stays open, so that thousands of runs do not start threads of their own. */
export function poolOf(isa: string, threads = 1): Pool {
  const key = `${isa} ${threads}`;
  const pool = pools.get(key) ?? new Pool(kernels, threads, isa);
  pools.set(key, pool);
  return pool;
}

/** Seeded random numbers (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A number in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer in [0, limit). */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** One of some values. */
  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }

  /** About normally distributed: the sum of four numbers, of variance 1. */
  normal(): number {
    return (this.next() + this.next() + this.next() + this.next() - 2) * Math.sqrt(3);
  }

  /** 0 to count - 1 in another order. */
  order(count: number): number[] {
    const list = Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [list[i], list[j]] = [list[j]!, list[i]!];
    }
    return list;
  }
}

const WILD = [NaN, Infinity, -Infinity, -0, 0, 1e-40, -1e-40, 1e-31, 3e38, -3e38, 88.5, -1000];
const WILD_HALVES = [0x7e00, 0x7c00, 0xfc00, 0x8000, 0x0001, 0x83ff, 0x7bff];

/** A half-precision field of a block. */
interface Half {
  /** Byte offset. */
  readonly at: number;
  /** What is divided by this to get weights of about 0.1. */
  readonly spread: number;
}
const half = (at: number, spread: number): Half => ({ at, spread });

/** The scale of each type, and its minimum where it has one. */
const HALVES: Readonly<Record<string, readonly Half[]>> = {
  Q4_0: [half(0, 50)],
  Q4_1: [half(0, 100), half(2, 10)],
  Q5_0: [half(0, 100)],
  Q5_1: [half(0, 200), half(2, 10)],
  Q8_0: [half(0, 800)],
  Q2_K: [half(80, 100), half(82, 80)],
  Q3_K: [half(108, 500)],
  Q4_K: [half(0, 5000), half(2, 300)],
  Q5_K: [half(0, 10000), half(2, 300)],
  Q6_K: [half(208, 15000)],
  IQ2_XXS: [half(0, 500)],
  IQ2_XS: [half(0, 500)],
  IQ3_XXS: [half(0, 2000)],
  IQ1_S: [half(0, 100)],
  IQ4_NL: [half(0, 800)],
  IQ3_S: [half(0, 1000)],
  IQ2_S: [half(0, 500)],
  IQ4_XS: [half(0, 10000)],
  IQ1_M: [], // in pieces, see PATCHES
  TQ1_0: [half(52, 10)],
  TQ2_0: [half(64, 10)],
  MXFP4: [], // a power of two, see PATCHES
};

/** Bytes of scales that are no half: what keeps weights small, by offset. */
const PATCHES: Readonly<Record<string, readonly [at: number, make: (byte: number) => number][]>> = {
  // the upper nibbles of the four words are a half, the highest one last
  IQ1_M: [[55, (byte) => byte & 0x8f | 0x20], [53, (byte) => byte & 0x3f]],
  MXFP4: [[0, (byte) => 118 + byte % 8]],
};

function halvesOf(quant: Quant): readonly Half[] {
  const halves = HALVES[quant.name];
  if (halves === undefined) throw new Error(`Cannot make up "${quant.name}": add it to HALVES`);
  return halves;
}

/** The activations that a product with weights of a type takes. */
export function activationType(quant: Quant): number {
  return { float: ELEMENT.F32, block32: ELEMENT.ACT32, block256: ELEMENT.ACT256 }[quant.activation];
}

/**
 * The sizes of what weights are made of, elementwise: |d * q| + |min| where a type subtracts a
 * minimum, which may cancel, else |w|. What sums of rounding errors are measured by.
 */
export function weightSizes(quant: Quant, bytes: Uint8Array): Float32Array {
  const halves = quant.elements === 1 ? [] : halvesOf(quant);
  if (halves.length < 2) return dequantize(quant.name, bytes).map(Math.abs);
  const [scaled, minima] = [1, 0].map((gone) => {
    const copy = bytes.slice(), view = new DataView(copy.buffer);
    for (let at = halves[gone]!.at; at < copy.length; at += quant.bytes) view.setUint16(at, 0);
    return dequantize(quant.name, copy);
  });
  return scaled!.map((value, i) => Math.abs(value) + Math.abs(minima![i]!));
}

const made = new Map<string, Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>>();

/** Makes data once: the same case is recorded for many batches of the same rows. */
function once<T extends Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>>(
  key: string,
  make: () => T,
): T {
  if (made.size > 30000) made.clear();
  const data = made.get(key) as T | undefined ?? make();
  made.set(key, data);
  return data.slice() as T;
}

/** The bytes that a step works on, and the seed of what is put there. */
export class Scene {
  /** Where steps are recorded for. */
  static readonly region = Region.alloc(kernels, 8 << 20);
  #bytes = new Uint8Array(1 << 16).fill(0xff); // what was not written is NaN
  #used = 0;
  readonly #wild: boolean;
  /** Makes this scene's data. */
  readonly seed: number;

  /**
   * @param seed of all data
   * @param wild whether NaN, infinities, tiny and huge numbers lie among the data
   */
  constructor(seed: number, wild = false) {
    this.seed = seed;
    this.#wild = wild;
  }

  /** The bytes before a run. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#used);
  }

  /** Random numbers of its own for each name and row. */
  random(name: string, row = 0): Random {
    let hash = this.seed ^ Math.imul(row + 1, 0x9e3779b1);
    for (const char of name) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
    return new Random(hash);
  }

  /** Normally distributed floats, the same ones for the same name and row. */
  floats(name: string, row: number, count: number): Float32Array<ArrayBuffer> {
    return once(`${this.seed} ${this.#wild} ${name} ${row} ${count}`, () => {
      const random = this.random(name, row), x = new Float32Array(count);
      for (let i = 0; i < count; i++) x[i] = random.normal();
      if (this.#wild && row % 3 !== 2) x[random.below(count)] = random.pick(WILD);
      return x;
    });
  }

  /** The weights of a matrix [n, k]: random codes, scales that keep values small, of both signs. */
  weights(name: string, quant: Quant, n: number, k: number): Uint8Array<ArrayBuffer> {
    const key = `${this.seed} ${this.#wild} ${name} ${quant.name} ${n} ${k}`;
    return once(key, () => this.#weights(name, quant, n, k));
  }

  #weights(name: string, quant: Quant, n: number, k: number): Uint8Array<ArrayBuffer> {
    const random = this.random(name), bytes = new Uint8Array(tensorBytes(quant, [n, k]));
    const view = new DataView(bytes.buffer);
    if (quant.elements === 1) {
      for (let i = 0; i < n * k; i++) {
        const wild = this.#wild && random.below(97) === 0;
        const value = wild ? random.pick(WILD) : random.normal() / 4;
        quant.encode!(Float32Array.of(value), 0, view, i * quant.bytes);
      }
      return bytes;
    }
    bytes.forEach((_, i) => bytes[i] = random.below(256));
    for (const [first, make] of PATCHES[quant.name] ?? []) {
      for (let at = first; at < bytes.length; at += quant.bytes) bytes[at] = make(bytes[at]!);
    }
    for (const { at: first, spread } of halvesOf(quant)) {
      for (let at = first; at < bytes.length; at += quant.bytes) {
        view.setFloat16(at, random.below(16) === 0 ? 0 : random.normal() / spread, true);
        if (this.#wild && random.below(40) === 0) {
          view.setUint16(at, random.pick(WILD_HALVES), true);
        }
      }
    }
    return bytes;
  }

  /** Makes room on a border of 64 bytes, and leaves some unused behind it. */
  reserve(bytes: number): number {
    const at = this.#used;
    this.#used += Math.ceil((bytes + 64) / 64) * 64;
    if (this.#used > Scene.region.bytes) throw new Error(`Cannot put ${bytes} bytes: full`);
    while (this.#used > this.#bytes.length) {
      const grown = new Uint8Array(this.#bytes.length * 2).fill(0xff);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    return at;
  }

  /** Puts data into the scene. */
  put(data: Uint8Array | Float32Array): number {
    const at = this.reserve(data.byteLength);
    this.#bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    return at;
  }

  /** An operand of the scene. */
  at(offset: number, type: number = ELEMENT.F32): Operand {
    return { memory: Scene.region, type, offset };
  }

  /** An operand of float rows, one after the other with `stride` elements from each to the next. */
  rows(rows: readonly Float32Array[], stride: number): Operand {
    const all = new Float32Array(rows.length * stride).fill(NaN);
    rows.forEach((row, i) => all.set(row, i * stride));
    return this.at(this.put(all));
  }

  /** Runs a step with the kernels, and returns the bytes after it. */
  run(pool: Pool, step: RunnableStep, inputs: Int32Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    Scene.region.write(0, this.bytes);
    pool.run(step, inputs);
    return Scene.region.read(0, new Uint8Array(this.#used));
  }

  /** Runs a step in plain TypeScript, and returns the bytes after it. */
  reference(
    step: RunnableStep,
    inputs: Int32Array<ArrayBuffer>,
    table: typeof REFERENCE = REFERENCE,
  ): Uint8Array<ArrayBuffer> {
    const bytes = this.bytes.slice();
    const memories: Memories = new Map([[Scene.region.handle, bytes]]);
    runReference(step, memories, inputs, table);
    return bytes;
  }
}

/** The index of the first 32-bit word that differs, -1 if none does; a NaN equals a NaN. */
export function firstDifference(a: Uint8Array, b: Uint8Array): number {
  const words = (x: Uint8Array) => new Uint32Array(x.buffer, x.byteOffset, x.length >> 2);
  const [p, q] = [words(a), words(b)], count = Math.max(p.length, q.length);
  const isNaNWord = (word: number) => (word & 0x7fffffff) > 0x7f800000;
  for (let i = 0; i < count; i++) {
    if (p[i] !== q[i] && !(isNaNWord(p[i] ?? 0) && isNaNWord(q[i] ?? 0))) return i;
  }
  return -1;
}

/** Every weight type by its number. */
export const QUANT_IDS: readonly number[] = QUANTS.map((quant) => quant.id);
