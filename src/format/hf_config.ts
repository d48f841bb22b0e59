/** `config.json` in its old and its new spelling, as the keys that GGUF has for it. @module */
import type { MetadataValue } from "./file.ts";
import { ropeMetadata } from "./hf_rope.ts";
import { isList, isObject, type JsonObject, type JsonValue, plain } from "./json.ts";

/** What transformers knows of a `model_type` beyond the config. */
interface ModelType {
  /** GGUF's name of the architecture; the same, if left out. */
  readonly architecture?: string;
  /** Values of keys that a config may leave out. */
  readonly assumed?: Readonly<Record<string, JsonValue>>;
  /** Values that are used whatever the config says. */
  readonly fixed?: Readonly<Record<string, JsonValue>>;
}

const GEMMA3: ModelType = {
  architecture: "gemma3",
  assumed: {
    vocab_size: 262208,
    num_attention_heads: 8,
    num_key_value_heads: 4,
    head_dim: 256,
    max_position_embeddings: 131072,
    rms_norm_eps: 1e-6,
    rope_theta: 1e6,
    sliding_window: 4096,
    query_pre_attn_scalar: 256,
    tie_word_embeddings: true,
  },
};

/** Model types that are not just an architecture of that name; others are that, or refused. */
const MODEL_TYPES: ReadonlyMap<string, ModelType> = new Map<string, ModelType>([
  ["mistral", { architecture: "llama" }],
  ["mixtral", { architecture: "llama" }],
  ["qwen2", { assumed: { use_sliding_window: false, max_window_layers: 28 } }],
  ["qwen3", { assumed: { use_sliding_window: false, max_window_layers: 28, head_dim: 128 } }],
  ["qwen3_moe", {
    architecture: "qwen3moe",
    assumed: { use_sliding_window: false, norm_topk_prob: false },
    fixed: { max_window_layers: 0 },
  }],
  ["gemma2", { assumed: { query_pre_attn_scalar: 256, tie_word_embeddings: true } }],
  ["gemma3", GEMMA3],
  ["gemma3_text", GEMMA3],
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
  ["num_experts", "expert_count"],
  ["num_experts_per_tok", "expert_used_count"],
  ["moe_intermediate_size", "expert_feed_forward_length"],
  ["norm_topk_prob", "expert_weights_norm"],
  ["tie_word_embeddings", "tie_word_embeddings"],
];

/** The same, where `null` turns off what an architecture has by itself. */
const OPTIONAL: readonly (readonly [string, string])[] = [
  ["attn_logit_softcapping", "attn_logit_softcapping"],
  ["final_logit_softcapping", "final_logit_softcapping"],
];

/** Activations by the names that transformers has for them. */
const ACTIVATIONS: ReadonlyMap<string, string> = new Map([
  ["swish", "silu"],
  ["gelu_pytorch_tanh", "gelu"],
]);

/**
 * The config of the model of text: of one that sees pictures as well it is an object inside. Keys
 * that transformers knows better are mended.
 */
export function textConfig(config: JsonObject): JsonObject {
  const inner = config.get("text_config");
  const merged = isObject(inner) ? new Map([...config, ...inner]) : config;
  const { assumed = {}, fixed = {} } = MODEL_TYPES.get(String(merged.get("model_type"))) ?? {};
  return new Map([...Object.entries(assumed), ...merged, ...Object.entries(fixed)]);
}

/**
 * What a `config.json` says, under GGUF's keys. Nothing is checked here: whoever reads the keys
 * does.
 * @param config as `textConfig` has it
 */
export function configMetadata(config: JsonObject): Map<string, MetadataValue> {
  const found = new Map<string, MetadataValue>();
  const type = plain(config.get("model_type"));
  if (type === undefined) return found;
  const architecture = MODEL_TYPES.get(String(type))?.architecture ?? type;
  found.set("general.architecture", architecture);
  const name = plain(config.get("_name_or_path"));
  if (typeof name === "string" && name !== "") found.set("general.name", name);
  const set = (key: string, value: MetadataValue | undefined) => {
    if (value !== undefined) found.set(`${architecture}.${key}`, value);
  };
  for (const [from, ...keys] of SAME) {
    for (const key of keys) set(key, plain(config.get(from)));
  }
  for (const [from, key] of OPTIONAL) {
    set(key, config.get(from) === null ? 0 : plain(config.get(from)));
  }
  const activation = plain(config.get("hidden_activation") ?? config.get("hidden_act"));
  set("feed_forward.activation", ACTIVATIONS.get(String(activation)) ?? activation);
  const dims = plain(config.get("query_pre_attn_scalar"));
  if (typeof dims === "number") set("attention.scale", 1 / Math.sqrt(dims));
  if (config.get("use_bidirectional_attention") === true) set("attention.causal", false);
  for (const [key, value] of windowsOf(config)) set(key, value);
  for (const [key, value] of ropeMetadata(config)) set(key, value);
  return found;
}

/** The sliding window, and which layers have it; a window of 0 is none. */
function windowsOf(config: JsonObject): [string, MetadataValue | undefined][] {
  const window = config.get("sliding_window"), types = config.get("layer_types");
  const from = config.get("max_window_layers"), count = Number(config.get("num_hidden_layers"));
  const every = config.get("sliding_window_pattern") ?? config.get("_sliding_window_pattern");
  const isOff = window === null || config.get("use_sliding_window") === false;
  const layers = isList(types)
    ? types.map((type) => type === "sliding_attention")
    : typeof from === "number" && from > 0 && count < LAYER_LIMIT
    ? Array.from({ length: count }, (_, layer) => layer >= from)
    : undefined;
  if (isOff || layers?.some((isWindowed) => isWindowed) === false) {
    return [["attention.sliding_window", 0]];
  }
  return [
    ["attention.sliding_window", plain(window)],
    ["attention.sliding_window_pattern", layers ?? plain(every)],
  ];
}

const LAYER_LIMIT = 1 << 16; // no list is made for a number that makes no sense
