/** The pages that `cria inspect` shows to people. @module */

import type { MetadataValue, ModelFile } from "../format/file.ts";
import type { ModelConfig } from "../model/config.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { visible } from "./failure.ts";
import type { Inspected, MemoryEstimate } from "./inspected.ts";
import { amount, bar, bytes, clip, grouped, pad, table, threeDigits, wrap } from "./layout.ts";
import { styled } from "./terminal.ts";

const LABEL_COLUMNS = 16;
const BAR_LABEL_COLUMNS = 10;
const TEMPLATE_LINES = 6;

/** The overview: facts, then bars, then the template, then what is odd. */
export function describe(file: ModelFile, found: Inspected, width: number): string[] {
  const name = file.metadata.get("general.name") ?? file.path.split("/").at(-1);
  const { config, tokenizer, memory, template } = found;
  const facts = [
    ...fileFacts(file, found),
    ...config ? modelFacts(config) : claims(file),
    ...tokenizer ? tokenizerFacts(file, tokenizer) : [],
  ];
  return [
    styled("title", clip(visible(String(name)), width)),
    "",
    ...facts.flatMap(([label, fact]) => factLines(label, visible(fact), width)),
    ...section("tensors by type", typeLines(found, width)),
    ...memory ? section(memoryTitle(memory), memoryLines(memory, width)) : [],
    ...template === undefined ? [] : section(
      `chat template, ${grouped(template.length)} characters`,
      templateLines(template, width),
    ),
    ...section("warnings", warningLines(found.warnings, width)),
  ];
}

/** A title over some lines, and an empty line before it; nothing without lines. */
function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", `  ${styled("label", title)}`, ...lines];
}

/** A label and its fact, which may take several lines. */
function factLines(label: string, fact: string, width: number): string[] {
  const columns = Math.max(20, width - LABEL_COLUMNS - 2);
  return wrap(fact, columns).map((line, index) => {
    const head = pad(index === 0 ? label : "", LABEL_COLUMNS);
    return `  ${styled("label", head)}${clip(line, columns)}`;
  });
}

function fileFacts(file: ModelFile, { parameters, types }: Inspected): [string, string][] {
  const { metadata, tensors, fileBytes } = file;
  const tensorBytes = types.reduce((sum, { bytes }) => sum + bytes, 0);
  const bits = parameters > 0 ? `, ${threeDigits(8 * tensorBytes / parameters)} bits each` : "";
  const kind = file.format === "gguf" ? `GGUF version ${file.version}` : file.format;
  return [
    ["architecture", String(metadata.get("general.architecture") ?? "not given")],
    ["parameters", `${amount(parameters)} in ${grouped(tensors.size)} tensors${bits}`],
    ["file", `${bytes(fileBytes)}, ${kind}, ${grouped(metadata.size)} metadata keys`],
  ];
}

function feedForward({ feedForwardDim, experts }: ModelConfig): string {
  if (!experts) return `feed-forward ${grouped(feedForwardDim)}`;
  return `${experts.used} of ${experts.count} experts of ${grouped(feedForwardDim)}`;
}

/** What each layer sees, where that is not all. */
function windows({ slidingWindow, windowed, layerCount }: ModelConfig): string {
  if (slidingWindow === undefined) return "";
  const full = windowed?.filter((has) => !has).length ?? 0;
  const but = full === 0 ? "" : `, all in ${full} of ${layerCount} layers`;
  return `, each sees ${grouped(slidingWindow)}${but}`;
}

function modelFacts(config: ModelConfig): [string, string][] {
  const { layerCount, dim, headCount, kvHeadCount, headDim, rope } = config;
  const heads = headCount === kvHeadCount
    ? `${headCount} of ${headDim}`
    : `${headCount} of ${headDim}, sharing ${kvHeadCount} of keys and values`;
  const scaling = rope.scaling.kind === "none" ? "" : `, scaled (${rope.scaling.kind})`;
  return [
    ["layers", `${layerCount} of ${grouped(dim)}, ${feedForward(config)}`],
    ["heads", heads],
    ["context", `${grouped(config.contextLength)} positions${windows(config)}`],
    ["rope", `base ${grouped(rope.base)}, ${rope.dims} dimensions${scaling}`],
    ["output", config.tied ? "tied to the embedding" : "a matrix of its own"],
  ];
}

/** What a file says of a model that cria cannot run, by the keys that most architectures have. */
const CLAIMS: readonly (readonly [label: string, key: string])[] = [
  ["layers", "block_count"],
  ["dimensions", "embedding_length"],
  ["feed-forward", "feed_forward_length"],
  ["heads", "attention.head_count"],
  ["key heads", "attention.head_count_kv"],
  ["experts", "expert_count"],
  ["context", "context_length"],
];

function claims({ metadata }: ModelFile): [string, string][] {
  const prefix = String(metadata.get("general.architecture"));
  return CLAIMS.flatMap(([label, key]): [string, string][] => {
    const value = metadata.get(`${prefix}.${key}`);
    if (value === undefined) return [];
    return [[label, typeof value === "number" ? grouped(value) : valueText(value, 60)]];
  });
}

function tokenizerFacts(file: ModelFile, tokenizer: Tokenizer): [string, string][] {
  const kind = file.metadata.get("tokenizer.ggml.model");
  const pre = file.metadata.get("tokenizer.ggml.pre");
  const detail = pre === undefined ? "" : ` (${String(pre)})`;
  const one = (id: number) => `${clip(tokenizer.piece(id), 30)} (${id})`;
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

/** A row of a bar chart: a name, its share of the whole, its size, and a note. */
function barLine(label: string, share: number, size: number, note: string, width: number): string {
  const columns = Math.max(8, Math.min(38, width - 46));
  const drawn = styled("bar", pad(bar(share, columns), columns));
  const head = `  ${pad(clip(visible(label), BAR_LABEL_COLUMNS - 1), BAR_LABEL_COLUMNS)}`;
  const percent = `${Math.round(100 * share)} %`.padStart(5);
  return `${head}${drawn} ${pad(bytes(size), 7, "left")} ${percent}  ${clip(note, 18)}`.trimEnd();
}

/** Types of the tensors by size, as bars. */
function typeLines({ types }: Inspected, width: number): string[] {
  const total = types.reduce((sum, { bytes }) => sum + bytes, 0);
  return types.map(({ type, count, bytes: size }) => {
    const note = `${grouped(count)} tensor${count === 1 ? "" : "s"}`;
    return barLine(type, total === 0 ? 0 : size / total, size, note, width);
  });
}

function memoryTitle({ context, kv, kvBytes, mappedBytes }: MemoryEstimate): string {
  return `memory: ${bytes(mappedBytes + kvBytes)} at a context of ${grouped(context)} in ${kv}`;
}

/** What a session takes, as bars. */
function memoryLines(memory: MemoryEstimate, width: number): string[] {
  const { mappedBytes, kvBytes, context } = memory, total = mappedBytes + kvBytes;
  const each = `${bytes(kvBytes / context)} a position`;
  return [
    barLine("weights", mappedBytes / total, mappedBytes, "mapped", width),
    barLine("cache", kvBytes / total, kvBytes, each, width),
  ];
}

/** How the template begins, line by line. */
function templateLines(template: string, width: number): string[] {
  const lines = template.trim().split("\n");
  const shown = lines.slice(0, TEMPLATE_LINES);
  const more = lines.length - shown.length;
  return [
    ...shown.map((line) => `  ${styled("label", "│")} ${clip(visible(line), width - 4)}`),
    ...more > 0 ? [`  ${styled("label", `│ … ${grouped(more)} more`)}`] : [],
  ];
}

function warningLines(warnings: readonly string[], width: number): string[] {
  return warnings.flatMap((warning) =>
    wrap(visible(warning), width - 4).map((line, index) =>
      `  ${index === 0 ? styled("warning", "!") : " "} ${clip(line, width - 4)}`
    )
  );
}

/** Every tensor in a row of a table. */
export function tensorLines(file: ModelFile, width: number): string[] {
  const wide = width >= 72;
  const rows = [...file.tensors.values()].map(({ name, type, shape, bytes: size, offset }) => [
    visible(name),
    type,
    shape.join(" × "),
    bytes(size),
    ...wide ? [String(offset)] : [],
  ]);
  return table(
    [
      { title: "tensor", flexible: true },
      { title: "type" },
      { title: "shape", align: "right" },
      { title: "size", align: "right" },
      ...wide ? [{ title: "offset", align: "right" as const }] : [],
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
