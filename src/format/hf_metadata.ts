/** What the JSON files of a Hugging Face folder say, under the keys of GGUF. @module */
import { formatError } from "../bytes.ts";
import type { MetadataValue } from "./file.ts";
import { configMetadata, textConfig } from "./hf_config.ts";
import { tokenizerMetadata } from "./hf_tokenizer.ts";
import { isObject, type JsonObject, readJson } from "./json.ts";
import { readWhole } from "./source.ts";

const FILE_LIMIT_BYTES = 128 * 1024 * 1024; // the largest tokenizer.json has 33 MB

/** The JSON files of a folder that are there. */
export interface HuggingFaceFiles {
  /** As `textConfig` has it. */
  readonly config?: JsonObject | undefined;
  readonly generation?: JsonObject | undefined;
  readonly tokenizer?: JsonObject | undefined;
  readonly tokenizerConfig?: JsonObject | undefined;
  /** `chat_template.jinja`. */
  readonly chatTemplate?: string | undefined;
}

/**
 * Reads the JSON files of a folder; any of them may be missing.
 * @param folder without a slash at its end
 */
export async function huggingFaceMetadata(folder: string): Promise<Map<string, MetadataValue>> {
  const object = (name: string) => readObject(`${folder}/${name}`);
  const template = await readWhole(`${folder}/chat_template.jinja`, FILE_LIMIT_BYTES);
  const config = await object("config.json");
  const files: HuggingFaceFiles = {
    config: config && textConfig(config),
    generation: await object("generation_config.json"),
    tokenizer: await object("tokenizer.json"),
    tokenizerConfig: await object("tokenizer_config.json"),
    chatTemplate: template && new TextDecoder().decode(template),
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

/** A JSON file that holds an object; undefined where there is no such file. */
async function readObject(path: string): Promise<JsonObject | undefined> {
  const bytes = await readWhole(path, FILE_LIMIT_BYTES);
  if (bytes === undefined) return undefined;
  const json = await readJson(bytes, path);
  if (isObject(json)) return json;
  throw formatError(path, "it is no JSON object");
}
