/** Super-blocks of 256 weights with scales of their own for each 16 or 32: decoded. @module */

import { CURVE, eachNibble, half } from "./codes.ts";

/** Unpacks scale (low 6 bits) and minimum (next 6) of sub-block j, packed 8 + 8 in 12 bytes. */
function scaleAndMin(block: DataView, offset: number, j: number): number {
  const byte = (i: number): number => block.getUint8(offset + i);
  if (j < 4) return (byte(j) & 63) | (byte(j + 4) & 63) << 6;
  const scale = (byte(j + 4) & 15) | (byte(j - 4) >> 6) << 4;
  return scale | ((byte(j + 4) >> 4) | (byte(j) >> 6) << 4) << 6;
}

/** Decodes Q4_K (`highAt` < 0) and Q5_K: eight sub-blocks of 32, with a scale and a minimum. */
export function decodeWithMinima(
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

/** Code e of 256 codes of two bits: 32 bytes hold 128 of them, each 32 at other bits. */
function twoBits(block: DataView, codes: number, e: number): number {
  return block.getUint8(codes + (e >> 7) * 32 + (e & 31)) >> (e >> 5 & 3) * 2 & 3;
}

/** Decodes Q2_K: sixteen sub-blocks of 16, with a scale and a minimum of 4 bits. */
export function decodeQ2K(block: DataView, offset: number, out: Float32Array, at: number): void {
  const d = half(block, offset + 80), dmin = half(block, offset + 82);
  for (let e = 0; e < 256; e++) {
    const packed = block.getUint8(offset + (e >> 4));
    const scaled = d * (packed & 15) * twoBits(block, offset + 16, e);
    out[at + e] = scaled - dmin * (packed >> 4);
  }
}

/** Scale j of sixteen of 6 bits: nibbles in 8 bytes, then two upper bits in 4. */
function sixBitScale(block: DataView, offset: number, j: number): number {
  const low = block.getUint8(offset + (j & 7)) >> (j >> 3) * 4 & 15;
  return low | (block.getUint8(offset + 8 + (j & 3)) >> (j >> 2) * 2 & 3) << 4;
}

/** Decodes Q3_K: sixteen sub-blocks of 16; scales are 32 too large, codes 4. */
export function decodeQ3K(block: DataView, offset: number, out: Float32Array, at: number): void {
  const d = half(block, offset + 108);
  for (let e = 0; e < 256; e++) {
    const high = block.getUint8(offset + (e & 31)) >> (e >> 5) & 1;
    const code = twoBits(block, offset + 32, e) | high << 2;
    out[at + e] = d * (sixBitScale(block, offset + 96, e >> 4) - 32) * (code - 4);
  }
}

/** Decodes Q6_K: sixteen sub-blocks of 16, each with a signed 8-bit scale. */
export function decodeQ6K(block: DataView, offset: number, out: Float32Array, at: number): void {
  const d = half(block, offset + 208);
  for (let e = 0; e < 256; e++) {
    const part = e >> 7, quarter = e >> 5 & 3, i = e & 31; // part: of 128, quarter: of 32
    const low = block.getUint8(offset + part * 64 + (quarter & 1) * 32 + i) >> (quarter >> 1) * 4;
    const high = block.getUint8(offset + 128 + part * 32 + i) >> quarter * 2;
    const scale = d * block.getInt8(offset + 192 + (e >> 4));
    out[at + e] = scale * (((low & 15) | (high & 3) << 4) - 32);
  }
}

/** Decodes IQ4_XS: eight sub-blocks of 32 codes on a curve; scales of 6 bits are 32 too large. */
export function decodeIQ4XS(block: DataView, offset: number, out: Float32Array, at: number): void {
  const d = half(block, offset), tops = block.getUint16(offset + 2, true);
  for (let j = 0; j < 8; j++) {
    const low = block.getUint8(offset + 4 + (j >> 1)) >> (j & 1) * 4 & 15;
    const scale = d * ((low | (tops >> 2 * j & 3) << 4) - 32);
    eachNibble(block, offset + 8 + 16 * j, (code, i) => {
      out[at + 32 * j + i] = scale * CURVE[code]!;
    });
  }
}

/** Decodes Q8_K, ggml's activations: d: f32 | codes: 256 x i8 | sums. */
export function decodeQ8K(block: DataView, offset: number, out: Float32Array, at: number): void {
  const d = block.getFloat32(offset, true);
  for (let e = 0; e < 256; e++) out[at + e] = d * block.getInt8(offset + 4 + e);
}

/** Decodes TQ2_0: codes of two bits, 1 too large. */
export function decodeTQ2(block: DataView, offset: number, out: Float32Array, at: number): void {
  const d = half(block, offset + 64);
  for (let e = 0; e < 256; e++) out[at + e] = d * (twoBits(block, offset, e) - 1);
}

/** Decodes TQ1_0: bytes are fractions of 256, of which each power of three turns out a digit. */
export function decodeTQ1(block: DataView, offset: number, out: Float32Array, at: number): void {
  const d = half(block, offset + 52);
  for (const [from, count, digits] of [[0, 32, 5], [32, 16, 5], [48, 4, 4]] as const) {
    for (let digit = 0; digit < digits; digit++) {
      for (let i = 0; i < count; i++) {
        const fraction = block.getUint8(offset + from + i) * 3 ** digit & 255;
        out[at++] = d * ((fraction * 3 >> 8) - 1);
      }
    }
  }
}
