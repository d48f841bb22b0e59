/** The 8-bit floats of safetensors, which half precision holds exactly. @module */

/** The value of each code: 4 bits of exponent, 3 of mantissa, no infinity. (arXiv:2209.05433) */
export const E4M3: Float32Array = Float32Array.from({ length: 256 }, (_, code) => {
  const sign = code & 0x80 ? -1 : 1, exponent = code >> 3 & 15, mantissa = code & 7;
  if ((code & 0x7f) === 0x7f) return NaN;
  return sign * (exponent === 0 ? mantissa * 2 ** -9 : (8 + mantissa) * 2 ** (exponent - 10));
});

/** The same of 5 bits of exponent, 2 of mantissa: the upper byte of a half. */
export const E5M2: Float32Array = Float32Array.from({ length: 256 }, (_, code) => {
  return new DataView(Uint8Array.of(code, 0).buffer).getFloat16(0);
});
