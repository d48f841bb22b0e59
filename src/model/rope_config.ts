/** Reads a model's rotations: base, dimensions, scaling, factors of frequencies. @module */

import { ModelError } from "../errors.ts";
import type { Architecture, RopePairs } from "./architectures.ts";
import { type Metadata, show } from "./metadata.ts";
import { checkShape } from "./names.ts";
import type { RopeConfig, RopeScaling } from "./rope.ts";

const CONTEXT = { min: 1, max: 2 ** 31 - 1 } as const;
const FACTOR = { min: 1e-6, max: 1e6, fallback: 1 } as const;
const BASE = { min: 1.001, max: 1e15 } as const;

/** The tensors of a file, by name; shapes are row-major. */
interface Tensors {
  /** How RoPE pairs dimensions, where the format decides; else the architecture does. */
  readonly ropePairs?: RopePairs;
  readonly tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>;
}

/** Reads factors of frequencies; they must be finite and positive. */
type ReadFactors = (name: string) => Float32Array;

/**
 * The rotations, and those of windowed layers where the row says that they differ.
 * @param row the architecture's
 * @param metadata the file's
 * @param headDim dimensions of a head
 * @param file the opened file
 * @param readFloats reads a small F32 tensor by name
 * @throws ModelError naming the key or tensor and what was found there
 */
export function readRope(
  row: Architecture,
  metadata: Metadata,
  headDim: number,
  file: Tensors,
  readFloats: (name: string) => Float32Array,
): { rope: RopeConfig; localRope?: RopeConfig } {
  const rule = { min: 2, max: headDim, fallback: headDim };
  const dims = metadata.count("rope.dimension_count", rule);
  const pairs = file.ropePairs ?? row.ropePairs;
  if (dims % 2 !== 0) {
    throw new ModelError(`Cannot use "${metadata.prefix}rope.dimension_count": ${dims} is odd`);
  }
  const factorsOf: ReadFactors = (name) => {
    checkShape(name, file.tensors.get(name)?.shape ?? [], [dims / 2]); // before anything is read
    return checkFactors(name, readFloats(name));
  };
  const base = metadata.real("rope.freq_base", { ...BASE, fallback: 10000 });
  const scaling = file.tensors.has("rope_factors_long.weight")
    ? readLongrope(metadata, factorsOf)
    : readScaling(metadata);
  const own = file.tensors.has("rope_freqs.weight");
  const rope = { base, dims, pairs, scaling };
  return {
    rope: own ? { ...rope, factors: factorsOf("rope_freqs.weight") } : rope,
    ...readLocalRope(row, metadata, rope),
  };
}

/** The rotations of windowed layers: never stretched. */
function readLocalRope(
  { windows }: Architecture,
  metadata: Metadata,
  rope: RopeConfig,
): { localRope?: RopeConfig } {
  if (windows?.ropeBase === undefined) return {};
  const base = metadata.real("rope.freq_base_swa", { ...BASE, fallback: windows.ropeBase });
  return { localRope: { ...rope, base, scaling: { kind: "none" } } };
}

/** Factors for short and for long contexts, as tensors. */
function readLongrope(metadata: Metadata, factorsOf: ReadFactors): RopeScaling {
  return {
    kind: "longrope",
    short: factorsOf("rope_factors_short.weight"),
    long: factorsOf("rope_factors_long.weight"),
    originalContext: originalContext(metadata),
    attentionFactor: metadata.real("rope.scaling.attn_factor", FACTOR),
  };
}

/** Positions of the training, where the file stretches them. */
function originalContext(metadata: Metadata): number {
  const fallback = metadata.count("context_length", CONTEXT);
  return metadata.count("rope.scaling.original_context_length", { ...CONTEXT, fallback });
}

/** How the file stretches the frequencies; a bare factor means linear, as in llama.cpp. */
function readScaling(metadata: Metadata): RopeScaling {
  const { prefix } = metadata;
  const fallback = metadata.real("rope.scale_linear", FACTOR);
  const factor = metadata.real("rope.scaling.factor", { ...FACTOR, fallback });
  const kind = metadata.word("rope.scaling.type") ?? "linear";
  if (kind === "none") return { kind };
  if (kind === "linear") return factor === 1 ? { kind: "none" } : { kind, factor };
  if (kind === "dynamic") return { kind, factor, originalContext: originalContext(metadata) };
  if (kind === "yarn") return readYarn(metadata, factor);
  if (kind === "bands") return readBands(metadata, factor);
  throw new ModelError(
    `Cannot use "${prefix}rope.scaling.type": ${show(kind)} is not none, linear, dynamic, ` +
      `yarn or bands, nor longrope with its factors`,
  );
}

/** The numbers of scaling by bands, which a GGUF holds as a tensor of factors instead. */
function readBands(metadata: Metadata, factor: number): RopeScaling {
  const positive = { min: 1e-6, max: 1e6 };
  const lowFrequency = metadata.real("rope.scaling.low_freq_factor", positive);
  const highFrequency = metadata.real("rope.scaling.high_freq_factor", positive);
  const original = metadata.count("rope.scaling.original_context_length", CONTEXT);
  if (highFrequency > lowFrequency) {
    return { kind: "bands", factor, originalContext: original, lowFrequency, highFrequency };
  }
  throw new ModelError(
    `Cannot use "${metadata.prefix}rope.scaling.high_freq_factor": ${highFrequency} is not ` +
      `above the ${lowFrequency} of "low_freq_factor"`,
  );
}

/** The numbers of YaRN under the keys that llama.cpp writes. */
function readYarn(metadata: Metadata, factor: number): RopeScaling {
  const real = (key: string, fallback: number, min: number) =>
    metadata.real("rope.scaling." + key, { min, max: 1e6, fallback });
  return {
    kind: "yarn",
    factor,
    originalContext: originalContext(metadata),
    betaFast: real("yarn_beta_fast", 32, 1e-6),
    betaSlow: real("yarn_beta_slow", 1, 1e-6),
    extrapolation: real("yarn_ext_factor", 1, 0),
    attentionFactor: real("attn_factor", 1, 1e-6) * real("yarn_attn_factor", 1, 1e-6),
  };
}

/** Frequency divisors must be finite and positive. */
function checkFactors(name: string, factors: Float32Array): Float32Array {
  const bad = factors.find((factor) => !(factor > 0 && factor < Infinity));
  if (bad === undefined) return factors;
  throw new ModelError(`Cannot use tensor "${name}": it contains ${bad}`);
}
