/** The table of samplers: one function and one row for each. @module */

import {
  above,
  best,
  bestPlace,
  type Candidates,
  deepEnough,
  first,
  pick,
  weigh,
} from "./candidates.ts";

/** The numbers of all samplers, checked and complete. */
export interface ChainOptions {
  /** Divides logits; 0 or less keeps only the best token. */
  readonly temperature: number;
  /** Keeps this many tokens; 0 and -1 keep all. */
  readonly topK: number;
  /** Keeps the likeliest tokens that together reach this probability; 1 keeps all. */
  readonly topP: number;
  /** Keeps tokens at least this likely, measured by the likeliest; 0 keeps all. */
  readonly minP: number;
  /** Keeps tokens of typical surprise up to this probability; 1 keeps all. */
  readonly typicalP: number;
  /** Makes tokens that have occurred less likely: divides positive logits; 1 does nothing. */
  readonly repeatPenalty: number;
  /** Taken off the logit of a token that has occurred. */
  readonly presencePenalty: number;
  /** Taken off the logit of a token for every time it has occurred. */
  readonly frequencyPenalty: number;
  /** How many of the last tokens penalties look at; -1 means all. */
  readonly penaltyLastN: number;
}

/** Names of the samplers, as `order` takes them. */
export type SamplerName = "penalties" | "topK" | "typicalP" | "topP" | "minP" | "temperature";

/** A sampler: fewer candidates, or changed logits. It never changes its arguments. */
export type SamplerStep = (
  candidates: Candidates,
  options: ChainOptions,
  previousTokens: ArrayLike<number>,
) => Candidates;

/** One row: a sampler. */
export interface SamplerRow {
  /** Its name in `order`. */
  readonly name: SamplerName;
  /** Whether these options make it do anything. */
  readonly active: (options: ChainOptions) => boolean;
  /** Whether it can neither remove the best token nor make another the best. */
  readonly keepsBest: boolean;
  /** What it does. */
  readonly apply: SamplerStep;
}

/** Every sampler, in llama.cpp's order. */
export const SAMPLERS: readonly SamplerRow[] = [
  {
    name: "penalties",
    active: (o) =>
      o.penaltyLastN !== 0 &&
      (o.repeatPenalty !== 1 || o.presencePenalty !== 0 || o.frequencyPenalty !== 0),
    keepsBest: false,
    apply: penalize,
  },
  { name: "topK", active: (o) => o.topK > 0, keepsBest: true, apply: keepTopK },
  { name: "typicalP", active: (o) => o.typicalP < 1, keepsBest: false, apply: keepTypical },
  { name: "topP", active: (o) => o.topP < 1, keepsBest: true, apply: keepTopP },
  { name: "minP", active: (o) => o.minP > 0, keepsBest: true, apply: keepMinP },
  { name: "temperature", active: (o) => o.temperature !== 1, keepsBest: false, apply: heat },
];

/** Repetition (Keskar et al. 2019, CTRL), presence and frequency penalties. */
function penalize(
  candidates: Candidates,
  options: ChainOptions,
  previousTokens: ArrayLike<number>,
): Candidates {
  const { repeatPenalty, presencePenalty, frequencyPenalty, penaltyLastN } = options;
  const counts = countTokens(previousTokens, penaltyLastN);
  const { tokens, sorted } = candidates;
  const logits = candidates.logits.slice();
  const change = (place: number, count: number) => {
    const logit = logits[place]!;
    const repeated = logit > 0 ? logit / repeatPenalty : logit * repeatPenalty;
    logits[place] = repeated - count * frequencyPenalty - presencePenalty;
  };
  if (tokens === undefined) {
    for (const [token, count] of counts) if (token < logits.length) change(token, count);
    return { tokens, logits, sorted: false };
  }
  tokens.forEach((token, place) => {
    const count = counts.get(token);
    if (count !== undefined) change(place, count);
  });
  return sorted
    ? best({ tokens, logits, sorted: false }, tokens.length)
    : { tokens, logits, sorted };
}

/** How often each of the last tokens occurs. */
function countTokens(tokens: ArrayLike<number>, lastN: number): Map<number, number> {
  const counts = new Map<number, number>();
  const begin = lastN < 0 ? 0 : Math.max(0, tokens.length - lastN);
  for (let at = begin; at < tokens.length; at++) {
    counts.set(tokens[at]!, (counts.get(tokens[at]!) ?? 0) + 1);
  }
  return counts;
}

/** The k best. */
function keepTopK(candidates: Candidates, { topK }: ChainOptions): Candidates {
  return best(candidates, topK);
}

/** Nucleus sampling (Holtzman et al. 2020): the token that crosses p is kept. */
function keepTopP(candidates: Candidates, { topP }: ChainOptions): Candidates {
  const top = bestPlace(candidates);
  if (top < 0) return candidates;
  const highest = candidates.logits[top]!;
  const { sum } = weigh(candidates, highest);
  const sorted = deepEnough(candidates, (_, weight) => weight >= topP * sum);
  const { weights } = weigh(sorted, highest);
  let reached = 0;
  let count = 0;
  while (count < weights.length && (count === 0 || reached < topP * sum)) {
    reached += weights[count++]!;
  }
  return first(sorted, count);
}

/** Tokens at least `minP` times as likely as the likeliest (Nguyen et al. 2024). */
function keepMinP(candidates: Candidates, { minP }: ChainOptions): Candidates {
  const top = bestPlace(candidates);
  if (top < 0) return candidates;
  const { logits, sorted } = candidates;
  const floor = logits[top]! + Math.log(minP);
  if (sorted) {
    let count = 1;
    while (count < logits.length && logits[count]! >= floor) count++;
    return first(candidates, count);
  }
  const places: number[] = [];
  for (let place = 0; place < logits.length; place++) {
    if (logits[place]! >= floor) places.push(place);
  }
  return pick(candidates, places, false);
}

/** Locally typical sampling (Meister et al. 2022): surprise nearest to the entropy first. */
function keepTypical(candidates: Candidates, { typicalP }: ChainOptions): Candidates {
  const sorted = above(candidates, -Infinity);
  if (sorted.logits.length === 0) return candidates;
  const { weights, sum } = weigh(sorted, sorted.logits[0]!);
  const probabilities = weights.map((weight) => weight / sum);
  const surprise = probabilities.map((p) => -Math.log(p));
  let entropy = 0;
  probabilities.forEach((p, place) => entropy += p > 0 ? p * surprise[place]! : 0);
  const order = Uint32Array.from(probabilities.keys());
  const distance = surprise.map((bits) => Math.abs(bits - entropy));
  order.sort((a, b) => distance[a]! - distance[b]! || a - b);
  let reached = 0;
  let count = 0;
  while (count < order.length && reached <= typicalP) reached += probabilities[order[count++]!]!;
  return pick(sorted, order.subarray(0, count).sort(), true);
}

/** Temperature; 0 and less leave the best token alone. */
function heat(candidates: Candidates, { temperature }: ChainOptions): Candidates {
  if (temperature <= 0) {
    const top = bestPlace(candidates);
    return pick(candidates, top < 0 ? [] : [top], true);
  }
  const logits = new Float64Array(candidates.logits);
  for (let place = 0; place < logits.length; place++) logits[place]! /= temperature;
  return { tokens: candidates.tokens, logits, sorted: candidates.sorted };
}
