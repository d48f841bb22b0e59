// Weight types with super-blocks of 256 whose codes are looked up in grids (grids.c): functions
// that expand a super-block of 16 rows to a byte per weight. They share one product, as all have
// the same form then. Like quants.h, written once over the vocabulary; layouts from ggml.

// Words of four columns, as the products take them.
typedef uint8_t (*codes256)[64]; // [column / 4][row][4]
INLINE void put_codes(codes256 q, int word, i32x16 codes) {
  i32x16_store(q[word], dot_prepare(codes));
}

INLINE i32x16 bits_at(i32x16 v, int shift, int mask) {
  return i32x16_and(i32x16_shr(v, shift), i32x16_set1(mask));
}

// Columns 16 * index and on have scale 2 s + 1, those of `pair` 32 with two of these.
INLINE void put_odd_scale(head256 *h, int index, i32x16 s) {
  i32x16_store(h->scales[index], i32x16_add(i32x16_add(s, s), i32x16_set1(1)));
}
INLINE void put_odd_scales(head256 *h, int pair, i32x16 first, i32x16 second) {
  put_odd_scale(h, 2 * pair, first), put_odd_scale(h, 2 * pair + 1, second);
}
INLINE f32x16 scaled_f16(const uint8_t *p, size_t stride, float factor) {
  return f32x16_mul(rows_f16(p, stride), f32x16_set1(factor));
}

// Four times seven signs, of which an eighth makes the number of negative ones even.
INLINE i32x16 even_signs(i32x16 sevens) {
  static const int8_t ODD[16] = {0, 1, 1, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 1, 1, 0};
  const i32x16 low = i32x16_lookup(low_nibbles(sevens), ODD);
  const i32x16 odd = i32x16_xor(low, i32x16_lookup(high_nibbles(sevens), ODD));
  return i32x16_or(sevens, i32x16_shl(odd, 7));
}
// The lowest 28 bits as four bytes of seven.
INLINE i32x16 four_sevens(i32x16 v) {
  const i32x16 first = i32x16_and(v, i32x16_set1(0x7f));
  const i32x16 second = i32x16_and(i32x16_shl(v, 1), i32x16_set1(0x7f00));
  const i32x16 third = i32x16_and(i32x16_shl(v, 2), i32x16_set1(0x7f0000));
  const i32x16 fourth = i32x16_and(i32x16_shl(v, 3), i32x16_set1(0x7f000000));
  return i32x16_or(i32x16_or(first, second), i32x16_or(third, fourth));
}

#define AXIS_IQ2 {8, 25, 43}
#define AXIS_IQ3 {4, 12, 20, 28, 36, 44, 52, 62}
#define AXIS_ODD {1, 3, 5, 7, 9, 11, 13, 15}
#define AXIS_IQ1 {-128, -120, -112} // 8 times -1, 0, 1, and 136 more
static const struct eights IQ2_XXS = {256, points_iq2_xxs, positions_iq2_xxs, AXIS_IQ2};
static const struct eights IQ2_XS = {512, points_iq2_xs, positions_iq2_xs, AXIS_IQ2};
static const struct eights IQ2_S = {1024, points_iq2_s, positions_iq2_s, AXIS_IQ2};
static const struct eights IQ1 = {2048, points_iq1, positions_iq1, AXIS_IQ1};
static const struct fours IQ3_XXS = {256, points_iq3_xxs, positions_iq3_xxs, AXIS_IQ3};
static const struct fours IQ3_S = {512, points_iq3_s, positions_iq3_s, AXIS_ODD};

// Points of eight and of four weights into 32 columns; bit c of `signs` turns column c. A lane of
// `pairs` has the indices of two points, two apart, as they lie in the bytes of a word.
INLINE void byte_pairs(i32x16 four, i32x16 pairs[2]) {
  pairs[0] = bits_at(four, 0, 0x00ff00ff), pairs[1] = bits_at(four, 8, 0x00ff00ff);
}
// Upper bits for both indices.
INLINE i32x16 with_upper(i32x16 pair, i32x16 first, i32x16 second) {
  return i32x16_or(pair, i32x16_or(i32x16_shl(first, 8), i32x16_shl(second, 24)));
}
INLINE void put_eights(codes256 q, int group, const struct eights grid, const i32x16 pairs[2],
                       i32x16 signs) {
  UNROLL for (int i = 0; i < 2; i++) {
    i32x16 words[4];
    i32x16_eights(grid, pairs[i], words);
    UNROLL for (int w = 0; w < 4; w++) {
      const int at = 2 * i + 4 * (w / 2) + w % 2;
      put_codes(q, 8 * group + at, i32x16_negate(words[w], signs, at));
    }
  }
}
INLINE void put_fours(codes256 q, int group, const struct fours grid, const i32x16 pairs[4],
                      i32x16 signs) {
  UNROLL for (int i = 0; i < 4; i++) {
    i32x16 words[2];
    i32x16_fours(grid, pairs[i], words);
    UNROLL for (int w = 0; w < 2; w++) {
      const int at = i / 2 * 4 + i % 2 + 2 * w;
      put_codes(q, 8 * group + at, i32x16_negate(words[w], signs, at));
    }
  }
}

// {f16 d; 8 x {u8 point[4]; u32 signs: 4 x 7, scale: 4}}; weight = d / 8 * (2 s + 1) * point
CALLED void expand_IQ2_XXS(const uint8_t *p, size_t stride, head256 *h, codes256 q) {
  i32x16 t[16], pairs[2];
  h->d = scaled_f16(p, stride, 0.125f);
  rows_load8(p + 2, stride, t), rows_load8(p + 34, stride, t + 8);
  ROLLED for (int group = 0; group < 8; group++) {
    const i32x16 rest = t[2 * group + 1], scale = i32x16_shr(rest, 28);
    put_odd_scales(h, group, scale, scale);
    byte_pairs(t[2 * group], pairs);
    put_eights(q, group, IQ2_XXS, pairs, even_signs(four_sevens(rest)));
  }
}

// {f16 d; 32 x {u16 point: 9, signs: 7}; u8 scales[8]}, as above
CALLED void expand_IQ2_XS(const uint8_t *p, size_t stride, head256 *h, codes256 q) {
  i32x16 t[16], pairs[2], scales[2];
  h->d = scaled_f16(p, stride, 0.125f);
  rows_load8(p + 2, stride, t), rows_load8(p + 34, stride, t + 8);
  scales[0] = rows_load1(p + 66, stride), scales[1] = rows_load1(p + 70, stride);
  ROLLED for (int group = 0; group < 8; group++) {
    const i32x16 a = t[2 * group], b = t[2 * group + 1];
    const i32x16 scale = i32x16_shr(scales[group / 4], group % 4 * 8);
    put_odd_scales(h, group, bits_at(scale, 0, 15), bits_at(scale, 4, 15));
    pairs[0] = i32x16_or(bits_at(a, 0, 511), i32x16_shl(bits_at(b, 0, 511), 16));
    pairs[1] = i32x16_or(bits_at(a, 16, 511), bits_at(b, 0, 511 << 16));
    const i32x16 first = i32x16_or(bits_at(a, 9, 0x7f), bits_at(a, 17, 0x7f00));
    const i32x16 third = i32x16_and(i32x16_shl(b, 7), i32x16_set1(0x7f0000));
    const i32x16 sevens = i32x16_or(i32x16_or(first, third), bits_at(b, 1, 0x7f000000));
    put_eights(q, group, IQ2_XS, pairs, even_signs(sevens));
  }
}

// {f16 d; u8 point[32], signs[32], high[8], scales[8]}: two upper bits of a point in `high`
CALLED void expand_IQ2_S(const uint8_t *p, size_t stride, head256 *h, codes256 q) {
  i32x16 t[8], signs[8], rest[4], pairs[2];
  h->d = scaled_f16(p, stride, 0.125f);
  rows_load8(p + 2, stride, t), rows_load8(p + 34, stride, signs);
  rows_load4(p + 66, stride, rest);
  ROLLED for (int group = 0; group < 8; group++) {
    const i32x16 high = i32x16_shr(rest[group / 4], group % 4 * 8);
    const i32x16 scale = i32x16_shr(rest[2 + group / 4], group % 4 * 8);
    put_odd_scales(h, group, bits_at(scale, 0, 15), bits_at(scale, 4, 15));
    byte_pairs(t[group], pairs);
    UNROLL for (int i = 0; i < 2; i++)
      pairs[i] = with_upper(pairs[i], bits_at(high, 2 * i, 3), bits_at(high, 2 * i + 4, 3));
    put_eights(q, group, IQ2_S, pairs, signs[group]);
  }
}

// {f16 d; u8 point[64]; 8 x {u32 signs: 4 x 7, scale: 4}}; weight = d / 4 * (2 s + 1) * point
CALLED void expand_IQ3_XXS(const uint8_t *p, size_t stride, head256 *h, codes256 q) {
  i32x16 t[16], rest[8], pairs[4];
  h->d = scaled_f16(p, stride, 0.25f);
  rows_load8(p + 2, stride, t), rows_load8(p + 34, stride, t + 8);
  rows_load8(p + 66, stride, rest);
  ROLLED for (int group = 0; group < 8; group++) {
    const i32x16 scale = i32x16_shr(rest[group], 28);
    put_odd_scales(h, group, scale, scale);
    byte_pairs(t[2 * group], pairs), byte_pairs(t[2 * group + 1], pairs + 2);
    put_fours(q, group, IQ3_XXS, pairs, even_signs(four_sevens(rest[group])));
  }
}

// {f16 d; u8 point[64], high[8], signs[32], scales[4]}: the ninth bit of a point in `high`
CALLED void expand_IQ3_S(const uint8_t *p, size_t stride, head256 *h, codes256 q) {
  i32x16 t[16], signs[8], high[2], pairs[4];
  h->d = rows_f16(p, stride);
  rows_load8(p + 2, stride, t), rows_load8(p + 34, stride, t + 8);
  high[0] = rows_load1(p + 66, stride), high[1] = rows_load1(p + 70, stride);
  rows_load8(p + 74, stride, signs);
  const i32x16 scales = rows_load1(p + 106, stride);
  ROLLED for (int group = 0; group < 8; group++) {
    const i32x16 scale = bits_at(scales, 4 * group, 15);
    const i32x16 ninth = i32x16_shr(high[group / 4], group % 4 * 8);
    put_odd_scales(h, group, scale, scale);
    byte_pairs(t[2 * group], pairs), byte_pairs(t[2 * group + 1], pairs + 2);
    UNROLL for (int i = 0; i < 4; i++) {
      const int at = i / 2 * 4 + i % 2;
      pairs[i] = with_upper(pairs[i], bits_at(ninth, at, 1), bits_at(ninth, at + 2, 1));
    }
    put_fours(q, group, IQ3_S, pairs, signs[group]);
  }
}

// Eight weights of -1, 0, 1 with an eighth added to all or, where `less` is 1, taken off: 8 times
// that, an integer. The grid's bytes are 136 more, so that nothing borrows; 128 is the top bit.
INLINE void put_ternaries(codes256 q, int group, const i32x16 pairs[2], const i32x16 less[4]) {
  const i32x16 top = i32x16_set1((int32_t)0x80808080), two = i32x16_set1(0x02020202);
  UNROLL for (int i = 0; i < 2; i++) {
    i32x16 words[4];
    i32x16_eights(IQ1, pairs[i], words);
    UNROLL for (int w = 0; w < 4; w++) {
      const i32x16 eighth = i32x16_mul(less[i + 2 * (w / 2)], two);
      const i32x16 shift = i32x16_add(eighth, i32x16_set1(0x07070707));
      put_codes(q, 8 * group + 2 * i + 4 * (w / 2) + w % 2,
                i32x16_xor(i32x16_sub(words[w], shift), top));
    }
  }
}

// {f16 d; u8 point[32]; 8 x {u16 high: 4 x 3, scale: 3, less: 1}}; weight = d / 8 * (2 s + 1) * q
CALLED void expand_IQ1_S(const uint8_t *p, size_t stride, head256 *h, codes256 q) {
  i32x16 t[8], rest[4], pairs[2], less[4];
  h->d = scaled_f16(p, stride, 0.125f);
  rows_load8(p + 2, stride, t), rows_load4(p + 34, stride, rest);
  ROLLED for (int group = 0; group < 8; group++) {
    const i32x16 word = i32x16_shr(rest[group / 2], group % 2 * 16), scale = bits_at(word, 12, 7);
    put_odd_scales(h, group, scale, scale);
    byte_pairs(t[group], pairs);
    UNROLL for (int i = 0; i < 2; i++)
      pairs[i] = with_upper(pairs[i], bits_at(word, 3 * i, 7), bits_at(word, 3 * i + 6, 7));
    UNROLL for (int i = 0; i < 4; i++) less[i] = bits_at(word, 15, 1);
    put_ternaries(q, group, pairs, less);
  }
}

// {u8 point[32]; 32 x {high: 3, less: 1}; 4 x {u16 scales: 4 x 3, a nibble of d}}
CALLED void expand_IQ1_M(const uint8_t *p, size_t stride, head256 *h, codes256 q) {
  i32x16 t[8], high[4], rest[2], pairs[2], less[4], d = i32x16_set1(0);
  rows_load8(p, stride, t), rows_load4(p + 32, stride, high);
  rest[0] = rows_load1(p + 48, stride), rest[1] = rows_load1(p + 52, stride);
  UNROLL for (int i = 0; i < 4; i++)
    d = i32x16_or(d, i32x16_shl(bits_at(rest[i / 2], i % 2 * 16 + 12, 15), 4 * i));
  h->d = f32x16_mul(f32x16_from_f16(d), f32x16_set1(0.125f));
  ROLLED for (int group = 0; group < 8; group++) {
    const i32x16 word = i32x16_shr(high[group / 2], group % 2 * 16);
    const i32x16 scale = i32x16_shr(rest[group / 4], group % 4 / 2 * 16 + group % 2 * 6);
    put_odd_scales(h, group, bits_at(scale, 0, 7), bits_at(scale, 3, 7));
    byte_pairs(t[group], pairs);
    UNROLL for (int i = 0; i < 2; i++)
      pairs[i] = with_upper(pairs[i], bits_at(word, 4 * i, 7), bits_at(word, 4 * i + 8, 7));
    UNROLL for (int i = 0; i < 4; i++) less[i] = bits_at(word, 4 * i + 3, 1);
    put_ternaries(q, group, pairs, less);
  }
}
