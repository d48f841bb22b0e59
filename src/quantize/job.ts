/** What a worker does at a time: decodes rows, encodes them, measures the damage. @module */
import { dequantize, quantize } from "../quant.ts";

/** Some whole rows of a matrix. */
export interface Job {
  /** ggml's name of their type. */
  readonly from: string;
  /** ggml's name of the type that they become. */
  readonly to: string;
  /** Their bytes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
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

/** The new rows. */
export interface Result extends Damage {
  /** Their bytes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Does it. */
export function encodeRows({ from, to, bytes }: Job): Result {
  const values = dequantize(from, bytes);
  const encoded = new Uint8Array(quantize(to, values));
  return { bytes: encoded, ...damage(values, dequantize(to, encoded)) };
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
