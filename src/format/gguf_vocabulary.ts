/** The tokenizer of a Hugging Face folder as GGUF has tokenizers: two kinds, and names. @module */
import { quote } from "../bytes.ts";
import { ModelError } from "../errors.ts";
import type { MetadataValue } from "./file.ts";

/** What a part of `tokenizer.json` says. */
interface Part {
  readonly type?: string;
  readonly [key: string]: unknown;
}

type Metadata = ReadonlyMap<string, MetadataValue>;

const LETTERS = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]", SMALL = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
const FIRST = "[^\\r\\n\\p{L}\\p{N}]?", GAPS = "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const CONTRACTED = "(?i:'s|'t|'re|'ve|'m|'ll|'d)", SIGNS = " ?[^\\s\\p{L}\\p{N}]+";
const cased = (end: string) =>
  `${FIRST}${LETTERS}*${SMALL}+${end}|${FIRST}${LETTERS}+${SMALL}*${end}`;

/** GGUF's names of expressions that cut texts into words, before their letters become bytes. */
const EXPRESSIONS: ReadonlyMap<string, string> = new Map([
  [`${CONTRACTED}|${FIRST}\\p{L}+|\\p{N}{1,3}|${SIGNS}[\\r\\n]*|${GAPS}`, "llama-bpe"],
  [`${CONTRACTED}|${FIRST}\\p{L}+|\\p{N}|${SIGNS}[\\r\\n]*|${GAPS}`, "qwen2"],
  [`${cased("")}|\\p{N}|${SIGNS}[\\r\\n/]*|${GAPS}`, "tekken"],
  [`${cased(CONTRACTED + "?")}|\\p{N}{1,3}|${SIGNS}[\\r\\n/]*|${GAPS}`, "gpt-4o"],
]);

/** GGUF's names of ways to cut that are no expression of their own. */
const WAYS: ReadonlyMap<string, string> = new Map([
  ["ByteLevel", "gpt-2"],
  ["Digits ByteLevel", "smollm"],
]);

/** What differs by itself: such changes of a text GGUF leaves to whoever writes it. */
const PASSED_OVER: ReadonlySet<string> = new Set(["NFC"]);

/**
 * The tokenizer under GGUF's own keys, as other programs read it.
 * @param metadata of a Hugging Face folder
 * @throws {ModelError} there is none, or GGUF cannot say how it works
 */
export function ggufVocabulary(metadata: Metadata): Map<string, MetadataValue> {
  const found = new Map([...metadata].filter(([key]) => /^tokenizer\.(ggml|chat_t)/.test(key)));
  if (metadata.get("tokenizer.ggml.model") === undefined) {
    throw new ModelError('Cannot write a GGUF without a tokenizer: there is no "tokenizer.json"');
  }
  const strips = metadata.get("tokenizer.huggingface.strips");
  if (strips !== undefined) found.set("tokenizer.huggingface.strips", strips);
  const [model, normalizer, splitter] = ["model", "normalizer", "pre_tokenizer"]
    .map((name) => partOf(metadata, name)) as [Part, Part, Part];
  if (model.type !== undefined && model.type !== "BPE") throw unknown("model", model.type);
  const isBytes = [normalizer, splitter, partOf(metadata, "decoder")]
    .some((part) => JSON.stringify(part).includes('"ByteLevel"'));
  const rest = isBytes ? byteLevel(normalizer, splitter) : blanks(metadata, normalizer, splitter);
  for (const [key, value] of rest) found.set(`tokenizer.ggml.${key}`, value);
  if (!isBytes) found.delete("tokenizer.ggml.merges"); // scores say the same
  return found;
}

/** BPE over bytes dressed as letters. */
function byteLevel(normalizer: Part, splitter: Part): [string, MetadataValue][] {
  const other = partsOf(normalizer).find(({ type = "" }) => !PASSED_OVER.has(type));
  if (other?.type !== undefined) throw unknown("normalizer", other.type);
  const parts = partsOf(splitter), types = parts.map(({ type }) => type);
  const regex = Object(parts.find(({ type }) => type === "Split")?.["pattern"])["Regex"];
  const name = types.join(" ") === "Split ByteLevel"
    ? EXPRESSIONS.get(String(regex))
    : WAYS.get(types.join(" "));
  const prefixed = parts.find((part) => part["add_prefix_space"] === true);
  if (prefixed !== undefined) throw unknown("pre-tokenizer", `${prefixed.type} with a prefix`);
  if (name === undefined) throw unknown("pre-tokenizer", String(regex ?? types.join(" ")));
  return [["model", "gpt2"], ["pre", name]];
}

/** BPE over characters with blanks for spaces: pieces have scores, by when they are merged. */
function blanks(
  metadata: Metadata,
  normalizer: Part,
  splitter: Part,
): [string, MetadataValue][] {
  let hasPrefix = false;
  for (const part of partsOf(normalizer)) {
    if (part.type === "Prepend") hasPrefix = true;
    else if (part.type !== "Replace") throw unknown("normalizer", String(part.type));
  }
  for (const part of partsOf(splitter)) {
    if (part.type === "Metaspace") {
      const scheme = part["prepend_scheme"] ?? (part["add_prefix_space"] === false ? "never" : "");
      hasPrefix = scheme !== "never";
    } else if (part.type !== "Split") throw unknown("pre-tokenizer", String(part.type));
  }
  return [
    ["model", "llama"],
    ["pre", "default"],
    ["add_space_prefix", hasPrefix],
    ["scores", mergeScores(metadata)],
  ];
}

const LEAST_SCORE = -1e6; // of what no merge makes

/** Scores that have pieces merged in the order of the merges. */
function mergeScores(metadata: Metadata): Float32Array {
  const pieces = metadata.get("tokenizer.ggml.tokens") as readonly string[];
  const merges = (metadata.get("tokenizer.ggml.merges") ?? []) as readonly string[];
  const kinds = metadata.get("tokenizer.ggml.token_type") as Int32Array;
  const ranks = new Map<string, number>();
  merges.forEach((merge, rank) => {
    const piece = merge.replace(" ", "");
    if (!ranks.has(piece)) ranks.set(piece, rank);
  });
  return Float32Array.from(pieces, (piece, id) => {
    if (kinds[id] !== 1) return 0;
    return -(ranks.get(piece) ?? -LEAST_SCORE + id);
  });
}

/** A part of `tokenizer.json`; nothing in it where there is none. */
function partOf(metadata: Metadata, name: string): Part {
  const text = metadata.get(`tokenizer.huggingface.${name}`);
  return Object(typeof text === "string" ? JSON.parse(text) : null);
}

/** The steps of a part, none where it is empty. */
function partsOf(part: Part | null): Part[] {
  if (part?.type === undefined) return [];
  const list = part["normalizers"] ?? part["pretokenizers"];
  return part.type === "Sequence" && Array.isArray(list) ? list.flatMap(partsOf) : [part];
}

function unknown(what: string, name: unknown): ModelError {
  const named = quote(String(name), 200);
  return new ModelError(`Cannot write the tokenizer: cria writes no ${what} ${named} as GGUF`);
}
