/** Vectors of texts beside each other: how alike two are, and which ones are nearest. @module */

import { ArgumentError } from "../errors.ts";

/** One of several, and how well it does. */
export interface Ranked {
  /** Its index in the list that was given. */
  readonly index: number;
  /** Higher is better. */
  readonly score: number;
}

/**
 * The cosine of the angle between two vectors, from -1 to 1; 0 where one of them has no length.
 * @throws {ArgumentError} one has more dimensions than the other
 * @example
 * ```ts
 * import { cosine } from "./vectors.ts";
 *
 * console.assert(cosine(Float32Array.of(1, 0), Float32Array.of(3, 3)) === Math.SQRT1_2);
 * ```
 */
export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) {
    throw new ArgumentError(`Cannot compare a vector of ${a.length} with one of ${b.length}`);
  }
  let ab = 0, aa = 0, bb = 0;
  for (let i = 0; i < a.length; i++) {
    ab += a[i]! * b[i]!, aa += a[i]! * a[i]!, bb += b[i]! * b[i]!;
  }
  return ab === 0 ? 0 : ab / Math.sqrt(aa * bb);
}

/**
 * The vectors that are nearest to another one by cosine, best first; of equal ones the earlier.
 * @param query the one
 * @param vectors the others
 * @param k how many at the most
 * @example
 * ```ts
 * import { topK } from "./vectors.ts";
 *
 * const [best] = topK([1, 0], [[0, 1], [2, 1], [-1, 0]], 1);
 * console.assert(best!.index === 1);
 * ```
 */
export function topK(
  query: ArrayLike<number>,
  vectors: readonly ArrayLike<number>[],
  k: number,
): Ranked[] {
  return best(vectors.map((vector) => cosine(query, vector)), k);
}

/**
 * Indices by score, best first.
 * @param scores of each
 * @param k how many at the most
 */
export function best(scores: readonly number[], k: number): Ranked[] {
  if (!(k >= 0)) throw new ArgumentError(`Cannot choose the best ${k}: it is a number from 0`);
  const ranked = scores.map((score, index) => ({ index, score }));
  const rank = ({ score }: Ranked) => Number.isNaN(score) ? -Infinity : score;
  return ranked.sort((a, b) => rank(b) - rank(a) || a.index - b.index).slice(0, k);
}
