/** Model files of random weights: the speed of a real model of that shape and type. @module */

import { writeGguf } from "../src/format/write.ts";
import { VALUE_TYPES } from "../src/format/gguf_value.ts";
import { type Quant, quantByName, tensorBytes } from "../src/quant.ts";
import { Scene } from "../tests/kernel_support.ts";
import { TINY } from "./figures.ts";

/** The sizes of a llama. */
export interface ModelShape {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly feedForward: number;
  readonly vocabulary: number;
}

/** TinyLlama-1.1B's sizes: those of the "1b" models. */
export const ONE_B: ModelShape = TINY
  ? { width: 256, layers: 1, heads: 4, kvHeads: 2, feedForward: 512, vocabulary: 320 }
  : { width: 2048, layers: 22, heads: 32, kvHeads: 4, feedForward: 5632, vocabulary: 32000 };

/** Rows that are made up; a matrix has them over and over. */
const ROWS = 16;

/**
 * Writes a GGUF file in which all matrices of the layers are of one type. Embedding and output
 * are Q6_K below six bits a weight, as files of such types have it, and else of the same type.
 */
export async function writeRandomModel(
  path: string,
  type: string,
  shape: ModelShape = ONE_B,
): Promise<void> {
  const quant = quantByName(type);
  if (quant === undefined) throw new Error(`Cannot make a model of "${type}": no such type`);
  const q6 = quantByName("Q6_K")!;
  const outer = quant.bytes / quant.elements < q6.bytes / q6.elements ? q6 : quant;
  const matrices = matricesOf(shape, quant, outer);
  const tensors = matrices.map(({ name, quant, shape }) => ({ name, type: quant.name, shape }));
  const metadata = new Map(Object.entries({ ...sizes(shape), ...vocabulary(shape.vocabulary) }));
  const numberTypes = new Map([["llama.rope.freq_base", VALUE_TYPES.f32]]);
  await writeGguf(path, { metadata, numberTypes, tensors }, dataOf(matrices), { overwrite: true });
}

/** A tensor and the type of its weights. */
interface Matrix {
  readonly name: string;
  readonly quant: Quant;
  /** [rows, columns], or [columns] of a norm. */
  readonly shape: readonly number[];
}

function matricesOf(shape: ModelShape, quant: Quant, outer: Quant): Matrix[] {
  const { width, layers, heads, kvHeads, feedForward, vocabulary } = shape;
  const f32 = quantByName("F32")!, kvWidth = width / heads * kvHeads;
  const norm = (name: string) => ({ name: `${name}.weight`, quant: f32, shape: [width] });
  const all: Matrix[] = [
    { name: "token_embd.weight", quant: outer, shape: [vocabulary, width] },
    { name: "output.weight", quant: outer, shape: [vocabulary, width] },
    norm("output_norm"),
  ];
  for (let layer = 0; layer < layers; layer++) {
    const matrix = (name: string, rows: number, columns: number) => {
      all.push({ name: `blk.${layer}.${name}.weight`, quant, shape: [rows, columns] });
    };
    all.push(norm(`blk.${layer}.attn_norm`), norm(`blk.${layer}.ffn_norm`));
    matrix("attn_q", width, width);
    matrix("attn_k", kvWidth, width);
    matrix("attn_v", kvWidth, width);
    matrix("attn_output", width, width);
    matrix("ffn_gate", feedForward, width);
    matrix("ffn_up", feedForward, width);
    matrix("ffn_down", width, feedForward);
  }
  return all;
}

function sizes({ width, layers, heads, kvHeads, feedForward, vocabulary }: ModelShape) {
  return {
    "general.architecture": "llama",
    "llama.context_length": 4096,
    "llama.embedding_length": width,
    "llama.block_count": layers,
    "llama.feed_forward_length": feedForward,
    "llama.attention.head_count": heads,
    "llama.attention.head_count_kv": kvHeads,
    "llama.rope.dimension_count": width / heads,
    "llama.rope.freq_base": 10000,
    "llama.attention.layer_norm_rms_epsilon": 1e-5,
    "llama.vocab_size": vocabulary,
  };
}

/** A SentencePiece vocabulary: control tokens, the bytes, and pieces that stand for nothing. */
function vocabulary(count: number) {
  const bytes = Array.from({ length: 256 }, (_, i) => {
    return `<0x${i.toString(16).toUpperCase().padStart(2, "0")}>`;
  });
  const fixed = ["<unk>", "<s>", "</s>", ...bytes];
  const tokens = Array.from({ length: count }, (_, i) => fixed[i] ?? `\u2581piece${i}`);
  const types = Int32Array.from(tokens, (_, i) => [2, 3, 3][i] ?? (i < fixed.length ? 6 : 1));
  return {
    "tokenizer.ggml.model": "llama",
    "tokenizer.ggml.tokens": tokens,
    "tokenizer.ggml.scores": new Float32Array(count),
    "tokenizer.ggml.token_type": types,
    "tokenizer.ggml.bos_token_id": 1,
    "tokenizer.ggml.eos_token_id": 2,
    "tokenizer.ggml.unknown_token_id": 0,
  };
}

async function* dataOf(matrices: readonly Matrix[]): AsyncGenerator<Uint8Array> {
  const scene = new Scene(1);
  for (const { quant, shape } of matrices) {
    const [rows, columns] = shape;
    if (columns === undefined) {
      yield new Uint8Array(new Float32Array(rows!).fill(1).buffer);
      continue;
    }
    const some = scene.weights("w", quant, ROWS, columns), bytes = tensorBytes(quant, shape);
    for (let at = 0; at < bytes; at += some.length) {
      yield some.subarray(0, Math.min(some.length, bytes - at));
    }
  }
}
