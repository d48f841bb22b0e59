/** Opens models in GGUF, in one file or split into several. @module */
import { formatError, quote } from "../bytes.ts";
import type { FormatError } from "../errors.ts";
import type { MetadataValue, ModelFile, TensorInfo } from "./file.ts";
import { type GgufHeader, readGgufHeader } from "./gguf_part.ts";
import { modelFile } from "./model_file.ts";
import { openSource } from "./open_source.ts";
import { type ByteSource, Source } from "./source.ts";
import { isUrl, type UrlOptions } from "./url_source.ts";

const PART_NAME = /^(.*-)(\d{5})(-of-)(\d{5})(\.gguf)$/s; // as llama.cpp writes and finds them

/** One file of a split model. */
interface Part {
  readonly source: ByteSource;
  readonly header: GgufHeader;
}

/**
 * Opens a GGUF file, or the URL of one, and reads its header; the tensors stay where they are. Of a
 * file on a server only the header is fetched, and of its tensors only what is read of them. Of a
 * model that lies in several files any one will do.
 *
 * Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 *
 * @throws {FormatError} it is no sound GGUF file: names the file, the byte and what was there
 * @throws {ArgumentError} the file is not there or may not be read
 * @throws {CriaError} there is no answer from the server
 * @example
 * ```ts ignore
 * using file = await openGguf("model.gguf");
 * file.metadata.get("general.architecture"); // "llama"
 * file.tensor("token_embd.weight").shape; // [49152, 576]
 * await file.tensor("blk.0.attn_q.weight").dequantize(); // Tensor float32 [576, 576]
 * ```
 */
export async function openGguf(path: string, options: UrlOptions = {}): Promise<ModelFile> {
  using source = await openSource(path, options);
  return await readGguf(source);
}

/** Reads an opened GGUF file and, if it is one of several, the others; closes only those. */
export async function readGguf(source: ByteSource): Promise<ModelFile> {
  const header = await readGgufHeader(source), { path } = source;
  const count = header.metadata.get("split.count") ?? 1;
  if (count === 1 || count === 0) {
    return modelFile({ format: "gguf", path, ...header }, [source]);
  }
  const parts = await readParts({ source, header }, count), first = parts[0]!;
  const tensors = joinTensors(parts), sources = parts.map((part) => part.source);
  return modelFile({ format: "gguf", path, ...first.header, tensors }, sources);
}

/** Reads all files of a split model; their names differ in the number only. */
async function readParts(given: Part, count: MetadataValue): Promise<Part[]> {
  const { path } = given.source, name = PART_NAME.exec(path);
  const fail = (problem: string): FormatError => formatError(path, problem);
  if (isUrl(path)) throw fail("it is part of a split model, of which cria reads files only");
  if (typeof count !== "number" || name === null || Number(name[4]) !== count) {
    const state = `it is one of ${quote(String(count), 20)} parts of a model`;
    throw fail(`${state}, but its name does not end as "-00001-of-00003.gguf" does, with as many`);
  }
  const [, stem, own, of, total, end] = name;
  const parts: Part[] = [];
  for (let no = 0; no < count; no++) {
    const digits = String(no + 1).padStart(5, "0");
    const part = digits === own ? given : await readPart(`${stem}${digits}${of}${total}${end}`);
    checkPart(part, parts[0] ?? part, no, count);
    parts.push(part);
  }
  if (parts.includes(given)) return parts;
  throw fail(`its name says part ${own} of ${count}`);
}

/** Reads the header of one file. */
async function readPart(path: string): Promise<Part> {
  using source = await Source.open(path);
  return { source, header: await readGgufHeader(source) };
}

/** A file must be the part that its name says; what it says of the model, the first one says. */
function checkPart({ source, header }: Part, first: Part, no: number, count: number): void {
  const { metadata } = header;
  for (const [key, wanted] of [["split.no", no], ["split.count", count]] as const) {
    if (metadata.get(key) === wanted) continue;
    const state = `"${key}" is ${quote(String(metadata.get(key)), 20)}, not ${wanted}`;
    throw formatError(source.path, `${state} as its name has it`);
  }
  for (const [key, value] of metadata) {
    if (key === "split.no" || isSame(value, first.header.metadata.get(key))) continue;
    const state = `its metadata ${quote(key)} is not that of ${quote(first.source.path, Infinity)}`;
    throw formatError(source.path, state);
  }
}

/** Whether two values are equal, lists element by element. */
function isSame(a: MetadataValue, b: MetadataValue | undefined): boolean {
  if (typeof a !== "object" || typeof b !== "object") return Object.is(a, b);
  const left = Array.from<MetadataValue>(a), right = Array.from<MetadataValue>(b);
  return left.length === right.length && left.every((value, i) => isSame(value, right[i]));
}

/** The tensors of all files: each in one of them, and as many as the first file counts. */
function joinTensors(parts: readonly Part[]): Map<string, TensorInfo> {
  const all = new Map<string, TensorInfo>(), { source, header } = parts[0]!;
  for (const part of parts) {
    for (const [name, tensor] of part.header.tensors) {
      const before = all.get(name);
      if (before !== undefined) {
        const state = `tensor ${quote(name)} is in ${quote(before.path, Infinity)} as well`;
        throw formatError(part.source.path, state);
      }
      all.set(name, tensor);
    }
  }
  const count = header.metadata.get("split.tensors.count");
  if (count === undefined || count === all.size) return all;
  const state = `"split.tensors.count" is ${quote(String(count), 20)}`;
  throw formatError(source.path, `${state}, but its parts have ${all.size}`);
}
