/** Cases and floats of the conformance pack, and measures of distance. @module */

import { isThere, sharedFolder } from "../support.ts";

/** The model that is not in the pack but beside it, as a path in the shared folder. */
export const SMOLLM2 = "models/SmolLM2-135M-Instruct.Q4_1.gguf";

const folder = `${sharedFolder()}/conformance`;

/** Where a file of the pack is. */
export function packPath(path: string): string {
  return `${folder}/${path}`;
}

/** A JSON file of the pack; the caller says what is in it. */
export function packJson<T>(path: string): T {
  return JSON.parse(Deno.readTextFileSync(packPath(path)));
}

/** A file of little-endian floats. */
export function packFloats(path: string): Float32Array<ArrayBuffer> {
  return new Float32Array(Deno.readFileSync(packPath(path)).buffer);
}

/** The cases of a kind; none where there is no pack. */
export function packCases<T extends { kind: string }>(kind: T["kind"]): T[] {
  if (!isThere(packPath("manifest.json"))) return [];
  return packJson<{ cases: T[] }>("manifest.json").cases.filter((one) => one.kind === kind);
}

/** How far logits are from the true ones. */
export interface Distance {
  /** The largest difference of two logits. */
  readonly maxAbs: number;
  /** The smallest cosine of two rows. */
  readonly minCos: number;
  /** The mean Kullback-Leibler divergence of a row, in nats. */
  readonly meanKl: number;
}

/**
 * Compares logits with the true ones.
 * @param found row-major, [rows, vocabulary]
 * @param exact the same
 * @param vocabulary length of a row
 */
export function distance(
  found: Float32Array,
  exact: Float32Array | Float64Array,
  vocabulary: number,
): Distance {
  if (found.length !== exact.length || exact.length === 0) {
    throw new Error(`Cannot compare ${found.length} logits with ${exact.length}`);
  }
  let maxAbs = 0, minCos = 1, klSum = 0;
  for (let at = 0; at < exact.length; at += vocabulary) {
    const a = found.subarray(at, at + vocabulary), b = exact.subarray(at, at + vocabulary);
    let ab = 0, aa = 0, bb = 0;
    for (let i = 0; i < vocabulary; i++) {
      const difference = Math.abs(a[i]! - b[i]!);
      if (!(difference <= maxAbs)) maxAbs = difference; // a NaN stays
      ab += a[i]! * b[i]!, aa += a[i]! ** 2, bb += b[i]! ** 2;
    }
    minCos = Math.min(minCos, ab / Math.sqrt(aa * bb));
    klSum += divergence(a, b);
  }
  return { maxAbs, minCos, meanKl: klSum / (exact.length / vocabulary) };
}

/** ln of the sum of exp(logits). */
export function logSumExp(logits: Float32Array | Float64Array): number {
  let most = -Infinity, sum = 0;
  for (const logit of logits) if (logit > most) most = logit;
  for (const logit of logits) sum += Math.exp(logit - most);
  return most + Math.log(sum);
}

/** Kullback-Leibler divergence of softmax(found) from softmax(exact). */
function divergence(found: Float32Array, exact: Float32Array | Float64Array): number {
  const a = logSumExp(found), b = logSumExp(exact);
  let sum = 0;
  for (let i = 0; i < exact.length; i++) {
    sum += Math.exp(exact[i]! - b) * (exact[i]! - b - (found[i]! - a));
  }
  return sum;
}

/** A greedy sequence of a reference. */
export interface GreedyReference {
  readonly tokens: readonly number[];
  /** The likeliest token's lead before the second, in logits; of each step. */
  readonly margins: readonly number[];
}

/**
 * Where a greedy sequence leaves a reference without the excuse of a near tie.
 * @param found as many tokens as the reference has
 * @param nearTie a lead below this may turn over; what follows is then not compared
 * @returns what is wrong, nothing when all is well
 */
export function strays(
  found: readonly number[],
  { tokens, margins }: GreedyReference,
  nearTie: number,
): string | undefined {
  if (found.length !== tokens.length) return `${found.length} tokens for ${tokens.length}`;
  const step = found.findIndex((token, index) => token !== tokens[index]);
  if (step < 0 || margins[step]! < nearTie) return undefined;
  return `token ${step} is ${found[step]} for ${tokens[step]}, which leads by ${margins[step]}`;
}
