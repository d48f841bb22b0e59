/** Symmetric int8 with one scale per row or matrix: scales, clipping, encoding. @module */

// Stored as Q8_0 blocks that all have the same scale, so every kernel and every other program runs
// them as they are; 1/16 of the bytes repeats the scale. Scales are half floats.

/** What shares a scale: an output channel, which is a row, or the whole matrix. */
export type Scope = "row" | "tensor";
/** How the largest value that a scale reaches is chosen: see `rowScale`. */
export type Clipping = "min-max" | "percentile" | "mse";

/** Every scope. */
export const SCOPES: readonly Scope[] = ["row", "tensor"];
/** Every clipping. */
export const CLIPPINGS: readonly Clipping[] = ["min-max", "percentile", "mse"];

const LEVELS = 127;
const PERCENTILE = 0.999;
const CANDIDATES = Array.from({ length: 33 }, (_, i) => 1 - i / 48); // shares of the largest value

/**
 * The scale of a row. "min-max" reaches the largest value, "percentile" 99.9 % of the values, "mse"
 * leaves the least squared error, each column's weighed by `importance` where that is known: the
 * mean square of the activations that meet it, so that what is least is the error of the product.
 */
export function rowScale(
  row: Float32Array,
  clipping: Clipping,
  importance: Float32Array | undefined,
): number {
  const largest = largestOf(row);
  if (clipping === "min-max" || largest === 0) return largest / LEVELS;
  if (clipping === "percentile") {
    const sorted = row.map(Math.abs).sort();
    return sorted[Math.ceil(PERCENTILE * row.length) - 1]! / LEVELS;
  }
  let best = 0, least = Infinity;
  for (const share of CANDIDATES) {
    const scale = share * largest / LEVELS, inverse = 1 / scale;
    let error = 0;
    for (let i = 0; i < row.length && error < least; i++) {
      const code = Math.max(-LEVELS, Math.min(LEVELS, Math.round(row[i]! * inverse)));
      const miss = row[i]! - scale * code;
      error += miss * miss * (importance?.[i] ?? 1);
    }
    if (error < least) [best, least] = [scale, error];
  }
  return best;
}

const BINS = 1 << 15; // of magnitudes: a float's exponent and its first seven fraction bits

/** How often magnitudes occur in a matrix, to 1 %: parts of it add up. */
export type Histogram = Uint32Array<ArrayBuffer>;

/** The largest magnitude. */
export function largestOf(values: Float32Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** Counts the magnitudes of some weights. */
export function countMagnitudes(values: Float32Array): Histogram {
  const counts = new Uint32Array(BINS);
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < words.length; i++) counts[words[i]! >>> 16 & 0x7fff]!++;
  return counts;
}

/** The magnitude in the middle of a bin. */
function magnitudeOf(bin: number): number {
  return new Float32Array(Uint32Array.of(bin << 16 | 0x8000).buffer)[0]!;
}

/** The squared error of a magnitude under a scale, in the mean over its bin. */
function missOf(magnitude: number, scale: number): number {
  const steps = magnitude / scale;
  if (steps > 16 && steps < LEVELS) return scale * scale / 12; // a bin is over an eighth of a step
  return (magnitude - scale * Math.min(LEVELS, Math.round(steps))) ** 2;
}

/**
 * The scale of a whole matrix, as `rowScale`, by its counts and its largest magnitude.
 */
export function matrixScale(counts: Histogram, largest: number, clipping: Clipping): number {
  if (clipping === "min-max" || largest === 0) return largest / LEVELS;
  const bins: [magnitude: number, count: number][] = [];
  for (let bin = 1; bin < BINS; bin++) {
    if (counts[bin]! > 0) bins.push([magnitudeOf(bin), counts[bin]!]);
  }
  if (clipping === "percentile") {
    const total = counts.reduce((sum, count) => sum + count, 0);
    let left = (1 - PERCENTILE) * total, at = bins.length - 1;
    while (at > 0 && bins[at]![1] <= left) left -= bins[at--]![1];
    return bins[at]![0] / LEVELS;
  }
  let best = 0, least = Infinity;
  for (let share = 1; share > 0.02; share *= 0.97) {
    const step = share * largest / LEVELS;
    let error = 0;
    for (const [magnitude, count] of bins) error += count * missOf(magnitude, step);
    if (error < least) [best, least] = [step, error];
  }
  return best;
}

/** Encodes rows as Q8_0 blocks: those of a row share the scale that `scaleOf` says. */
export function encodeInt8(
  values: Float32Array,
  columns: number,
  scaleOf: (row: Float32Array) => number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(values.length / 32 * 34), view = new DataView(bytes.buffer);
  let offset = 0;
  for (let at = 0; at < values.length; at += columns) {
    const row = values.subarray(at, at + columns);
    view.setFloat16(offset, scaleOf(row), true);
    const scale = view.getFloat16(offset, true), inverse = scale === 0 ? 0 : 1 / scale;
    for (let i = 0; i < columns; i += 32, offset += 34) {
      view.setFloat16(offset, scale, true);
      for (let j = 0; j < 32; j++) {
        const code = Math.round(row[i + j]! * inverse);
        view.setInt8(offset + 2 + j, Math.max(-LEVELS, Math.min(LEVELS, code)));
      }
    }
  }
  return bytes;
}
