/** What decoders of several weight types share: half-precision floats, nibbles, tables. @module */

/** Reads a little-endian half-precision float. */
export function half(block: DataView, offset: number): number {
  return block.getFloat16(offset, true);
}

/** Visits 32 codes of 4 bits: i in the low half of byte i, i + 16 in its high half. */
export function eachNibble(
  block: DataView,
  offset: number,
  visit: (code: number, index: number) => void,
): void {
  for (let i = 0; i < 16; i++) {
    const byte = block.getUint8(offset + i);
    visit(byte & 15, i);
    visit(byte >> 4, i + 16);
  }
}

/** What the codes of IQ4_NL and IQ4_XS stand for. */
export const CURVE: readonly number[] = [
  ...[-127, -104, -83, -65, -49, -35, -22, -10],
  ...[1, 13, 25, 38, 53, 69, 89, 113],
];

/** Floats of 4 bits (e2m1), doubled: what the codes of MXFP4 stand for. */
export const SMALL_FLOATS: readonly number[] = [
  ...[0, 1, 2, 3, 4, 6, 8, 12],
  ...[0, -1, -2, -3, -4, -6, -8, -12],
];
