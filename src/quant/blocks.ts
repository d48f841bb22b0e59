/** Blocks of 32 weights with one scale, decoded and encoded. @module */

import { eachNibble } from "./codes.ts";

const { abs, floor, fround, min, sign, trunc } = Math;

/** Rounds to the nearest integer, halves away from zero, as C's `roundf` does. */
const roundAway = (x: number): number => sign(x) * floor(abs(x) + 0.5);

/** Decodes 32 unsigned 4-bit codes: i in the low half of byte i, i + 16 in its high half. */
export function decodeNibbles(
  block: DataView,
  offset: number,
  highBits: number, // bit i is bit 4 of element i: the fifth one of Q5_0 and Q5_1
  scale: number,
  shift: number, // value = scale * code + shift
  out: Float32Array,
  at: number,
): void {
  eachNibble(block, offset, (low, i) => {
    const code = low | ((highBits >>> i) & 1) << 4;
    out[at + i] = scale * code + shift;
  });
}

/** Decodes Q8_0 and the like: 32 signed bytes at `codes`. */
export function decodeBytes(
  block: DataView,
  codes: number,
  scale: number,
  out: Float32Array,
  at: number,
): void {
  for (let i = 0; i < 32; i++) out[at + i] = scale * block.getInt8(codes + i);
}

/** Decodes 4-bit codes that stand for the numbers of a table. */
export function decodeLookedUp(
  block: DataView,
  codes: number,
  scale: number,
  table: readonly number[],
  out: Float32Array,
  at: number,
): void {
  eachNibble(block, codes, (code, i) => out[at + i] = scale * table[code]!);
}

/** Encodes Q8_0: the largest magnitude becomes 127. */
export function encodeQ80(values: Float32Array, at: number, block: DataView, offset: number): void {
  let largest = 0;
  for (let i = 0; i < 32; i++) largest = Math.max(largest, abs(values[at + i]!));
  const d = fround(largest / 127), inverse = d === 0 ? 0 : fround(1 / d);
  block.setFloat16(offset, d, true);
  for (let i = 0; i < 32; i++) {
    block.setInt8(offset + 2 + i, roundAway(fround(values[at + i]! * inverse)));
  }
}

/** Encodes Q4_0: the value of largest magnitude becomes -8, whatever its sign. */
export function encodeQ40(values: Float32Array, at: number, block: DataView, offset: number): void {
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
