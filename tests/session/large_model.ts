/** A tiny model of a large vocabulary, as a GGUF file and as a folder. @module */

import { writeGguf } from "../../src/format/write.ts";
import { safetensorsBytes } from "../format/safetensors_bytes.ts";

/** Tokens: as many as the largest vocabularies of today have, or half of that. */
export const TOKENS = 120_000;
const DIM = 64, HIDDEN = 128, HEADS = 4;

/** By our name, the name that folders have and the rows and columns. */
const LAYER: readonly (readonly [string, string, readonly number[]])[] = [
  ["attn_norm", "input_layernorm", [DIM]],
  ["attn_q", "self_attn.q_proj", [DIM, DIM]],
  ["attn_k", "self_attn.k_proj", [DIM, DIM]],
  ["attn_v", "self_attn.v_proj", [DIM, DIM]],
  ["attn_output", "self_attn.o_proj", [DIM, DIM]],
  ["ffn_norm", "post_attention_layernorm", [DIM]],
  ["ffn_gate", "mlp.gate_proj", [HIDDEN, DIM]],
  ["ffn_up", "mlp.up_proj", [HIDDEN, DIM]],
  ["ffn_down", "mlp.down_proj", [DIM, HIDDEN]],
];
const TENSORS: typeof LAYER = [
  ["token_embd", "model.embed_tokens", [TOKENS, DIM]],
  ["output_norm", "model.norm", [DIM]],
  ...LAYER.map(([ours, theirs, shape]) =>
    [`blk.0.${ours}`, `model.layers.0.${theirs}`, shape] as const
  ),
];

const TEMPLATE = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}".repeat(50);

/** Letters, which stand for bytes, and pairs of pieces that came before. */
function vocabulary(): { pieces: string[]; merges: (readonly [string, string])[] } {
  const pieces: string[] = [], merges: (readonly [string, string])[] = [];
  for (let byte = 0, other = 0x100; byte < 256; byte++) {
    const prints = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    pieces.push(String.fromCharCode(prints ? byte : other++));
  }
  for (let left = 0, right = 0; pieces.length < TOKENS; right++) {
    if (right === 400) left++, right = 0;
    merges.push([pieces[left]!, pieces[right]!]);
    pieces.push(pieces[left]! + pieces[right]!);
  }
  return { pieces, merges };
}

/** Bytes of floats in (-1, 1): of BF16, or half of those of F32. */
function noise(bytes: number): Uint8Array<ArrayBuffer> {
  const data = new Uint16Array(bytes / 2);
  for (let i = 0, state = 1; i < data.length; i++) {
    state = (state * 48271) % 0x7fffffff;
    data[i] = (state & 0x8000) | 0x3d80 | (state & 0xff); // 0.06 to 0.25
  }
  return new Uint8Array(data.buffer);
}

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Writes it as GGUF. */
export async function writeLargeGguf(path: string): Promise<void> {
  const { pieces, merges } = vocabulary();
  const tensors = TENSORS.map(([ours, _, shape]) => {
    return { name: `${ours}.weight`, type: shape.length === 1 ? "F32" : "BF16", shape };
  });
  const metadata = new Map<string, string | number | readonly string[]>([
    ["general.architecture", "llama"],
    ["llama.block_count", 1],
    ["llama.context_length", 2048],
    ["llama.embedding_length", DIM],
    ["llama.feed_forward_length", HIDDEN],
    ["llama.attention.head_count", HEADS],
    ["llama.attention.layer_norm_rms_epsilon", 0.00001],
    ["tokenizer.ggml.model", "gpt2"],
    ["tokenizer.ggml.pre", "gpt-2"],
    ["tokenizer.ggml.tokens", pieces],
    ["tokenizer.ggml.merges", merges.map((pair) => pair.join(" "))],
    ["tokenizer.chat_template", TEMPLATE],
  ]);
  const data = tensors.map(({ type, shape }) => noise(sizeOf(shape) * (type === "F32" ? 4 : 2)));
  await writeGguf(path, { metadata, tensors }, ReadableStream.from(data));
}

/** Writes it as a folder. */
export async function writeLargeFolder(path: string): Promise<void> {
  const { pieces, merges } = vocabulary();
  const config = {
    ...{ model_type: "llama", hidden_size: DIM, intermediate_size: HIDDEN, vocab_size: TOKENS },
    ...{ num_hidden_layers: 1, num_attention_heads: HEADS, max_position_embeddings: 2048 },
    ...{ rms_norm_eps: 0.00001, tie_word_embeddings: true },
  };
  const bytes = { type: "ByteLevel", add_prefix_space: false, use_regex: true };
  const vocab = Object.fromEntries(pieces.map((piece, id) => [piece, id]));
  const model = { type: "BPE", vocab, merges };
  const tokenizer = { added_tokens: [], pre_tokenizer: bytes, decoder: bytes, model };
  const tensors = TENSORS.map(([_, theirs, shape]) => {
    return { name: `${theirs}.weight`, dtype: "BF16", shape, data: noise(sizeOf(shape) * 2) };
  });
  await Deno.mkdir(path);
  await Deno.writeTextFile(`${path}/config.json`, JSON.stringify(config));
  await Deno.writeTextFile(`${path}/tokenizer.json`, JSON.stringify(tokenizer, null, 1));
  await Deno.writeTextFile(
    `${path}/tokenizer_config.json`,
    JSON.stringify({ chat_template: TEMPLATE }),
  );
  await Deno.writeFile(`${path}/model.safetensors`, safetensorsBytes(tensors));
}
