/** The header of a GGUF file as bytes: counts, metadata, the list of tensors. @module */
import { quote } from "../bytes.ts";
import { ArgumentError } from "../errors.ts";
import type { MetadataArray, MetadataValue } from "./file.ts";
import { KEY_LIMIT_BYTES, VALUE_TYPES } from "./gguf_value.ts";
import { GGUF_MAGIC } from "./signature.ts";

const VERSION = 3;
const PART_BYTES = 1 << 16; // parts of the header; a vocabulary takes megabytes
const NAME_LIMIT_BYTES = 64;

/** How a number of each type is written: its bytes, and what writes them. */
const NUMBERS: Readonly<
  Record<number, readonly [bytes: number, set: (v: DataView, value: number | bigint) => void]>
> = {
  [VALUE_TYPES.u8]: [1, (v, x) => v.setUint8(0, Number(x))],
  [VALUE_TYPES.i8]: [1, (v, x) => v.setInt8(0, Number(x))],
  [VALUE_TYPES.u16]: [2, (v, x) => v.setUint16(0, Number(x), true)],
  [VALUE_TYPES.i16]: [2, (v, x) => v.setInt16(0, Number(x), true)],
  [VALUE_TYPES.u32]: [4, (v, x) => v.setUint32(0, Number(x), true)],
  [VALUE_TYPES.i32]: [4, (v, x) => v.setInt32(0, Number(x), true)],
  [VALUE_TYPES.f32]: [4, (v, x) => v.setFloat32(0, Number(x), true)],
  [VALUE_TYPES.bool]: [1, (v, x) => v.setUint8(0, Number(x))],
  [VALUE_TYPES.u64]: [8, (v, x) => v.setBigUint64(0, BigInt(x), true)],
  [VALUE_TYPES.i64]: [8, (v, x) => v.setBigInt64(0, BigInt(x), true)],
  [VALUE_TYPES.f64]: [8, (v, x) => v.setFloat64(0, Number(x), true)],
};

/** The type of the elements of each typed array. */
const LISTS = [
  [Uint8Array, VALUE_TYPES.u8],
  [Int8Array, VALUE_TYPES.i8],
  [Uint16Array, VALUE_TYPES.u16],
  [Int16Array, VALUE_TYPES.i16],
  [Uint32Array, VALUE_TYPES.u32],
  [Int32Array, VALUE_TYPES.i32],
  [Float32Array, VALUE_TYPES.f32],
  [BigUint64Array, VALUE_TYPES.u64],
  [BigInt64Array, VALUE_TYPES.i64],
  [Float64Array, VALUE_TYPES.f64],
] as const;

/** A tensor of the list. */
export interface ListedTensor {
  readonly name: string;
  readonly shape: readonly number[]; // row-major
  readonly type: number; // ggml's
  readonly offset: number; // from the start of the data
}

/** What a header holds. */
export interface GgufHeader {
  readonly metadata: ReadonlyMap<string, MetadataValue>;
  /** GGUF's types of single numbers, where a value alone does not tell. */
  readonly numberTypes: ReadonlyMap<string, number>;
  readonly tensors: readonly ListedTensor[];
}

/** Appends little-endian values, and hands out what has been written so far. */
class Bytes {
  #bytes = new Uint8Array(2 * PART_BYTES);
  #count = 0;
  readonly #encoder = new TextEncoder();
  readonly #number = new DataView(new ArrayBuffer(8));

  get isPart(): boolean {
    return this.#count >= PART_BYTES;
  }

  /** What was written since the last time. */
  take(): Uint8Array<ArrayBuffer> {
    const part = this.#bytes.slice(0, this.#count);
    this.#count = 0;
    return part;
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#count);
    this.#count += bytes.length;
  }

  number(type: number, value: number | bigint): void {
    const [bytes, set] = NUMBERS[type]!;
    set(this.#number, value);
    this.raw(new Uint8Array(this.#number.buffer, 0, bytes));
  }

  /** A string after its length, at most `limit` bytes. */
  string(text: string, limit = Infinity): void {
    this.#reserve(8 + 3 * text.length);
    const target = this.#bytes.subarray(this.#count + 8);
    const { written } = this.#encoder.encodeInto(text, target);
    if (written > limit) {
      const state = `it takes ${written} bytes, more than ${limit}`;
      throw new ArgumentError(`Cannot write the name ${quote(text)}: ${state}`);
    }
    this.number(VALUE_TYPES.u64, written);
    this.#count += written;
  }

  #reserve(bytes: number): void {
    if (this.#count + bytes <= this.#bytes.length) return;
    const grown = new Uint8Array(2 * (this.#count + bytes));
    grown.set(this.#bytes.subarray(0, this.#count));
    this.#bytes = grown;
  }
}

/** The header in parts of some 64 KiB. */
export function* headerParts(header: GgufHeader): Generator<Uint8Array<ArrayBuffer>> {
  const { metadata, numberTypes, tensors } = header;
  const out = new Bytes();
  out.raw(new TextEncoder().encode(GGUF_MAGIC));
  out.number(VALUE_TYPES.u32, VERSION);
  out.number(VALUE_TYPES.u64, tensors.length);
  out.number(VALUE_TYPES.u64, metadata.size);
  for (const [key, value] of metadata) {
    out.string(key, KEY_LIMIT_BYTES);
    yield* valueParts(out, value, numberTypes.get(key));
  }
  for (const { name, shape, type, offset } of tensors) {
    out.string(name, NAME_LIMIT_BYTES);
    out.number(VALUE_TYPES.u32, shape.length);
    for (const size of [...shape].reverse()) out.number(VALUE_TYPES.u64, size);
    out.number(VALUE_TYPES.u32, type);
    out.number(VALUE_TYPES.u64, offset);
    if (out.isPart) yield out.take();
  }
  yield out.take();
}

/** One value of the metadata, its type first. */
function* valueParts(
  out: Bytes,
  value: MetadataValue,
  given: number | undefined,
): Generator<Uint8Array<ArrayBuffer>> {
  if (typeof value === "object") {
    out.number(VALUE_TYPES.u32, VALUE_TYPES.array);
    yield* arrayParts(out, value);
  } else if (typeof value === "string") {
    out.number(VALUE_TYPES.u32, VALUE_TYPES.string);
    out.string(value);
  } else {
    const type = typeof value === "boolean" ? VALUE_TYPES.bool : given ?? numberType(value);
    out.number(VALUE_TYPES.u32, type);
    out.number(type, typeof value === "boolean" ? Number(value) : value);
  }
  if (out.isPart) yield out.take();
}

/** The smallest of the usual types that holds a number; a fraction becomes a float. */
function numberType(value: number | bigint): number {
  if (!Number.isInteger(Number(value))) return VALUE_TYPES.f32;
  if (value >= 0) return value < 2 ** 32 ? VALUE_TYPES.u32 : VALUE_TYPES.u64;
  return value >= -(2 ** 31) ? VALUE_TYPES.i32 : VALUE_TYPES.i64;
}

/** A list: the type of its elements, their count, and all of them. */
function* arrayParts(out: Bytes, list: MetadataArray): Generator<Uint8Array<ArrayBuffer>> {
  const typed = LISTS.find(([kind]) => list instanceof kind)?.[1];
  if (typed !== undefined) {
    out.number(VALUE_TYPES.u32, typed);
    out.number(VALUE_TYPES.u64, list.length);
    for (let i = 0; i < list.length; i++) {
      out.number(typed, list[i] as number | bigint);
      if (out.isPart) yield out.take();
    }
    return;
  }
  const [first = ""] = list as readonly unknown[];
  const type = typeof first === "string"
    ? VALUE_TYPES.string
    : typeof first === "boolean"
    ? VALUE_TYPES.bool
    : VALUE_TYPES.array;
  out.number(VALUE_TYPES.u32, type);
  out.number(VALUE_TYPES.u64, list.length);
  for (const item of list as readonly (string | boolean | MetadataArray)[]) {
    if (typeof item === "string") out.string(item);
    else if (typeof item === "boolean") out.number(VALUE_TYPES.bool, Number(item));
    else yield* arrayParts(out, item);
    if (out.isPart) yield out.take();
  }
}
