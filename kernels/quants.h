// One function per weight type: block `p` of 16 rows, `stride` bytes apart, as 16 lanes of
// integers with their scales. Written once over the vocabulary; layouts quoted from ggml.

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

enum { OFFSET_Q4_0 = 8, OFFSET_Q4_1 = 0, OFFSET_Q5_0 = 16, OFFSET_Q5_1 = 0, OFFSET_Q8_0 = 0 };
enum { HAS_MIN_Q4_0 = 0, HAS_MIN_Q4_1 = 1, HAS_MIN_Q5_0 = 0, HAS_MIN_Q5_1 = 1, HAS_MIN_Q8_0 = 0 };
enum { MOST_Q4_0 = 15, MOST_Q4_1 = 15, MOST_Q5_0 = 31, MOST_Q5_1 = 31, MOST_Q8_0 = 255 };
enum { SIGNED_Q4_0 = 0, SIGNED_Q4_1 = 0, SIGNED_Q5_0 = 0, SIGNED_Q5_1 = 0, SIGNED_Q8_0 = 1 };

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

// 256 columns of 16 rows.
// Weight = d * scale[column / SUB] * (q - OFFSET) - dmin * min[column / 32].
typedef struct {
  f32x16 d, dmin;
  int32_t scales[16][16]; // [sub-block][row]
  int32_t mins[4][16];    // [sub-block / 2][row], two int16 each
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

enum { SUB_Q4_K = 32, SUB_Q5_K = 32, SUB_Q6_K = 16 };
enum { OFFSET_Q4_K = 0, OFFSET_Q5_K = 0, OFFSET_Q6_K = 32 };
enum { MOST_Q4_K = 15, MOST_Q5_K = 31, MOST_Q6_K = 63 };
enum { HAS_MIN_Q4_K = 1, HAS_MIN_Q5_K = 1, HAS_MIN_Q6_K = 0 };

INLINE void scales_from_bytes(i32x16 bytes, int32_t out[4][16]) {
  UNROLL for (int i = 0; i < 4; i++)
    i32x16_store(out[i], i32x16_and(i32x16_shr(bytes, 8 * i), i32x16_set1(255)));
}

INLINE void pairs_from_bytes(i32x16 bytes, int32_t out[2][16]) {
  UNROLL for (int i = 0; i < 2; i++) {
    i32x16 two = i32x16_shr(bytes, 16 * i);
    i32x16 low = i32x16_and(two, i32x16_set1(255));
    i32x16 high = i32x16_shl(i32x16_and(two, i32x16_set1(0xff00)), 8);
    i32x16_store(out[i], i32x16_or(low, high));
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

// A nibble with two upper bits from `shift` of every byte.
INLINE i32x16 with_top(i32x16 nibbles, i32x16 top, int shift) {
  i32x16 two = i32x16_and(i32x16_shr(top, shift), i32x16_set1(0x03030303));
  return i32x16_or(nibbles, i32x16_shl(two, 4));
}

// {u8 low[128]; u8 high[64]; i8 scales[16]; f16 d}: each half of 128 columns takes 64 bytes of
// nibbles (columns 0 to 63 low, 64 to 127 high) and 32 bytes of two upper bits for its quarters.
INLINE void head_Q6_K(const uint8_t *p, size_t stride, head256 *h, shared256 *shared) {
  (void)shared;
  h->d = rows_f16(p + 208, stride);
  i32x16 t[4];
  rows_load4(p + 192, stride, t);
  UNROLL for (int i = 0; i < 16; i++) { // scales are signed: (b ^ 128) - 128
    i32x16 byte = i32x16_and(i32x16_shr(t[i / 4], 8 * (i % 4)), i32x16_set1(255));
    i32x16 flipped = i32x16_and(i32x16_add(byte, i32x16_set1(128)), i32x16_set1(255));
    i32x16_store(h->scales[i], i32x16_sub(flipped, i32x16_set1(128)));
  }
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
