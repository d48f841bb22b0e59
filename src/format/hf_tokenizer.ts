/** `tokenizer.json` and its kin, as the keys that GGUF has for a vocabulary. @module */
import { formatError, quote } from "../bytes.ts";
import { turn } from "../turn.ts";
import type { MetadataValue } from "./file.ts";
import type { HuggingFaceFiles } from "./hf_metadata.ts";
import { isList, isObject, type JsonObject, type JsonValue } from "./json.ts";

const KINDS = { normal: 1, unknown: 2, control: 3, user: 4, unused: 5, byte: 6 }; // GGUF's numbers
const STRIPS_LEFT = 1, STRIPS_RIGHT = 2;
const VOCABULARY_LIMIT = 1 << 22;
const ITEMS_PER_LOOK = 512; // items between two looks at the clock
const SLICE_MS = 4; // of work before the event loop gets its turn

/** A vocabulary while it is put together. */
interface Tokens {
  readonly pieces: string[]; // by id
  readonly kinds: number[];
  readonly scores: number[];
  readonly strips: number[];
}

/**
 * What the files say about tokens, under GGUF's keys. How texts are normalised and cut into words
 * has no such keys: it stands as JSON under `tokenizer.huggingface.`.
 * @param folder for messages
 */
export async function tokenizerMetadata(
  files: HuggingFaceFiles,
  folder: string,
): Promise<Map<string, MetadataValue>> {
  const found = new Map<string, MetadataValue>();
  const { tokenizer } = files;
  if (tokenizer !== undefined) {
    const path = `${folder}/tokenizer.json`;
    const model = objectOf(tokenizer, "model", path);
    const tokens = await readTokens(tokenizer, model, path);
    const size = files.config?.get("vocab_size");
    if (typeof size === "number" && size <= VOCABULARY_LIMIT) pad(tokens, size);
    await turn();
    setVocabulary(found, tokens, model);
    await setMerges(found, model, path);
    for (const part of ["normalizer", "pre_tokenizer", "decoder"]) {
      found.set(`tokenizer.huggingface.${part}`, toText(tokenizer.get(part) ?? null));
    }
    setRoles(found, files, tokens.pieces);
  }
  setChatTemplates(found, files);
  return found;
}

function setVocabulary(
  found: Map<string, MetadataValue>,
  tokens: Tokens,
  model: JsonObject,
): void {
  const rest = new Map([...model].filter(([key]) => key !== "vocab" && key !== "merges"));
  found.set("tokenizer.ggml.model", "huggingface");
  found.set("tokenizer.ggml.tokens", tokens.pieces);
  found.set("tokenizer.ggml.token_type", Int32Array.from(tokens.kinds));
  if (isList(model.get("vocab"))) {
    found.set("tokenizer.ggml.scores", Float64Array.from(tokens.scores));
  }
  found.set("tokenizer.huggingface.model", toText(rest));
  const unknown = tokens.kinds.indexOf(KINDS.unknown);
  if (unknown >= 0) found.set("tokenizer.ggml.unknown_token_id", unknown);
  if (tokens.strips.some((strip) => strip > 0)) {
    found.set("tokenizer.huggingface.strips", Uint8Array.from(tokens.strips));
  }
}

async function setMerges(
  found: Map<string, MetadataValue>,
  model: JsonObject,
  path: string,
): Promise<void> {
  const pairs = model.get("merges"), merges: string[] = [];
  if (!isList(pairs)) return;
  await forEach(pairs, (pair) => merges.push(merge(pair, path)));
  found.set("tokenizer.ggml.merges", merges);
}

/** Does something with each of many, with pauses for the event loop. */
async function forEach<T>(
  items: Iterable<T>,
  act: (item: T, index: number) => void,
): Promise<void> {
  let index = 0, since = performance.now();
  for (const item of items) {
    act(item, index++);
    if (index % ITEMS_PER_LOOK !== 0 || performance.now() - since < SLICE_MS) continue;
    await turn();
    since = performance.now();
  }
}

/** The tokens of the model's vocabulary and those that were added, by id. */
async function readTokens(
  tokenizer: JsonObject,
  model: JsonObject,
  path: string,
): Promise<Tokens> {
  const tokens: Tokens = { pieces: [], kinds: [], scores: [], strips: [] };
  const unknown = model.get("unk_token") ?? model.get("unk_id");
  const hasBytes = model.get("byte_fallback") === true;
  const enter = (piece: JsonValue | undefined, id: JsonValue | undefined, score: JsonValue) => {
    enterToken(tokens, piece, id, path);
    const isByte = hasBytes && /^<0x[0-9A-F]{2}>$/.test(String(piece));
    const isUnknown = unknown === piece || unknown === id;
    tokens.kinds[Number(id)] = isUnknown ? KINDS.unknown : isByte ? KINDS.byte : KINDS.normal;
    tokens.scores[Number(id)] = Number(score);
  };
  const vocab = model.get("vocab"); // from pieces to ids, or a list of [piece, score]
  if (isObject(vocab)) await forEach(vocab, ([piece, id]) => enter(piece, id, 0));
  else if (isList(vocab)) {
    await forEach(
      vocab,
      (pair, id) => isList(pair) ? enter(pair[0], id, pair[1] ?? 0) : enter(pair, id, 0),
    );
  } else throw formatError(path, 'its model has no "vocab"');
  const added = tokenizer.get("added_tokens");
  for (const token of isList(added) ? added : []) enterAdded(tokens, token, path);
  pad(tokens, tokens.pieces.length);
  return tokens;
}

/** Gives a token its slot, which must be free. */
function enterToken(
  { pieces }: Tokens,
  piece: JsonValue | undefined,
  id: JsonValue | undefined,
  path: string,
): void {
  const isId = typeof id === "number" && Number.isInteger(id) && id >= 0 && id < VOCABULARY_LIMIT;
  if (typeof piece !== "string" || !isId) {
    throw formatError(path, `token ${quote(String(piece))} has id ${quote(String(id), 40)}`);
  }
  if (pieces[id] !== undefined && pieces[id] !== piece) {
    throw formatError(path, `tokens ${quote(pieces[id])} and ${quote(piece)} have both id ${id}`);
  }
  pieces[id] = piece;
}

/** A token that is found as a whole; special ones count only where they are asked for. */
function enterAdded(tokens: Tokens, token: JsonValue, path: string): void {
  if (!isObject(token)) throw formatError(path, 'its "added_tokens" hold something else');
  const id = Number(token.get("id"));
  enterToken(tokens, token.get("content"), token.get("id"), path);
  if (tokens.kinds[id] !== KINDS.unknown) {
    tokens.kinds[id] = token.get("special") === true ? KINDS.control : KINDS.user;
  }
  const strips = token.get("lstrip") === true ? STRIPS_LEFT : 0;
  tokens.strips[id] = strips | (token.get("rstrip") === true ? STRIPS_RIGHT : 0);
}

/** Lets the vocabulary have `size` tokens at least: models often have more rows than that. */
function pad({ pieces, kinds, scores, strips }: Tokens, size: number): void {
  for (let id = 0; id < Math.max(size, pieces.length); id++) {
    if (pieces[id] === undefined) kinds[id] = KINDS.unused;
    pieces[id] ??= `[PAD${id}]`;
    scores[id] ??= 0;
    strips[id] ??= 0;
  }
}

/** A merge as GGUF has it: "left right", which older files write as well. */
function merge(value: JsonValue, path: string): string {
  if (typeof value === "string" && value.split(" ").length === 2) return value;
  const isPair = isList(value) && value.length === 2 &&
    value.every((part) => typeof part === "string" && part !== "" && !part.includes(" "));
  if (isPair) return value.join(" ");
  throw formatError(path, `${quote(toText(value))} is no pair of pieces without blanks`);
}

/** Tokens with a role, and which of them come before and after every text. */
function setRoles(
  found: Map<string, MetadataValue>,
  { tokenizer, tokenizerConfig, config, generation }: HuggingFaceFiles,
  pieces: readonly string[],
): void {
  const set = (key: string, value: MetadataValue | undefined) => {
    if (value !== undefined) found.set(`tokenizer.ggml.${key}`, value);
  };
  const idOf = (role: string): number | undefined => {
    const id = pieces.indexOf(textOf(tokenizerConfig?.get(role)) ?? "");
    return id < 0 ? idsOf(generation?.get(`${role}_id`) ?? config?.get(`${role}_id`))[0] : id;
  };
  const around = templateOf(tokenizer?.get("post_processor"));
  const flag = (key: string) => tokenizerConfig?.get(key) === true;
  set("bos_token_id", around?.before ?? idOf("bos_token"));
  set("eos_token_id", around?.after ?? idOf("eos_token"));
  set("padding_token_id", idOf("pad_token"));
  set("add_bos_token", around === undefined ? flag("add_bos_token") : around.before !== undefined);
  set("add_eos_token", around === undefined ? flag("add_eos_token") : around.after !== undefined);
  const ends = idsOf(generation?.get("eos_token_id") ?? config?.get("eos_token_id"));
  if (ends.length > 0) set("eos_token_ids", Int32Array.from(ends));
}

/** One id, or several. */
function idsOf(value: JsonValue | undefined): number[] {
  const list = isList(value) ? value : [value];
  return list.filter((id): id is number => typeof id === "number" && Number.isInteger(id));
}

/** What a post-processor puts before and after a text; undefined where it has no template. */
function templateOf(
  processor: JsonValue | undefined,
): { before: number | undefined; after: number | undefined } | undefined {
  if (!isObject(processor)) return undefined;
  const parts = processor.get("processors");
  if (isList(parts)) return parts.map(templateOf).find((one) => one !== undefined);
  const single = processor.get("single"), special = processor.get("special_tokens");
  if (processor.get("type") !== "TemplateProcessing" || !isList(single)) return undefined;
  const tokenOf = (part: JsonValue | undefined): number | undefined => {
    const token = isObject(part) ? part.get("SpecialToken") : undefined;
    const name = isObject(token) ? token.get("id") : undefined;
    const entry = isObject(special) ? special.get(String(name)) : undefined;
    return isObject(entry) ? idsOf(entry.get("ids"))[0] : undefined;
  };
  return { before: tokenOf(single[0]), after: tokenOf(single.at(-1)) };
}

/** A token of a config: a text, or an object with its content. */
function textOf(value: JsonValue | undefined): string | undefined {
  const text = isObject(value) ? value.get("content") : value;
  return typeof text === "string" ? text : undefined;
}

/** The chat templates: files of their own, else one text, or several with names. */
function setChatTemplates(
  found: Map<string, MetadataValue>,
  { tokenizerConfig, chatTemplate, chatTemplates = new Map() }: HuggingFaceFiles,
): void {
  const set = (name: string, template: string) =>
    found.set(`tokenizer.chat_template${name === "default" ? "" : `.${name}`}`, template);
  for (const [name, template] of chatTemplates) set(name, template);
  if (chatTemplates.size > 0) return;
  const given = tokenizerConfig?.get("chat_template") ?? chatTemplate?.get("chat_template");
  if (typeof given === "string") set("default", given);
  for (const entry of isList(given) ? given : []) {
    if (!isObject(entry)) continue;
    const name = entry.get("name"), template = entry.get("template");
    if (typeof name !== "string" || typeof template !== "string") continue;
    set(name, template);
  }
}

/** The object of that name; it must be there. */
function objectOf(parent: JsonObject, key: string, path: string): JsonObject {
  const value = parent.get(key);
  if (isObject(value)) return value;
  throw formatError(path, `it has no object "${key}"`);
}

/** JSON again. */
function toText(value: JsonValue): string {
  return JSON.stringify(value, (_, part) => part instanceof Map ? Object.fromEntries(part) : part);
}
