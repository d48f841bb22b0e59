/** Reads the header of one safetensors file; no number in it is trusted. @module */
import { formatError, quote } from "../bytes.ts";
import type { FormatError } from "../errors.ts";
import type { TensorInfo } from "./file.ts";
import { isList, isObject, type JsonObject, type JsonValue, readJson } from "./json.ts";
import { describe, SIGNATURE_BYTES } from "./signature.ts";
import { type ByteSource, startOf } from "./source.ts";

const LENGTH_BYTES = 8;
const HEADER_LIMIT_BYTES = 100_000_000; // by the specification
const METADATA = "__metadata__";

/** Bits of an element, by dtype; F32, F16 and BF16 have the names that ggml gives them. */
const DTYPE_BITS: ReadonlyMap<string, number> = new Map([
  ...["F4"].map((name) => [name, 4] as const),
  ...["F6_E2M3", "F6_E3M2"].map((name) => [name, 6] as const),
  ...["BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E5M2FNUZ", "F8_E4M3FNUZ"]
    .map((name) => [name, 8] as const),
  ...["U16", "I16", "F16", "BF16"].map((name) => [name, 16] as const),
  ...["U32", "I32", "F32"].map((name) => [name, 32] as const),
  ...["U64", "I64", "F64", "C64"].map((name) => [name, 64] as const),
]);

/** What a header says. */
export interface SafetensorsHeader {
  /** The texts under `__metadata__`. */
  readonly metadata: ReadonlyMap<string, string>;
  /** The tensors, by where they lie. */
  readonly tensors: readonly TensorInfo[];
}

/**
 * Reads the header of an opened safetensors file: 8 bytes of length, JSON, then the tensors without
 * holes up to the end of the file.
 *
 * Source: https://github.com/huggingface/safetensors#format
 *
 * @throws {FormatError} it breaks the format: names the tensor and what it has
 */
export async function readSafetensorsHeader(source: ByteSource): Promise<SafetensorsHeader> {
  const { path } = source;
  const header = await readHeader(source);
  const dataStart = LENGTH_BYTES + header.length;
  const json = await readJson(header, path, LENGTH_BYTES);
  if (!isObject(json)) throw formatError(path, "its header is no JSON object", LENGTH_BYTES);
  const tensors: TensorInfo[] = [];
  for (const [name, value] of json) {
    if (name !== METADATA) tensors.push(readTensor(name, value, path, dataStart));
  }
  tensors.sort((a, b) => a.offset - b.offset || a.bytes - b.bytes);
  checkRanges(source, tensors, dataStart);
  return { metadata: readTexts(json.get(METADATA), path), tensors };
}

/** The bytes of the header, without the spaces at its end. */
async function readHeader(source: ByteSource): Promise<Uint8Array> {
  const start = await startOf(source, SIGNATURE_BYTES);
  if (start.length <= LENGTH_BYTES) {
    const problem = `${describe(start)}, too short for the header of a safetensors file`;
    throw formatError(source.path, problem, 0);
  }
  const length = new DataView(start.buffer).getBigUint64(0, true);
  if (length > HEADER_LIMIT_BYTES) {
    const problem = `its header takes ${length} bytes; the limit is ${HEADER_LIMIT_BYTES}`;
    throw formatError(source.path, problem, 0);
  }
  const left = source.bytes - LENGTH_BYTES;
  if (length > left) {
    throw formatError(source.path, `its header takes ${length} bytes, ${left} are left`, 0);
  }
  const header = new Uint8Array(Number(length));
  await source.read(LENGTH_BYTES, header);
  if (header[0] === 0x7b) return header;
  throw formatError(source.path, 'its header does not begin with "{"', LENGTH_BYTES);
}

/** The texts under `__metadata__`; nothing but texts may stand there. */
function readTexts(value: JsonValue | undefined, path: string): Map<string, string> {
  const texts = new Map<string, string>();
  if (value === undefined) return texts;
  if (!isObject(value)) throw formatError(path, `"${METADATA}" is no JSON object`, LENGTH_BYTES);
  for (const [key, text] of value) {
    if (typeof text !== "string") {
      const problem = `${quote(key)} in "${METADATA}" is no text`;
      throw formatError(path, problem, LENGTH_BYTES);
    }
    texts.set(key, text);
  }
  return texts;
}

/** One entry: its type, its shape, and where it lies, which must agree. */
function readTensor(name: string, value: JsonValue, path: string, dataStart: number): TensorInfo {
  const fail = (state: string): FormatError =>
    formatError(path, `tensor ${quote(name)} ${state}`, LENGTH_BYTES);
  if (!isObject(value)) throw fail("is described by no JSON object");
  const type = value.get("dtype");
  const bits = typeof type === "string" ? DTYPE_BITS.get(type) : undefined;
  if (typeof type !== "string" || bits === undefined) {
    throw fail(`has dtype ${quote(String(type), 40)}, which safetensors does not know`);
  }
  const shape = readCounts(value, "shape", fail);
  const range = readCounts(value, "data_offsets", fail);
  const [begin, end] = range;
  if (range.length !== 2 || begin === undefined || end === undefined || begin > end) {
    throw fail(`has data_offsets [${range}], not where it begins and where it ends`);
  }
  const elements = shape.reduce((product, size) => checkedProduct(product, size), 1);
  const bytes = elements * bits / 8;
  if (!Number.isSafeInteger(elements * bits) || !Number.isInteger(bytes)) {
    throw fail(`has shape [${shape}] of ${type}, whose size is no number of bytes below 2^53`);
  }
  if (end - begin !== bytes) {
    throw fail(`has ${end - begin} bytes, but shape [${shape}] of ${type} takes ${bytes}`);
  }
  return { name, type, shape, offset: dataStart + begin, bytes, path };
}

/** A product of whole numbers; once it is beyond 2^53 it stays NaN, even times 0. */
function checkedProduct(a: number, b: number): number {
  return Number.isSafeInteger(a * b) ? a * b : NaN;
}

/** A list of whole numbers from 0 on. */
function readCounts(
  entry: JsonObject,
  key: string,
  fail: (state: string) => FormatError,
): number[] {
  const list = entry.get(key);
  if (!isList(list)) throw fail(`has no list "${key}"`);
  return list.map((count) => {
    if (typeof count === "number" && Number.isSafeInteger(count) && count >= 0) return count;
    throw fail(`has ${quote(String(count), 40)} in "${key}", no whole number below 2^53`);
  });
}

/** The tensors must follow each other from the end of the header to the end of the file. */
function checkRanges(source: ByteSource, sorted: readonly TensorInfo[], dataStart: number): void {
  let end = dataStart, before = "the header";
  for (const { name, offset, bytes } of sorted) {
    if (offset !== end) {
      const state = offset < end ? "overlaps" : `leaves a hole of ${offset - end} bytes behind`;
      throw formatError(source.path, `tensor ${quote(name)} ${state} ${before}`, offset);
    }
    end += bytes;
    before = quote(name);
  }
  if (end === source.bytes) return;
  const problem = end > source.bytes
    ? `tensor ${before} ends at byte ${end}, but the file has only ${source.bytes}`
    : `${source.bytes - end} bytes follow ${before}, which no tensor has`;
  throw formatError(source.path, problem, end);
}
