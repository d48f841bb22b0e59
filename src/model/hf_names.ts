/** The table of tensor names in safetensors, beside those of GGUF that the model uses. @module */

import { ModelError } from "../errors.ts";
import type { ModelFile, TensorInfo } from "../format/file.ts";
import { architectureByName } from "./architectures.ts";
import type { ConfigSource } from "./config.ts";
import { halfOfEach, heldTensor, type ModelTensor, stack, wholeTensor } from "./model_tensor.ts";

/** Names as transformers writes them, and ours; `#` stands for a layer, then for an expert. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ["model.embed_tokens.weight", "token_embd.weight"],
  ["model.norm.weight", "output_norm.weight"],
  ["lm_head.weight", "output.weight"],
  ["model.layers.#.input_layernorm.weight", "blk.#.attn_norm.weight"],
  ["model.layers.#.self_attn.q_proj.weight", "blk.#.attn_q.weight"],
  ["model.layers.#.self_attn.k_proj.weight", "blk.#.attn_k.weight"],
  ["model.layers.#.self_attn.v_proj.weight", "blk.#.attn_v.weight"],
  ["model.layers.#.self_attn.qkv_proj.weight", "blk.#.attn_qkv.weight"],
  ["model.layers.#.self_attn.o_proj.weight", "blk.#.attn_output.weight"],
  ["model.layers.#.self_attn.q_proj.bias", "blk.#.attn_q.bias"],
  ["model.layers.#.self_attn.k_proj.bias", "blk.#.attn_k.bias"],
  ["model.layers.#.self_attn.v_proj.bias", "blk.#.attn_v.bias"],
  ["model.layers.#.self_attn.o_proj.bias", "blk.#.attn_output.bias"],
  ["model.layers.#.self_attn.q_norm.weight", "blk.#.attn_q_norm.weight"],
  ["model.layers.#.self_attn.k_norm.weight", "blk.#.attn_k_norm.weight"],
  ["model.layers.#.post_attention_layernorm.weight", "blk.#.ffn_norm.weight"],
  ["model.layers.#.mlp.gate_proj.weight", "blk.#.ffn_gate.weight"],
  ["model.layers.#.mlp.up_proj.weight", "blk.#.ffn_up.weight"],
  ["model.layers.#.mlp.gate_up_proj.weight", "blk.#.ffn_up.weight"],
  ["model.layers.#.mlp.down_proj.weight", "blk.#.ffn_down.weight"],
  ["model.layers.#.mlp.gate_proj.bias", "blk.#.ffn_gate.bias"],
  ["model.layers.#.mlp.up_proj.bias", "blk.#.ffn_up.bias"],
  ["model.layers.#.mlp.down_proj.bias", "blk.#.ffn_down.bias"],
  ["model.layers.#.mlp.gate.weight", "blk.#.ffn_gate_inp.weight"],
  ["model.layers.#.mlp.experts.#.gate_proj.weight", "blk.#.ffn_gate.#.weight"],
  ["model.layers.#.mlp.experts.#.up_proj.weight", "blk.#.ffn_up.#.weight"],
  ["model.layers.#.mlp.experts.#.down_proj.weight", "blk.#.ffn_down.#.weight"],
  ["model.layers.#.mlp.experts.gate_up_proj", "blk.#.ffn_gate_up_exps.weight"],
  ["model.layers.#.mlp.experts.down_proj", "blk.#.ffn_down_exps.weight"],
  ["model.layers.#.block_sparse_moe.gate.weight", "blk.#.ffn_gate_inp.weight"],
  ["model.layers.#.block_sparse_moe.experts.#.w1.weight", "blk.#.ffn_gate.#.weight"],
  ["model.layers.#.block_sparse_moe.experts.#.w3.weight", "blk.#.ffn_up.#.weight"],
  ["model.layers.#.block_sparse_moe.experts.#.w2.weight", "blk.#.ffn_down.#.weight"],
]);

/** The same where blocks have a norm behind each half as well: told by `SANDWICH`. */
const SANDWICH_NAMES: ReadonlyMap<string, string> = new Map([
  ["model.layers.#.post_attention_layernorm.weight", "blk.#.post_attention_norm.weight"],
  ["model.layers.#.pre_feedforward_layernorm.weight", "blk.#.ffn_norm.weight"],
  ["model.layers.#.post_feedforward_layernorm.weight", "blk.#.post_ffw_norm.weight"],
]);
const SANDWICH = /\.pre_feedforward_layernorm\.weight$/;

/** Tensors that follow from the config, and those of models that see pictures as well. */
const LEFT_OUT = /\.rotary_emb\.inv_freq$|^(model\.)?(vision_tower|multi_modal_projector)\./;

/** What stands before the names of a model of text that is part of another. */
const INNER = /^(model\.language_model|language_model\.model)\.|^language_model\.(?=lm_head\.)/;

/** Names of a model that was saved without its output matrix, as embedding models are. */
const HEADLESS = /^(?=(embed_tokens|layers|norm)\.)/;

/** A model file as the rest of the model wants it, whatever its format. */
export interface ModelSource extends ConfigSource {
  /** The tensors under our names; each still knows its own name in the file. */
  readonly tensors: ReadonlyMap<string, ModelTensor>;
}

/**
 * Looks at a model file of any format as if it were GGUF of today. Safetensors have other names,
 * pair halves in RoPE, may hold norms as what they differ from 1, and of a model whose embedding is
 * its output matrix either one, or both. Experts may be tensors of their own.
 * @param file the opened file
 * @throws {ModelError} experts do not fit together
 */
export function modelSource(file: ModelFile): ModelSource {
  if (file.format === "gguf") {
    const whole = [...file.tensors].map(([name, info]) => [name, wholeTensor(info)] as const);
    return { metadata: file.metadata, tensors: stackExperts(whole) };
  }
  const { metadata } = file, architecture = String(metadata.get("general.architecture"));
  const tensors = stackExperts([...named(file.tensors, architecture)]);
  const tied = metadata.get(`${architecture}.tie_word_embeddings`) === true;
  const output = tensors.get("output.weight");
  if (tied && output !== undefined) {
    if (!tensors.has("token_embd.weight")) tensors.set("token_embd.weight", output);
    tensors.delete("output.weight");
  }
  for (const length of ["short", "long"]) {
    const factors = metadata.get(`${architecture}.rope.scaling.${length}_factors`);
    const name = `rope_factors_${length}.weight`;
    if (factors instanceof Float32Array) tensors.set(name, heldTensor(name, factors));
  }
  return { metadata, tensors, ropePairs: "halves" };
}

/** The tensors of safetensors under our names, experts of one block still apart. */
function* named(
  found: ReadonlyMap<string, TensorInfo>,
  architecture: string,
): Generator<readonly [string, ModelTensor]> {
  const { normOffset = 0 } = architectureByName(architecture) ?? {};
  const isSandwich = [...found.keys()].some((name) => SANDWICH.test(name));
  for (const [name, info] of found) {
    if (LEFT_OUT.test(name)) continue;
    const ours = ggufName(name, isSandwich);
    const tensor = wholeTensor(info, ours.endsWith("_norm.weight") ? normOffset : 0);
    if (!ours.endsWith("ffn_gate_up_exps.weight")) yield [ours, tensor];
    else {
      yield [ours.replace("gate_up", "gate"), halfOfEach(tensor, 0)];
      yield [ours.replace("gate_up", "up"), halfOfEach(tensor, 1)];
    }
  }
}

/** Our name of a tensor; its own where the table has none, for messages. */
function ggufName(name: string, isSandwich: boolean): string {
  const numbers: string[] = [];
  const inner = name.replace(INNER, (_, model) => model === undefined ? "" : "model.")
    .replace(HEADLESS, "model.");
  const pattern = inner.replace(/\.(0|[1-9]\d*)(?=\.)/g, (_, digits: string) => {
    numbers.push(digits);
    return ".#";
  });
  const ours = (isSandwich ? SANDWICH_NAMES.get(pattern) : undefined) ?? NAMES.get(pattern);
  return ours?.replace(/#/g, () => numbers.shift()!) ?? name;
}

/** Experts that are tensors of their own, as files of old have them too. */
const EXPERT = /^(blk\.\d+\.ffn_(?:gate|up|down))\.(0|[1-9]\d{0,3})\.weight$/;

/** Puts the experts of each block together; no name stands for two tensors. */
function stackExperts(
  tensors: readonly (readonly [string, ModelTensor])[],
): Map<string, ModelTensor> {
  const all = new Map<string, ModelTensor>(), experts = new Map<string, ModelTensor[]>();
  const enter = (name: string, tensor: ModelTensor) => {
    if (!all.has(name)) all.set(name, tensor);
    else {throw new ModelError(
        `Cannot use tensor "${tensor.name}": it is there twice, as "${name}"`,
      );}
  };
  for (const [name, tensor] of tensors) {
    const [, matrix, index] = EXPERT.exec(name) ?? [];
    enter(name, tensor);
    if (matrix === undefined) continue;
    const stacked = `${matrix}_exps.weight`, parts = experts.get(stacked) ?? [];
    experts.set(stacked, parts);
    parts[Number(index)] = tensor;
  }
  for (const [name, parts] of experts) {
    const hole = parts.findIndex((part) => part === undefined);
    if (hole >= 0) throw new ModelError(`Cannot stack "${name}": expert ${hole} is missing`);
    for (const index of parts.keys()) all.delete(name.replace("_exps", `.${index}`));
    enter(name, stack(parts));
  }
  return all;
}
