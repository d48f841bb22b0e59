/** Opens models in Hugging Face layout: safetensors in a folder, with JSON beside them. @module */
import { formatError, quote } from "../bytes.ts";
import type { MetadataValue, ModelFile, TensorInfo } from "./file.ts";
import { modelFile } from "./model_file.ts";
import { huggingFaceMetadata } from "./hf_metadata.ts";
import { isObject, readJson } from "./json.ts";
import { readSafetensorsHeader } from "./safetensors_header.ts";
import { openSource } from "./open_source.ts";
import { type ByteSource, isFolder, isMissing, readWhole, Source } from "./source.ts";
import { isUrl, type UrlOptions } from "./url_source.ts";

const SINGLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";
const INDEX_LIMIT_BYTES = 64 * 1024 * 1024;
const SHARD_LIMIT = 4096;

/** The tensors of one or several files. */
interface Contents {
  readonly sources: readonly ByteSource[];
  readonly metadata: ReadonlyMap<string, string>;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
}

/**
 * Opens a model in Hugging Face layout: a folder, or a `.safetensors` file in one. What
 * `config.json`, `tokenizer.json` and their kin say is found under the keys that GGUF has for it;
 * beside a URL nothing is looked for.
 *
 * Source: https://github.com/huggingface/safetensors#format
 *
 * @throws {FormatError} a file breaks its format: names the file and what is wrong
 * @throws {ArgumentError} a file is not there or may not be read
 * @example
 * ```ts ignore
 * using file = await openSafetensors("SmolLM2-135M");
 * file.metadata.get("general.architecture"); // "llama"
 * file.tensor("model.norm.weight").shape; // [576]
 * ```
 */
export async function openSafetensors(
  path: string,
  options: UrlOptions = {},
): Promise<ModelFile> {
  if (!isUrl(path) && await isFolder(path)) return await openFolder(path);
  using source = await openSource(path, options);
  return await readSafetensors(source);
}

/** Reads an opened safetensors file; where the index beside it names it, the whole model. */
export async function readSafetensors(source: ByteSource): Promise<ModelFile> {
  if (isUrl(source.path)) return await assemble(source.path, undefined, await readSingle(source));
  const { folder, name } = splitPath(source.path);
  const index = name === SINGLE ? undefined : await readIndex(folder);
  const contents = index !== undefined && [...index.values()].includes(name)
    ? await readShards(folder, index)
    : await readSingle(source);
  return await assemble(source.path, folder, contents);
}

/** Opens a folder: one file, or the shards of an index. */
export async function openFolder(path: string): Promise<ModelFile> {
  const folder = path.replace(/\/+$/, "") || "/";
  if (!await isMissing(`${folder}/${SINGLE}`)) {
    using source = await Source.open(`${folder}/${SINGLE}`);
    return await assemble(path, folder, await readSingle(source));
  }
  const index = await readIndex(folder);
  if (index !== undefined) return await assemble(path, folder, await readShards(folder, index));
  throw formatError(path, `it is a folder with neither "${SINGLE}" nor "${INDEX}"`);
}

async function assemble(
  path: string,
  folder: string | undefined,
  { sources, tensors, metadata: texts }: Contents,
): Promise<ModelFile> {
  const beside = folder === undefined ? [] : await huggingFaceMetadata(folder);
  const metadata = new Map<string, MetadataValue>([...texts, ...beside]);
  return modelFile({ format: "safetensors", version: 0, path, metadata, tensors }, sources);
}

async function readSingle(source: ByteSource): Promise<Contents> {
  const { metadata, tensors } = await readSafetensorsHeader(source);
  return { sources: [source], metadata, tensors: new Map(tensors.map((t) => [t.name, t])) };
}

/** From tensors to the files that hold them, as the index has it; undefined without an index. */
async function readIndex(folder: string): Promise<ReadonlyMap<string, string> | undefined> {
  const path = `${folder}/${INDEX}`;
  const bytes = await readWhole(path, INDEX_LIMIT_BYTES);
  if (bytes === undefined) return undefined;
  const json = await readJson(bytes, path);
  const map = isObject(json) ? json.get("weight_map") : undefined;
  if (!isObject(map)) throw formatError(path, 'it has no object "weight_map"');
  const index = new Map<string, string>();
  for (const [tensor, file] of map) {
    if (!isPlainName(file)) {
      const problem = `tensor ${quote(tensor)} is said to be in ${quote(String(file))}, ` +
        "which is no name of a file in this folder";
      throw formatError(path, problem);
    }
    index.set(tensor, file);
  }
  return index;
}

/** Whether a text names a file of the folder itself: nothing leads out of it. */
function isPlainName(name: unknown): name is string {
  return typeof name === "string" && /^[^/\\:\0]+$/.test(name) && name !== "." && name !== "..";
}

/** Reads all files of an index, and that each tensor is where the index has it. */
async function readShards(
  folder: string,
  index: ReadonlyMap<string, string>,
): Promise<Contents> {
  const names = [...new Set(index.values())], indexPath = `${folder}/${INDEX}`;
  if (names.length === 0 || names.length > SHARD_LIMIT) {
    throw formatError(indexPath, `it names ${names.length} files, not 1 to ${SHARD_LIMIT}`);
  }
  const sources: ByteSource[] = [], tensors = new Map<string, TensorInfo>();
  const metadata = new Map<string, string>();
  for (const name of names) {
    using source = await Source.open(`${folder}/${name}`);
    const header = await readSafetensorsHeader(source);
    sources.push(source);
    for (const [key, text] of header.metadata) metadata.set(key, text);
    for (const tensor of header.tensors) {
      const wanted = index.get(tensor.name);
      if (wanted !== name) {
        const where = wanted === undefined ? "nowhere" : `in ${quote(wanted)}`;
        const problem = `tensor ${quote(tensor.name)} is here, but the index has it ${where}`;
        throw formatError(source.path, problem);
      }
      tensors.set(tensor.name, tensor);
    }
  }
  for (const [tensor, name] of index) {
    if (tensors.has(tensor)) continue;
    throw formatError(indexPath, `tensor ${quote(tensor)} is not in ${quote(name)}`);
  }
  return { sources, metadata, tensors };
}

/** The folder of a file, and its name in there. */
function splitPath(path: string): { folder: string; name: string } {
  const at = Math.max(
    path.lastIndexOf("/"),
    Deno.build.os === "windows" ? path.lastIndexOf("\\") : -1,
  );
  return { folder: at < 0 ? "." : path.slice(0, at) || "/", name: path.slice(at + 1) };
}
