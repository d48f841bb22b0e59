/** The table of tensor names in safetensors, beside those of GGUF that the model uses. @module */

import { ModelError } from "../errors.ts";
import type { ModelFile, TensorInfo } from "../format/file.ts";
import { architectureByName, ARCHITECTURES } from "./architectures.ts";
import type { ConfigSource } from "./config.ts";

/** Names as transformers writes them, and ours; `#` stands for a layer. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ["model.embed_tokens.weight", "token_embd.weight"],
  ["model.norm.weight", "output_norm.weight"],
  ["lm_head.weight", "output.weight"],
  ["model.layers.#.input_layernorm.weight", "blk.#.attn_norm.weight"],
  ["model.layers.#.self_attn.q_proj.weight", "blk.#.attn_q.weight"],
  ["model.layers.#.self_attn.k_proj.weight", "blk.#.attn_k.weight"],
  ["model.layers.#.self_attn.v_proj.weight", "blk.#.attn_v.weight"],
  ["model.layers.#.self_attn.o_proj.weight", "blk.#.attn_output.weight"],
  ["model.layers.#.self_attn.q_proj.bias", "blk.#.attn_q.bias"],
  ["model.layers.#.self_attn.k_proj.bias", "blk.#.attn_k.bias"],
  ["model.layers.#.self_attn.v_proj.bias", "blk.#.attn_v.bias"],
  ["model.layers.#.self_attn.q_norm.weight", "blk.#.attn_q_norm.weight"],
  ["model.layers.#.self_attn.k_norm.weight", "blk.#.attn_k_norm.weight"],
  ["model.layers.#.post_attention_layernorm.weight", "blk.#.ffn_norm.weight"],
  ["model.layers.#.mlp.gate_proj.weight", "blk.#.ffn_gate.weight"],
  ["model.layers.#.mlp.up_proj.weight", "blk.#.ffn_up.weight"],
  ["model.layers.#.mlp.down_proj.weight", "blk.#.ffn_down.weight"],
]);

/** Tensors that old checkpoints hold and that follow from the config. */
const LEFT_OUT = /\.rotary_emb\.inv_freq$/;

/** Refuses architectures whose tensors have other names, or other values, than the table says. */
function refuseOthers(architecture: string, metadata: ModelFile["metadata"]): void {
  const row = architectureByName(architecture);
  if (row === undefined) return; // the config says so better
  if (!row.safetensors) {
    const known = ARCHITECTURES.filter(({ safetensors }) => safetensors).map(({ name }) => name);
    throw new ModelError(
      `Cannot run ${architecture} from safetensors: supported are ${known.join(", ")}, ` +
        "others as GGUF",
    );
  }
  const experts = metadata.get(`${architecture}.expert_count`) ?? 0;
  if (experts === 0) return;
  throw new ModelError("Cannot run the model: mixtures of experts run as GGUF only so far");
}

/** A model file as the rest of the model wants it, whatever its format. */
export interface ModelSource extends ConfigSource {
  /** The tensors under our names; each still knows its own name in the file. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
}

/**
 * Looks at a model file of any format as if it were GGUF. Safetensors have other names, pair halves
 * in RoPE, and of a model whose embedding is its output matrix they may hold either one, or both.
 * @param file the opened file
 */
export function modelSource({ format, metadata, tensors: found }: ModelFile): ModelSource {
  if (format === "gguf") return { metadata, tensors: found };
  const architecture = String(metadata.get("general.architecture"));
  refuseOthers(architecture, metadata);
  const tensors = new Map<string, TensorInfo>();
  for (const [name, tensor] of found) {
    if (!LEFT_OUT.test(name)) tensors.set(ggufName(name), tensor);
  }
  const tied = metadata.get(`${architecture}.tie_word_embeddings`) === true;
  const output = tensors.get("output.weight");
  if (tied && output !== undefined) {
    if (!tensors.has("token_embd.weight")) tensors.set("token_embd.weight", output);
    tensors.delete("output.weight");
  }
  return { metadata, tensors, ropePairs: "halves" };
}

/** Our name of a tensor; its own where the table has none, for messages. */
function ggufName(name: string): string {
  let layer = "";
  const pattern = name.replace(/\.(0|[1-9]\d*)\./, (_, digits: string) => {
    layer = digits;
    return ".#.";
  });
  return NAMES.get(pattern)?.replace("#", () => layer) ?? name;
}
