// Two functions per weight type with super-blocks of 256: what stands at the head of a super-block
// of 16 rows, and the codes of a quarter of it. Like quants.h, written once over the vocabulary.

// Weight = d * scale[column / SUB] * (q - OFFSET) - dmin * min[column / MIN_SUB].
typedef struct {
  f32x16 d, dmin;
  int32_t scales[16][16]; // [sub-block][row]
  int32_t mins[8][16];    // [sub-block / 2][row], two int16 each
} head256;
// A super-block whole, in memory.
typedef struct {
  head256 head;
  uint8_t q[64][64]; // [column / 4][row][4]
} panel256;
// Bytes of a super-block that more than one of its quarters needs.
typedef struct {
  i32x16 v[24];
} shared256;

// Columns of a sub-block, offset, columns that share a minimum (0: there are none), whether codes
// are signed, the largest code: the fields of traits256.
#define CODES_Q2_K 16, 0, 16, 0, 3
#define CODES_Q3_K 16, 4, 0, 0, 7
#define CODES_Q4_K 32, 0, 32, 0, 15
#define CODES_Q5_K 32, 0, 32, 0, 31
#define CODES_Q6_K 16, 32, 0, 0, 63
#define CODES_IQ4_XS 32, 0, 0, 1, 255
#define CODES_TQ1_0 32, 1, 0, 0, 2
#define CODES_TQ2_0 32, 1, 0, 0, 3
#define CODES_WIDE 16, 0, 0, 1, 255 // of looked_up.h

INLINE void scales_from_bytes(i32x16 bytes, int32_t out[4][16]) {
  UNROLL for (int i = 0; i < 4; i++)
    i32x16_store(out[i], i32x16_and(i32x16_shr(bytes, 8 * i), i32x16_set1(255)));
}

// Scales that are `more` than they should be.
INLINE void scales_less(i32x16 bytes, int more, int32_t out[4][16]) {
  scales_from_bytes(bytes, out);
  UNROLL for (int i = 0; i < 4; i++)
    i32x16_store(out[i], i32x16_sub(i32x16_load(out[i]), i32x16_set1(more)));
}

// Scales of a signed byte: (b ^ 128) - 128; both carry into nothing that is kept.
INLINE void signed_scales(const i32x16 t[4], int32_t out[16][16]) {
  UNROLL for (int i = 0; i < 16; i++) {
    i32x16 byte = i32x16_and(i32x16_shr(t[i / 4], 8 * (i % 4)), i32x16_set1(255));
    i32x16 flipped = i32x16_and(i32x16_add(byte, i32x16_set1(128)), i32x16_set1(255));
    i32x16_store(out[i], i32x16_sub(flipped, i32x16_set1(128)));
  }
}

INLINE void pairs_from_bytes(i32x16 bytes, int32_t out[2][16]) {
  UNROLL for (int i = 0; i < 2; i++) {
    i32x16 two = i32x16_shr(bytes, 16 * i);
    i32x16 low = i32x16_and(two, i32x16_set1(255));
    i32x16 high = i32x16_shl(i32x16_and(two, i32x16_set1(0xff00)), 8);
    i32x16_store(out[i], i32x16_or(low, high));
  }
}

// A nibble with two upper bits from `shift` of every byte.
INLINE i32x16 with_top(i32x16 nibbles, i32x16 top, int shift) {
  i32x16 two = i32x16_and(i32x16_shr(top, shift), i32x16_set1(0x03030303));
  return i32x16_or(nibbles, i32x16_shl(two, 4));
}

// Codes of two bits: 32 bytes hold 128 columns, each 32 at other bits. Loaded every other quarter.
INLINE void two_bits(const uint8_t *p, size_t stride, int quarter, i32x16 v[8], i32x16 q[16]) {
  const i32x16 two = i32x16_set1(0x03030303);
  if (quarter % 2 == 0) rows_load8(p + 16 * quarter, stride, v);
  UNROLL for (int i = 0; i < 8; i++) {
    q[i] = i32x16_and(i32x16_shr(v[i], quarter % 2 * 4), two);
    q[i + 8] = i32x16_and(i32x16_shr(v[i], quarter % 2 * 4 + 2), two);
  }
}

// {u8 scales[16]; u8 q[64]; f16 d, dmin}: scales in the low nibbles, minima in the high ones.
INLINE void head_Q2_K(const uint8_t *p, size_t stride, head256 *h, shared256 *shared) {
  (void)shared;
  i32x16 t[4], both = rows_load1(p + 80, stride);
  h->d = f32x16_from_f16(both);
  h->dmin = f32x16_from_f16(i32x16_shr(both, 16));
  rows_load4(p, stride, t);
  UNROLL for (int i = 0; i < 4; i++) {
    scales_from_bytes(low_nibbles(t[i]), h->scales + 4 * i);
    pairs_from_bytes(high_nibbles(t[i]), h->mins + 2 * i);
  }
}
INLINE void quarter_Q2_K(const uint8_t *p, size_t stride, int quarter, shared256 *shared,
                         i32x16 q[16]) {
  two_bits(p + 16, stride, quarter, shared->v, q);
}

// {u8 high[32]; u8 q[64]; u8 scales[12]; f16 d}: bit j of high[c] belongs to column c of the j-th
// 32. Scales of six bits, 32 too large: nibbles in 8 bytes, then four times two upper bits a byte.
INLINE void head_Q3_K(const uint8_t *p, size_t stride, head256 *h, shared256 *shared) {
  i32x16 t[4];
  rows_load4(p + 94, stride, t); // 2 bytes before the scales: nothing is read behind the block
  h->d = f32x16_from_f16(i32x16_shr(t[3], 16));
  UNROLL for (int i = 0; i < 3; i++)
    t[i] = i32x16_or(i32x16_shr(t[i], 16), i32x16_shl(t[i + 1], 16));
  scales_less(with_top(low_nibbles(t[0]), t[2], 0), 32, h->scales);
  scales_less(with_top(low_nibbles(t[1]), t[2], 2), 32, h->scales + 4);
  scales_less(with_top(high_nibbles(t[0]), t[2], 4), 32, h->scales + 8);
  scales_less(with_top(high_nibbles(t[1]), t[2], 6), 32, h->scales + 12);
  rows_load8(p, stride, shared->v + 8);
}
INLINE void quarter_Q3_K(const uint8_t *p, size_t stride, int quarter, shared256 *shared,
                         i32x16 q[16]) {
  const i32x16 one = i32x16_set1(0x01010101);
  two_bits(p + 32, stride, quarter, shared->v, q);
  UNROLL for (int i = 0; i < 16; i++) {
    i32x16 bit = i32x16_and(i32x16_shr(shared->v[8 + i % 8], 2 * quarter + i / 8), one);
    q[i] = i32x16_or(q[i], i32x16_shl(bit, 2));
  }
}

// {f16 d, dmin; u8 scales[12]}: eight 6-bit scales and eight 6-bit minima; the last four of each
// have their upper two bits above those of the first four.
INLINE void head_k(const uint8_t *p, size_t stride, head256 *h) {
  i32x16 t[4];
  rows_load4(p, stride, t);
  h->d = f32x16_from_f16(t[0]);
  h->dmin = f32x16_from_f16(i32x16_shr(t[0], 16));
  const i32x16 a = t[1], b = t[2], c = t[3];
  const i32x16 six = i32x16_set1(0x3f3f3f3f), two = i32x16_set1(0x30303030);
  scales_from_bytes(i32x16_and(a, six), h->scales);
  pairs_from_bytes(i32x16_and(b, six), h->mins);
  i32x16 scaleTop = i32x16_and(i32x16_shr(a, 2), two), minTop = i32x16_and(i32x16_shr(b, 2), two);
  scales_from_bytes(i32x16_or(low_nibbles(c), scaleTop), h->scales + 4);
  pairs_from_bytes(i32x16_or(high_nibbles(c), minTop), h->mins + 2);
}

// {scales; u8 q[128]}: 32 bytes hold 64 columns, the first 32 in the low nibbles.
INLINE void head_Q4_K(const uint8_t *p, size_t stride, head256 *h, shared256 *shared) {
  (void)shared;
  head_k(p, stride, h);
}
INLINE void quarter_Q4_K(const uint8_t *p, size_t stride, int quarter, shared256 *shared,
                         i32x16 q[16]) {
  (void)shared;
  i32x16 t[8];
  rows_load8(p + 16 + 32 * quarter, stride, t);
  UNROLL for (int i = 0; i < 8; i++) {
    q[i] = low_nibbles(t[i]);
    q[i + 8] = high_nibbles(t[i]);
  }
}

// {scales; u8 high[32]; u8 q[128]}: bit j of high[c] belongs to column c of sub-block j.
INLINE void head_Q5_K(const uint8_t *p, size_t stride, head256 *h, shared256 *shared) {
  head_k(p, stride, h);
  rows_load8(p + 16, stride, shared->v);
}
INLINE void quarter_Q5_K(const uint8_t *p, size_t stride, int quarter, shared256 *shared,
                         i32x16 q[16]) {
  i32x16 t[8];
  rows_load8(p + 48 + 32 * quarter, stride, t);
  const i32x16 one = i32x16_set1(0x01010101);
  UNROLL for (int i = 0; i < 8; i++) {
    i32x16 first = i32x16_and(i32x16_shr(shared->v[i], 2 * quarter), one);
    i32x16 second = i32x16_and(i32x16_shr(shared->v[i], 2 * quarter + 1), one);
    q[i] = i32x16_or(low_nibbles(t[i]), i32x16_shl(first, 4));
    q[i + 8] = i32x16_or(high_nibbles(t[i]), i32x16_shl(second, 4));
  }
}

// {u8 low[128]; u8 high[64]; i8 scales[16]; f16 d}: each half of 128 columns takes 64 bytes of
// nibbles (columns 0 to 63 low, 64 to 127 high) and 32 bytes of two upper bits for its quarters.
INLINE void head_Q6_K(const uint8_t *p, size_t stride, head256 *h, shared256 *shared) {
  (void)shared;
  h->d = rows_f16(p + 208, stride);
  i32x16 t[4];
  rows_load4(p + 192, stride, t);
  signed_scales(t, h->scales);
}
INLINE void quarter_Q6_K(const uint8_t *p, size_t stride, int quarter, shared256 *shared,
                         i32x16 q[16]) {
  i32x16 *a = shared->v, *b = a + 8, *top = a + 16;
  if (quarter % 2 == 0) {
    const int half = quarter / 2;
    rows_load8(p + 64 * half, stride, a);
    rows_load8(p + 64 * half + 32, stride, b);
    rows_load8(p + 128 + 32 * half, stride, top);
  }
  UNROLL for (int i = 0; i < 8; i++) {
    const int high = quarter % 2;
    q[i] = with_top(high ? high_nibbles(a[i]) : low_nibbles(a[i]), top[i], 4 * high);
    q[i + 8] = with_top(high ? high_nibbles(b[i]) : low_nibbles(b[i]), top[i], 4 * high + 2);
  }
}

// {f16 d; u16 high; u8 scales[4]; u8 q[128]}: eight scales of six bits, 32 too large, of which
// `high` has the upper two; positions on the curve, 16 bytes for each 32 columns.
INLINE void head_IQ4_XS(const uint8_t *p, size_t stride, head256 *h, shared256 *shared) {
  (void)shared;
  const i32x16 first = rows_load1(p, stride), low = rows_load1(p + 4, stride);
  h->d = f32x16_from_f16(first);
  UNROLL for (int i = 0; i < 8; i++) {
    i32x16 nibble = i32x16_and(i32x16_shr(low, 4 * i), i32x16_set1(15));
    i32x16 top = i32x16_and(i32x16_shr(first, 16 + 2 * i), i32x16_set1(3));
    i32x16 scale = i32x16_or(nibble, i32x16_shl(top, 4));
    i32x16_store(h->scales[i], i32x16_sub(scale, i32x16_set1(32)));
  }
}
INLINE void quarter_IQ4_XS(const uint8_t *p, size_t stride, int quarter, shared256 *shared,
                           i32x16 q[16]) {
  (void)shared;
  i32x16 t[8];
  rows_load8(p + 8 + 32 * quarter, stride, t);
  UNROLL for (int i = 0; i < 8; i++) {
    const int at = i < 4 ? i : i + 4;
    q[at] = i32x16_lookup(low_nibbles(t[i]), CURVE);
    q[at + 4] = i32x16_lookup(high_nibbles(t[i]), CURVE);
  }
}

// One scale for all.
INLINE void scales_of_one(head256 *h) {
  UNROLL for (int i = 0; i < 8; i++) i32x16_store(h->scales[i], i32x16_set1(1));
}

// {u8 q[64]; f16 d}
INLINE void head_TQ2_0(const uint8_t *p, size_t stride, head256 *h, shared256 *shared) {
  (void)shared;
  h->d = rows_f16(p + 64, stride);
  scales_of_one(h);
}
INLINE void quarter_TQ2_0(const uint8_t *p, size_t stride, int quarter, shared256 *shared,
                          i32x16 q[16]) {
  two_bits(p, stride, quarter, shared->v, q);
}

// Digits to the base of three: a byte is a fraction, of which each product with three turns out
// the next digit. Bytes are kept in fields of 16 bits, even ones apart from odd ones.
INLINE void fractions(const i32x16 *bytes, int words, i32x16 *pairs) {
  UNROLL for (int i = 0; i < words; i++) {
    pairs[2 * i] = i32x16_and(bytes[i], i32x16_set1(0x00ff00ff));
    pairs[2 * i + 1] = i32x16_and(i32x16_shr(bytes[i], 8), i32x16_set1(0x00ff00ff));
  }
}
INLINE void next_digits(i32x16 *pairs, int words, i32x16 *q) {
  const i32x16 low = i32x16_set1(0x00ff00ff), high = i32x16_set1((int32_t)0xff00ff00);
  UNROLL for (int i = 0; i < words; i++) {
    i32x16 *even = pairs + 2 * i, *odd = even + 1;
    *even = i32x16_add(*even, i32x16_shl(*even, 1)), *odd = i32x16_add(*odd, i32x16_shl(*odd, 1));
    q[i] = i32x16_or(i32x16_and(i32x16_shr(*even, 8), low), i32x16_and(*odd, high));
    *even = i32x16_and(*even, low), *odd = i32x16_and(*odd, low);
  }
}

// {u8 digits[32], [16], [4]: 5, 5 and 4 each; f16 d}: all first digits, then all second ones, …
INLINE void head_TQ1_0(const uint8_t *p, size_t stride, head256 *h, shared256 *shared) {
  i32x16 t[8];
  h->d = rows_f16(p + 52, stride);
  scales_of_one(h);
  rows_load8(p, stride, t);
  fractions(t, 8, shared->v);
}
INLINE void quarter_TQ1_0(const uint8_t *p, size_t stride, int quarter, shared256 *shared,
                          i32x16 q[16]) {
  i32x16 t[4], *v = shared->v;
  if (quarter < 3) next_digits(v, 8, q);
  if (quarter < 2) next_digits(v, 8, q + 8);
  if (quarter == 2) {
    rows_load4(p + 32, stride, t);
    fractions(t, 4, v);
    next_digits(v, 4, q + 8), next_digits(v, 4, q + 12);
  }
  if (quarter == 3) {
    UNROLL for (int i = 0; i < 3; i++) next_digits(v, 4, q + 4 * i);
    t[0] = rows_load1(p + 48, stride);
    fractions(t, 1, v);
    UNROLL for (int i = 12; i < 16; i++) next_digits(v, 1, q + i);
  }
}
