// One function per weight type with blocks of 32: block `p` of 16 rows, `stride` bytes apart, as 16
// lanes of integers with their scales. Written once over the vocabulary; layouts from ggml.

// 32 columns of 16 rows. Weight = d * (q - OFFSET), or d * q + m.
typedef struct {
  i32x16 q[8]; // [column / 4], 4 columns a lane
  f32x16 d, m;
} block32;

INLINE i32x16 low_nibbles(i32x16 v) { return i32x16_and(v, i32x16_set1(0x0f0f0f0f)); }
INLINE i32x16 high_nibbles(i32x16 v) { return low_nibbles(i32x16_shr(v, 4)); }

// 16 bytes a row: columns 0 to 15 in the low nibbles, 16 to 31 in the high ones.
INLINE void load_nibbles(const uint8_t *p, size_t stride, i32x16 q[8]) {
  i32x16 t[4];
  rows_load4(p, stride, t);
  UNROLL for (int i = 0; i < 4; i++) {
    q[i] = low_nibbles(t[i]);
    q[i + 4] = high_nibbles(t[i]);
  }
}

// 32 fifth bits a row: bit c belongs to column c. The product spreads 4 bits over 4 bytes.
INLINE void add_fifth_bits(const uint8_t *p, size_t stride, i32x16 q[8]) {
  i32x16 bits = rows_load1(p, stride);
  UNROLL for (int i = 0; i < 8; i++) {
    i32x16 four = i32x16_and(i32x16_shr(bits, 4 * i), i32x16_set1(15));
    i32x16 spread = i32x16_mul(four, i32x16_set1(0x00204081));
    i32x16 ones = i32x16_and(spread, i32x16_set1(0x01010101));
    q[i] = i32x16_or(q[i], i32x16_shl(ones, 4));
  }
}

// Codes of four bits that stand for other numbers: a curve, and floats of 4 bits (e2m1), doubled
// and 16 more than they are, so that none is negative.
static const int8_t CURVE[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                 1,    13,   25,  38,  53,  69,  89,  113};
static const int8_t SMALL_FLOATS[16] = {16, 17, 18, 19, 20, 22, 24, 28,
                                        16, 15, 14, 13, 12, 10, 8,  4};

enum { OFFSET_Q4_0 = 8, OFFSET_Q4_1 = 0, OFFSET_Q5_0 = 16, OFFSET_Q5_1 = 0, OFFSET_Q8_0 = 0 };
enum { HAS_MIN_Q4_0 = 0, HAS_MIN_Q4_1 = 1, HAS_MIN_Q5_0 = 0, HAS_MIN_Q5_1 = 1, HAS_MIN_Q8_0 = 0 };
enum { MOST_Q4_0 = 15, MOST_Q4_1 = 15, MOST_Q5_0 = 31, MOST_Q5_1 = 31, MOST_Q8_0 = 255 };
enum { SIGNED_Q4_0 = 0, SIGNED_Q4_1 = 0, SIGNED_Q5_0 = 0, SIGNED_Q5_1 = 0, SIGNED_Q8_0 = 1 };
enum { OFFSET_IQ4_NL = 0, HAS_MIN_IQ4_NL = 0, MOST_IQ4_NL = 255, SIGNED_IQ4_NL = 1 };
enum { OFFSET_MXFP4 = 16, HAS_MIN_MXFP4 = 0, MOST_MXFP4 = 28, SIGNED_MXFP4 = 0 };

// {f16 d; u8 q[16]}
INLINE void load_Q4_0(const uint8_t *p, size_t stride, block32 *b) {
  b->d = rows_f16(p, stride);
  load_nibbles(p + 2, stride, b->q);
}
// {f16 d, m; u8 q[16]}
INLINE void load_Q4_1(const uint8_t *p, size_t stride, block32 *b) {
  b->d = rows_f16(p, stride), b->m = rows_f16(p + 2, stride);
  load_nibbles(p + 4, stride, b->q);
}
// {f16 d; u8 high[4]; u8 q[16]}
INLINE void load_Q5_0(const uint8_t *p, size_t stride, block32 *b) {
  b->d = rows_f16(p, stride);
  load_nibbles(p + 6, stride, b->q);
  add_fifth_bits(p + 2, stride, b->q);
}
// {f16 d, m; u8 high[4]; u8 q[16]}
INLINE void load_Q5_1(const uint8_t *p, size_t stride, block32 *b) {
  b->d = rows_f16(p, stride), b->m = rows_f16(p + 2, stride);
  load_nibbles(p + 8, stride, b->q);
  add_fifth_bits(p + 4, stride, b->q);
}
// {f16 d; i8 q[32]}
INLINE void load_Q8_0(const uint8_t *p, size_t stride, block32 *b) {
  b->d = rows_f16(p, stride);
  rows_load8(p + 2, stride, b->q);
}
// {f16 d; u8 q[16]}: positions on the curve
INLINE void load_IQ4_NL(const uint8_t *p, size_t stride, block32 *b) {
  b->d = rows_f16(p, stride);
  load_nibbles(p + 2, stride, b->q);
  UNROLL for (int i = 0; i < 8; i++) b->q[i] = i32x16_lookup(b->q[i], CURVE);
}
// {u8 exponent; u8 q[16]}: d is 2^(exponent - 128). As the bits of a float that is
// (exponent - 1) << 23, but for the lowest two, which are subnormal and the other operand.
INLINE void load_MXFP4(const uint8_t *p, size_t stride, block32 *b) {
  const i32x16 exponent = i32x16_and(rows_load1(p, stride), i32x16_set1(255));
  const i32x16 one = i32x16_set1(1);
  int32_t bits[16];
  i32x16_store(bits, i32x16_max(i32x16_shl(i32x16_sub(exponent, one), 23),
                                i32x16_shl(i32x16_add(exponent, one), 21)));
  b->d = f32x16_load(bits);
  load_nibbles(p + 1, stride, b->q);
  UNROLL for (int i = 0; i < 8; i++) b->q[i] = i32x16_lookup(b->q[i], SMALL_FLOATS);
}
