/** Encoders of blocks of 32 with 4 or 5 bits, with the bytes of ggml's reference. @module */

const { abs, fround, min, trunc } = Math;

/** The smallest and the largest of 32 values. */
function extremes(values: Float32Array, at: number): { least: number; most: number } {
  let least = values[at]!, most = least;
  for (let i = at + 1; i < at + 32; i++) {
    const value = values[i]!;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return { least, most };
}

/** `1 / d` as a float, 0 for 0: a block of one value has codes of 0. */
function inverseOf(d: number): number {
  return d === 0 ? 0 : fround(1 / d);
}

/** Writes 32 codes: i in the low half of byte i, i + 16 in its high half; returns their bits 4. */
function writeNibbles(codeAt: (i: number) => number, block: DataView, offset: number): number {
  let fifth = 0;
  for (let i = 0; i < 16; i++) {
    const low = codeAt(i), high = codeAt(i + 16);
    block.setUint8(offset + i, (low & 15) | (high & 15) << 4);
    fifth |= (low >> 4) << i | (high >> 4) << (i + 16);
  }
  return fifth >>> 0;
}

/** Codes from 0 to `most` between a block's extremes, as Q4_1 and Q5_1 have them. */
function codesAbove(
  values: Float32Array,
  at: number,
  largest: number,
  block: DataView,
  offset: number,
): (i: number) => number {
  const { least, most } = extremes(values, at);
  const d = fround(fround(most - least) / largest), inverse = inverseOf(d);
  block.setFloat16(offset, d, true);
  block.setFloat16(offset + 2, least, true);
  return (i) => {
    const steps = fround(fround(values[at + i]! - least) * inverse);
    return min(largest, trunc(fround(steps + 0.5)));
  };
}

/** Encodes Q4_1: the smallest value is code 0, the largest code 15. */
export function encodeQ41(values: Float32Array, at: number, block: DataView, offset: number): void {
  writeNibbles(codesAbove(values, at, 15, block, offset), block, offset + 4);
}

/** Encodes Q5_1: the smallest value is code 0, the largest code 31. */
export function encodeQ51(values: Float32Array, at: number, block: DataView, offset: number): void {
  const codeAt = codesAbove(values, at, 31, block, offset);
  block.setUint32(offset + 4, writeNibbles(codeAt, block, offset + 8), true);
}

/** Encodes Q5_0: the value of largest magnitude becomes -16, whatever its sign. */
export function encodeQ50(values: Float32Array, at: number, block: DataView, offset: number): void {
  let extreme = 0;
  for (let i = at; i < at + 32; i++) if (abs(values[i]!) > abs(extreme)) extreme = values[i]!;
  const d = fround(extreme / -16), inverse = inverseOf(d);
  const codeAt = (i: number): number =>
    min(31, trunc(fround(fround(values[at + i]! * inverse) + 16.5)));
  block.setFloat16(offset, d, true);
  block.setUint32(offset + 2, writeNibbles(codeAt, block, offset + 6), true);
}
