// Super-blocks of the types whose codes are looked up, expanded to a byte per weight. Plain C that
// is compiled once: eight weights are a 64-bit word. Layouts quoted from ggml.
#include "internal.h"
#include "grids.h"
#include "half.h"

// Eight bytes, the first one lowest.
#define EACH8(BYTE, x)                                                                           \
  (BYTE(x, 0) | BYTE(x, 1) << 8 | BYTE(x, 2) << 16 | BYTE(x, 3) << 24 | BYTE(x, 4) << 32 |       \
   BYTE(x, 5) << 40 | BYTE(x, 6) << 48 | BYTE(x, 7) << 56)
#define EACH4(BYTE, x)                                                                           \
  (uint32_t)(BYTE(x, 0) | BYTE(x, 1) << 8 | BYTE(x, 2) << 16 | BYTE(x, 3) << 24)
#define PICK(bytes, index) ((bytes) >> 8 * (index) & 255)

// ---- grids: points of 8 or 4 weights, of which grids.h lists the positions on an axis
#define TWO(x, i) PICK(0x2b1908ull, (x) >> 2 * (i) & 3)             // 8, 25, 43
#define THREE(x, i) PICK(0x3e342c241c140c04ull, (x) >> 4 * (i) & 7) // 4, 12, … 52, 62
#define ODD(x, i) (2ull * ((x) >> 4 * (i) & 7) + 1)                 // 1, 3, … 15
#define ONE(x, i) (128ull + 8 * ((x) >> 2 * (i) & 3))               // 8 times -1, 0, 1; 136 more
#define POINT_TWO(x) EACH8(TWO, x),
#define POINT_THREE(x) EACH4(THREE, x),
#define POINT_ODD(x) EACH4(ODD, x),
#define POINT_ONE(x) EACH8(ONE, x),
static const uint64_t grid_iq2_xxs[] = {GRID_IQ2_XXS(POINT_TWO)};
static const uint64_t grid_iq2_xs[] = {GRID_IQ2_XS(POINT_TWO)};
static const uint64_t grid_iq2_s[] = {GRID_IQ2_S(POINT_TWO)};
static const uint32_t grid_iq3_xxs[] = {GRID_IQ3_XXS(POINT_THREE)};
static const uint32_t grid_iq3_s[] = {GRID_IQ3_S(POINT_ODD)};
static const uint64_t grid_iq1[] = {GRID_IQ1(POINT_ONE)};

// ---- signs: bit i of a byte becomes byte i, all ones where the weight is negative
#define SIGN(x, i) ((x) >> (i) & 1 ? 255ull : 0)
#define SIGNS1(x) EACH8(SIGN, x)
#define SIGNS4(x) SIGNS1(x), SIGNS1((x) + 1), SIGNS1((x) + 2), SIGNS1((x) + 3)
#define SIGNS16(x) SIGNS4(x), SIGNS4((x) + 4), SIGNS4((x) + 8), SIGNS4((x) + 12)
#define SIGNS64(x) SIGNS16(x), SIGNS16((x) + 16), SIGNS16((x) + 32), SIGNS16((x) + 48)
static const uint64_t signs[256] = {SIGNS64(0), SIGNS64(64), SIGNS64(128), SIGNS64(192)};

// The same for seven signs, and an eighth that makes the number of negative ones even.
#define ODD4(x) (0x6996 >> ((x) & 15) & 1)
#define EVEN1(x) SIGNS1((x) | (ODD4(x) ^ ODD4((x) >> 4)) << 7)
#define EVEN4(x) EVEN1(x), EVEN1((x) + 1), EVEN1((x) + 2), EVEN1((x) + 3)
#define EVEN16(x) EVEN4(x), EVEN4((x) + 4), EVEN4((x) + 8), EVEN4((x) + 12)
#define EVEN64(x) EVEN16(x), EVEN16((x) + 16), EVEN16((x) + 32), EVEN16((x) + 48)
static const uint64_t even_signs[128] = {EVEN64(0), EVEN64(64)};

static uint32_t u16_at(const uint8_t *p) { return p[0] | (uint32_t)p[1] << 8; }
static uint32_t u32_at(const uint8_t *p) { return u16_at(p) | u16_at(p + 2) << 16; }
static float half_at(const uint8_t *p) { return f32_from_f16((uint16_t)u16_at(p)); }

// Two points of eight weights, from column 16 * index on: (v ^ ones) - ones turns a sign.
typedef uint64_t words2 __attribute__((vector_size(16)));
typedef uint32_t words4 __attribute__((vector_size(16)));
typedef uint8_t bytes16 __attribute__((vector_size(16)));
static void put16(struct wide256 *out, int index, words2 points, words2 negative) {
  const bytes16 ones = (bytes16)negative, v = ((bytes16)points ^ ones) - ones;
  memcpy(out->q + 16 * index, &v, 16);
}

// The scales of columns 16 * index and on are 2 s + 1, for one or two nibbles (or less) s.
static void put_scale(struct wide256 *out, int index, uint32_t s) {
  out->scales[index] = (int8_t)(2 * s + 1);
}
static void put_scales(struct wide256 *out, int pair, uint32_t first, uint32_t second) {
  put_scale(out, 2 * pair, first), put_scale(out, 2 * pair + 1, second);
}

// {f16 d; 8 x {u8 point[4]; u32 signs: 4 x 7, scale: 4}}; weight = d / 8 * (2 s + 1) * point
static void expand_IQ2_XXS(const uint8_t *restrict p, struct wide256 *restrict out) {
  out->d = half_at(p) * 0.125f;
  for (int i = 0; i < 8; i++) {
    const uint8_t *points = p + 2 + 8 * i;
    const uint32_t rest = u32_at(points + 4);
    put_scales(out, i, rest >> 28, rest >> 28);
    for (int j = 0; j < 4; j += 2)
      put16(out, 2 * i + j / 2, (words2){grid_iq2_xxs[points[j]], grid_iq2_xxs[points[j + 1]]},
            (words2){even_signs[rest >> 7 * j & 127], even_signs[rest >> (7 * j + 7) & 127]});
  }
}

// {f16 d; 32 x {u16 point: 9, signs: 7}; u8 scales[8]}, as above
static void expand_IQ2_XS(const uint8_t *restrict p, struct wide256 *restrict out) {
  out->d = half_at(p) * 0.125f;
  for (int i = 0; i < 8; i++) {
    put_scales(out, i, p[66 + i] & 15, p[66 + i] >> 4);
    for (int j = 2 * i; j < 2 * i + 2; j++) {
      const uint32_t two = u32_at(p + 2 + 4 * j);
      put16(out, j, (words2){grid_iq2_xs[two & 511], grid_iq2_xs[two >> 16 & 511]},
            (words2){even_signs[two >> 9 & 127], even_signs[two >> 25]});
    }
  }
}

// {f16 d; u8 point[32], signs[32], high[8], scales[8]}: two upper bits of a point in `high`
static void expand_IQ2_S(const uint8_t *restrict p, struct wide256 *restrict out) {
  out->d = half_at(p) * 0.125f;
  for (int i = 0; i < 8; i++) {
    const uint32_t high = p[66 + i];
    put_scales(out, i, p[74 + i] & 15, p[74 + i] >> 4);
    for (int j = 4 * i; j < 4 * i + 4; j += 2) {
      const uint32_t first = p[2 + j] | (high >> j % 4 * 2 & 3) << 8;
      const uint32_t second = p[3 + j] | (high >> (j % 4 * 2 + 2) & 3) << 8;
      put16(out, j / 2, (words2){grid_iq2_s[first], grid_iq2_s[second]},
            (words2){signs[p[34 + j]], signs[p[35 + j]]});
    }
  }
}

// {f16 d; u8 point[64]; 8 x {u32 signs: 4 x 7, scale: 4}}; weight = d / 4 * (2 s + 1) * point
static void expand_IQ3_XXS(const uint8_t *restrict p, struct wide256 *restrict out) {
  out->d = half_at(p) * 0.25f;
  for (int i = 0; i < 8; i++) {
    const uint8_t *points = p + 2 + 8 * i;
    const uint32_t rest = u32_at(p + 66 + 4 * i);
    put_scales(out, i, rest >> 28, rest >> 28);
    for (int j = 0; j < 4; j += 2, points += 4) {
      const words4 v = {grid_iq3_xxs[points[0]], grid_iq3_xxs[points[1]],
                        grid_iq3_xxs[points[2]], grid_iq3_xxs[points[3]]};
      put16(out, 2 * i + j / 2, (words2)v,
            (words2){even_signs[rest >> 7 * j & 127], even_signs[rest >> (7 * j + 7) & 127]});
    }
  }
}

// {f16 d; u8 point[64], high[8], signs[32], scales[4]}: the ninth bit of a point in `high`
static void expand_IQ3_S(const uint8_t *restrict p, struct wide256 *restrict out) {
  out->d = half_at(p);
  for (int i = 0; i < 8; i++) {
    const uint8_t *points = p + 2 + 8 * i, *sign = p + 74 + 4 * i;
    const uint32_t high = p[66 + i], scale = p[106 + i / 2] >> 4 * (i % 2) & 15u;
    put_scales(out, i, scale, scale);
    for (int j = 0; j < 8; j += 4, points += 4, sign += 2) {
      const words4 v = {grid_iq3_s[points[0] | (high << (8 - j) & 256)],
                        grid_iq3_s[points[1] | (high << (7 - j) & 256)],
                        grid_iq3_s[points[2] | (high << (6 - j) & 256)],
                        grid_iq3_s[points[3] | (high << (5 - j) & 256)]};
      put16(out, 2 * i + j / 4, (words2)v, (words2){signs[sign[0]], signs[sign[1]]});
    }
  }
}

// Eight weights of -1, 0, 1 with an eighth added to all or taken off: 8 times that, an integer.
// The grid's bytes are 136 more, so that nothing borrows; 128 of it is the top bit.
static const uint64_t shifts[2] = {0x0707070707070707u, 0x0909090909090909u}; // more, less
static void put_ternary(struct wide256 *out, int index, uint32_t first, uint32_t second,
                        words2 shift) {
  const words2 top = {0x8080808080808080u, 0x8080808080808080u};
  const words2 v = ((words2){grid_iq1[first], grid_iq1[second]} - shift) ^ top;
  memcpy(out->q + 16 * index, &v, 16);
}

// {f16 d; u8 point[32]; 8 x {u16 high: 4 x 3, scale: 3, less: 1}}; weight = d / 8 * (2 s + 1) * q
static void expand_IQ1_S(const uint8_t *restrict p, struct wide256 *restrict out) {
  out->d = half_at(p) * 0.125f;
  for (int i = 0; i < 8; i++) {
    const uint32_t word = u16_at(p + 34 + 2 * i), scale = word >> 12 & 7;
    put_scales(out, i, scale, scale);
    const words2 shift = {shifts[word >> 15], shifts[word >> 15]};
    for (int j = 0; j < 4; j += 2)
      put_ternary(out, 2 * i + j / 2, p[2 + 4 * i + j] | (word >> 3 * j & 7) << 8,
                  p[3 + 4 * i + j] | (word >> (3 * j + 3) & 7) << 8, shift);
  }
}

// {u8 point[32]; 32 x {high: 3, less: 1}; 4 x {u16 scales: 4 x 3, a nibble of d}}
static void expand_IQ1_M(const uint8_t *restrict p, struct wide256 *restrict out) {
  uint32_t d = 0;
  for (int i = 0; i < 4; i++) {
    const uint32_t word = u16_at(p + 48 + 2 * i);
    d |= word >> 12 << 4 * i;
    put_scales(out, 2 * i, word & 7, word >> 3 & 7);
    put_scales(out, 2 * i + 1, word >> 6 & 7, word >> 9 & 7);
  }
  out->d = f32_from_f16((uint16_t)d) * 0.125f;
  for (int i = 0; i < 16; i++) {
    const uint32_t two = p[32 + i];
    put_ternary(out, i, p[2 * i] | (two & 7) << 8, p[2 * i + 1] | (two >> 4 & 7) << 8,
                (words2){shifts[two >> 3 & 1], shifts[two >> 7]});
  }
}

// `count` bytes of digits to the base of three, as fractions: each power turns out the next digit.
static inline __attribute__((always_inline)) void
put_digits(int8_t *restrict q, const uint8_t *restrict p, const int count, const int digits) {
  for (int digit = 0, power = 1; digit < digits; digit++, power *= 3, q += count)
    for (int i = 0; i < count; i++) {
      const uint16_t fraction = (uint8_t)(p[i] * power);
      q[i] = (int8_t)((uint16_t)(fraction * 3) >> 8) - 1;
    }
}

// {u8 digits[32], [16], [4]: 5, 5 and 4 each; f16 d}; weight = d * (digit - 1)
static void expand_TQ1_0(const uint8_t *restrict p, struct wide256 *restrict out) {
  out->d = half_at(p + 52);
  memset(out->scales, 1, 16);
  put_digits(out->q, p, 32, 5);
  put_digits(out->q + 160, p + 32, 16, 5);
  put_digits(out->q + 240, p + 48, 4, 4);
}

// {u8 q[64]; f16 d}: 32 bytes hold 128 columns, each 32 at other bits; weight = d * (q - 1)
static void expand_TQ2_0(const uint8_t *restrict p, struct wide256 *restrict out) {
  out->d = half_at(p + 64);
  memset(out->scales, 1, 16);
  for (int half = 0; half < 2; half++)
    for (int shift = 0; shift < 8; shift += 2)
      for (int i = 0; i < 32; i++)
        out->q[128 * half + 16 * shift + i] = (int8_t)((p[32 * half + i] >> shift & 3) - 1);
}

#define EXPANDER_FLOAT(name)
#define EXPANDER_BLOCK32(name)
#define EXPANDER_BLOCK256(name)
#define EXPANDER_WIDE256(name) [QUANT_##name] = expand_##name,
const expand_fn expanders[QUANT_COUNT] = {
#define QUANT(name, id, elements, bytes, class) EXPANDER_##class(name)
#include "quants.def"
#undef QUANT
};
