/** THE table of weight types: what blocks look like, and how to decode and encode them. @module */
import { ArgumentError } from "./errors.ts";
import { encodeQ41, encodeQ50, encodeQ51 } from "./quant/encode_blocks.ts";
import { encodeQ4K, encodeQ5K, encodeQ6K } from "./quant/encode_super.ts";

/** What a tensor's type says about its bytes: so many elements in so many bytes. */
export interface BlockLayout {
  /** The number that stands for this type in a GGUF file. */
  readonly id: number;
  /** ggml's name: "Q4_K". */
  readonly name: string;
  /** Elements per block; a row holds a whole number of blocks. */
  readonly elements: number;
  /** Bytes per block. */
  readonly bytes: number;
}

/** A weight type that cria can compute with. */
export interface Quant extends BlockLayout {
  /** What the activations are rounded to before a product with such weights. */
  readonly activation: "float" | "block32" | "block256";
  /** Decodes the block at byte `offset` into `elements` floats from `out[at]` on. */
  readonly decode: (block: DataView, offset: number, out: Float32Array, at: number) => void;
  /** Encodes `elements` floats from `values[at]` on, with the bytes of ggml's reference. */
  readonly encode?: (values: Float32Array, at: number, block: DataView, offset: number) => void;
}

const { abs, floor, fround, min, sign, trunc } = Math;

/** Reads a little-endian half-precision float. */
const half = (block: DataView, offset: number): number => block.getFloat16(offset, true);

/** Rounds to the nearest integer, halves away from zero, as C's `roundf` does. */
const roundAway = (x: number): number => sign(x) * floor(abs(x) + 0.5);

/** Decodes 32 unsigned 4-bit codes: i in the low half of byte i, i + 16 in its high half. */
function decodeNibbles(
  block: DataView,
  offset: number,
  highBits: number, // bit i is bit 4 of element i: the fifth one of Q5_0 and Q5_1
  scale: number,
  shift: number, // value = scale * code + shift
  out: Float32Array,
  at: number,
): void {
  for (let i = 0; i < 16; i++) {
    const byte = block.getUint8(offset + i);
    const low = (byte & 15) | ((highBits >>> i) & 1) << 4;
    const high = (byte >> 4) | ((highBits >>> (i + 16)) & 1) << 4;
    out[at + i] = scale * low + shift;
    out[at + i + 16] = scale * high + shift;
  }
}

/** Unpacks scale (low 6 bits) and minimum (next 6) of sub-block j, packed 8 + 8 in 12 bytes. */
function scaleAndMin(block: DataView, offset: number, j: number): number {
  const byte = (i: number): number => block.getUint8(offset + i);
  if (j < 4) return (byte(j) & 63) | (byte(j + 4) & 63) << 6;
  const scale = (byte(j + 4) & 15) | (byte(j - 4) >> 6) << 4;
  return scale | ((byte(j + 4) >> 4) | (byte(j) >> 6) << 4) << 6;
}

/** Decodes Q4_K (`highAt` < 0) and Q5_K: eight sub-blocks of 32, with a scale and a minimum. */
function decodeSuperBlock(
  block: DataView,
  offset: number,
  highAt: number, // byte offset of 32 bytes: bit j of byte i is bit 4 of element i of sub-block j
  codesAt: number, // byte offset of 128 bytes of 4-bit codes
  out: Float32Array,
  at: number,
): void {
  const d = half(block, offset), dmin = half(block, offset + 2);
  for (let j = 0; j < 8; j++) {
    const packed = scaleAndMin(block, offset + 4, j);
    const scale = d * (packed & 63), minimum = dmin * (packed >> 6);
    const codes = codesAt + (j >> 1) * 32, shift = (j & 1) * 4;
    for (let i = 0; i < 32; i++) {
      const high = highAt < 0 ? 0 : (block.getUint8(highAt + i) >> j & 1) << 4;
      const code = (block.getUint8(codes + i) >> shift & 15) | high;
      out[at + j * 32 + i] = scale * code - minimum;
    }
  }
}

/** Decodes Q6_K: sixteen sub-blocks of 16, each with a signed 8-bit scale. */
function decodeQ6K(block: DataView, offset: number, out: Float32Array, at: number): void {
  const d = half(block, offset + 208);
  for (let e = 0; e < 256; e++) {
    const part = e >> 7, quarter = e >> 5 & 3, i = e & 31; // part: of 128, quarter: of 32
    const low = block.getUint8(offset + part * 64 + (quarter & 1) * 32 + i) >> (quarter >> 1) * 4;
    const high = block.getUint8(offset + 128 + part * 32 + i) >> quarter * 2;
    const scale = d * block.getInt8(offset + 192 + (e >> 4));
    out[at + e] = scale * (((low & 15) | (high & 3) << 4) - 32);
  }
}

/** Encodes Q8_0: the largest magnitude becomes 127. */
function encodeQ80(values: Float32Array, at: number, block: DataView, offset: number): void {
  let largest = 0;
  for (let i = 0; i < 32; i++) largest = Math.max(largest, abs(values[at + i]!));
  const d = fround(largest / 127), inverse = d === 0 ? 0 : fround(1 / d);
  block.setFloat16(offset, d, true);
  for (let i = 0; i < 32; i++) {
    block.setInt8(offset + 2 + i, roundAway(fround(values[at + i]! * inverse)));
  }
}

/** Encodes Q4_0: the value of largest magnitude becomes -8, whatever its sign. */
function encodeQ40(values: Float32Array, at: number, block: DataView, offset: number): void {
  let extreme = 0;
  for (let i = 0; i < 32; i++) {
    if (abs(values[at + i]!) > abs(extreme)) extreme = values[at + i]!;
  }
  const d = fround(extreme / -8), inverse = d === 0 ? 0 : fround(1 / d);
  const code = (x: number): number => min(15, trunc(fround(fround(x * inverse) + 8.5)));
  block.setFloat16(offset, d, true);
  for (let i = 0; i < 16; i++) {
    const low = code(values[at + i]!), high = code(values[at + i + 16]!);
    block.setUint8(offset + 2 + i, low | high << 4);
  }
}

const WORD = new DataView(new ArrayBuffer(4)); // scratch to see a float's bits

/** Encodes BF16: the upper half of a float, rounded to nearest even; a NaN stays one. */
function encodeBf16(values: Float32Array, at: number, block: DataView, offset: number): void {
  WORD.setFloat32(0, values[at]!);
  const bits = WORD.getUint32(0);
  const rounded = Number.isNaN(values[at]!)
    ? (bits >>> 16) | 64
    : (bits + 0x7fff + (bits >>> 16 & 1)) / 0x10000;
  block.setUint16(offset, rounded, true);
}

/** Decodes BF16: the upper half of a float. */
function decodeBf16(block: DataView, offset: number, out: Float32Array, at: number): void {
  WORD.setUint32(0, block.getUint16(offset, true) * 0x10000);
  out[at] = WORD.getFloat32(0);
}

/** Every weight type that cria computes with, in ggml's order; C holds the same list. */
export const QUANTS: readonly Quant[] = [
  { // f32
    id: 0,
    name: "F32",
    elements: 1,
    bytes: 4,
    activation: "float",
    decode: (b, o, out, at) => out[at] = b.getFloat32(o, true),
    encode: (values, at, b, o) => b.setFloat32(o, values[at]!, true),
  },
  { // f16
    id: 1,
    name: "F16",
    elements: 1,
    bytes: 2,
    activation: "float",
    decode: (b, o, out, at) => out[at] = half(b, o),
    encode: (values, at, b, o) => b.setFloat16(o, values[at]!, true),
  },
  { // d: f16 | codes: 32 x u4; value = d * (code - 8)
    id: 2,
    name: "Q4_0",
    elements: 32,
    bytes: 18,
    activation: "block32",
    decode: (b, o, out, at) => decodeNibbles(b, o + 2, 0, half(b, o), -8 * half(b, o), out, at),
    encode: encodeQ40,
  },
  { // d: f16 | m: f16 | codes: 32 x u4; value = d * code + m
    id: 3,
    name: "Q4_1",
    elements: 32,
    bytes: 20,
    activation: "block32",
    decode: (b, o, out, at) => decodeNibbles(b, o + 4, 0, half(b, o), half(b, o + 2), out, at),
    encode: encodeQ41,
  },
  { // d: f16 | fifth bits: 32 x u1 | codes: 32 x u4; value = d * (code - 16)
    id: 6,
    name: "Q5_0",
    elements: 32,
    bytes: 22,
    activation: "block32",
    decode: (b, o, out, at) =>
      decodeNibbles(b, o + 6, b.getUint32(o + 2, true), half(b, o), -16 * half(b, o), out, at),
    encode: encodeQ50,
  },
  { // d: f16 | m: f16 | fifth bits: 32 x u1 | codes: 32 x u4; value = d * code + m
    id: 7,
    name: "Q5_1",
    elements: 32,
    bytes: 24,
    activation: "block32",
    decode: (b, o, out, at) =>
      decodeNibbles(b, o + 8, b.getUint32(o + 4, true), half(b, o), half(b, o + 2), out, at),
    encode: encodeQ51,
  },
  { // d: f16 | codes: 32 x i8; value = d * code
    id: 8,
    name: "Q8_0",
    elements: 32,
    bytes: 34,
    activation: "block32",
    decode: (b, o, out, at) => {
      const d = half(b, o);
      for (let i = 0; i < 32; i++) out[at + i] = d * b.getInt8(o + 2 + i);
    },
    encode: encodeQ80,
  },
  { // d: f16 | dmin: f16 | 8 x (u6 scale, u6 min) | codes: 256 x u4; d * scale * code - dmin * min
    id: 12,
    name: "Q4_K",
    elements: 256,
    bytes: 144,
    activation: "block256",
    decode: (b, o, out, at) => decodeSuperBlock(b, o, -1, o + 16, out, at),
    encode: encodeQ4K,
  },
  { // as Q4_K, with the fifth bits, 256 x u1, before the codes
    id: 13,
    name: "Q5_K",
    elements: 256,
    bytes: 176,
    activation: "block256",
    decode: (b, o, out, at) => decodeSuperBlock(b, o, o + 16, o + 48, out, at),
    encode: encodeQ5K,
  },
  { // low bits: 256 x u4 | high bits: 256 x u2 | scales: 16 x i8 | d: f16; d * scale * (code - 32)
    id: 14,
    name: "Q6_K",
    elements: 256,
    bytes: 210,
    activation: "block256",
    decode: decodeQ6K,
    encode: encodeQ6K,
  },
  { // upper half of an f32
    id: 30,
    name: "BF16",
    elements: 1,
    bytes: 2,
    activation: "float",
    decode: decodeBf16,
    encode: encodeBf16,
  },
];

/** ggml's other types: a file may hold them, `inspect` shows them, no model runs on them yet. */
export const FOREIGN_TYPES: readonly BlockLayout[] = ([
  [9, "Q8_1", 32, 36],
  [10, "Q2_K", 256, 84],
  [11, "Q3_K", 256, 110],
  [15, "Q8_K", 256, 292],
  [16, "IQ2_XXS", 256, 66],
  [17, "IQ2_XS", 256, 74],
  [18, "IQ3_XXS", 256, 98],
  [19, "IQ1_S", 256, 50],
  [20, "IQ4_NL", 32, 18],
  [21, "IQ3_S", 256, 110],
  [22, "IQ2_S", 256, 82],
  [23, "IQ4_XS", 256, 136],
  [24, "I8", 1, 1],
  [25, "I16", 1, 2],
  [26, "I32", 1, 4],
  [27, "I64", 1, 8],
  [28, "F64", 1, 8],
  [29, "IQ1_M", 256, 56],
  [34, "TQ1_0", 256, 54],
  [35, "TQ2_0", 256, 66],
  [39, "MXFP4", 32, 17],
  [40, "NVFP4", 64, 36],
  [41, "Q1_0", 128, 18],
] as const).map(([id, name, elements, bytes]) => ({ id, name, elements, bytes }));

const BY_ID = new Map(QUANTS.map((quant) => [quant.id, quant]));
const BY_NAME = new Map(QUANTS.map((quant) => [quant.name, quant]));
const LAYOUTS = new Map([...QUANTS, ...FOREIGN_TYPES].map((layout) => [layout.id, layout]));

/** The weight type of ggml number `id`, if cria computes with it. */
export function quantById(id: number): Quant | undefined {
  return BY_ID.get(id);
}

/** The weight type of ggml name `name` ("Q4_K"), if cria computes with it. */
export function quantByName(name: string): Quant | undefined {
  return BY_NAME.get(name);
}

/** The block layout of any type that ggml knows, also of those that cria cannot run. */
export function layoutById(id: number): BlockLayout | undefined {
  return LAYOUTS.get(id);
}

/** The same by ggml's name. */
export function layoutNamed(name: string): BlockLayout | undefined {
  return [...LAYOUTS.values()].find((layout) => layout.name === name);
}

/**
 * Bytes of a tensor of this type. `shape` is row-major: its last number is the length of a row.
 *
 * @throws {ArgumentError} a row is no whole number of blocks, or the size is beyond 2^53
 */
export function tensorBytes(layout: BlockLayout, shape: readonly number[]): number {
  const row = shape.at(-1) ?? 1;
  if (row % layout.elements !== 0) {
    const state = `rows of ${row} elements are no whole number of blocks of ${layout.elements}`;
    throw new ArgumentError(`Cannot lay out "${layout.name}": ${state}`);
  }
  const blocks = shape.reduce((product, size) => product * size, 1) / layout.elements;
  const bytes = blocks * layout.bytes;
  if (!Number.isSafeInteger(bytes) || !Number.isSafeInteger(blocks * layout.elements)) {
    throw new ArgumentError(`Cannot lay out "${layout.name}": [${shape}] is beyond 2^53 bytes`);
  }
  return bytes;
}

/** Finds a type by name, or says which there are. */
function quantNamed(verb: string, type: string, usable: (quant: Quant) => boolean): Quant {
  const quant = BY_NAME.get(type);
  if (quant !== undefined && usable(quant)) return quant;
  const known = QUANTS.filter(usable).map((row) => row.name).join(", ");
  throw new ArgumentError(`Cannot ${verb} "${type}": it is none of ${known}`);
}

/**
 * Decodes weights to floats: `bytes` holds whole blocks of type `type`, by ggml's name.
 *
 * @throws {ArgumentError} an unknown type, or a length that is no multiple of the block
 * @example
 * ```ts
 * import { dequantize } from "./quant.ts";
 * dequantize("BF16", new Uint8Array([0x80, 0x3f])); // Float32Array [1]
 * ```
 */
export function dequantize(type: string, bytes: Uint8Array): Float32Array {
  const quant = quantNamed("dequantize", type, () => true);
  if (bytes.length % quant.bytes !== 0) {
    const state = `${bytes.length} bytes are no whole number of blocks of ${quant.bytes} bytes`;
    throw new ArgumentError(`Cannot dequantize "${type}": ${state}`);
  }
  const count = bytes.length / quant.bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const out = new Float32Array(count * quant.elements); // [blocks * elements]
  for (let i = 0; i < count; i++) quant.decode(view, i * quant.bytes, out, i * quant.elements);
  return out;
}

/**
 * Encodes floats as weights of type `type`, with the bytes of ggml's reference.
 *
 * @throws {ArgumentError} a type that cannot be written, a length that is no multiple of its block,
 *   or a value that is not finite where a block shares one scale
 * @example
 * ```ts
 * import { quantize } from "./quant.ts";
 * quantize("Q8_0", new Float32Array(64)).length; // 68
 * ```
 */
export function quantize(type: string, values: Float32Array): Uint8Array {
  const quant = quantNamed("quantize", type, (row) => row.encode !== undefined);
  if (values.length % quant.elements !== 0) {
    const state = `${values.length} values are no whole number of blocks of ${quant.elements}`;
    throw new ArgumentError(`Cannot quantize "${type}": ${state}`);
  }
  const wild = quant.elements === 1 ? -1 : values.findIndex((value) => !Number.isFinite(value));
  if (wild >= 0) {
    throw new ArgumentError(`Cannot quantize "${type}": value ${wild} is ${values[wild]}`);
  }
  const count = values.length / quant.elements;
  const out = new Uint8Array(count * quant.bytes);
  const view = new DataView(out.buffer);
  for (let i = 0; i < count; i++) quant.encode?.(values, i * quant.elements, view, i * quant.bytes);
  return out;
}
