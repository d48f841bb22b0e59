/** The numbers and flags of one model, read from its file and checked. @module */

import { ModelError } from "../errors.ts";
import {
  type Activation,
  type Architecture,
  architectureByName,
  ARCHITECTURES,
} from "./architectures.ts";
import { Metadata, show } from "./metadata.ts";
import { checkShape, checkTensors } from "./names.ts";
import type { RopeConfig, RopeScaling } from "./rope.ts";

/** All that the forward pass needs to know; it never asks for the architecture's name. */
export interface ModelConfig {
  /** `general.architecture`, for people. */
  readonly architecture: string;
  /** Transformer blocks. */
  readonly layerCount: number;
  /** Length of an embedding. */
  readonly dim: number;
  /** Query heads. */
  readonly headCount: number;
  /** Key and value heads; divides `headCount`. */
  readonly kvHeadCount: number;
  /** Dimensions of one head. */
  readonly headDim: number;
  /** Hidden length of the feed-forward block, or of each expert. */
  readonly feedForwardDim: number;
  /** The experts of every feed-forward block; absent where it is one. */
  readonly experts?: ExpertConfig;
  /** Rows of the embedding, length of the logits. */
  readonly vocabularySize: number;
  /** Positions the model was made for. */
  readonly contextLength: number;
  /** What RMSNorm adds to the mean square. */
  readonly normEpsilon: number;
  /** The rotations. */
  readonly rope: RopeConfig;
  /** Key j is seen from position i when i - j is below this; absent where all is seen. */
  readonly slidingWindow?: number;
  /** The gate of the feed-forward block. */
  readonly activation: Activation;
  /** What embeddings are multiplied by. */
  readonly embeddingScale: number;
  /** The embedding is the output matrix as well. */
  readonly tied: boolean;
  /** Queries, keys and values have biases. */
  readonly qkvBias: boolean;
  /** Queries and keys are normalised head by head before they are rotated. */
  readonly qkNorm: boolean;
}

/** A mixture of experts. */
export interface ExpertConfig {
  /** Experts of a layer. */
  readonly count: number;
  /** How many of them each token goes to. */
  readonly used: number;
  /** The weights of those used add up to 1. */
  readonly normalised: boolean;
}

/** The part of a model file that the config is read from. */
export interface ConfigSource {
  /** The file's metadata. */
  readonly metadata: ReadonlyMap<string, unknown>;
  /** The file's tensors; shapes are row-major. */
  readonly tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>;
}

/** No model of today comes near these; they keep products far below 2^53. */
const LIMITS = {
  layers: 1024,
  dim: 1 << 17,
  heads: 1024,
  headDim: 1024,
  feedForward: 1 << 20,
  vocabulary: 1 << 22,
  context: 2 ** 31 - 1,
  experts: 1024,
} as const;

/**
 * Reads and checks a model's config: first the file's numbers, then which tensors are there, then
 * the architecture's row. Every tensor's name and shape is checked against the result.
 * @param file the opened model file
 * @param readFloats reads a small F32 tensor by name; asked for `rope_freqs.weight` only
 * @throws ModelError naming the key or tensor and what was found there
 */
export function readConfig(
  file: ConfigSource,
  readFloats: (name: string) => Float32Array,
): ModelConfig {
  const row = findArchitecture(file.metadata);
  const metadata = new Metadata(file.metadata, row.name + ".");
  const heads = readHeads(metadata);
  const vocabularySize = readVocabularySize(file);
  const config: ModelConfig = {
    architecture: row.name,
    layerCount: metadata.count("block_count", { min: 1, max: LIMITS.layers }),
    ...heads,
    ...readFeedForward(metadata),
    vocabularySize,
    contextLength: metadata.count("context_length", { min: 1, max: LIMITS.context }),
    normEpsilon: metadata.real("attention.layer_norm_rms_epsilon", { min: 0, max: 1 }),
    rope: readRope(row, metadata, heads.headDim, file, readFloats),
    ...readWindow(row, metadata),
    activation: row.activation,
    embeddingScale: row.embeddingScale(heads.dim),
    tied: !file.tensors.has("output.weight"),
    qkvBias: file.tensors.has("blk.0.attn_q.bias"),
    qkNorm: file.tensors.has("blk.0.attn_q_norm.weight"),
  };
  checkTensors(file.tensors, config);
  return config;
}

/** The row of the file's architecture. */
function findArchitecture(metadata: ReadonlyMap<string, unknown>): Architecture {
  const name = metadata.get("general.architecture");
  const supported = ARCHITECTURES.map((row) => row.name).join(", ");
  if (typeof name !== "string") {
    throw new ModelError(
      `Cannot use the model: "general.architecture" is ${
        name === undefined ? "missing" : show(name)
      }, supported are ${supported}`,
    );
  }
  const row = architectureByName(name);
  if (row) return row;
  throw new ModelError(`Cannot run architecture ${show(name)}: supported are ${supported}`);
}

/** The feed-forward block's hidden length, and its experts where the file counts any. */
function readFeedForward(metadata: Metadata): Pick<ModelConfig, "feedForwardDim" | "experts"> {
  const count = metadata.count("expert_count", { min: 0, max: LIMITS.experts, fallback: 0 });
  const length = { min: 1, max: LIMITS.feedForward };
  if (count === 0) return { feedForwardDim: metadata.count("feed_forward_length", length) };
  const own = metadata.has("expert_feed_forward_length");
  return {
    feedForwardDim: metadata.count(
      own ? "expert_feed_forward_length" : "feed_forward_length",
      length,
    ),
    experts: {
      count,
      used: metadata.count("expert_used_count", { min: 1, max: count }),
      normalised: metadata.flag("expert_weights_norm", true),
    },
  };
}

/** The sizes of embedding and heads, and that they fit each other. */
function readHeads(
  metadata: Metadata,
): Pick<ModelConfig, "dim" | "headCount" | "kvHeadCount" | "headDim"> {
  const { prefix } = metadata;
  const headRule = { min: 1, max: LIMITS.heads };
  const dim = metadata.count("embedding_length", { min: 1, max: LIMITS.dim });
  const headCount = metadata.count("attention.head_count", headRule);
  const kvHeadCount = metadata.count("attention.head_count_kv", {
    ...headRule,
    fallback: headCount,
  });
  if (headCount % kvHeadCount !== 0) {
    throw new ModelError(
      `Cannot use "${prefix}attention.head_count_kv": ${kvHeadCount} does not divide ` +
        `the ${headCount} heads of "${prefix}attention.head_count"`,
    );
  }
  const headDim = readHeadDim(metadata, dim, headCount);
  return { dim, headCount, kvHeadCount, headDim };
}

/** Dimensions of a head: the file's, or an equal part of the embedding. */
function readHeadDim(metadata: Metadata, dim: number, headCount: number): number {
  const { prefix } = metadata;
  if (!metadata.has("attention.key_length") && dim % headCount !== 0) {
    throw new ModelError(
      `Cannot use "${prefix}embedding_length": ${dim} is not a multiple of ` +
        `the ${headCount} heads of "${prefix}attention.head_count"`,
    );
  }
  const rule = { min: 2, max: LIMITS.headDim };
  const headDim = metadata.count("attention.key_length", { ...rule, fallback: dim / headCount });
  const valueDim = metadata.count("attention.value_length", { ...rule, fallback: headDim });
  if (valueDim === headDim) return headDim;
  throw new ModelError(
    `Cannot use "${prefix}attention.value_length": ${valueDim} differs from ` +
      `the ${headDim} of the keys`,
  );
}

/** Rows of the embedding; as many as the vocabulary has tokens, where the file has one. */
function readVocabularySize({ metadata, tensors }: ConfigSource): number {
  const embedding = tensors.get("token_embd.weight");
  if (!embedding) {
    throw new ModelError(`Cannot find tensor "token_embd.weight": the file does not have it`);
  }
  const rows = embedding.shape[0] ?? 0;
  if (embedding.shape.length !== 2 || rows < 1 || rows > LIMITS.vocabulary) {
    throw new ModelError(
      `Cannot use tensor "token_embd.weight": shape [${embedding.shape}] is not a matrix of ` +
        `1 to ${LIMITS.vocabulary} rows`,
    );
  }
  const tokens = metadata.get("tokenizer.ggml.tokens");
  const count = Array.isArray(tokens) ? tokens.length : rows;
  if (count === rows) return rows;
  throw new ModelError(
    `Cannot use "tokenizer.ggml.tokens": ${count} tokens for ${rows} rows of "token_embd.weight"`,
  );
}

/** The sliding window, where the row says that the file's number means one. */
function readWindow(row: Architecture, metadata: Metadata): { slidingWindow?: number } {
  if (row.windowedLayers === "none") return {};
  const slidingWindow = metadata.count("attention.sliding_window", {
    min: 0,
    max: LIMITS.context,
    fallback: 0,
  });
  return slidingWindow === 0 ? {} : { slidingWindow };
}

/** The rotations: base, rotated dimensions, scaling and frequency factors. */
function readRope(
  row: Architecture,
  metadata: Metadata,
  headDim: number,
  file: ConfigSource,
  readFloats: (name: string) => Float32Array,
): RopeConfig {
  const base = metadata.real("rope.freq_base", { min: 1.001, max: 1e15, fallback: 10000 });
  const dims = metadata.count("rope.dimension_count", {
    min: 2,
    max: headDim,
    fallback: headDim,
  });
  if (dims % 2 !== 0) {
    throw new ModelError(`Cannot use "${metadata.prefix}rope.dimension_count": ${dims} is odd`);
  }
  const rope = { base, dims, pairs: row.ropePairs, scaling: readScaling(metadata) };
  const factors = file.tensors.get("rope_freqs.weight");
  if (!factors) return rope;
  checkShape("rope_freqs.weight", factors.shape, [dims / 2]); // before anything is read
  return { ...rope, factors: checkFactors(readFloats("rope_freqs.weight")) };
}

/** How the file stretches the frequencies; a bare factor means linear, as in llama.cpp. */
function readScaling(metadata: Metadata): RopeScaling {
  const { prefix } = metadata;
  const factorRule = { min: 1e-6, max: 1e6 };
  const factor = metadata.real("rope.scaling.factor", {
    ...factorRule,
    fallback: metadata.real("rope.scale_linear", { ...factorRule, fallback: 1 }),
  });
  const kind = metadata.word("rope.scaling.type") ?? "linear";
  if (kind === "none") return { kind };
  if (kind === "linear") return factor === 1 ? { kind: "none" } : { kind, factor };
  if (kind === "yarn") return readYarn(metadata, factor);
  throw new ModelError(
    `Cannot use "${prefix}rope.scaling.type": ${show(kind)} is not none, linear or yarn`,
  );
}

/** The numbers of YaRN under the keys that llama.cpp writes. */
function readYarn(metadata: Metadata, factor: number): RopeScaling {
  const context = { min: 1, max: LIMITS.context };
  const originalContext = metadata.count("rope.scaling.original_context_length", {
    ...context,
    fallback: metadata.count("context_length", context),
  });
  const real = (key: string, fallback: number, min: number) =>
    metadata.real("rope.scaling." + key, { min, max: 1e6, fallback });
  return {
    kind: "yarn",
    factor,
    originalContext,
    betaFast: real("yarn_beta_fast", 32, 1e-6),
    betaSlow: real("yarn_beta_slow", 1, 1e-6),
    extrapolation: real("yarn_ext_factor", 1, 0),
    attentionFactor: real("attn_factor", 1, 1e-6) * real("yarn_attn_factor", 1, 1e-6),
  };
}

/** Frequency divisors must be finite and positive. */
function checkFactors(factors: Float32Array): Float32Array {
  const bad = factors.find((factor) => !(factor > 0 && factor < Infinity));
  if (bad === undefined) return factors;
  throw new ModelError(`Cannot use tensor "rope_freqs.weight": it contains ${bad}`);
}
