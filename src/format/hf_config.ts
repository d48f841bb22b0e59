/** `config.json` in its old and its new spelling, as the keys that GGUF has for it. @module */
import type { MetadataValue } from "./file.ts";
import { isList, isObject, type JsonObject, type JsonValue } from "./json.ts";

/** GGUF's names of architectures, by `model_type`; others keep their name, and are refused. */
const ARCHITECTURES: ReadonlyMap<string, string> = new Map([
  ["mistral", "llama"],
  ["mixtral", "llama"],
]);

/** Values that carry over as they are: the key here, and GGUF's keys for it. */
const SAME: readonly (readonly [string, ...string[]])[] = [
  ["num_hidden_layers", "block_count"],
  ["max_position_embeddings", "context_length"],
  ["hidden_size", "embedding_length"],
  ["intermediate_size", "feed_forward_length"],
  ["vocab_size", "vocab_size"],
  ["num_attention_heads", "attention.head_count"],
  ["num_key_value_heads", "attention.head_count_kv"],
  ["head_dim", "attention.key_length", "attention.value_length"],
  ["rms_norm_eps", "attention.layer_norm_rms_epsilon"],
  ["num_local_experts", "expert_count"],
  ["num_experts_per_tok", "expert_used_count"],
];

/** The same for the object with the numbers of RoPE. */
const ROPE_SAME: readonly (readonly [string, string])[] = [
  ["rope_theta", "rope.freq_base"],
  ["factor", "rope.scaling.factor"],
  ["original_max_position_embeddings", "rope.scaling.original_context_length"],
  ["beta_fast", "rope.scaling.yarn_beta_fast"],
  ["beta_slow", "rope.scaling.yarn_beta_slow"],
  ["low_freq_factor", "rope.scaling.low_freq_factor"],
  ["high_freq_factor", "rope.scaling.high_freq_factor"],
];

/** Kinds of scaling by the names that transformers has for them; others keep their name. */
const SCALINGS: ReadonlyMap<string, string> = new Map([
  ["default", "none"],
  ["llama3", "bands"],
]);

/** Activations by the names that transformers has for them. */
const ACTIVATIONS: ReadonlyMap<string, string> = new Map([
  ["swish", "silu"],
  ["gelu_pytorch_tanh", "gelu"],
]);

/**
 * What a `config.json` says, under GGUF's keys. Nothing is checked here: whoever reads the keys
 * does.
 */
export function configMetadata(config: JsonObject): Map<string, MetadataValue> {
  const found = new Map<string, MetadataValue>();
  const type = plain(config.get("model_type"));
  if (type === undefined) return found;
  const architecture = ARCHITECTURES.get(String(type)) ?? type;
  found.set("general.architecture", architecture);
  const name = plain(config.get("_name_or_path"));
  if (typeof name === "string" && name !== "") found.set("general.name", name);
  const set = (key: string, value: MetadataValue | undefined) => {
    if (value !== undefined) found.set(`${architecture}.${key}`, value);
  };
  for (const [from, ...keys] of SAME) {
    for (const key of keys) set(key, plain(config.get(from)));
  }
  const activation = plain(config.get("hidden_act"));
  set("feed_forward.activation", ACTIVATIONS.get(String(activation)) ?? activation);
  set("attention.sliding_window", windowOf(config));
  if (config.get("use_sliding_window") === true) set("attention.use_sliding_window", true);
  set("tie_word_embeddings", plain(config.get("tie_word_embeddings")));
  for (const [key, value] of ropeOf(config)) set(key, value);
  return found;
}

/** The sliding window, unless the config turns it off or no layer has it. */
function windowOf(config: JsonObject): MetadataValue | undefined {
  if (config.get("use_sliding_window") === false) return undefined;
  const layers = config.get("layer_types");
  const isUsed = !isList(layers) || layers.includes("sliding_attention");
  return isUsed ? plain(config.get("sliding_window")) : undefined;
}

/** The numbers of RoPE: `rope_parameters` since transformers 5, else `rope_scaling`. */
function ropeOf(config: JsonObject): Map<string, MetadataValue> {
  const scaling = config.get("rope_parameters") ?? config.get("rope_scaling");
  const rope = new Map([...config].filter(([key]) => key === "rope_theta"));
  if (isObject(scaling)) { for (const [key, value] of scaling) rope.set(key, value); }
  const found = new Map<string, MetadataValue>();
  const set = (key: string, value: MetadataValue | undefined) => {
    if (value !== undefined) found.set(key, value);
  };
  for (const [from, key] of ROPE_SAME) set(key, plain(rope.get(from)));
  const type = plain(rope.get("rope_type")) ?? plain(rope.get("type"));
  set("rope.scaling.type", SCALINGS.get(String(type)) ?? type);
  if (type === "yarn") setYarn(rope, set);
  const share = plain(rope.get("partial_rotary_factor")) ??
    plain(config.get("partial_rotary_factor"));
  if (typeof share === "number" && share !== 1) {
    set("rope.dimension_count", share * headDim(config));
  }
  return found;
}

/**
 * YaRN's attention factor: transformers takes the one that is given, or a quotient of two
 * `mscale`, instead of the paper's 0.1 ln(factor) + 1; GGUF has what multiplies the paper's.
 */
function setYarn(
  rope: JsonObject,
  set: (key: string, value: MetadataValue | undefined) => void,
): void {
  const real = (key: string) => Number(rope.get(key) ?? 0);
  const paper = (scale: number) => 1 + 0.1 * scale * Math.log(Math.max(1, real("factor")));
  const all = real("mscale_all_dim");
  const given = rope.get("attention_factor") ??
    (all !== 0 && real("mscale") !== 0 ? paper(real("mscale")) / paper(all) : undefined);
  if (typeof given === "number") set("rope.scaling.attn_factor", given / paper(1));
  if (rope.get("truncate") === false) set("rope.scaling.type", "yarn without truncation");
}

/** Dimensions of a head, as far as the config says. */
function headDim(config: JsonObject): number {
  const given = config.get("head_dim");
  const heads = Number(config.get("num_attention_heads"));
  return typeof given === "number" ? given : Number(config.get("hidden_size")) / heads;
}

/** A value that GGUF could hold as well; lists and objects are for those who know them. */
function plain(value: JsonValue | undefined): string | number | boolean | undefined {
  return typeof value === "object" || value === undefined ? undefined : value;
}
