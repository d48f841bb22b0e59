/** What `cria inspect` finds out about a model file, and what it warns of. @module */

import type { KvType } from "../cache/pages.ts";
import { chooseTemplate } from "../chat/fallbacks.ts";
import { CriaError } from "../errors.ts";
import type { MetadataValue, ModelFile } from "../format/file.ts";
import type { ModelConfig } from "../model/config.ts";
import { quantByName, weightType } from "../quant.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { bytes, grouped } from "./layout.ts";

/** What the estimate of memory depends on. */
export interface Wishes {
  readonly ctx: number | undefined;
  readonly kv: KvType | undefined;
}

const DEFAULT_CONTEXT = 4096; // of Model.load

/** What one session takes. */
export interface MemoryEstimate {
  /** Positions of its context. */
  readonly context: number;
  /** Number type of keys and values. */
  readonly kv: KvType;
  /** Keys and values: private memory. */
  readonly kvBytes: number;
  /** The mapped file: shared, given back under pressure. */
  readonly mappedBytes: number;
}

/** Tensors of one type. */
export interface TypeSum {
  readonly type: string;
  readonly count: number;
  readonly bytes: number;
}

/** Everything about a file that takes more than looking at one field. */
export interface Inspected {
  /** Elements of all tensors. */
  readonly parameters: number;
  /** Types of the tensors, the one with most bytes first. */
  readonly types: readonly TypeSum[];
  /** The model's numbers, where cria can run it. */
  readonly config: ModelConfig | undefined;
  /** What a session takes, where cria can run the model. */
  readonly memory: MemoryEstimate | undefined;
  /** The tokenizer, where the file has one that cria knows. */
  readonly tokenizer: Tokenizer | undefined;
  /** The source of the chat template. */
  readonly template: string | undefined;
  /** What is missing, odd, or cannot be run: a sentence each. */
  readonly warnings: readonly string[];
}

/** Looks at all parts of a file. */
export async function inspectFile(file: ModelFile, wishes: Wishes): Promise<Inspected> {
  const types = typesOf(file);
  const template = textOf(file.metadata.get("tokenizer.chat_template"));
  const config = await attempt(async () => {
    const { readConfig } = await import("../model/config.ts");
    const { modelSource } = await import("../model/hf_names.ts");
    return readConfig(modelSource(file), () => Float32Array.of(1));
  });
  const tokenizer = await attempt(async () => {
    const { Tokenizer } = await import("../tokenizer/tokenizer.ts");
    return Tokenizer.from(file);
  });
  const parsed = await attempt(async () => {
    const { ChatTemplate } = await import("../chat/template.ts");
    return new ChatTemplate(template);
  });
  const found = { config: config.value, tokenizer: tokenizer.value, template, types };
  const problems = [config, tokenizer, parsed].flatMap(({ problem }) => problem ?? []);
  return {
    ...found,
    parameters: parametersOf(file),
    memory: config.value && await memoryOf(file, config.value, wishes),
    warnings: [...problems, ...WARNINGS.flatMap((warn) => warn(file, found, wishes) ?? [])],
  };
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

/** A value of the metadata if it is a text. */
function textOf(value: MetadataValue | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function parametersOf(file: ModelFile): number {
  let count = 0;
  for (const { shape } of file.tensors.values()) count += shape.reduce((a, b) => a * b, 1);
  return count;
}

function typesOf(file: ModelFile): TypeSum[] {
  const sums = new Map<string, TypeSum>();
  for (const { type, bytes } of file.tensors.values()) {
    const sum = sums.get(type) ?? { type, count: 0, bytes: 0 };
    sums.set(type, { type, count: sum.count + 1, bytes: sum.bytes + bytes });
  }
  return [...sums.values()].sort((a, b) => b.bytes - a.bytes);
}

/** What a session will take: the file is mapped, keys and values are private. */
async function memoryOf(
  file: ModelFile,
  config: ModelConfig,
  { ctx, kv = defaultKv(file) }: Wishes,
): Promise<MemoryEstimate> {
  const { contextBytes } = await import("../cache/kv_cache.ts");
  const { cacheShape } = await import("../model/config.ts");
  const { CHUNK_ROWS } = await import("../model/work.ts");
  const context = ctx ?? Math.min(config.contextLength, DEFAULT_CONTEXT);
  const kvBytes = contextBytes(cacheShape(config), kv, { context, rows: CHUNK_ROWS });
  return { context, kv, kvBytes, mappedBytes: file.fileBytes };
}

/** What a model keeps keys and values as when nobody says: no coarser than its weights. */
function defaultKv(file: ModelFile): KvType {
  const keys = [...file.tensors.values()].filter(({ name }) =>
    /\.(attn_k|attn_qkv|k_proj|qkv_proj)\.weight$/.test(name)
  );
  const isFloat = (type: string) => (quantByName(type)?.activation ?? "float") === "float";
  return keys.every(({ type }) => isFloat(type)) ? "f32" : "f16"; // 8-bit floats become halves
}

/** Whether a key names something: a text of one line, unlike a template or a licence. */
function isName(key: string): boolean {
  return /^general\.(name|basename|architecture|type|author|organization|url)$/.test(key);
}

/** What may be odd: each says so in a sentence, or says nothing. */
type Warning = (
  file: ModelFile,
  found: Pick<Inspected, "config" | "tokenizer" | "template" | "types">,
  wishes: Wishes,
) => string | string[] | undefined;

const WARNINGS: readonly Warning[] = [
  (_, { types }) =>
    types.filter(({ type }) => weightType(type) === undefined).map((
      { type, count },
    ) =>
      `Cannot run type ${type}, which ${grouped(count)} ${
        count === 1 ? "tensor has" : "tensors have"
      }`
    ),
  (_, { config }, { ctx }) => {
    if (config === undefined || ctx === undefined || ctx <= config.contextLength) return;
    return `A context of ${grouped(ctx)} is beyond the ${
      grouped(config.contextLength)
    } positions that the model was made for`;
  },
  (_, { tokenizer, template }) =>
    tokenizer && template === undefined
      ? `There is no chat template: cria chat falls back to ${
        chooseTemplate(undefined, tokenizer).fallback
      }`
      : undefined,
  (_, { tokenizer }) =>
    tokenizer && tokenizer.endTokens.size === 0
      ? "No token ends a text: only a limit or a stop text will"
      : undefined,
  ({ metadata }, { tokenizer }) =>
    ["bos", "eos", "unknown", "padding"].flatMap((role) => {
      const id = metadata.get(`tokenizer.ggml.${role}_token_id`);
      if (tokenizer === undefined || typeof id !== "number" || id < tokenizer.vocabularySize) {
        return [];
      }
      const size = grouped(tokenizer.vocabularySize);
      return `The ${role} token is ${grouped(id)}, but the vocabulary has ${size} tokens`;
    }),
  ({ metadata }) => {
    const odd = [...metadata].filter(([key, value]) =>
      /\p{Cc}/u.test(key) || (isName(key) && /\p{Cc}/u.test(textOf(value) ?? ""))
    );
    return odd.map(([key]) => `Metadata ${JSON.stringify(key)} holds control characters`);
  },
  ({ tensors, fileBytes, files }) => {
    if (files.length > 1) return;
    const end = [...tensors.values()].reduce(
      (most, { offset, bytes }) => Math.max(most, offset + bytes),
      0,
    );
    const rest = fileBytes - end;
    return end > 0 && rest > 4096 ? `${bytes(rest)} lie behind the last tensor, unused` : undefined;
  },
];
