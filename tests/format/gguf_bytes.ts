/** Builds small GGUF files for tests, sound ones and ones with any field made wrong. @module */

/** GGUF's numbers of the value types. Not those of src, whose mistakes tests would share. */
export const TYPES = {
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

/** Appends little-endian values. */
export class ByteWriter {
  #bytes: number[] = [];

  get length(): number {
    return this.#bytes.length;
  }

  raw(bytes: Iterable<number>): this {
    for (const byte of bytes) this.#bytes.push(byte);
    return this;
  }

  u8(value: number): this {
    return this.raw([value & 255]);
  }

  u32(value: number): this {
    return this.#view(4, (view) => view.setUint32(0, value, true));
  }

  u64(value: number | bigint): this {
    return this.#view(8, (view) => view.setBigUint64(0, BigInt(value), true));
  }

  f32(value: number): this {
    return this.#view(4, (view) => view.setFloat32(0, value, true));
  }

  f64(value: number): this {
    return this.#view(8, (view) => view.setFloat64(0, value, true));
  }

  /** A length and the bytes; the length can be a lie. */
  string(value: string | Uint8Array, length?: number | bigint): this {
    const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
    return this.u64(length ?? bytes.length).raw(bytes);
  }

  /** Zeros up to a multiple of `alignment`. */
  pad(alignment: number): this {
    while (this.length % alignment !== 0) this.u8(0);
    return this;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.#bytes);
  }

  #view(count: number, set: (view: DataView) => void): this {
    const view = new DataView(new ArrayBuffer(count));
    set(view);
    return this.raw(new Uint8Array(view.buffer));
  }
}

/** A pair of the metadata: its value as bytes. */
export interface PairBytes {
  readonly key: string | Uint8Array;
  readonly type: number;
  readonly value: Uint8Array;
  /** Written instead of the key's length. */
  readonly keyLength?: number | bigint;
}

/** A tensor; every field can be a lie. */
export interface TensorBytes {
  readonly name: string | Uint8Array;
  /** Row length first, as GGUF writes it. */
  readonly dimensions: readonly (number | bigint)[];
  readonly type: number;
  readonly data: Uint8Array;
  readonly dimensionCount?: number;
  readonly offset?: number | bigint;
  readonly nameLength?: number | bigint;
}

/** A GGUF file; every field can be a lie. */
export interface GgufBytes {
  readonly magic?: string;
  readonly version?: number;
  readonly alignment?: number;
  readonly pairs?: readonly PairBytes[];
  readonly tensors?: readonly TensorBytes[];
  readonly pairCount?: number | bigint;
  readonly tensorCount?: number | bigint;
}

/** A pair with a value written by `write`. */
export function pair(
  key: string | Uint8Array,
  type: number,
  write: (to: ByteWriter) => unknown,
): PairBytes {
  const writer = new ByteWriter();
  write(writer);
  return { key, type, value: writer.bytes() };
}

/** A pair that holds a string. */
export function stringPair(key: string, value: string | Uint8Array): PairBytes {
  return pair(key, TYPES.string, (to) => to.string(value));
}

/** A pair that holds a 32-bit number. */
export function u32Pair(key: string, value: number): PairBytes {
  return pair(key, TYPES.u32, (to) => to.u32(value));
}

/** A pair that holds a list of strings. */
export function stringsPair(key: string, values: readonly (string | Uint8Array)[]): PairBytes {
  return pair(key, TYPES.array, (to) => {
    to.u32(TYPES.string).u64(values.length);
    for (const value of values) to.string(value);
  });
}

/** A tensor of floats, 1, 2, 3, … */
export function floats(name: string, ...dimensions: number[]): TensorBytes {
  const count = dimensions.reduce((product, size) => product * size, 1);
  const data = Float32Array.from({ length: count }, (_, i) => i + 1);
  return { name, dimensions, type: 0, data: new Uint8Array(data.buffer) };
}

/** The bytes of a GGUF file. */
export function ggufBytes(file: GgufBytes): Uint8Array<ArrayBuffer> {
  const { alignment = 32, pairs = [], tensors = [] } = file;
  const out = new ByteWriter().raw(new TextEncoder().encode(file.magic ?? "GGUF"));
  out.u32(file.version ?? 3);
  out.u64(file.tensorCount ?? tensors.length).u64(file.pairCount ?? pairs.length);
  for (const { key, type, value, keyLength } of pairs) {
    out.string(typeof key === "string" ? new TextEncoder().encode(key) : key, keyLength);
    out.u32(type).raw(value);
  }
  const data = new ByteWriter();
  for (const tensor of tensors) {
    data.pad(alignment);
    out.string(tensor.name, tensor.nameLength);
    out.u32(tensor.dimensionCount ?? tensor.dimensions.length);
    for (const size of tensor.dimensions) out.u64(size);
    out.u32(tensor.type).u64(tensor.offset ?? data.length);
    data.raw(tensor.data);
  }
  if (tensors.length > 0) out.pad(alignment);
  return out.raw(data.bytes()).bytes();
}
