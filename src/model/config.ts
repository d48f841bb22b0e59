/** The numbers and flags of one model, read from its file and checked. @module */

import type { CacheShape } from "../cache/kv_cache.ts";
import { ModelError } from "../errors.ts";
import {
  type Activation,
  type Architecture,
  architectureByName,
  ARCHITECTURES,
  type RopePairs,
} from "./architectures.ts";
import { Metadata, show } from "./metadata.ts";
import { checkTensors } from "./names.ts";
import type { RopeConfig } from "./rope.ts";
import { readRope } from "./rope_config.ts";

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
  /** The rotations of windowed layers, where they have their own. */
  readonly localRope?: RopeConfig;
  /** Key j is seen from position i when i - j is below this; absent where all is seen. */
  readonly slidingWindow?: number;
  /** Which layers have the window; absent where all do. */
  readonly windowed?: readonly boolean[]; // [layerCount]
  /** What scores are multiplied by. */
  readonly scoreScale: number;
  /** A score s becomes cap * tanh(s / cap). */
  readonly attentionSoftcap?: number;
  /** A logit x becomes cap * tanh(x / cap). */
  readonly logitSoftcap?: number;
  /** The gate of the feed-forward block. */
  readonly activation: Activation;
  /** What embeddings are multiplied by. */
  readonly embeddingScale: number;
  /** The embedding is the output matrix as well. */
  readonly tied: boolean;
  /** Queries, keys and values have biases. */
  readonly qkvBias: boolean;
  /** What attention gives has a bias. */
  readonly outputBias: boolean;
  /** Gate, up and down have biases. */
  readonly ffnBias: boolean;
  /** Queries and keys are normalised head by head before they are rotated. */
  readonly qkNorm: boolean;
  /** What attention and feed-forward blocks give is normalised before it is added. */
  readonly postNorms: boolean;
  /** Queries, keys and values have one matrix. */
  readonly fusedQkv: boolean;
  /** Gate and up have one matrix. */
  readonly fusedGateUp: boolean;
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
  /** How RoPE pairs dimensions, where the format decides; else the architecture does. */
  readonly ropePairs?: RopePairs;
}

/**
 * Whether a layer sees its window only.
 * @param config the model's numbers
 * @param layer its index
 */
export function isWindowed({ slidingWindow, windowed }: ModelConfig, layer: number): boolean {
  return slidingWindow !== undefined && windowed?.[layer] !== false;
}

/** What the sizes of the cache depend on. */
export function cacheShape(config: ModelConfig): CacheShape {
  const { layerCount, kvHeadCount, headDim, slidingWindow = 0 } = config;
  const windows = Array.from({ length: layerCount }, (_, layer) => {
    return isWindowed(config, layer) ? slidingWindow : 0;
  });
  return { windows, kvHeadCount, headDim };
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
 * @param readFloats reads a small F32 tensor by name; asked for factors of frequencies only
 * @throws ModelError naming the key or tensor and what was found there
 */
export function readConfig(
  file: ConfigSource,
  readFloats: (name: string) => Float32Array,
): ModelConfig {
  const row = findArchitecture(file.metadata);
  const metadata = new Metadata(file.metadata, row.name + ".");
  checkActivation(row, metadata);
  checkCausal(metadata);
  const heads = readHeads(metadata);
  const layerCount = metadata.count("block_count", { min: 1, max: LIMITS.layers });
  const vocabularySize = readVocabularySize(file);
  const config: ModelConfig = {
    architecture: row.name,
    layerCount,
    ...heads,
    ...readFeedForward(metadata),
    vocabularySize,
    contextLength: metadata.count("context_length", { min: 1, max: LIMITS.context }),
    normEpsilon: metadata.real("attention.layer_norm_rms_epsilon", { min: 0, max: 1 }),
    ...readRope(row, metadata, heads.headDim, file, readFloats),
    ...readWindow(row, metadata, layerCount),
    ...readCaps(row, metadata),
    scoreScale: readScoreScale(row, metadata, { layerCount, ...heads }),
    activation: row.activation ?? "silu",
    embeddingScale: row.embeddingScale?.(heads.dim) ?? 1,
    ...readParts(file),
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

/** A file may name its activation: then it is the row's. */
function checkActivation({ activation = "silu" }: Architecture, metadata: Metadata): void {
  const named = metadata.word("feed_forward.activation") ?? activation;
  if (named === activation) return;
  throw new ModelError(
    `Cannot use "${metadata.prefix}feed_forward.activation": ${show(named)} is not the ` +
      `${activation} of its architecture`,
  );
}

/** A model of text to go on with sees what came before, and only that. */
function checkCausal(metadata: Metadata): void {
  if (metadata.flag("attention.causal", true)) return;
  throw new ModelError(
    `Cannot use "${metadata.prefix}attention.causal": positions that see later ones cannot be run`,
  );
}

/** What scores are multiplied by: the file's, or by the row's dimensions. */
function readScoreScale(
  { scoreDims }: Architecture,
  metadata: Metadata,
  sizes: Parameters<NonNullable<Architecture["scoreDims"]>>[0],
): number {
  const fallback = 1 / Math.sqrt(scoreDims?.(sizes) ?? sizes.headDim);
  return metadata.real("attention.scale", { min: 1e-6, max: 1e6, fallback });
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

/** The sliding window, and which layers have it, where the row says that there may be one. */
function readWindow(
  { windows }: Architecture,
  metadata: Metadata,
  layerCount: number,
): Pick<ModelConfig, "slidingWindow" | "windowed"> {
  const fallback = windows?.fallback ?? 0, all = { min: 0, max: LIMITS.context };
  const slidingWindow = metadata.count("attention.sliding_window", { ...all, fallback });
  if (!windows || slidingWindow === 0) return {};
  const list = metadata.flags("attention.sliding_window_pattern", layerCount);
  if (list !== undefined) return { slidingWindow, windowed: list };
  const pattern = { min: 0, max: LIMITS.layers, fallback: windows.fullEvery };
  const fullEvery = metadata.count("attention.sliding_window_pattern", pattern);
  if (fullEvery === 0) return { slidingWindow };
  const layers = Array.from({ length: layerCount }, (_, layer) => (layer + 1) % fullEvery !== 0);
  return { slidingWindow, windowed: layers };
}

/** Soft caps: the file's, or the row's; 0 means none. */
function readCaps(
  { softCaps }: Architecture,
  metadata: Metadata,
): Pick<ModelConfig, "attentionSoftcap" | "logitSoftcap"> {
  const cap = (key: string, fallback = 0) => metadata.real(key, { min: 0, max: 1e30, fallback });
  const attentionSoftcap = cap("attn_logit_softcapping", softCaps?.attention);
  const logitSoftcap = cap("final_logit_softcapping", softCaps?.logits);
  return {
    ...(attentionSoftcap > 0 ? { attentionSoftcap } : {}),
    ...(logitSoftcap > 0 ? { logitSoftcap } : {}),
  };
}

/** What the model has, by the tensors of its first layer. */
function readParts({ tensors }: ConfigSource) {
  const has = (name: string) => tensors.has("blk.0." + name);
  return {
    tied: !tensors.has("output.weight"),
    qkvBias: has("attn_q.bias"),
    outputBias: has("attn_output.bias"),
    ffnBias: has("ffn_down.bias"),
    qkNorm: has("attn_q_norm.weight"),
    postNorms: has("post_attention_norm.weight"),
    fusedQkv: has("attn_qkv.weight"),
    fusedGateUp: has("ffn_up.weight") && !has("ffn_gate.weight"),
  };
}
