// Half-precision floats in plain C, for code that is the same on every processor.
#pragma once
#include <stdint.h>
#include <string.h>

static inline float f32_from_bits(uint32_t bits) {
  float f;
  memcpy(&f, &bits, 4);
  return f;
}
static inline uint32_t bits_from_f32(float f) {
  uint32_t bits;
  memcpy(&bits, &f, 4);
  return bits;
}

// IEEE 754 half to single; exact.
static inline float f32_from_f16(uint16_t h) {
  uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, mantissa = h & 1023;
  if (exponent == 31)
    return f32_from_bits(sign | 0x7f800000 | (mantissa ? mantissa << 13 | 0x400000 : 0));
  if (exponent) return f32_from_bits(sign | (exponent + 112) << 23 | mantissa << 13);
  return f32_from_bits(sign | bits_from_f32((float)mantissa * 0x1p-24f)); // exact product
}
