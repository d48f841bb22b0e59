/** The weights of a model as operands into its mapped file. @module */

import type { Kernels } from "../native/ffi.ts";
import type { Operand } from "../step/step.ts";
import type { ModelConfig } from "./config.ts";
import { requiredTensors } from "./names.ts";
import { type Weight, type WeightOptions, type WeightSource, WeightStore } from "./weight_store.ts";

export type { Weight };

/** One transformer block. */
export interface LayerWeights {
  readonly attentionNorm: Operand; // [dim]
  readonly q: Weight; // [headCount * headDim, dim]
  readonly k: Weight; // [kvHeadCount * headDim, dim]
  readonly v: Weight; // [kvHeadCount * headDim, dim]
  readonly qBias?: Operand | undefined; // [headCount * headDim]
  readonly kBias?: Operand | undefined; // [kvHeadCount * headDim]
  readonly vBias?: Operand | undefined; // [kvHeadCount * headDim]
  readonly outputBias?: Operand | undefined; // [dim]
  readonly gateBias?: Operand | undefined; // [feedForwardDim]
  readonly upBias?: Operand | undefined; // [feedForwardDim]
  readonly downBias?: Operand | undefined; // [dim]
  readonly qNorm?: Operand | undefined; // [headDim]
  readonly kNorm?: Operand | undefined; // [headDim]
  readonly attentionOutput: Weight; // [dim, headCount * headDim]
  readonly postAttentionNorm?: Operand | undefined; // [dim]
  readonly ffnNorm: Operand; // [dim]
  readonly postFfnNorm?: Operand | undefined; // [dim]
  readonly router?: Weight | undefined; // [experts, dim]
  readonly gate: Weight; // [feedForwardDim, dim], of each expert
  readonly up: Weight; // [feedForwardDim, dim], of each expert
  readonly down: Weight; // [dim, feedForwardDim], of each expert
}

/** Everything the forward pass reads. Holds the mapped files until it is disposed of. */
export class Weights implements Disposable {
  readonly #store: WeightStore;
  readonly #expertsUsed: number;
  /** Token embeddings, [vocabularySize, dim]. */
  readonly embedding: Weight;
  /** The last norm, [dim]. */
  readonly outputNorm: Operand;
  /** The output matrix, [vocabularySize, dim]; the embedding where they are tied. */
  readonly output: Weight;
  /** The blocks, in order. */
  readonly layers: readonly LayerWeights[];

  private constructor(store: WeightStore, config: ModelConfig) {
    this.#store = store;
    this.#expertsUsed = config.experts?.used ?? 1;
    this.embedding = store.get("token_embd.weight");
    this.outputNorm = store.get("output_norm.weight");
    this.output = config.tied ? this.embedding : store.get("output.weight");
    this.layers = Array.from({ length: config.layerCount }, (_, i) => this.#layer(i, config));
  }

  /**
   * Maps the files; nothing is copied but what cannot be used as it lies there.
   * @param kernels the library
   * @param source the files and their tensors
   * @param config the model's config, which has checked names and shapes
   * @throws {ModelError} for a tensor of a type that cria cannot run
   */
  static async load(
    kernels: Kernels,
    source: WeightSource,
    config: ModelConfig,
    options: WeightOptions = {},
  ): Promise<Weights> {
    const required = requiredTensors(config).filter(({ name }) => !name.startsWith("rope_"));
    return new Weights(await WeightStore.load(kernels, source, required, options), config);
  }

  /** Bytes of the mapped files. */
  get mappedBytes(): number {
    return this.#store.mappedBytes;
  }

  /** Bytes of weights that were converted while they were loaded. */
  get convertedBytes(): number {
    return this.#store.convertedBytes;
  }

  /** All matrices and vectors by name. */
  get named(): ReadonlyMap<string, Weight> {
    return this.#store.all;
  }

  /** Bytes that a pass over all layers and the output reads. */
  get bytesPerToken(): number {
    const bytes = (matrices: readonly Weight[]) =>
      matrices.reduce(
        (sum, { quant, rows, columns }) => sum + rows * columns / quant.elements * quant.bytes,
        0,
      );
    return this.layers.reduce((sum, { q, k, v, attentionOutput, gate, up, down }) => {
      return sum + bytes([q, k, v, attentionOutput]) + this.#expertsUsed * bytes([gate, up, down]);
    }, bytes([this.output]));
  }

  #layer(index: number, config: ModelConfig): LayerWeights {
    const matrix = (name: string) => this.#store.get(`blk.${index}.${name}.weight`);
    const norm = (name: string) => this.#store.get(`blk.${index}.${name}.weight`);
    const bias = (name: string, isThere: boolean) =>
      isThere ? this.#store.get(`blk.${index}.${name}.bias`) : undefined;
    return {
      attentionNorm: norm("attn_norm"),
      ...this.#attention(matrix, config),
      qBias: bias("attn_q", config.qkvBias),
      kBias: bias("attn_k", config.qkvBias),
      vBias: bias("attn_v", config.qkvBias),
      outputBias: bias("attn_output", config.outputBias),
      gateBias: bias("ffn_gate", config.ffnBias),
      upBias: bias("ffn_up", config.ffnBias),
      downBias: bias("ffn_down", config.ffnBias),
      qNorm: config.qkNorm ? norm("attn_q_norm") : undefined,
      kNorm: config.qkNorm ? norm("attn_k_norm") : undefined,
      attentionOutput: matrix("attn_output"),
      postAttentionNorm: config.postNorms ? norm("post_attention_norm") : undefined,
      ffnNorm: norm("ffn_norm"),
      postFfnNorm: config.postNorms ? norm("post_ffw_norm") : undefined,
      ...this.#feedForward(matrix, config),
    };
  }

  /** Queries, keys and values: matrices of their own, or rows of one. */
  #attention(
    matrix: (name: string) => Weight,
    { fusedQkv, headCount, kvHeadCount, headDim }: ModelConfig,
  ): Pick<LayerWeights, "q" | "k" | "v"> {
    if (!fusedQkv) return { q: matrix("attn_q"), k: matrix("attn_k"), v: matrix("attn_v") };
    const all = matrix("attn_qkv"), queries = headCount * headDim, keys = kvHeadCount * headDim;
    return {
      q: rowsOf(all, 0, queries),
      k: rowsOf(all, queries, keys),
      v: rowsOf(all, queries + keys, keys),
    };
  }

  /** Gate, up and down: matrices of their own, of every expert, or gate and up in one. */
  #feedForward(
    matrix: (name: string) => Weight,
    { fusedGateUp, feedForwardDim, experts }: ModelConfig,
  ): Pick<LayerWeights, "router" | "gate" | "up" | "down"> {
    const suffix = experts ? "_exps" : "", down = matrix("ffn_down" + suffix);
    const router = experts ? matrix("ffn_gate_inp") : undefined;
    const up = matrix("ffn_up" + suffix);
    if (!fusedGateUp) return { router, gate: matrix("ffn_gate" + suffix), up, down };
    const n = feedForwardDim;
    return { gate: rowsOf(up, 0, n), up: rowsOf(up, n, n), down };
  }

  /** Unmaps the files. */
  [Symbol.dispose](): void {
    this.#store[Symbol.dispose]();
  }
}

/** Some rows of a matrix, where they lie. */
function rowsOf(matrix: Weight, from: number, rows: number): Weight {
  const { quant, columns, offset } = matrix;
  return { ...matrix, rows, offset: offset + from * columns / quant.elements * quant.bytes };
}
