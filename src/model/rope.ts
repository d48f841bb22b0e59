/** Rotary position embedding: scaled frequencies, and tables of cosines and sines. @module */

import type { RopePairs } from "./architectures.ts";

/** How the frequencies of a model are stretched to a longer context. */
export type RopeScaling =
  | { readonly kind: "none" }
  | { readonly kind: "linear"; readonly factor: number }
  | DynamicScaling
  | LongropeScaling
  | YarnScaling
  | BandScaling;

/**
 * Dynamic NTK: a context longer than the original one gets a larger base. What is long is the
 * context that a model is loaded with, not the text so far, so that a position always turns alike.
 */
export interface DynamicScaling {
  /** The tag. */
  readonly kind: "dynamic";
  /** How strongly the base grows with the context. */
  readonly factor: number;
  /** Context length of the training, in positions. */
  readonly originalContext: number;
}

/** LongRoPE (Ding et al. 2024, arXiv:2402.13753): one of two lists of factors, by the context. */
export interface LongropeScaling {
  /** The tag. */
  readonly kind: "longrope";
  /** Divisors of the frequencies up to the original context. */
  readonly short: Float32Array; // [dims / 2]
  /** Divisors in a longer one. */
  readonly long: Float32Array; // [dims / 2]
  /** Context length of the training, in positions. */
  readonly originalContext: number;
  /** What queries and keys are multiplied by. */
  readonly attentionFactor: number;
}

/** YaRN (Peng et al. 2023, arXiv:2309.00071): fast pairs stay, slow ones are interpolated. */
export interface YarnScaling {
  /** The tag. */
  readonly kind: "yarn";
  /** New context length over the original one. */
  readonly factor: number;
  /** Context length of the training, in positions. */
  readonly originalContext: number;
  /** Turns over the original context above which a pair is left alone; 32 by default. */
  readonly betaFast: number;
  /** Turns below which a pair is wholly interpolated; 1 by default. */
  readonly betaSlow: number;
  /** Share of the original frequency in fast pairs; 1 unless the file says otherwise. */
  readonly extrapolation: number;
  /** What the file multiplies the paper's attention factor by; 1 by default. */
  readonly attentionFactor: number;
}

/** By bands: fast pairs stay, slow ones are interpolated, what lies between changes over. */
export interface BandScaling {
  /** The tag. */
  readonly kind: "bands";
  /** What the frequencies of slow pairs are divided by. */
  readonly factor: number;
  /** Context length of the training, in positions. */
  readonly originalContext: number;
  /** Turns over the original context below which a pair is slow. */
  readonly lowFrequency: number;
  /** Turns above which a pair is fast. */
  readonly highFrequency: number;
}

/** Everything that decides a model's rotations. */
export interface RopeConfig {
  /** Base of the geometric row of frequencies. */
  readonly base: number;
  /** Rotated dimensions of each head, even, at most the head's own. */
  readonly dims: number;
  /** Which two dimensions turn together. */
  readonly pairs: RopePairs;
  /** The stretching. */
  readonly scaling: RopeScaling;
  /** Divisors of the frequencies, `rope_freqs.weight` (how GGUF stores Llama 3 scaling). */
  readonly factors?: Float32Array; // [dims / 2]
}

/**
 * Cosines and sines by position, in double precision until the last rounding.
 *
 * Costs one sine and one cosine per pair and position: 32 pairs of 512 positions take about 1 ms.
 * @example
 * ```ts
 * const table = new RopeTable({
 *   base: 10000, dims: 4, pairs: "halves", scaling: { kind: "none" },
 * });
 * const out = new Float32Array(4);
 * table.rows([0], out); // 1, 0, 1, 0
 * ```
 */
export class RopeTable {
  /** Radians per position of each pair. */
  readonly frequencies: Float64Array; // [dims / 2]
  /** What cosines and sines are multiplied by (the attention factor of YaRN and LongRoPE). */
  readonly magnitude: number;

  /**
   * Works out the frequencies.
   * @param config the model's rotations
   * @param context positions that the model is loaded with; some scalings depend on it
   */
  constructor(config: RopeConfig, context = 0) {
    this.frequencies = ropeFrequencies(config, context);
    this.magnitude = ropeMagnitude(config.scaling);
  }

  /**
   * Fills cosine and sine of every pair at each position.
   * @param positions absolute positions, [rows]
   * @param out [rows, dims / 2, 2], cosine first
   */
  rows(positions: ArrayLike<number>, out: Float32Array): void {
    const { frequencies, magnitude } = this;
    const pairCount = frequencies.length;
    for (let row = 0, at = 0; row < positions.length; row++) {
      const position = positions[row]!;
      for (let pair = 0; pair < pairCount; pair++) {
        const angle = position * frequencies[pair]!;
        out[at++] = Math.cos(angle) * magnitude;
        out[at++] = Math.sin(angle) * magnitude;
      }
    }
  }
}

/** The tables of a model: of all layers, or of those that see all and of windowed ones. */
export class Rotations {
  readonly #all: RopeTable;
  readonly #local: RopeTable | undefined;

  /**
   * Works out the frequencies.
   * @param config the model's rotations
   * @param context positions that the model is loaded with
   */
  constructor(config: { rope: RopeConfig; localRope?: RopeConfig }, context: number) {
    this.#all = new RopeTable(config.rope, context);
    this.#local = config.localRope && new RopeTable(config.localRope, context);
  }

  /** What tells these rotations from those of another context: all frequencies, as a text. */
  get key(): string {
    return [this.#all, this.#local].map((table) => table?.frequencies.join(" ") ?? "").join("/");
  }

  /**
   * Fills the angles of a batch.
   * @param positions absolute positions, [rows]
   * @param batch where they go; `localAngles` of windowed layers, where those have their own
   */
  fill(
    positions: ArrayLike<number>,
    batch: { readonly angles: Float32Array; readonly localAngles: Float32Array },
  ): void {
    this.#all.rows(positions, batch.angles);
    this.#local?.rows(positions, batch.localAngles);
  }
}

/**
 * Radians per position of each pair, scaling applied.
 * @param config the model's rotations
 * @param context positions that the model is loaded with
 * @returns [dims / 2]
 */
export function ropeFrequencies(config: RopeConfig, context = 0): Float64Array {
  const { dims, scaling, factors } = config, base = baseOf(config, context);
  const divisor = divisorOf(scaling, base, dims, context);
  return Float64Array.from(
    { length: dims / 2 },
    (_, pair) => base ** (-2 * pair / dims) / (factors?.[pair] ?? 1) / divisor(pair),
  );
}

/** The base, which dynamic scaling raises: by ((s * n / n0) - (s - 1)) ^ (dims / (dims - 2)). */
function baseOf({ base, dims, scaling }: RopeConfig, context: number): number {
  if (scaling.kind !== "dynamic" || dims === 2) return base;
  const { factor, originalContext } = scaling, length = Math.max(context, originalContext);
  return base * (factor * length / originalContext - (factor - 1)) ** (dims / (dims - 2));
}

/** What a scaling divides the frequency of a pair by. */
function divisorOf(
  scaling: RopeScaling,
  base: number,
  dims: number,
  context: number,
): (pair: number) => number {
  switch (scaling.kind) {
    case "none":
    case "dynamic":
      return () => 1;
    case "longrope": {
      const { short, long, originalContext } = scaling;
      const factors = context > originalContext ? long : short;
      return (pair) => factors[pair]!;
    }
    case "linear":
      return () => scaling.factor;
    case "yarn": {
      const ramp = yarnRamp(scaling, base, dims);
      return (pair) => {
        const kept = scaling.extrapolation * (1 - ramp(pair));
        return 1 / ((1 - kept) / scaling.factor + kept);
      };
    }
    case "bands": {
      const factors = bandFactors(scaling, { base, dims });
      return (pair) => factors[pair]!;
    }
  }
}

/**
 * What scaling by bands divides frequencies by, as the floats that a GGUF has for it.
 * @param scaling the bands
 * @param rope base and rotated dimensions
 * @returns [dims / 2]
 */
export function bandFactors(
  { factor, originalContext, lowFrequency, highFrequency }: BandScaling,
  { base, dims }: Pick<RopeConfig, "base" | "dims">,
): Float32Array {
  return Float32Array.from({ length: dims / 2 }, (_, pair) => {
    const turns = originalContext * base ** (-2 * pair / dims) / (2 * Math.PI);
    const share = (turns - lowFrequency) / (highFrequency - lowFrequency);
    const kept = Math.min(1, Math.max(0, share));
    return 1 / ((1 - kept) / factor + kept);
  });
}

/** 0 for pairs that turn fast enough to be left alone, 1 for those that are interpolated. */
function yarnRamp(scaling: YarnScaling, base: number, dims: number): (pair: number) => number {
  // The pair that makes `turns` turns over the original context, as a real number.
  const pairOf = (turns: number) =>
    dims * Math.log(scaling.originalContext / (turns * 2 * Math.PI)) / (2 * Math.log(base));
  const low = Math.max(0, Math.floor(pairOf(scaling.betaFast)));
  const high = Math.min(dims - 1, Math.ceil(pairOf(scaling.betaSlow)));
  const width = Math.max(0.001, high - low); // both references avoid the division by zero so
  return (pair) => Math.min(1, Math.max(0, (pair - low) / width));
}

/** The attention factor, of YaRN 0.1 ln(factor) + 1; it scales queries and keys alike. */
function ropeMagnitude(scaling: RopeScaling): number {
  if (scaling.kind === "longrope") return scaling.attentionFactor;
  if (scaling.kind !== "yarn") return 1;
  const paper = scaling.extrapolation === 0 ? 1 : 1 + 0.1 * Math.log(Math.max(1, scaling.factor));
  return paper * scaling.attentionFactor;
}
