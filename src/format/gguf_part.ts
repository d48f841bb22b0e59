/** Reads the header of one GGUF file, version 2 or 3; no number in it is trusted. @module */
import { type ByteReader, formatError, quote } from "../bytes.ts";
import { layoutById, tensorBytes } from "../quant.ts";
import type { MetadataValue, ModelFile, TensorInfo } from "./file.ts";
import { LEAST_PAIR_BYTES, readName, readPair, VALUE_TYPES } from "./gguf_value.ts";
import { describe, GGUF_MAGIC, SIGNATURE_BYTES } from "./signature.ts";
import { type ByteSource, HeaderWindow, startOf } from "./source.ts";

const NAME_LIMIT_BYTES = 64; // of a tensor, by the specification
const LEAST_TENSOR_BYTES = 8 + 1 + 4 + 8 + 4 + 8; // name, dimensions, type, offset
const DIMENSION_LIMIT = 4;
const DEFAULT_ALIGNMENT = 32;
const LARGEST_ALIGNMENT = 1 << 24;

/** A tensor as the list has it: its offset still counts from the start of the data. */
interface ListedTensor extends TensorInfo {
  /** Byte offset in the file of the list's entry, for messages. */
  readonly listedAt: number;
}

/** What the header of one GGUF file says. */
export interface GgufHeader extends Required<Pick<ModelFile, "metadata" | "numberTypes">> {
  /** The version of the format. */
  readonly version: number;
  /** The tensors of this file, by name. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
}

/** Reads the header of an opened GGUF file; whoever opened it closes it. */
export async function readGgufHeader(source: ByteSource): Promise<GgufHeader> {
  await checkMagic(source);
  const window = new HeaderWindow(source);
  const { version, tensorCount, pairCount } = await window.item(readCounts);
  const { metadata, numberTypes, alignment } = await readMetadata(window, pairCount);
  const listed = await readTensorList(window, tensorCount);
  const tensors = placeTensors(source, listed, window.offset, alignment);
  return { version, metadata, numberTypes, tensors };
}

/** Refuses what does not begin as a GGUF file does, and says what it seems to be. */
async function checkMagic(source: ByteSource): Promise<void> {
  const start = await startOf(source, SIGNATURE_BYTES);
  const magic = String.fromCharCode(...start.subarray(0, 4));
  if (magic === GGUF_MAGIC) return;
  throw formatError(source.path, `${describe(start)}, not with the magic "${GGUF_MAGIC}"`, 0);
}

/** Reads what comes first: magic, version, and how many tensors and pairs follow. */
function readCounts(
  reader: ByteReader,
): { version: number; tensorCount: number; pairCount: number } {
  reader.take(GGUF_MAGIC.length, "the magic");
  const version = reader.u32("the version");
  if ((version & 0xffff) === 0 && version !== 0) {
    const problem = "it is big-endian (cria reads little-endian GGUF, which all releases are)";
    throw reader.fail(problem, reader.offset - 4);
  }
  if (version !== 2 && version !== 3) {
    throw reader.fail(`its GGUF version is ${version}; cria reads 2 and 3`, reader.offset - 4);
  }
  const tensorCount = reader.count("the tensor count", LEAST_TENSOR_BYTES);
  const pairCount = reader.count("the metadata count", LEAST_PAIR_BYTES);
  return { version, tensorCount, pairCount };
}

/** Reads all keys with their values, and from them the alignment of the tensors. */
async function readMetadata(
  window: HeaderWindow,
  count: number,
): Promise<Pick<GgufHeader, "metadata" | "numberTypes"> & { alignment: number }> {
  const metadata = new Map<string, MetadataValue>(), numberTypes = new Map<string, number>();
  let alignment = DEFAULT_ALIGNMENT;
  for (let i = 0; i < count; i++) {
    const start = window.offset;
    const { key, type, value } = await readPair(window);
    if (metadata.has(key)) {
      throw formatError(window.source.path, `metadata ${quote(key)} is there twice`, start);
    }
    metadata.set(key, value);
    if (typeof value === "number" || typeof value === "bigint") numberTypes.set(key, type);
    if (key !== "general.alignment") continue;
    if (type !== VALUE_TYPES.u32 || typeof value !== "number" || !isAlignment(value)) {
      const state = typeof value === "object" ? "a list" : quote(String(value), 40);
      const problem =
        `the alignment is ${state}; it must be a power of two from 8 to 2^24, a uint32`;
      throw formatError(window.source.path, problem, start);
    }
    alignment = value;
  }
  return { metadata, numberTypes, alignment };
}

/** Whether tensors can be aligned so: a power of two, by the specification a multiple of 8. */
function isAlignment(value: number): boolean {
  return value >= 8 && value <= LARGEST_ALIGNMENT && (value & (value - 1)) === 0;
}

/** Reads the tensor list: names, shapes, types, and offsets that are not checked yet. */
async function readTensorList(window: HeaderWindow, count: number): Promise<ListedTensor[]> {
  const listed: ListedTensor[] = [];
  const names = new Set<string>();
  for (let i = 0; i < count; i++) {
    const tensor = await window.item(readTensor);
    if (names.has(tensor.name)) {
      const problem = `tensor ${quote(tensor.name)} is there twice`;
      throw formatError(window.source.path, problem, tensor.listedAt);
    }
    names.add(tensor.name);
    listed.push(tensor);
  }
  return listed;
}

/** Reads one entry of the tensor list. */
function readTensor(reader: ByteReader): ListedTensor {
  const listedAt = reader.offset;
  const name = readName(reader, "a tensor name", NAME_LIMIT_BYTES);
  const what = `tensor ${quote(name)}`;
  const shape = readShape(reader, what);
  const type = reader.u32(`the type of ${what}`);
  const layout = layoutById(type);
  if (layout === undefined) {
    throw reader.fail(`${what} has type ${type}, which ggml does not know`, reader.offset - 4);
  }
  const columns = shape.at(-1)!;
  if (columns % layout.elements !== 0) {
    const state =
      `rows of ${columns} elements, but ${layout.name} has blocks of ${layout.elements}`;
    throw reader.fail(`${what} has ${state}`, listedAt);
  }
  const bytes = tensorBytes(layout, shape);
  if (bytes > reader.fileBytes) {
    throw reader.fail(`${what} takes ${bytes} bytes, more than the whole file`, listedAt);
  }
  const offset = reader.u64(`the offset of ${what}`);
  if (typeof offset === "bigint" || offset > reader.fileBytes) {
    throw reader.fail(`${what} has offset ${offset}, beyond the file`, reader.offset - 8);
  }
  return { name, type: layout.name, shape, offset, bytes, path: reader.path, listedAt };
}

/** Reads a shape, which GGUF writes with the row's length first, and turns it row-major. */
function readShape(reader: ByteReader, what: string): number[] {
  const count = reader.u32(`the dimension count of ${what}`);
  if (count < 1 || count > DIMENSION_LIMIT) {
    const problem = `${what} has ${count} dimensions, not 1 to ${DIMENSION_LIMIT}`;
    throw reader.fail(problem, reader.offset - 4);
  }
  const shape: number[] = [];
  let elements = 1; // each dimension is at most 2^53, and so is the product after each step
  for (let i = 0; i < count; i++) {
    const size = reader.u64(`a dimension of ${what}`);
    elements *= typeof size === "bigint" ? Infinity : size;
    if (!(elements > 0) || elements > reader.fileBytes * 32) { // no type has 32 elements a byte
      throw reader.fail(`${what} has dimension ${size}, which cannot be`, reader.offset - 8);
    }
    shape.unshift(Number(size));
  }
  return shape;
}

/** Finds where the tensors lie in the file: inside it, aligned, and apart from each other. */
function placeTensors(
  source: ByteSource,
  listed: readonly ListedTensor[],
  headerEnd: number,
  alignment: number,
): Map<string, TensorInfo> {
  const dataStart = Math.ceil(headerEnd / alignment) * alignment;
  const placed = new Map<string, TensorInfo>();
  for (const { listedAt, ...tensor } of listed) {
    const fail = (state: string) =>
      formatError(source.path, `tensor ${quote(tensor.name)} ${state}`, listedAt);
    if (tensor.offset % alignment !== 0) {
      throw fail(`has offset ${tensor.offset}, no multiple of the alignment ${alignment}`);
    }
    const offset = dataStart + tensor.offset;
    if (offset + tensor.bytes > source.bytes) {
      const end = offset + tensor.bytes;
      throw fail(`ends at byte ${end}, but the file has only ${source.bytes}`);
    }
    placed.set(tensor.name, { ...tensor, offset });
  }
  refuseOverlap(source.path, listed);
  return placed;
}

/** Refuses two tensors that share bytes. */
function refuseOverlap(path: string, listed: readonly ListedTensor[]): void {
  const sorted = [...listed].sort((a, b) => a.offset - b.offset);
  for (let i = 1; i < sorted.length; i++) {
    const before = sorted[i - 1]!, tensor = sorted[i]!;
    if (before.offset + before.bytes <= tensor.offset) continue;
    const problem = `tensor ${quote(tensor.name)} overlaps ${quote(before.name)}`;
    throw formatError(path, problem, tensor.listedAt);
  }
}
