/** Cases of the cache and of attention: shares, windows, page sizes, orders of pages. @module */

import { ELEMENT } from "../../src/native/operations.ts";
import { type CachePages, Step } from "../../src/step/step.ts";
import { kernels, poolOf, type Scene } from "../kernel_support.ts";
import { attendBound, type Bound } from "./bounds.ts";
import { type Built, type Case, floatOutputs, InputWords, type Output } from "./case.ts";

const TYPE_NAMES = new Map<number, string>([
  [ELEMENT.F32, "F32"],
  [ELEMENT.F16, "F16"],
  [ELEMENT.Q8_0, "Q8_0"],
]);

/** Bytes of a number in the cache, and of the scales of a key or a value. */
function formOf(type: number, headDim: number): { element: number; scales: number } {
  if (type === ELEMENT.Q8_0) return { element: 1, scales: 2 * Math.ceil(headDim / 32) };
  return { element: type === ELEMENT.F32 ? 4 : 2, scales: 0 };
}

interface CacheShape {
  readonly type: number;
  readonly heads: number;
  readonly headDim: number;
  readonly pagePositions: number;
  readonly pageCount: number;
}

/** Pages that hold the keys of a layer, a gap, and its values. */
function cacheAt(at: number, scene: Scene, shape: CacheShape): CachePages & { bytes: number } {
  const { type, heads, headDim, pagePositions, pageCount } = shape;
  const { element, scales } = formOf(type, headDim);
  const half = Math.ceil(heads * pagePositions * (headDim * element + scales) / 64) * 64;
  const pageBytes = 2 * half + 128;
  return {
    keys: scene.at(at, type),
    values: scene.at(at + half + 64, type),
    ...{ heads, headDim, pagePositions, pageCount, pageBytes },
    bytes: pageCount * pageBytes,
  };
}

function newCache(scene: Scene, shape: CacheShape): CachePages & { bytes: number } {
  const { bytes } = cacheAt(0, scene, shape);
  return cacheAt(scene.put(new Uint8Array(bytes)), scene, shape);
}

function store(shape: CacheShape): Case {
  const { type, heads, headDim, pagePositions, pageCount } = shape, width = heads * headDim;
  return {
    operation: "store",
    name: `${TYPE_NAMES.get(type)} heads=${heads} headDim=${headDim}`,
    record: (step, scene, rows) => {
      const input = new InputWords(), cache = newCache(scene, shape);
      const order = scene.random("slots").order(pagePositions * pageCount);
      const slots = input.integers(rows.map((row) => order[row]!));
      const k = scene.rows(rows.map((row) => scene.floats("k", row, width)), width);
      const v = scene.rows(rows.map((row) => scene.floats("v", row, width)), width);
      step.store({ rows: rows.length, keyRows: k, valueRows: v, slots, cache });
      return { inputs: input.words, outputs: rows.map((row) => slotPieces(cache, order[row]!)) };
    },
  };
}

/** Where a slot's keys and values lie. */
function slotPieces(cache: CachePages, slot: number): Output[] {
  const { heads, headDim, pagePositions, pageBytes, keys, values } = cache;
  const { element, scales } = formOf(keys.type, headDim), within = slot % pagePositions;
  const page = Math.floor(slot / pagePositions) * pageBytes;
  const pieces: Output[] = [];
  for (let head = 0; head < heads; head++) {
    for (let d = 0; d < headDim; d++) {
      const group = (within - within % 16) * headDim + d * 16 + within % 16;
      const key = (head * pagePositions * headDim + group) * element;
      const value = ((head * pagePositions + within) * headDim + d) * element;
      pieces.push({ at: keys.offset + page + key, bytes: element });
      pieces.push({ at: values.offset + page + value, bytes: element });
    }
    const codes = page + heads * pagePositions * headDim, first = within - within % 16;
    for (let block = 0; block < scales / 2; block++) {
      const key = (head * pagePositions + first) * scales + (block * 16 + within % 16) * 2;
      const value = (head * pagePositions + within) * scales + block * 2;
      pieces.push({ at: keys.offset + codes + key, bytes: 2 });
      pieces.push({ at: values.offset + codes + value, bytes: 2 });
    }
  }
  return pieces;
}

const TYPES = [ELEMENT.F16, ELEMENT.F32, ELEMENT.Q8_0];

/** Every element type, small, and shared among threads; blocks of 32, and a half one. */
export const STORE_CASES: readonly Case[] = TYPES.flatMap((type) => [
  store({ type, heads: 2, headDim: 16, pagePositions: 32, pageCount: 3 }),
  store({ type, heads: 4, headDim: 80, pagePositions: 16, pageCount: 5 }),
]);

/** What an attention case is made of. */
export interface Attention {
  /** F16, F32 or Q8_0. */
  readonly type: number;
  /** Key heads. */
  readonly kvHeads: number;
  /** Query heads per key head. */
  readonly share: number;
  /** Dimensions of a head. */
  readonly headDim: number;
  /** Positions in a page. */
  readonly pagePositions: number;
  /** Positions that are seen, 0 for all. */
  readonly window: number;
  /** What bounds scores. */
  readonly softcap?: number;
  /** Whether the pages of a sequence lie one after the other. */
  readonly flat?: boolean;
  /** Sequence and position of a row. */
  readonly place: (row: number) => readonly [sequence: number, position: number];
}

const LONGEST = 544;
const SEQUENCES = 2;
const BORDERS = [0, 1, 15, 16, 31, 32, 254, 255, 256, 257, 300, 511, 512, 513, 543];

/** Rows of two sequences, around the borders of groups, pages and chunks. */
const scattered = (row: number) => [(row >> 1) % 2, BORDERS[row * 7 % 15]!] as const;
/** A prefill that begins in the middle of a group and crosses a border of chunks. */
const prefill = (row: number) => [row < 50 ? 0 : 1, 227 + row] as const;

/** The largest length of a head's vector. */
function longest(rows: readonly Float32Array[], headDim: number): number {
  const squares = rows.flatMap((row) =>
    Array.from(
      { length: row.length / headDim },
      (_, h) => row.subarray(h * headDim, (h + 1) * headDim).reduce((sum, x) => sum + x * x, 0),
    )
  );
  return Math.sqrt(squares.reduce((a, b) => Math.max(a, b), 0));
}

/**
 * Fills the cache of both sequences through `store`, position by position.
 * @returns the keys and values
 */
function fill(
  scene: Scene,
  a: Attention,
  cache: CachePages,
  tables: readonly number[][],
): { k: Float32Array[]; v: Float32Array[] } {
  const width = a.kvHeads * a.headDim, step = new Step(), input = new InputWords();
  const rows = SEQUENCES * LONGEST, k: Float32Array[] = [], v: Float32Array[] = [];
  const slots: number[] = [];
  for (let row = 0; row < rows; row++) {
    const sequence = row % SEQUENCES, position = Math.floor(row / SEQUENCES);
    const page = tables[sequence]![Math.floor(position / a.pagePositions)]!;
    slots.push(page * a.pagePositions + position % a.pagePositions);
    k.push(scene.floats("k", row, width));
    v.push(scene.floats("v", row, width));
  }
  const operands = { keyRows: scene.rows(k, width), valueRows: scene.rows(v, width), cache };
  step.store({ rows, ...operands, slots: input.integers(slots) });
  scene.bytes.set(scene.run(poolOf(kernels.isas[0]!), step, input.words));
  return { k, v };
}

function recordAttend(
  a: Attention,
  step: Step,
  scene: Scene,
  rows: readonly number[],
): Built {
  const { type, kvHeads, share, headDim, pagePositions, window } = a;
  const heads = kvHeads * share, width = heads * headDim, input = new InputWords();
  const pages = Math.ceil(LONGEST / pagePositions), pageCount = SEQUENCES * pages;
  const cache = newCache(scene, { type, heads: kvHeads, headDim, pagePositions, pageCount });
  const all = Array.from({ length: pageCount }, (_, page) => page);
  const order = a.flat ? all : scene.random("pages").order(pageCount);
  const tables = [order.slice(0, pages), order.slice(pages)];
  const filled = fill(scene, a, cache, tables);
  const places = rows.flatMap((row) => [a.place(row)[0] * pages, a.place(row)[1]]);
  const values = rows.map((row) => scene.floats("q", row, width));
  const q = scene.rows(values, width), out = scene.at(scene.reserve(rows.length * width * 4));
  const scale = 1 / Math.sqrt(headDim);
  step.attend({
    rows: rows.length,
    ...{ q, out, cache, heads, tableWords: pageCount, window, scale, softcap: a.softcap ?? 0 },
    places: input.integers(places),
    tables: input.integers(tables.flat()),
  });
  const bound: Bound = (expected) => {
    const lengths = longest(filled.k, headDim) * longest(values, headDim);
    const largest = (row: Float32Array) => row.reduce((x, y) => Math.max(x, Math.abs(y)), 0);
    return attendBound({
      headDim,
      scores: scale * lengths, // sum |q_d k_d| is at most |q| |k|
      values: filled.v.map(largest).reduce((x, y) => Math.max(x, y), 0),
      positions: LONGEST,
    })(expected);
  };
  return { inputs: input.words, outputs: floatOutputs(out, width, width, rows.map(() => bound)) };
}

/** A case of attention. */
export function attention(a: Attention, name: string): Case {
  const { type, kvHeads, share, headDim, pagePositions, window } = a;
  const words = `heads=${kvHeads}x${share} headDim=${headDim} page=${pagePositions}`;
  return {
    operation: "attend",
    name: `${TYPE_NAMES.get(type)} ${words} window=${window} ${name}`,
    record: (step, scene, rows) => recordAttend(a, step, scene, rows),
  };
}

const SMALL = { kvHeads: 2, headDim: 16, pagePositions: 32, window: 0 };

/** Shares of queries per key, every element type, windows within and across chunks. */
export const ATTEND_CASES: readonly Case[] = TYPES.flatMap((type) => [
  ...[1, 3, 4, 8].map((share) =>
    attention({ ...SMALL, type, share, place: scattered }, "scattered")
  ),
  attention({ ...SMALL, type, share: 3, kvHeads: 1, headDim: 80, place: prefill }, "prefill"),
  attention({ ...SMALL, type, share: 4, window: 20, place: prefill }, "prefill"),
  attention({ ...SMALL, type, share: 3, softcap: 0.7, place: scattered }, "capped"),
  attention({ ...SMALL, type, share: 1, window: 300, place: scattered }, "scattered"),
  attention({ ...SMALL, type, share: 9, window: 1, headDim: 64, place: scattered }, "scattered"),
]);
/** The same attention over pages in order, shuffled, and of other sizes. */
export const PAGINGS: readonly Case[] = [
  { ...SMALL, flat: true },
  { ...SMALL },
  { ...SMALL, pagePositions: 16 },
  { ...SMALL, pagePositions: 544, flat: true },
].map((a) => attention({ ...a, type: ELEMENT.F16, share: 3, window: 270, place: scattered }, ""));
