// Seeded random numbers that are the same on every processor: integers and exact conversions.
#pragma once
#include <stdint.h>
#include <string.h>

static uint64_t random_state;

static uint64_t fnv(uint64_t hash, const void *bytes, size_t count) {
  const uint8_t *p = bytes;
  for (size_t i = 0; i < count; i++) hash = (hash ^ p[i]) * 0x100000001b3u;
  return hash;
}
enum { WORD = 4 };
static const uint64_t FNV_START = 0xcbf29ce484222325u;

// splitmix64 (Steele, Lea and Flood, OOPSLA 2014).
static uint32_t random_bits(void) {
  uint64_t z = random_state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return (uint32_t)((z ^ z >> 31) >> 16);
}
static uint32_t random_below(uint32_t limit) { return random_bits() % limit; }

// [-1, 1) in steps of 2^-23: exact.
static float random_float(void) { return (float)((int32_t)random_bits() >> 8) * 0x1p-23f; }

static float float_of(uint32_t bits) {
  float f;
  memcpy(&f, &bits, WORD);
  return f;
}
static uint32_t bits_of(float f) {
  uint32_t bits;
  memcpy(&bits, &f, WORD);
  return bits;
}

// A small finite half: one in eight is zero or subnormal, one in four negative.
static uint16_t random_half(void) {
  uint32_t bits = random_bits(), sign = bits % 4 == 0 ? 0x8000 : 0;
  uint32_t exponent = bits >> 8 & 7 ? 1 + (bits >> 12) % 12 : 0;
  uint32_t mantissa = exponent || bits >> 11 & 1 ? bits >> 20 & 1023 : 0;
  return (uint16_t)(sign | exponent << 10 | mantissa);
}

// A small finite float: one in 32 zero, one in 32 subnormal.
static float random_weight(void) {
  uint32_t kind = random_below(32);
  float f = random_float() * 0.25f;
  if (kind == 0) return 0.0f;
  return kind == 1 ? float_of(random_bits() & 0x807fffff) : f;
}
