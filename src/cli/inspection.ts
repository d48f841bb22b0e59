/** The pages that `cria inspect` shows to people. @module */

import { CriaError } from "../errors.ts";
import type { MetadataValue, ModelFile } from "../format/file.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { quantByName } from "../quant.ts";
import { visible } from "./failure.ts";
import { amount, bar, bytes, clip, grouped, pad, table, threeDigits, wrap } from "./layout.ts";
import { bold } from "./terminal.ts";

/** What the estimate of memory depends on. */
interface Wishes {
  readonly ctx: number | undefined;
  readonly kv: "f32" | "f16" | undefined;
}

const LABEL_COLUMNS = 15;
const DEFAULT_CONTEXT = 4096; // of Model.load

/** The overview: one line per fact. */
export async function describe(file: ModelFile, wishes: Wishes, width: number): Promise<string[]> {
  const { metadata } = file;
  const name = visible(String(metadata.get("general.name") ?? file.path.split("/").at(-1)));
  const config = await attempt(async () => {
    const { readConfig } = await import("../model/config.ts");
    return readConfig(file, () => Float32Array.of(1));
  });
  const tokenizer = await attempt(async () => {
    const { Tokenizer } = await import("../tokenizer/tokenizer.ts");
    return Tokenizer.from(file);
  });
  const facts: [label: string, fact: string][] = [
    ...fileFacts(file),
    ...config.value ? modelFacts(config.value) : [],
    ...config.value ? memoryFacts(file, config.value, wishes) : [],
    ...tokenizer.value ? tokenizerFacts(file, tokenizer.value) : [],
    ["chat template", templateFact(metadata.get("tokenizer.chat_template"))],
    ...[config, tokenizer].flatMap(({ problem }): [string, string][] =>
      problem === undefined ? [] : [["not runnable", problem]]
    ),
  ];
  return [
    bold(clip(name, width)),
    ...facts.flatMap(([label, fact]) => factLines(label, visible(fact), width)),
    "",
    ...typeLines(file, width),
  ];
}

/** What could be made, or why it could not. */
async function attempt<T>(make: () => Promise<T>): Promise<{ value?: T; problem?: string }> {
  try {
    return { value: await make() };
  } catch (error) {
    if (error instanceof CriaError) return { problem: error.message };
    throw error;
  }
}

/** A label and its fact, which may take several lines. */
function factLines(label: string, fact: string, width: number): string[] {
  const lines = wrap(fact, Math.max(20, width - LABEL_COLUMNS - 2));
  return lines.map((line, index) => `  ${pad(index === 0 ? label : "", LABEL_COLUMNS)}${line}`);
}

function fileFacts(file: ModelFile): [string, string][] {
  const { metadata, tensors, fileBytes } = file;
  let parameters = 0, tensorBytes = 0;
  for (const tensor of tensors.values()) {
    parameters += tensor.shape.reduce((a, b) => a * b, 1);
    tensorBytes += tensor.bytes;
  }
  const bits = parameters > 0 ? `, ${threeDigits(8 * tensorBytes / parameters)} bits each` : "";
  const kind = `${file.format.toUpperCase()} version ${file.version}`;
  return [
    ["architecture", String(metadata.get("general.architecture") ?? "not given")],
    ["file", `${bytes(fileBytes)}, ${kind}, ${grouped(metadata.size)} metadata keys`],
    ["parameters", `${amount(parameters)} in ${grouped(tensors.size)} tensors${bits}`],
  ];
}

function modelFacts(config: ModelConfig): [string, string][] {
  const { layerCount, dim, feedForwardDim, headCount, kvHeadCount, headDim, rope } = config;
  const window = config.slidingWindow === undefined
    ? ""
    : `, each sees ${grouped(config.slidingWindow)}`;
  const heads = headCount === kvHeadCount
    ? `${headCount} of ${headDim}`
    : `${headCount} of ${headDim}, sharing ${kvHeadCount} of keys and values`;
  const scaling = rope.scaling.kind === "none" ? "" : `, scaled (${rope.scaling.kind})`;
  return [
    ["layers", `${layerCount} of ${grouped(dim)}, feed-forward ${grouped(feedForwardDim)}`],
    ["heads", heads],
    ["context", `${grouped(config.contextLength)} positions${window}`],
    ["rope", `base ${grouped(rope.base)}, ${rope.dims} dimensions${scaling}`],
    ["output", config.tied ? "tied to the embedding" : "a matrix of its own"],
  ];
}

/** What a session will take: the file is mapped, keys and values are private. */
function memoryFacts(
  file: ModelFile,
  config: ModelConfig,
  { ctx, kv = defaultKv(file) }: Wishes,
): [string, string][] {
  const { layerCount, kvHeadCount, headDim, contextLength } = config;
  const context = ctx ?? Math.min(contextLength, DEFAULT_CONTEXT);
  const perPosition = 2 * layerCount * kvHeadCount * headDim * (kv === "f32" ? 4 : 2);
  const cache = `${bytes(context * perPosition)} for ${grouped(context)} positions in ${kv}`;
  return [["memory", `${bytes(file.fileBytes)} mapped + cache of ${cache}`]];
}

/** What a model keeps keys and values as when nobody says: no coarser than its weights. */
function defaultKv(file: ModelFile): "f32" | "f16" {
  const keys = [...file.tensors.values()].filter(({ name }) => name.endsWith(".attn_k.weight"));
  return keys.every(({ type }) => quantByName(type)?.activation === "float") ? "f32" : "f16";
}

function tokenizerFacts(file: ModelFile, tokenizer: Tokenizer): [string, string][] {
  const kind = file.metadata.get("tokenizer.ggml.model");
  const pre = file.metadata.get("tokenizer.ggml.pre");
  const detail = pre === undefined ? "" : ` (${String(pre)})`;
  const one = (id: number) => `${tokenizer.piece(id)} (${id})`;
  const { bosToken, eosToken, endTokens } = tokenizer;
  const ends = [...endTokens].filter((id) => id !== eosToken).slice(0, 8);
  const special = [
    ...bosToken === undefined ? [] : [`begins ${one(bosToken)}`],
    ...eosToken === undefined ? [] : [`ends ${one(eosToken)}`],
    ...ends.length === 0 ? [] : [`also ends ${ends.map(one).join(", ")}`],
  ];
  return [
    ["tokenizer", `${String(kind)}${detail}, ${grouped(tokenizer.vocabularySize)} tokens`],
    ["special tokens", special.length === 0 ? "none" : special.join("; ")],
  ];
}

function templateFact(source: MetadataValue | undefined): string {
  return typeof source === "string" ? `yes, ${grouped(source.length)} characters` : "none";
}

/** Types of the tensors by size, as bars. */
function typeLines(file: ModelFile, width: number): string[] {
  const types = new Map<string, { count: number; bytes: number }>();
  let total = 0;
  for (const tensor of file.tensors.values()) {
    const sum = types.get(tensor.type) ?? { count: 0, bytes: 0 };
    types.set(tensor.type, { count: sum.count + 1, bytes: sum.bytes + tensor.bytes });
    total += tensor.bytes;
  }
  const rows = [...types].sort(([, a], [, b]) => b.bytes - a.bytes);
  const barColumns = Math.max(8, Math.min(40, width - 36));
  return rows.map(([type, sum]) => {
    const share = total === 0 ? 0 : sum.bytes / total;
    const count = `${grouped(sum.count)} tensor${sum.count === 1 ? "" : "s"}`;
    const figures = `${pad(bytes(sum.bytes), 8, "left")}  ${count}`;
    return `  ${pad(visible(type), 8)}${pad(bar(share, barColumns), barColumns)}  ${figures}`;
  });
}

/** Every tensor in a row of a table. */
export function tensorLines(file: ModelFile, width: number): string[] {
  const rows = [...file.tensors.values()].map(({ name, type, shape, bytes: size, offset }) => [
    visible(name),
    type,
    shape.join(" × "),
    bytes(size),
    ...width >= 72 ? [String(offset)] : [],
  ]);
  return table(
    [
      { title: "tensor", flexible: true },
      { title: "type" },
      { title: "shape", align: "right" },
      { title: "size", align: "right" },
      ...width >= 72 ? [{ title: "offset", align: "right" as const }] : [],
    ],
    rows,
    width,
  );
}

/** All metadata, lists cut short. */
export function metadataLines(file: ModelFile, width: number): string[] {
  return [...file.metadata].map(([key, value]) => {
    const head = `${visible(key)} = `;
    return clip(head + valueText(value, width), width);
  });
}

/** A value in a line; a list shows its length and how it begins. */
function valueText(value: MetadataValue, width: number): string {
  if (typeof value === "string") return visible(JSON.stringify(value.slice(0, width)));
  if (typeof value !== "object") return String(value);
  const first = Array.from(value.slice(0, 6) as ArrayLike<MetadataValue>);
  const shown = first.map((one) => valueText(one, width)).join(", ");
  return `[${grouped(value.length)}] ${shown}${value.length > first.length ? ", …" : ""}`;
}
