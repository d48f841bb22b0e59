/** THE table of weight types: what blocks look like, and how to decode and encode them. @module */
import { ArgumentError } from "./errors.ts";
import {
  decodeBytes,
  decodeLookedUp,
  decodeNibbles,
  encodeQ40,
  encodeQ80,
} from "./quant/blocks.ts";
import { CURVE, half, SMALL_FLOATS } from "./quant/codes.ts";
import { E4M3, E5M2 } from "./quant/float8.ts";
import { encodeQ41, encodeQ50, encodeQ51 } from "./quant/encode_blocks.ts";
import { encodeQ4K, encodeQ5K, encodeQ6K } from "./quant/encode_super.ts";
import * as grids from "./quant/looked_up.ts";
import * as superBlocks from "./quant/super_blocks.ts";

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
  /** Decodes the block at byte `offset` into `elements` floats from `out[at]` on. */
  readonly decode?: (block: DataView, offset: number, out: Float32Array, at: number) => void;
}

/** A type that can be decoded, whether GGUF has a number for it or not. */
export type Decodable = Omit<BlockLayout, "id"> & {
  readonly decode: NonNullable<BlockLayout["decode"]>;
};

/** A weight type that cria can compute with. */
export interface Quant extends Decodable {
  /** The number that stands for this type in a GGUF file. */
  readonly id: number;
  /** What the activations are rounded to before a product with such weights. */
  readonly activation: "float" | "block32" | "block256";
  /** Encodes `elements` floats from `values[at]` on, with the bytes of ggml's reference. */
  readonly encode?: (values: Float32Array, at: number, block: DataView, offset: number) => void;
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
    decode: (b, o, out, at) => decodeBytes(b, o + 2, half(b, o), out, at),
    encode: encodeQ80,
  },
  { // scales: 16 x u4, minima: 16 x u4 | codes: 256 x u2 | d: f16 | dmin: f16; as Q4_K
    id: 10,
    name: "Q2_K",
    elements: 256,
    bytes: 84,
    activation: "block256",
    decode: superBlocks.decodeQ2K,
  },
  { // high bits: 256 x u1 | low bits: 256 x u2 | scales: 16 x u6 | d: f16; as Q6_K, 32 and 4 less
    id: 11,
    name: "Q3_K",
    elements: 256,
    bytes: 110,
    activation: "block256",
    decode: superBlocks.decodeQ3K,
  },
  { // d: f16 | dmin: f16 | 8 x (u6 scale, u6 min) | codes: 256 x u4; d * scale * code - dmin * min
    id: 12,
    name: "Q4_K",
    elements: 256,
    bytes: 144,
    activation: "block256",
    decode: (b, o, out, at) => superBlocks.decodeWithMinima(b, o, -1, o + 16, out, at),
    encode: encodeQ4K,
  },
  { // as Q4_K, with the fifth bits, 256 x u1, before the codes
    id: 13,
    name: "Q5_K",
    elements: 256,
    bytes: 176,
    activation: "block256",
    decode: (b, o, out, at) => superBlocks.decodeWithMinima(b, o, o + 16, o + 48, out, at),
    encode: encodeQ5K,
  },
  { // low bits: 256 x u4 | high bits: 256 x u2 | scales: 16 x i8 | d: f16; d * scale * (code - 32)
    id: 14,
    name: "Q6_K",
    elements: 256,
    bytes: 210,
    activation: "block256",
    decode: superBlocks.decodeQ6K,
    encode: encodeQ6K,
  },
  { // points of 8 weights out of 256; d / 8 * (2 scale + 1) * weight
    id: 16,
    name: "IQ2_XXS",
    elements: 256,
    bytes: 66,
    activation: "block256",
    decode: grids.decodeIQ2XXS,
  },
  { // points of 8 weights out of 512; as IQ2_XXS
    id: 17,
    name: "IQ2_XS",
    elements: 256,
    bytes: 74,
    activation: "block256",
    decode: grids.decodeIQ2XS,
  },
  { // points of 4 weights out of 256; d / 4 * (2 scale + 1) * weight
    id: 18,
    name: "IQ3_XXS",
    elements: 256,
    bytes: 98,
    activation: "block256",
    decode: grids.decodeIQ3XXS,
  },
  { // points of 8 weights out of 2048; d * (2 scale + 1) * (weight +- 1/8)
    id: 19,
    name: "IQ1_S",
    elements: 256,
    bytes: 50,
    activation: "block256",
    decode: grids.decodeIQ1S,
  },
  { // d: f16 | codes: 32 x u4 on a curve; value = d * CURVE[code]
    id: 20,
    name: "IQ4_NL",
    elements: 32,
    bytes: 18,
    activation: "block32",
    decode: (b, o, out, at) => decodeLookedUp(b, o + 2, half(b, o), CURVE, out, at),
  },
  { // points of 4 weights out of 512; d * (2 scale + 1) * weight
    id: 21,
    name: "IQ3_S",
    elements: 256,
    bytes: 110,
    activation: "block256",
    decode: grids.decodeIQ3S,
  },
  { // points of 8 weights out of 1024; as IQ2_XXS
    id: 22,
    name: "IQ2_S",
    elements: 256,
    bytes: 82,
    activation: "block256",
    decode: grids.decodeIQ2S,
  },
  { // d: f16 | scales: 8 x u6 | codes: 256 x u4; d * (scale - 32) * CURVE[code]
    id: 23,
    name: "IQ4_XS",
    elements: 256,
    bytes: 136,
    activation: "block256",
    decode: superBlocks.decodeIQ4XS,
  },
  { // as IQ1_S; the scale d lies in pieces
    id: 29,
    name: "IQ1_M",
    elements: 256,
    bytes: 56,
    activation: "block256",
    decode: grids.decodeIQ1M,
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
  { // codes: 256 digits to the base of three | d: f16; d * (digit - 1)
    id: 34,
    name: "TQ1_0",
    elements: 256,
    bytes: 54,
    activation: "block256",
    decode: superBlocks.decodeTQ1,
  },
  { // codes: 256 x u2 | d: f16; d * (code - 1)
    id: 35,
    name: "TQ2_0",
    elements: 256,
    bytes: 66,
    activation: "block256",
    decode: superBlocks.decodeTQ2,
  },
  { // exponent: u8 | codes: 32 x f4; value = 2^(exponent - 127) * f4
    id: 39,
    name: "MXFP4",
    elements: 32,
    bytes: 17,
    activation: "block32",
    decode: (b, o, out, at) =>
      decodeLookedUp(b, o + 1, 2 ** (b.getUint8(o) - 128), SMALL_FLOATS, out, at),
  },
];

/**
 * ggml's other types: a file may hold them, `inspect` shows them, some can be decoded, no model
 * runs on them.
 */
export const FOREIGN_TYPES: readonly BlockLayout[] = [
  { // d: f16 | d * sum of the codes: f16 | codes: 32 x i8
    id: 9,
    name: "Q8_1",
    elements: 32,
    bytes: 36,
    decode: (b, o, out, at) => decodeBytes(b, o + 4, half(b, o), out, at),
  },
  { id: 15, name: "Q8_K", elements: 256, bytes: 292, decode: superBlocks.decodeQ8K },
  { id: 24, name: "I8", elements: 1, bytes: 1, decode: (b, o, out, at) => out[at] = b.getInt8(o) },
  {
    id: 25,
    name: "I16",
    elements: 1,
    bytes: 2,
    decode: (b, o, out, at) => out[at] = b.getInt16(o, true),
  },
  { // rounds beyond 2^24
    id: 26,
    name: "I32",
    elements: 1,
    bytes: 4,
    decode: (b, o, out, at) => out[at] = b.getInt32(o, true),
  },
  { id: 27, name: "I64", elements: 1, bytes: 8 },
  { // rounds
    id: 28,
    name: "F64",
    elements: 1,
    bytes: 8,
    decode: (b, o, out, at) => out[at] = b.getFloat64(o, true),
  },
  { id: 40, name: "NVFP4", elements: 64, bytes: 36 },
  { id: 41, name: "Q1_0", elements: 128, bytes: 18 },
];

/** The 8-bit floats of safetensors: weights that run as the halves that they are. */
export const SMALL_FLOAT_TYPES: readonly Decodable[] = [
  {
    name: "F8_E4M3",
    elements: 1,
    bytes: 1,
    decode: (b, o, out, at) => out[at] = E4M3[b.getUint8(o)]!,
  },
  {
    name: "F8_E5M2",
    elements: 1,
    bytes: 1,
    decode: (b, o, out, at) => out[at] = E5M2[b.getUint8(o)]!,
  },
];

const DECODABLE: readonly Decodable[] = [...QUANTS, ...FOREIGN_TYPES, ...SMALL_FLOAT_TYPES]
  .flatMap(({ decode, ...layout }) => decode === undefined ? [] : [{ ...layout, decode }]);
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

/** The block layout of the type of ggml name `name`, if `dequantize` takes it. */
export function decodableByName(name: string): Decodable | undefined {
  return DECODABLE.find((row) => row.name === name);
}

/** The layout of a type that matrices and vectors of a model may have in its file. */
export function weightType(name: string): Decodable | undefined {
  return quantByName(name) ?? SMALL_FLOAT_TYPES.find((row) => row.name === name);
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
export function tensorBytes(
  layout: Omit<BlockLayout, "id">,
  shape: readonly number[],
): number {
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

/** Finds a type by name among those that will do, or says which these are. */
function rowNamed<Row extends { readonly name: string }>(
  verb: string,
  type: string,
  rows: readonly Row[],
): Row {
  const row = rows.find(({ name }) => name === type);
  if (row !== undefined) return row;
  const known = rows.map(({ name }) => name).join(", ");
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
  const quant = rowNamed("dequantize", type, DECODABLE);
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
  const quant = rowNamed("quantize", type, QUANTS.filter(({ encode }) => encode !== undefined));
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
