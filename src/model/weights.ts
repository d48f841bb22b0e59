/** The weights of a model as operands into its mapped file. @module */

import { FormatError, ModelError } from "../errors.ts";
import type { ModelFile, TensorInfo } from "../format/file.ts";
import type { Kernels } from "../native/ffi.ts";
import { Region } from "../native/memory.ts";
import { ELEMENT } from "../native/operations.ts";
import { dequantize, type Quant, quantByName, QUANTS } from "../quant.ts";
import type { Operand } from "../step/step.ts";
import type { ModelConfig } from "./config.ts";

/** A matrix that products can use, or one for each expert. */
export interface Weight extends Operand {
  /** Its type. */
  readonly quant: Quant;
  /** Outputs. */
  readonly rows: number;
  /** Inputs. */
  readonly columns: number;
}

/** One transformer block. */
export interface LayerWeights {
  readonly attentionNorm: Operand; // [dim]
  readonly q: Weight; // [headCount * headDim, dim]
  readonly k: Weight; // [kvHeadCount * headDim, dim]
  readonly v: Weight; // [kvHeadCount * headDim, dim]
  readonly qBias?: Operand | undefined; // [headCount * headDim]
  readonly kBias?: Operand | undefined; // [kvHeadCount * headDim]
  readonly vBias?: Operand | undefined; // [kvHeadCount * headDim]
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

/** Everything the forward pass reads. Holds the mapped file until it is disposed of. */
export class Weights implements Disposable {
  readonly #file: ModelFile;
  readonly #kernels: Kernels;
  readonly #mapped: Region;
  readonly #widened: Region[] = [];
  readonly #expertsUsed: number;
  /** Token embeddings, [vocabularySize, dim]. */
  readonly embedding: Weight;
  /** The last norm, [dim]. */
  readonly outputNorm: Operand;
  /** The output matrix, [vocabularySize, dim]; the embedding where they are tied. */
  readonly output: Weight;
  /** The blocks, in order. */
  readonly layers: readonly LayerWeights[];

  /**
   * Maps the file; nothing is copied but vectors that are not F32.
   * @param kernels the library
   * @param file the opened file
   * @param config its config, which has checked names and shapes
   * @throws {ModelError} for a tensor of a type that cria cannot run
   */
  constructor(kernels: Kernels, file: ModelFile, config: ModelConfig) {
    this.#file = file;
    this.#kernels = kernels;
    this.#expertsUsed = config.experts?.used ?? 1;
    this.#mapped = Region.map(kernels, file.path, file.fileBytes, file.inode);
    try {
      this.embedding = this.#matrix("token_embd.weight");
      this.outputNorm = this.#vector("output_norm.weight");
      this.output = config.tied ? this.embedding : this.#matrix("output.weight");
      this.layers = Array.from({ length: config.layerCount }, (_, i) => this.#layer(i, config));
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Bytes of the mapped file. */
  get mappedBytes(): number {
    return this.#mapped.bytes;
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
    const matrix = (name: string) => this.#matrix(`blk.${index}.${name}.weight`);
    const norm = (name: string) => this.#vector(`blk.${index}.${name}.weight`);
    const bias = (name: string) =>
      config.qkvBias ? this.#vector(`blk.${index}.${name}.bias`) : undefined;
    return {
      attentionNorm: norm("attn_norm"),
      ...this.#attention(matrix, config),
      qBias: bias("attn_q"),
      kBias: bias("attn_k"),
      vBias: bias("attn_v"),
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

  #quant(tensor: TensorInfo): Quant {
    const quant = quantByName(tensor.type);
    if (quant) return quant;
    throw new ModelError(
      `Cannot run tensor "${tensor.name}": its type is ${tensor.type}, ` +
        `supported are ${QUANTS.map(({ name }) => name).join(", ")}`,
    );
  }

  #matrix(name: string): Weight {
    const tensor = this.#file.tensor(name);
    const [rows = 0, columns = 0] = tensor.shape.slice(-2);
    const quant = this.#quant(tensor);
    return { memory: this.#mapped, type: quant.id, offset: tensor.offset, quant, rows, columns };
  }

  #vector(name: string): Operand {
    const tensor = this.#file.tensor(name);
    const type = this.#quant(tensor).id;
    if (type === ELEMENT.F32) return { memory: this.#mapped, type, offset: tensor.offset };
    const bytes = this.#mapped.read(tensor.offset, new Uint8Array(tensor.bytes));
    const values = dequantize(tensor.type, bytes);
    const memory = Region.alloc(this.#kernels, values.byteLength);
    this.#widened.push(memory);
    memory.write(0, new Float32Array(values));
    return { memory, type: ELEMENT.F32, offset: 0 };
  }

  /** Unmaps the file. */
  [Symbol.dispose](): void {
    for (const region of [...this.#widened, this.#mapped]) region[Symbol.dispose]();
  }
}

/** Some rows of a matrix, where they lie. */
function rowsOf(matrix: Weight, from: number, rows: number): Weight {
  const { quant, columns, offset } = matrix;
  return { ...matrix, rows, offset: offset + from * columns / quant.elements * quant.bytes };
}

/**
 * Reads a small F32 tensor of a file without mapping it.
 * @param file the opened file
 * @param name the tensor
 * @throws {FormatError} when it is not F32
 */
export function readSmallTensor(file: ModelFile, name: string): Float32Array {
  const tensor = file.tensor(name);
  if (tensor.type !== "F32") {
    throw new FormatError(
      `Cannot use tensor "${name}" of "${file.path}": its type is ${tensor.type}, not F32`,
      file.path,
      tensor.offset,
    );
  }
  using handle = Deno.openSync(tensor.path);
  handle.seekSync(tensor.offset, Deno.SeekMode.Start);
  const bytes = new Uint8Array(tensor.bytes);
  for (let at = 0; at < bytes.length;) {
    const count = handle.readSync(bytes.subarray(at));
    if (count === null) {
      throw new FormatError(
        `Cannot read tensor "${name}" of "${file.path}": the file ends`,
        file.path,
        tensor.offset + at,
      );
    }
    at += count;
  }
  return new Float32Array(bytes.buffer);
}
