/** What a worker does at a time: decodes rows, encodes them, measures the damage. @module */
import { ArgumentError } from "../errors.ts";
import { dequantize, quantize } from "../quant.ts";
import { type Clipping, countMagnitudes, encodeInt8, largestOf, rowScale } from "../quant/int8.ts";
import type { Histogram } from "../quant/int8.ts";

/** How int8 rows are scaled. */
export interface Scaling {
  readonly columns: number;
  readonly clipping: Clipping;
  /** Mean square of the activations that meet each column, [columns]. */
  readonly importance?: Float32Array | undefined;
  /** One for all rows. */
  readonly scale?: number | undefined;
}

/** Some whole rows of a matrix. */
export interface Job {
  /** ggml's name of their type. */
  readonly from: string;
  /** ggml's name of the type that they become; without, their magnitudes are counted. */
  readonly to?: string | undefined;
  /** Their bytes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What is added to each value before. */
  readonly plus?: number | undefined;
  /** Blocks of a row share a scale. */
  readonly scaling?: Scaling | undefined;
}

/** What rounding did to some weights; sums, so that parts add up. */
export interface Damage {
  /** Sum of the squares of the weights. */
  readonly signal: number;
  /** Sum of the squares of the errors. */
  readonly noise: number;
  /** The largest error. */
  readonly largest: number;
}

/** The damage of what is copied. */
export const UNHARMED: Damage = { signal: 0, noise: 0, largest: 0 };

/** The new rows. */
export interface Result extends Damage {
  /** Their bytes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where nothing was to be encoded: the counts; `largest` is then the largest magnitude. */
  readonly counts?: Histogram;
}

/** Does it. */
export function doJob({ from, to, bytes, plus = 0, scaling }: Job): Result {
  const values = dequantize(from, bytes);
  if (plus !== 0) { for (let i = 0; i < values.length; i++) values[i]! += plus; }
  if (to === undefined) {
    const counts = countMagnitudes(values);
    return { bytes: new Uint8Array(0), ...UNHARMED, largest: largestOf(values), counts };
  }
  const encoded = scaling ? encodeScaled(values, scaling) : new Uint8Array(quantize(to, values));
  return { bytes: encoded, ...damage(values, dequantize(to, encoded)) };
}

/** Encodes rows whose blocks share a scale. */
function encodeScaled(values: Float32Array, scaling: Scaling): Uint8Array<ArrayBuffer> {
  const { columns, clipping, importance, scale } = scaling;
  const wild = values.findIndex((value) => !Number.isFinite(value));
  if (wild >= 0) throw new ArgumentError(`value ${wild} is ${values[wild]}`);
  return encodeInt8(values, columns, (row) => scale ?? rowScale(row, clipping, importance));
}

/** Compares weights with what is left of them. */
function damage(before: Float32Array, after: Float32Array): Damage {
  let signal = 0, noise = 0, largest = 0;
  for (let i = 0; i < before.length; i++) {
    const value = before[i]!, error = Math.abs(after[i]! - value);
    signal += value * value;
    noise += error * error;
    if (!(error <= largest)) largest = error; // a NaN stays
  }
  return { signal, noise, largest };
}

/** Adds up what was measured of two parts. */
export function addDamage(a: Damage, b: Damage): Damage {
  return {
    signal: a.signal + b.signal,
    noise: a.noise + b.noise,
    largest: Math.max(a.largest, b.largest),
  };
}
