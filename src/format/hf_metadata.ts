/** What the JSON files of a Hugging Face folder say, under the keys of GGUF. @module */
import { formatError } from "../bytes.ts";
import type { MetadataValue } from "./file.ts";
import { configMetadata, textConfig } from "./hf_config.ts";
import { tokenizerMetadata } from "./hf_tokenizer.ts";
import { isObject, type JsonObject, readJson } from "./json.ts";
import { isMissing, readWhole } from "./source.ts";

const FILE_LIMIT_BYTES = 128 * 1024 * 1024; // the largest tokenizer.json has 33 MB

/** The JSON files of a folder that are there. */
export interface HuggingFaceFiles {
  /** As `textConfig` has it. */
  readonly config?: JsonObject | undefined;
  readonly generation?: JsonObject | undefined;
  readonly tokenizer?: JsonObject | undefined;
  readonly tokenizerConfig?: JsonObject | undefined;
  /** `chat_template.json`, as models that see pictures have it. */
  readonly chatTemplate?: JsonObject | undefined;
  /** `chat_template.jinja` as "default", and those of `additional_chat_templates`. */
  readonly chatTemplates?: ReadonlyMap<string, string> | undefined;
}

/**
 * Reads the JSON files of a folder; any of them may be missing.
 * @param folder without a slash at its end
 */
export async function huggingFaceMetadata(folder: string): Promise<Map<string, MetadataValue>> {
  const object = (name: string) => readObject(`${folder}/${name}`);
  const config = await object("config.json");
  const files: HuggingFaceFiles = {
    config: config && textConfig(config),
    generation: await object("generation_config.json"),
    tokenizer: await object("tokenizer.json"),
    tokenizerConfig: await object("tokenizer_config.json"),
    chatTemplate: await object("chat_template.json"),
    chatTemplates: await readTemplates(folder),
  };
  const own = files.config ? configMetadata(files.config) : new Map<string, MetadataValue>();
  const pooling = await object("1_Pooling/config.json");
  return new Map([
    ...own,
    ...pooling ? poolingMetadata(pooling, String(own.get("general.architecture"))) : [],
    ...await tokenizerMetadata(files, folder),
  ]);
}

/** GGUF's numbers of the ways in which sentence-transformers pools. */
const POOLING_TYPES: ReadonlyMap<string, number> = new Map([
  ["mean_tokens", 1],
  ["cls_token", 2],
  ["lasttoken", 3],
]);

/** How states become an embedding; a way that has no number stays a name, to be refused. */
function* poolingMetadata(
  pooling: JsonObject,
  architecture: string,
): Generator<[string, MetadataValue]> {
  for (const [key, value] of pooling) {
    const mode = /^pooling_mode_(\w+)$/.exec(key)?.[1];
    if (mode === undefined || value !== true) continue;
    yield [`${architecture}.pooling_type`, POOLING_TYPES.get(mode) ?? mode];
  }
}

/** The chat templates that are files of their own, by name. */
async function readTemplates(folder: string): Promise<Map<string, string>> {
  const paths = new Map([["default", `${folder}/chat_template.jinja`]]);
  const more = `${folder}/additional_chat_templates`;
  for (const file of await isMissing(more) ? [] : await namesIn(more)) {
    if (file.endsWith(".jinja")) paths.set(file.slice(0, -".jinja".length), `${more}/${file}`);
  }
  const templates = new Map<string, string>();
  for (const [name, path] of paths) {
    const bytes = await readWhole(path, FILE_LIMIT_BYTES);
    if (bytes !== undefined) templates.set(name, new TextDecoder().decode(bytes));
  }
  return templates;
}

/** The names in a folder. */
async function namesIn(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();
}

/** A JSON file that holds an object; undefined where there is no such file. */
async function readObject(path: string): Promise<JsonObject | undefined> {
  const bytes = await readWhole(path, FILE_LIMIT_BYTES);
  if (bytes === undefined) return undefined;
  const json = await readJson(bytes, path);
  if (isObject(json)) return json;
  throw formatError(path, "it is no JSON object");
}
