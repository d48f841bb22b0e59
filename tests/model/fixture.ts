/** A tiny Llama described as metadata and shapes, for tests of the config. @module */

/** Metadata and tensor shapes that `readConfig` accepts; change a copy to break it. */
export function tinyLlama(): {
  metadata: Map<string, unknown>;
  tensors: Map<string, { shape: number[] }>;
} {
  const metadata = new Map<string, unknown>([
    ["general.architecture", "llama"],
    ["llama.block_count", 2],
    ["llama.context_length", 256],
    ["llama.embedding_length", 64],
    ["llama.feed_forward_length", 172],
    ["llama.attention.head_count", 4],
    ["llama.attention.head_count_kv", 2],
    ["llama.attention.layer_norm_rms_epsilon", 1e-5],
    ["tokenizer.ggml.tokens", Array.from({ length: 320 }, (_, id) => `t${id}`)],
  ]);
  const tensors = new Map<string, { shape: number[] }>([
    ["token_embd.weight", { shape: [320, 64] }],
    ["output_norm.weight", { shape: [64] }],
    ["output.weight", { shape: [320, 64] }],
  ]);
  for (let layer = 0; layer < 2; layer++) {
    const add = (name: string, ...shape: number[]) => {
      tensors.set(`blk.${layer}.${name}`, { shape });
    };
    add("attn_norm.weight", 64);
    add("attn_q.weight", 64, 64);
    add("attn_k.weight", 32, 64);
    add("attn_v.weight", 32, 64);
    add("attn_output.weight", 64, 64);
    add("ffn_norm.weight", 64);
    add("ffn_gate.weight", 172, 64);
    add("ffn_up.weight", 172, 64);
    add("ffn_down.weight", 64, 172);
  }
  return { metadata, tensors };
}

/** A reader for files without frequency factors. */
export function noFloats(name: string): Float32Array {
  throw new Error(`nobody should read ${name}`);
}
