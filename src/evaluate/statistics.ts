/** Means of measured values, and how far off they may be. @module */

/** A mean and its standard error; NaN where there are fewer than two values. */
export interface Estimate {
  /** The mean, or what is made of it. */
  readonly value: number;
  /** Its standard error. */
  readonly error: number;
}

/** The mean of some values. */
export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

/** The covariance of the means of two lists of values, measured together. */
export function meanCovariance(a: Float64Array, b: Float64Array): number {
  const meanA = mean(a), meanB = mean(b);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - meanA) * (b[i]! - meanB);
  return sum / a.length / (a.length - 1);
}

/** The mean of some values with its standard error. */
export function estimate(values: Float64Array): Estimate {
  return { value: mean(values), error: Math.sqrt(meanCovariance(values, values)) };
}

/** e to the power of an estimate. */
export function exponential({ value, error }: Estimate): Estimate {
  return { value: Math.exp(value), error: Math.exp(value) * error };
}

/** The root of the mean square. */
export function rootMeanSquare(values: Float64Array): Estimate {
  const { value, error } = estimate(values.map((x) => x * x)), root = Math.sqrt(value);
  return { value: root, error: root === 0 ? 0 : error / (2 * root) };
}

/** How often something is true. */
export function share(count: number, all: number): Estimate {
  const value = count / all;
  return { value, error: Math.sqrt(value * (1 - value) / (all - 1)) };
}

/** The value below which a share of sorted values lies, between neighbours in proportion. */
export function percentile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1), low = Math.floor(at);
  const below = sorted[low]!, above = sorted[Math.min(low + 1, sorted.length - 1)]!;
  return below + (at - low) * (above - below);
}
