/** A tiny random model as a file of its own, for tests that need any model at all. @module */

import { quantByName, quantize } from "../../src/quant.ts";
import {
  ggufBytes,
  pair,
  stringPair,
  stringsPair,
  type TensorBytes,
  TYPES,
  u32Pair,
} from "../format/gguf_bytes.ts";

const DIM = 64, HIDDEN = 128, LAYERS = 2, HEADS = 4, KV_HEADS = 2;
/** Tokens of the model's vocabulary. */
export const VOCABULARY = 320;

/** Token ids that repeat after a while only, [count]. */
export function someTokens(count: number, limit = VOCABULARY): number[] {
  let state = 1;
  return Array.from({ length: count }, () => (state = (state * 48271) % 0x7fffffff) % limit);
}

/** Pieces: <unk>, <s>, </s>, all bytes, then words. */
function vocabulary(): { pieces: string[]; kinds: number[] } {
  const hex = (byte: number) => byte.toString(16).toUpperCase().padStart(2, "0");
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${hex(byte)}>`);
  const words = Array.from({ length: VOCABULARY - 259 }, (_, i) => `▁w${i}`);
  const kinds = [2, 3, 3, ...bytes.map(() => 6), ...words.map(() => 1)];
  return { pieces: ["<unk>", "<s>", "</s>", ...bytes, ...words], kinds };
}

/** A random matrix or, with `rows` 1, a norm near 1. */
function randomTensor(name: string, rows: number, columns: number, type: string): TensorBytes {
  let state = [...name].reduce((hash, char) => (hash * 31 + char.charCodeAt(0)) % 65521, 7) + 1;
  const values = Float32Array.from({ length: rows * columns }, () => {
    state = (state * 48271) % 0x7fffffff;
    const uniform = state / 0x3fffffff - 1;
    return rows === 1 ? 1 + uniform / 4 : uniform / 4;
  });
  const dimensions = rows === 1 ? [columns] : [columns, rows];
  return { name, dimensions, type: quantByName(type)!.id, data: quantize(type, values) };
}

/** Which layers of the model see a window only. */
export interface Windows {
  /** Positions that they see. */
  readonly window: number;
  /** Every n-th layer sees all; 0: none does. */
  readonly fullEvery: number;
}

/**
 * Writes the model into a new temporary file.
 * @param type what its matrices are quantised to; "F32" is exact
 * @param windows which layers see a window only; none if left out
 * @returns the path; the caller removes the file
 */
export function writeRandomModel(type = "Q8_0", windows: Windows | undefined = undefined): string {
  const { pieces, kinds } = vocabulary();
  const list = (key: string, kind: number, values: readonly number[]) =>
    pair(key, TYPES.array, (to) => {
      to.u32(kind).u64(values.length);
      for (const value of values) kind === TYPES.f32 ? to.f32(value) : to.u32(value);
    });
  const pairs = [
    stringPair("general.architecture", "llama"),
    u32Pair("llama.block_count", LAYERS),
    u32Pair("llama.context_length", 2048),
    u32Pair("llama.embedding_length", DIM),
    u32Pair("llama.feed_forward_length", HIDDEN),
    u32Pair("llama.attention.head_count", HEADS),
    u32Pair("llama.attention.head_count_kv", KV_HEADS),
    pair("llama.attention.layer_norm_rms_epsilon", TYPES.f32, (to) => to.f32(1e-5)),
    ...windows
      ? [
        u32Pair("llama.attention.sliding_window", windows.window),
        u32Pair("llama.attention.sliding_window_pattern", windows.fullEvery),
      ]
      : [],
    stringPair("tokenizer.ggml.model", "llama"),
    stringsPair("tokenizer.ggml.tokens", pieces),
    list("tokenizer.ggml.scores", TYPES.f32, pieces.map((_, id) => -id)),
    list("tokenizer.ggml.token_type", TYPES.i32, kinds),
    u32Pair("tokenizer.ggml.bos_token_id", 1),
    u32Pair("tokenizer.ggml.eos_token_id", 2),
  ];
  const tensors = [
    randomTensor("token_embd.weight", VOCABULARY, DIM, type),
    randomTensor("output_norm.weight", 1, DIM, "F32"),
  ];
  const kv = DIM / HEADS * KV_HEADS;
  for (let layer = 0; layer < LAYERS; layer++) {
    const add = (name: string, rows: number, columns: number) =>
      tensors.push(
        randomTensor(`blk.${layer}.${name}.weight`, rows, columns, rows === 1 ? "F32" : type),
      );
    add("attn_norm", 1, DIM);
    add("attn_q", DIM, DIM);
    add("attn_k", kv, DIM);
    add("attn_v", kv, DIM);
    add("attn_output", DIM, DIM);
    add("ffn_norm", 1, DIM);
    add("ffn_gate", HIDDEN, DIM);
    add("ffn_up", HIDDEN, DIM);
    add("ffn_down", DIM, HIDDEN);
  }
  const path = Deno.makeTempFileSync({ prefix: "cria-random-", suffix: ".gguf" });
  Deno.writeFileSync(path, ggufBytes({ pairs, tensors }));
  return path;
}

/**
 * Registers a test that receives the path of a random model.
 * @param type what its matrices are quantised to
 * @param windows which of its layers see a window only
 */
export function randomModelTest(
  name: string,
  fn: (path: string) => Promise<void>,
  type?: string,
  windows?: Windows,
): void {
  Deno.test(name, async () => {
    const path = writeRandomModel(type, windows);
    try {
      await fn(path);
    } finally {
      Deno.removeSync(path);
    }
  });
}
