/** The rotations that a `config.json` describes, as the keys that GGUF has for them. @module */
import type { MetadataValue } from "./file.ts";
import { isList, isObject, type JsonObject, plain } from "./json.ts";

/** Values that carry over as they are: the key of the object with the numbers, and GGUF's. */
const SAME: readonly (readonly [string, string])[] = [
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
  ["su", "longrope"],
]);

/** What a kind needs beyond the numbers that carry over. */
const MORE: ReadonlyMap<string, (rope: JsonObject, config: JsonObject) => Found> = new Map([
  ["yarn", yarnMetadata],
  ["longrope", longropeMetadata],
]);

type Found = readonly (readonly [string, MetadataValue])[];

/**
 * The numbers of RoPE: `rope_parameters` since transformers 5, else `rope_scaling`. Layers with a
 * window may have rotations of their own.
 */
export function ropeMetadata(config: JsonObject): Map<string, MetadataValue> {
  const given = config.get("rope_parameters") ?? config.get("rope_scaling");
  const scaling = isObject(given) ? given : new Map();
  const full = scaling.get("full_attention"), local = scaling.get("sliding_attention");
  const inner = isObject(full) ? full : scaling;
  const rope: JsonObject = new Map([
    ...[...config].filter(([key]) => key === "rope_theta"),
    ...inner,
    ...[...config].filter(([key]) => key === "original_max_position_embeddings"),
  ]);
  const found = new Map<string, MetadataValue>();
  for (const [from, key] of SAME) {
    const value = plain(rope.get(from));
    if (value !== undefined) found.set(key, value);
  }
  const type = String(plain(rope.get("rope_type")) ?? plain(rope.get("type")) ?? "default");
  // with factors of its own for every frequency, it is what "su" and "yarn" meant at first
  const kind = isList(rope.get("long_factor")) ? "longrope" : SCALINGS.get(type) ?? type;
  found.set("rope.scaling.type", kind);
  for (const [key, value] of MORE.get(kind)?.(rope, config) ?? []) found.set(key, value);
  for (const [key, value] of localMetadata(config, local)) found.set(key, value);
  const share = plain(rope.get("partial_rotary_factor") ?? config.get("partial_rotary_factor"));
  if (typeof share === "number" && share !== 1) {
    found.set("rope.dimension_count", Math.trunc(share * headDim(config)));
  }
  return found;
}

/** The base in windowed layers; nothing stretches them. */
function localMetadata(config: JsonObject, local: unknown): Found {
  if (!(local instanceof Map)) {
    const base = plain(config.get("rope_local_base_freq"));
    return base === undefined ? [] : [["rope.freq_base_swa", base]];
  }
  const type = local.get("rope_type") ?? "default", base = plain(local.get("rope_theta"));
  if (type !== "default") return [["rope.scaling.type", `${type} in windowed layers`]];
  return base === undefined ? [] : [["rope.freq_base_swa", base]];
}

/**
 * YaRN's attention factor: transformers takes the one that is given, or a quotient of two
 * `mscale`, instead of the paper's 0.1 ln(factor) + 1; GGUF has what multiplies the paper's.
 */
function yarnMetadata(rope: JsonObject): Found {
  const real = (key: string) => Number(rope.get(key) ?? 0);
  const paper = (scale: number) => 1 + 0.1 * scale * Math.log(Math.max(1, real("factor")));
  const all = real("mscale_all_dim");
  const given = rope.get("attention_factor") ??
    (all !== 0 && real("mscale") !== 0 ? paper(real("mscale")) / paper(all) : undefined);
  if (rope.get("truncate") === false) {
    return [["rope.scaling.type", "yarn without truncation"]];
  }
  return typeof given === "number" ? [["rope.scaling.attn_factor", given / paper(1)]] : [];
}

/** LongRoPE's lists, and its attention factor: sqrt(1 + ln(factor) / ln(original context)). */
function longropeMetadata(rope: JsonObject, config: JsonObject): Found {
  const context = Number(config.get("max_position_embeddings"));
  const original = Number(rope.get("original_max_position_embeddings") ?? context);
  const factor = Number(rope.get("factor") ?? context / original);
  const given = rope.get("attention_factor");
  const derived = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
  const lists = ["short", "long"].map((length) => {
    const list = rope.get(`${length}_factor`);
    const numbers = Float32Array.from(isList(list) ? list : [], Number);
    return [`rope.scaling.${length}_factors`, numbers] as const;
  });
  const attention = typeof given === "number" ? given : derived;
  return [...lists, ["rope.scaling.attn_factor", attention]];
}

/** Dimensions of a head, as far as the config says. */
function headDim(config: JsonObject): number {
  const given = config.get("head_dim");
  const heads = Number(config.get("num_attention_heads"));
  return typeof given === "number" ? given : Number(config.get("hidden_size")) / heads;
}
