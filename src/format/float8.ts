/** The 8-bit floats of safetensors, which half precision holds exactly. @module */

/** The value of each code, by dtype. */
const FLOAT8: ReadonlyMap<string, Float32Array> = new Map([ // [256]
  ["F8_E4M3", Float32Array.from({ length: 256 }, (_, code) => e4m3(code))],
  ["F8_E5M2", Float32Array.from({ length: 256 }, (_, code) => e5m2(code))],
]);

/** 4 bits of exponent, 3 of mantissa, no infinity. (arXiv:2209.05433) */
function e4m3(code: number): number {
  const sign = code & 0x80 ? -1 : 1, exponent = code >> 3 & 15, mantissa = code & 7;
  if ((code & 0x7f) === 0x7f) return NaN;
  return sign * (exponent === 0 ? mantissa * 2 ** -9 : (8 + mantissa) * 2 ** (exponent - 10));
}

/** 5 bits of exponent, 2 of mantissa: the upper byte of a half. */
function e5m2(code: number): number {
  return new DataView(Uint8Array.of(code, 0).buffer).getFloat16(0);
}

/** Whether a dtype is an 8-bit float with values of its own, without scales elsewhere. */
export function isFloat8(type: string): boolean {
  return FLOAT8.has(type);
}

/**
 * The values of 8-bit floats.
 * @param type one that `isFloat8` knows
 * @param codes a byte each
 */
export function widenFloat8(type: string, codes: Uint8Array): Float32Array {
  const values = FLOAT8.get(type)!, out = new Float32Array(codes.length);
  for (let i = 0; i < codes.length; i++) out[i] = values[codes[i]!]!;
  return out;
}
