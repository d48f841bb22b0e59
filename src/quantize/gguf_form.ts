/** A model of any format as the GGUF to be: its keys, names and order of rows. @module */
import { ModelError } from "../errors.ts";
import type { MetadataValue, ModelFile } from "../format/file.ts";
import { VALUE_TYPES } from "../format/gguf_value.ts";
import { ggufVocabulary } from "../format/gguf_vocabulary.ts";
import { type Architecture, architectureByName } from "../model/architectures.ts";
import { type ModelConfig, readConfig } from "../model/config.ts";
import { modelSource } from "../model/hf_names.ts";
import {
  heldTensor,
  type ModelTensor,
  readSmallTensor,
  rowsInOrder,
  wholeTensor,
} from "../model/model_tensor.ts";
import { bandFactors, type RopeConfig } from "../model/rope.ts";

/** What a GGUF says before its data, and where its tensors come from. */
export interface GgufForm {
  readonly metadata: ReadonlyMap<string, MetadataValue>;
  /** GGUF's types of single numbers by key. */
  readonly numberTypes: ReadonlyMap<string, number>;
  /** By their names in the GGUF. */
  readonly tensors: ReadonlyMap<string, ModelTensor>;
}

/** Something that a config says under a key, if it does; `undefined` leaves the key out. */
type Row = readonly [
  key: string,
  value: (config: ModelConfig, row: Architecture) => MetadataValue | undefined,
];

const ifNot = (value: number, usual: number) => value === usual ? undefined : value;

/** Whole numbers, words and flags. */
const KEYS: readonly Row[] = [
  ["block_count", (c) => c.layerCount],
  ["context_length", (c) => c.contextLength],
  ["embedding_length", (c) => c.dim],
  ["vocab_size", (c) => c.vocabularySize],
  ["attention.head_count", (c) => c.headCount],
  ["attention.head_count_kv", (c) => c.kvHeadCount],
  ["attention.key_length", (c) => c.headDim],
  ["attention.value_length", (c) => c.headDim],
  [
    "attention.sliding_window",
    (c, row) => c.slidingWindow ?? (row.windows?.fallback ? 0 : undefined),
  ],
  ["attention.sliding_window_pattern", (c, row) => patternOf(c, row)],
  ["expert_count", (c) => c.experts?.count],
  ["expert_used_count", (c) => c.experts?.used],
  ["expert_weights_norm", (c) => c.experts?.normalised === false ? false : undefined],
  ["rope.dimension_count", (c) => c.rope.dims],
  ["rope.scaling.type", ({ rope: { scaling } }) => SCALING_TYPES.get(scaling.kind)],
  [
    "rope.scaling.original_context_length",
    ({ rope: { scaling } }) =>
      scaling.kind === "yarn" || scaling.kind === "longrope" ? scaling.originalContext : undefined,
  ],
];

/** Numbers that are floats in a GGUF, whatever their values. */
const FLOATS: readonly Row[] = [
  ["attention.layer_norm_rms_epsilon", (c) => c.normEpsilon],
  ["attention.scale", (c, row) => scaleOf(c, row)],
  ["attn_logit_softcapping", (c, row) => c.attentionSoftcap ?? (row.softCaps && 0)],
  ["final_logit_softcapping", (c, row) => c.logitSoftcap ?? (row.softCaps && 0)],
  ["rope.freq_base", (c) => c.rope.base],
  [
    "rope.freq_base_swa",
    (c, row) => c.localRope && ifNot(c.localRope.base, row.windows!.ropeBase!),
  ],
  [
    "rope.scaling.factor",
    ({ rope: { scaling } }) =>
      scaling.kind === "yarn" || scaling.kind === "linear" ? scaling.factor : undefined,
  ],
  [
    "rope.scaling.attn_factor",
    ({ rope: { scaling } }) =>
      scaling.kind === "yarn"
        ? ifNot(scaling.attentionFactor, 1)
        : scaling.kind === "longrope"
        ? scaling.attentionFactor
        : undefined,
  ],
  ["rope.scaling.yarn_beta_fast", (c) => yarnOf(c, "betaFast", 32)],
  ["rope.scaling.yarn_beta_slow", (c) => yarnOf(c, "betaSlow", 1)],
];

/** GGUF's names of scalings; the others are factors, which are tensors. */
const SCALING_TYPES: ReadonlyMap<string, string> = new Map([["linear", "linear"], [
  "yarn",
  "yarn",
]]);

/** Keys of the feed-forward block, which the config has as one number. */
const COPIED = ["feed_forward_length", "expert_feed_forward_length"];

/**
 * A model as GGUF. One of that format is it already.
 * @param file the opened model
 * @throws {ModelError} cria cannot run it, or GGUF cannot say what it is
 */
export function ggufForm(file: ModelFile): GgufForm {
  if (file.format === "gguf") {
    const { metadata, numberTypes = new Map() } = file;
    const whole = [...file.tensors].map(([name, info]) => [name, wholeTensor(info)] as const);
    return { metadata, numberTypes, tensors: new Map(whole) };
  }
  const source = modelSource(file);
  const config = readConfig(source, (name) => readSmallTensor(source.tensors.get(name)!));
  const row = architectureByName(config.architecture)!;
  const isTurned = row.ropePairs === "neighbours";
  const tensors = new Map(
    [...source.tensors].map(([name, tensor]) =>
      [name, isTurned ? neighboursOf(name, tensor, config) : tensor] as const
    ),
  );
  const { scaling } = config.rope;
  if (scaling.kind === "bands") {
    const name = "rope_freqs.weight";
    tensors.set(name, heldTensor(name, bandFactors(scaling, config.rope)));
  }
  if (scaling.kind === "dynamic") {
    throw new ModelError("Cannot write a GGUF: it has no dynamic scaling of rotations");
  }
  return { ...describe(file, config, row), tensors };
}

/** The keys of a config, and which of them are floats. */
function describe(
  { metadata: given, path }: ModelFile,
  config: ModelConfig,
  row: Architecture,
): Pick<GgufForm, "metadata" | "numberTypes"> {
  const metadata = new Map<string, MetadataValue>([["general.architecture", row.name]]);
  const numberTypes = new Map<string, number>();
  const folder = path.replace(/[/\\]+$/, "").replace(/.*[/\\]/, "");
  const named = /^\.*$/.test(folder) ? row.name : folder;
  metadata.set("general.name", given.get("general.name") ?? named);
  const set = (key: string, value: MetadataValue | undefined) => {
    if (value !== undefined) metadata.set(`${row.name}.${key}`, value);
  };
  for (const key of COPIED) set(key, given.get(`${row.name}.${key}`));
  for (const [key, value] of KEYS) set(key, value(config, row));
  for (const [key, value] of FLOATS) {
    set(key, value(config, row));
    numberTypes.set(`${row.name}.${key}`, VALUE_TYPES.f32);
  }
  for (const [key, value] of ggufVocabulary(given)) metadata.set(key, value);
  return { metadata, numberTypes };
}

/** Which layers have the window, where that is not what the architecture has by itself. */
function patternOf(
  { slidingWindow, windowed, layerCount }: ModelConfig,
  { windows }: Architecture,
): readonly boolean[] | undefined {
  if (slidingWindow === undefined || !windows) return undefined;
  const every = windows.fullEvery, layers = Array.from({ length: layerCount }, (_, i) => i);
  const isUsual = layers.every((i) =>
    (windowed?.[i] ?? true) === (every === 0 || (i + 1) % every !== 0)
  );
  return isUsual ? undefined : windowed;
}

/** What scores are multiplied by, where that is not what the architecture has by itself. */
function scaleOf(config: ModelConfig, { scoreDims }: Architecture): number | undefined {
  const usual = 1 / Math.sqrt(scoreDims?.(config) ?? config.headDim);
  return Math.abs(config.scoreScale / usual - 1) < 1e-6 ? undefined : config.scoreScale;
}

/** A number of YaRN that is not the usual one. */
function yarnOf(
  { rope: { scaling } }: { readonly rope: RopeConfig },
  key: "betaFast" | "betaSlow",
  usual: number,
): number | undefined {
  return scaling.kind === "yarn" ? ifNot(scaling[key], usual) : undefined;
}

/** Queries and keys with their rows in the order that pairs neighbours: halves are interleaved. */
function neighboursOf(name: string, tensor: ModelTensor, config: ModelConfig): ModelTensor {
  if (!/\.attn_[qk]\.(weight|bias)$/.test(name)) return tensor;
  const { headDim, rope: { dims } } = config;
  return rowsInOrder(tensor, (row) => {
    const at = row % headDim;
    return at < dims ? row - at + (at % 2) * dims / 2 + Math.floor(at / 2) : row;
  });
}
