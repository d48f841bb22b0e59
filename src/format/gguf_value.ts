/** The metadata of a GGUF file: keys and values of thirteen types. @module */
import { type ByteReader, quote } from "../bytes.ts";
import type { MetadataArray, MetadataValue } from "./file.ts";
import type { HeaderWindow } from "./source.ts";

/** One key with its value; `type` is GGUF's number of the value's type. */
export interface Pair {
  readonly key: string;
  readonly type: number;
  readonly value: MetadataValue;
}

/** GGUF's numbers of the value types. */
export const VALUE_TYPES = {
  u8: 0,
  i8: 1,
  u16: 2,
  i16: 3,
  u32: 4,
  i32: 5,
  f32: 6,
  bool: 7,
  string: 8,
  array: 9,
  u64: 10,
  i64: 11,
  f64: 12,
} as const;

/** The longest metadata key, by the specification. */
export const KEY_LIMIT_BYTES = 65535;
const DEPTH_LIMIT = 4; // arrays in arrays; no model needs two

/** One fixed-size type: how a value of it is read, and many of them from an aligned copy. */
interface Scalar {
  readonly bytes: number;
  readonly read: (reader: ByteReader, what: string) => number | bigint | boolean;
  readonly list: (aligned: ArrayBuffer) => MetadataArray | undefined;
}

/** The fixed-size types by GGUF's number. */
const SCALARS: Readonly<Record<number, Scalar>> = {
  [VALUE_TYPES.u8]: { bytes: 1, read: (r, what) => r.u8(what), list: (b) => new Uint8Array(b) },
  [VALUE_TYPES.i8]: { bytes: 1, read: (r, what) => r.i8(what), list: (b) => new Int8Array(b) },
  [VALUE_TYPES.u16]: { bytes: 2, read: (r, what) => r.u16(what), list: (b) => new Uint16Array(b) },
  [VALUE_TYPES.i16]: { bytes: 2, read: (r, what) => r.i16(what), list: (b) => new Int16Array(b) },
  [VALUE_TYPES.u32]: { bytes: 4, read: (r, what) => r.u32(what), list: (b) => new Uint32Array(b) },
  [VALUE_TYPES.i32]: { bytes: 4, read: (r, what) => r.i32(what), list: (b) => new Int32Array(b) },
  [VALUE_TYPES.f32]: { bytes: 4, read: (r, what) => r.f32(what), list: (b) => new Float32Array(b) },
  [VALUE_TYPES.bool]: { bytes: 1, read: readBoolean, list: booleans },
  [VALUE_TYPES.u64]: {
    bytes: 8,
    read: (r, what) => r.u64(what),
    list: (b) => new BigUint64Array(b),
  },
  [VALUE_TYPES.i64]: {
    bytes: 8,
    read: (r, what) => r.i64(what),
    list: (b) => new BigInt64Array(b),
  },
  [VALUE_TYPES.f64]: { bytes: 8, read: (r, what) => r.f64(what), list: (b) => new Float64Array(b) },
};

/** Bytes that a value of that type takes at least; refuses a type that GGUF does not know. */
function leastBytes(reader: ByteReader, type: number, what: string): number {
  if (type === VALUE_TYPES.string) return 8;
  if (type === VALUE_TYPES.array) return 12;
  const scalar = SCALARS[type];
  if (scalar !== undefined) return scalar.bytes;
  throw reader.fail(`${what} has type ${type}, which is none of 0 to 12`, reader.offset - 4);
}

/** Bytes that a key with its value takes at least. */
export const LEAST_PAIR_BYTES = 8 + 1 + 4 + 1;

/** Reads the next key and its value. */
export async function readPair(window: HeaderWindow): Promise<Pair> {
  const { key, type, what } = await window.item((reader) => {
    const key = readName(reader, "a metadata key", KEY_LIMIT_BYTES);
    const what = `metadata ${quote(key)}`;
    const type = reader.u32(`the type of ${what}`);
    leastBytes(reader, type, what);
    return { key, type, what };
  });
  const value = type === VALUE_TYPES.array
    ? await readArray(window, what, 1)
    : await window.item((reader) =>
      type === VALUE_TYPES.string ? readString(reader, what) : SCALARS[type]!.read(reader, what)
    );
  return { key, type, value };
}

/** Reads a name: UTF-8, not empty, at most `limitBytes` long. */
export function readName(reader: ByteReader, what: string, limitBytes: number): string {
  const start = reader.offset;
  const bytes = reader.count(`the length of ${what}`, 1);
  if (bytes === 0) throw reader.fail(`${what} is empty`, start);
  if (bytes > limitBytes) {
    throw reader.fail(`${what} is ${bytes} bytes long, more than ${limitBytes}`, start);
  }
  return reader.text(bytes, what);
}

/** Reads an array: its element type, its count, and its elements. */
async function readArray(
  window: HeaderWindow,
  what: string,
  depth: number,
): Promise<MetadataArray> {
  const { type, count } = await window.item((reader) => {
    if (depth > DEPTH_LIMIT) throw reader.fail(`${what} nests arrays over ${DEPTH_LIMIT} deep`);
    const type = reader.u32(`the element type of ${what}`);
    const least = leastBytes(reader, type, `an element of ${what}`);
    return { type, count: reader.count(`the length of ${what}`, least) };
  });
  if (type === VALUE_TYPES.string) return await readStrings(window, what, count);
  if (type === VALUE_TYPES.array) {
    const rows: MetadataArray[] = [];
    while (rows.length < count) rows.push(await readArray(window, what, depth + 1));
    return rows;
  }
  const { bytes, list } = SCALARS[type]!;
  return await window.item((reader) => {
    const start = reader.offset;
    const values = list(reader.raw(count * bytes, what).slice().buffer);
    if (values === undefined) throw reader.fail(`${what} has a bool that is not 0 or 1`, start);
    return values;
  });
}

/** Reads `count` strings, a window's worth at a time. */
async function readStrings(window: HeaderWindow, what: string, count: number): Promise<string[]> {
  const parts: string[][] = [];
  for (let left = count; left > 0; left -= parts.at(-1)!.length) {
    parts.push(await window.item((reader) => readSome(reader, what, left)));
  }
  return ([] as string[]).concat(...parts); // copied in one piece: pushing each costs 4 ms more
}

const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const LENIENT = new TextDecoder("utf-8", { ignoreBOM: true });
const MARK = "\x01\0\0\0\0\0\0\0"; // eight bytes, as a length has; cannot overlap itself

/**
 * Reads up to `limit` strings, as many as lie whole in the window. They are decoded as one text and
 * split apart again, with a mark over each length: a vocabulary has 100,000 short strings, and a
 * decoder call for each costs ten times as much. A string that holds the mark shows in the count.
 */
function readSome(reader: ByteReader, what: string, limit: number): string[] {
  const { bytes } = reader;
  const first = reader.position;
  const ends: number[] = []; // per string, its end in the window
  while (ends.length < limit) {
    const mark = reader.position;
    let length = lengthOfWhole(reader);
    if (length >= 0) reader.position += 8;
    else if (ends.length > 0) break;
    else length = reader.count(`the length of a string in ${what}`, 1); // says what is wrong
    ends.push(reader.take(length, "a string") + length);
    bytes[mark] = 1;
    for (let i = mark + 1; i < mark + 8; i++) bytes[i] = 0;
  }
  return splitAtMarks(bytes, first, ends);
}

/** The length of the next string if it is below 16 MiB and all in the window, else -1. */
function lengthOfWhole({ bytes, position }: ByteReader): number {
  const start = position + 8;
  if (start > bytes.length) return -1;
  for (let i = position + 3; i < start; i++) if (bytes[i] !== 0) return -1;
  const length = bytes[position]! | bytes[position + 1]! << 8 | bytes[position + 2]! << 16;
  return start + length <= bytes.length ? length : -1;
}

/** Decodes strings that each follow a mark; what is not UTF-8 becomes U+FFFD. */
function splitAtMarks(bytes: Uint8Array, first: number, ends: readonly number[]): string[] {
  try {
    const parts = STRICT.decode(bytes.subarray(first, ends.at(-1))).split(MARK);
    parts.shift(); // before the first mark is nothing
    if (parts.length === ends.length) return parts;
  } catch {
    // bad UTF-8 somewhere: found again below
  }
  return ends.map((end, i) => {
    const start = (i === 0 ? first : ends[i - 1]!) + MARK.length;
    return LENIENT.decode(bytes.subarray(start, end));
  });
}

/** Reads one string value; what is not UTF-8 in it becomes U+FFFD. */
function readString(reader: ByteReader, what: string): string {
  const bytes = reader.count(`the length of ${what}`, 1);
  return LENIENT.decode(reader.raw(bytes, what));
}

function readBoolean(reader: ByteReader, what: string): boolean {
  const value = reader.u8(what);
  if (value > 1) throw reader.fail(`${what} is a bool of value ${value}`, reader.offset - 1);
  return value === 1;
}

/** Booleans from bytes; undefined where one is neither 0 nor 1. */
function booleans(bytes: ArrayBuffer): boolean[] | undefined {
  const values = new Uint8Array(bytes);
  return values.some((value) => value > 1) ? undefined : Array.from(values, (value) => value === 1);
}
