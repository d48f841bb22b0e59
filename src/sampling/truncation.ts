/** Samplers that leave tokens out: top-k, top-p, min-p, typical, top-nσ, XTC. @module */

import {
  above,
  best,
  bestPlace,
  type Candidates,
  deepEnough,
  first,
  massOf,
  pick,
  sortDown,
  weigh,
  weightOf,
} from "./candidates.ts";
import { type ChainContext, owned } from "./context.ts";
import { decay } from "./decay.ts";

/** The k best. */
export function keepTopK(candidates: Candidates, { options: { topK } }: ChainContext): Candidates {
  return best(candidates, topK);
}

/** Nucleus sampling: the token that crosses p is kept. */
export function keepTopP(candidates: Candidates, { options }: ChainContext): Candidates {
  const { topP, minKeep } = options;
  const top = bestPlace(candidates);
  if (top < 0) return candidates;
  const highest = candidates.logits[top]!;
  const wanted = topP * massOf(candidates.logits, highest);
  const sorted = deepEnough(candidates, (places, weight) => weight >= wanted && places >= minKeep);
  const weights = weigh(sorted, highest);
  let reached = 0;
  let count = 0;
  while (count < weights.length && (count < Math.max(1, minKeep) || reached < wanted)) {
    reached += weights[count++]!;
  }
  return first(sorted, count);
}

/** Tokens at least `minP` times as likely as the likeliest. */
export function keepMinP(candidates: Candidates, { options }: ChainContext): Candidates {
  const { minP, minKeep } = options;
  const top = bestPlace(candidates);
  if (top < 0) return candidates;
  const left = above(candidates, candidates.logits[top]! + Math.log(minP), true);
  return left.logits.length >= minKeep ? left : best(candidates, minKeep);
}

/** Top-nσ: tokens at most n standard deviations of all logits below the highest. */
export function keepTopNSigma(candidates: Candidates, { options }: ChainContext): Candidates {
  const top = bestPlace(candidates);
  if (top < 0) return candidates;
  const { logits } = candidates;
  const highest = logits[top]!;
  return above(candidates, highest - options.topNSigma * deviation(logits), true);
}

/** The standard deviation of finite numbers. */
function deviation(logits: Float32Array): number {
  const origin = logits.find(Number.isFinite) ?? 0; // near all others: squares do not cancel
  let sum = 0, squares = 0, otherSum = 0, otherSquares = 0; // two at once need not wait
  for (let at = 0; at < logits.length; at += 2) {
    const off = logits[at]! - origin;
    const other = at + 1 < logits.length ? logits[at + 1]! - origin : 0;
    sum += off;
    squares += off * off;
    otherSum += other;
    otherSquares += other * other;
  }
  const count = logits.length;
  const variance = (squares + otherSquares - (sum + otherSum) ** 2 / count) / count;
  return Math.sqrt(
    Math.max(0, Number.isFinite(variance) ? variance : finiteVariance(logits, origin)),
  );
}

/** The variance where not all are finite. */
function finiteVariance(logits: Float32Array, origin: number): number {
  let count = 0, sum = 0, squares = 0;
  for (let at = 0; at < logits.length; at++) {
    const off = logits[at]! - origin;
    if (off - off !== 0) continue;
    count++;
    sum += off;
    squares += off * off;
  }
  return count === 0 ? 0 : (squares - sum * sum / count) / count;
}

/** How far from the entropy typical sampling looks for enough tokens, in nats. */
const WINDOWS = [1, 2, 4, 8];

/**
 * Locally typical sampling: surprise nearest to the entropy first. With a token's depth d below the
 * highest logit, its surprise is d + ln Σ, and the entropy is the mean depth + ln Σ.
 */
export function keepTypical(candidates: Candidates, { options }: ChainContext): Candidates {
  const { typicalP, minKeep } = options, { logits } = candidates;
  const top = bestPlace(candidates);
  if (top < 0) return candidates;
  const highest = logits[top]!;
  const { sum, mean } = depthOf(logits, highest);
  const wanted = typicalP * sum;
  const nearly = above(candidates, highest - mean - WINDOWS.at(-1)!);
  for (const window of WINDOWS) {
    const found = around(nearly, highest, mean, window);
    if (found.weight > wanted && found.near.length >= minKeep) {
      return typical(found, wanted, minKeep);
    }
  }
  return typical(around(candidates, highest, mean, Infinity), wanted, minKeep);
}

/** Candidates near to some depth. */
interface Around {
  readonly candidates: Candidates;
  readonly highest: number;
  readonly near: readonly number[]; // places
  readonly distances: readonly number[];
  readonly weight: number; // of all together
}

function around(candidates: Candidates, highest: number, depth: number, window: number): Around {
  const { logits } = candidates;
  const near: number[] = [];
  const distances: number[] = [];
  let weight = 0;
  for (let place = 0; place < logits.length; place++) {
    const logit = logits[place]!;
    const distance = Math.abs((logit === highest ? 0 : highest - logit) - depth);
    if (!(distance < window)) continue; // NaN as well
    near.push(place);
    distances.push(distance);
    weight += weightOf(logit, highest);
  }
  return { candidates, highest, near, distances, weight };
}

/** The nearest of them, until they weigh more than is wanted. */
function typical(
  { candidates, highest, near, distances }: Around,
  wanted: number,
  minKeep: number,
): Candidates {
  const order = Uint32Array.from(near.keys());
  order.sort((a, b) => distances[a]! - distances[b]! || a - b);
  let reached = 0;
  let count = 0;
  while (count < order.length && (count < minKeep || reached <= wanted)) {
    reached += weightOf(candidates.logits[near[order[count++]!]!]!, highest);
  }
  const kept = Uint32Array.from(order.subarray(0, count), (at) => near[at]!).sort();
  return pick(candidates, kept, candidates.sorted);
}

/** The sum of weights, and the mean of how far below the highest logit they are, in nats. */
export function depthOf(
  logits: Float32Array,
  highest: number,
): { readonly sum: number; readonly mean: number } {
  let sum = 0;
  let deep = 0;
  for (let place = 0; place < logits.length; place++) {
    const depth = highest - logits[place]!; // NaN between two infinite ones
    const weight = highest < Infinity ? decay(depth) : weightOf(logits[place]!, highest);
    sum += weight;
    if (weight > 0 && weight < 1) deep += weight * depth;
  }
  return { sum, mean: deep / sum };
}

/**
 * XTC: of the tokens that reach the threshold all but the last are left out, or nothing, as the
 * random number wants it.
 */
export function excludeTopChoices(candidates: Candidates, context: ChainContext): Candidates {
  const { options: { xtcProbability, xtcThreshold, minKeep }, random } = context;
  if (countPossible(candidates, 2) < 2 || random() >= xtcProbability) return candidates;
  const highest = candidates.logits[bestPlace(candidates)]!;
  const sum = massOf(candidates.logits, highest);
  const floor = highest + Math.log(xtcThreshold * sum) - 1e-9; // rounding is no reason
  const near = sortDown(above(candidates, Math.max(floor, -Number.MAX_VALUE), true));
  const choices = near.logits.findLastIndex((l) => weightOf(l, highest) / sum >= xtcThreshold);
  const least = choices + minKeep;
  if (choices < 1 || countPossible(candidates, least) < least) return candidates;
  return without(candidates, first(near, choices), context);
}

/** How many candidates there are that can be chosen; counts to `most` only. */
export function countPossible({ logits }: Candidates, most = Infinity): number {
  let count = 0;
  for (let place = 0; place < logits.length && count < most; place++) {
    if (logits[place]! > -Infinity) count++;
  }
  return count;
}

/** Candidates without some of their best. */
function without(from: Candidates, best: Candidates, context: ChainContext): Candidates {
  if (from.tokens === undefined) {
    const left = owned(from, context);
    for (const token of best.tokens!) left.logits[token] = -Infinity;
    return left;
  }
  const left = Array.from(from.tokens.keys()).filter((at) =>
    !best.tokens!.includes(from.tokens![at]!)
  );
  return pick(from, left, from.sorted);
}
