/** What is left to choose from: tokens with logits, and how the best are found. @module */

import { decay } from "./decay.ts";

/**
 * Tokens and logits side by side. At first they are the whole vocabulary, which has no list of
 * tokens; samplers hand on shorter lists. NaN and -Infinity mean: never.
 */
export interface Candidates {
  /** Token of each place; undefined where token i is at place i. */
  readonly tokens: Uint32Array | undefined; // [count]
  /** Logit of each place. */
  readonly logits: Float32Array; // [count]
  /** Highest logit first; among equals the lowest token. */
  readonly sorted: boolean;
  /** The place of the highest logit, once it has been looked for. */
  top?: number;
}

/** Up to here the best are found by one pass with insertion, beyond by sorting. */
const INSERTION_LIMIT = 128;

/** Logits are read in blocks of this many; most blocks fail as a whole. */
const BLOCK = 8;

/** How far below the best one looks for enough others, in nats: nearly always near it. */
const DEPTHS = [6, 9, 12, 16, 32];

/** Width of a bucket in nats, and how many there are: together the deepest of `DEPTHS`. */
const BUCKET_NATS = 1 / 32;
const BUCKET_COUNT = 1024;

/** The token at a place. */
export function tokenAt({ tokens }: Candidates, place: number): number {
  return tokens === undefined ? place : tokens[place]!;
}

/** The place of the highest logit, the first of equals; -1 where there is none above -Infinity. */
export function bestPlace(candidates: Candidates): number {
  const { logits, sorted } = candidates;
  if (sorted) return logits.length === 0 ? -1 : 0;
  return candidates.top ??= bestPlaces(logits, 1)[0] ?? -1;
}

/** The candidates at some places, in their order. */
export function pick(from: Candidates, places: ArrayLike<number>, sorted: boolean): Candidates {
  const count = places.length;
  const tokens = new Uint32Array(count);
  const logits = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const place = places[i]!;
    tokens[i] = tokenAt(from, place);
    logits[i] = from.logits[place]!;
  }
  return { tokens, logits, sorted };
}

/** The first of sorted candidates. */
export function first(from: Candidates, count: number): Candidates {
  return {
    tokens: from.tokens?.subarray(0, count),
    logits: from.logits.subarray(0, count),
    sorted: from.sorted,
  };
}

/** The `count` best, sorted. */
export function best(from: Candidates, count: number): Candidates {
  if (from.sorted) return first(from, count);
  if (count <= INSERTION_LIMIT) return pick(from, bestPlaces(from.logits, count), true);
  if (count >= from.logits.length) return sortDown(above(from, -Infinity));
  return first(deepEnough(from, (places) => places >= count), count);
}

/**
 * The best, sorted, as deep as they are enough, or all. Looks near the best one first, and counts
 * in buckets what it finds, so that only those are sorted that will be asked for.
 * @param enough whether this many places with this sum of weights (`massOf`) suffice
 */
export function deepEnough(
  from: Candidates,
  enough: (places: number, weight: number) => boolean,
): Candidates {
  const top = bestPlace(from);
  if (from.sorted || top < 0) return from;
  const highest = from.logits[top]!;
  for (const depth of DEPTHS) {
    const near = above(from, highest - depth);
    const floor = floorOf(near, highest, enough);
    if (floor !== undefined) return sortDown(above(near, floor));
  }
  return sortDown(above(from, -Infinity));
}

/** Above which logit there are enough; undefined where all are not enough. */
function floorOf(
  { logits }: Candidates,
  highest: number,
  enough: (places: number, weight: number) => boolean,
): number | undefined {
  const counts = new Uint32Array(BUCKET_COUNT);
  const weights = new Float64Array(BUCKET_COUNT);
  for (let place = 0; place < logits.length; place++) {
    const depth = highest - logits[place]!;
    const bucket = Math.floor(depth / BUCKET_NATS);
    if (!(bucket < BUCKET_COUNT)) continue; // NaN as well
    counts[bucket]!++;
    weights[bucket]! += decay(depth);
  }
  let count = 0;
  let weight = 0;
  for (let bucket = 0; bucket < BUCKET_COUNT; bucket++) {
    count += counts[bucket]!;
    weight += weights[bucket]!;
    // One bucket more: these sums differ by rounding from those of who asks.
    if (count > 0 && enough(count, weight)) return highest - (bucket + 2) * BUCKET_NATS;
  }
  return undefined;
}

/** All above a logit, or also those at it; in the order that they have. */
export function above(from: Candidates, floor: number, orAt = false): Candidates {
  const { logits, sorted } = from;
  const places: number[] = [];
  const blocksEnd = logits.length - logits.length % BLOCK;
  for (let at = 0; at < logits.length;) {
    at = skipBlocks(logits, at, blocksEnd, floor);
    for (const end = at < blocksEnd ? at + BLOCK : logits.length; at < end; at++) {
      const logit = logits[at]!;
      if (logit > floor || (orAt && logit === floor)) places.push(at);
    }
  }
  return pick(from, places, sorted);
}

/** The same, the highest logit first; among equals the one that comes first. */
export function sortDown(from: Candidates): Candidates {
  const { logits, sorted } = from;
  if (sorted) return from;
  const order = Uint32Array.from(logits.keys());
  order.sort((a, b) => {
    const left = logits[a]!;
    const right = logits[b]!;
    return right > left ? 1 : right < left ? -1 : a - b; // a difference fails at infinities
  });
  return pick(from, order, true);
}

/**
 * Places of the highest logits in order, by insertion into a short sorted list. Nearly all blocks
 * fail the comparison with the worst of the list, so this costs little more than reading.
 */
function bestPlaces(logits: Float32Array, count: number): Uint32Array {
  const list: ShortList = {
    places: new Uint32Array(count),
    values: new Float32Array(count).fill(-Infinity),
    found: 0,
  };
  const blocksEnd = logits.length - logits.length % BLOCK;
  let at = 0;
  for (;;) {
    at = skipBlocks(logits, at, blocksEnd, list.values[count - 1]!);
    if (at >= blocksEnd) break;
    for (const end = at + BLOCK; at < end; at++) insert(list, at, logits[at]!);
  }
  for (; at < logits.length; at++) insert(list, at, logits[at]!);
  return list.places.subarray(0, list.found);
}

/** The best places so far, in order; what is not found yet is -Infinity. */
interface ShortList {
  readonly places: Uint32Array; // [count]
  readonly values: Float32Array; // [count]
  found: number;
}

/** The first block from `at` on with a logit that reaches `floor`, or `end`. */
function skipBlocks(
  logits: Float32Array,
  at: number,
  end: number,
  floor: number,
): number {
  for (; at < end; at += BLOCK) {
    if (
      logits[at]! >= floor || logits[at + 1]! >= floor || logits[at + 2]! >= floor ||
      logits[at + 3]! >= floor || logits[at + 4]! >= floor || logits[at + 5]! >= floor ||
      logits[at + 6]! >= floor || logits[at + 7]! >= floor
    ) break;
  }
  return at;
}

/** Puts a place where it belongs, behind its equals, if it belongs on the list at all. */
function insert(list: ShortList, place: number, value: number): void {
  const { places, values } = list;
  let at = values.length - 1;
  if (!(value > values[at]!)) return;
  for (; at > 0 && values[at - 1]! < value; at--) {
    values[at] = values[at - 1]!;
    places[at] = places[at - 1]!;
  }
  values[at] = value;
  places[at] = place;
  if (list.found < values.length) list.found++;
}

/** exp(logit - highest), a probability but for the sum. An infinite logit takes all there is. */
export function weightOf(logit: number, highest: number): number {
  return logit === highest ? 1 : decay(highest - logit);
}

/** The sum of the weights of some places; from 1 where the highest logit is among them. */
export function massOf(
  logits: Float32Array,
  highest: number,
  begin = 0,
  end = logits.length,
): number {
  let sum = 0;
  if (highest < Infinity) { // the usual case; it is the hot loop of many samplers
    for (let place = begin; place < end; place++) sum += decay(highest - logits[place]!);
  } else {
    for (let place = begin; place < end; place++) sum += weightOf(logits[place]!, highest);
  }
  return sum;
}

/** The weight of every place. */
export function weigh({ logits }: Candidates, highest: number): Float64Array {
  const weights = new Float64Array(logits.length);
  for (let place = 0; place < logits.length; place++) {
    weights[place] = weightOf(logits[place]!, highest);
  }
  return weights;
}

/** Draws are made in stretches of this many places: first a stretch, then a place of it. */
const STRETCH = 256;

/**
 * The place that a number falls on, where every place has its weight.
 * @param uniform from 0, below 1
 */
export function draw({ logits }: Candidates, top: number, uniform: number): number {
  const highest = logits[top]!;
  const sums = new Float64Array(Math.ceil(logits.length / STRETCH));
  let sum = 0;
  for (let at = 0; at < sums.length; at++) {
    const begin = at * STRETCH, end = Math.min(begin + STRETCH, logits.length);
    sum += sums[at] = massOf(logits, highest, begin, end);
  }
  let rest = uniform * sum;
  let stretch = 0;
  while (stretch < sums.length && rest >= sums[stretch]!) rest -= sums[stretch++]!;
  for (let place = stretch * STRETCH; place < logits.length; place++) {
    rest -= weightOf(logits[place]!, highest);
    if (rest < 0) return place;
  }
  return top; // rounding has eaten the last weight
}
