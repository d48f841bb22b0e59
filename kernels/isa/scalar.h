// The vocabulary in plain C: sixteen virtual lanes, one at a time. This is the definition that
// every other instruction set has to match bit for bit.
#include "../half.h"
typedef struct {
  float v[16];
} f32x16;
typedef struct {
  int32_t v[16];
} i32x16; // also 16 lanes of 4 bytes, first byte lowest

#define EACH_LANE                                                                                \
  _Pragma("clang loop unroll(disable)") for (int lane = 0; lane < 16; lane++)
#undef UNROLL // loops stay loops: this unit is for reading and checking, and quick to compile
#define UNROLL
#define TILE_M 2           // activation rows per product tile
#define TILE_M_WIDE 2      // the same where super-blocks need more registers
#define FEW_ROWS 1         // activation rows that stream through registers together
#define FLOAT_M 2          // activation rows and weight rows of a float tile
#define FLOAT_N 2
#define ATTEND_ROWS 4 // query vectors of an attention tile
#define ATTEND_WIDE 1 // times 16 positions in scores, times 16 dimensions in values
#define DOT_SIGNED_BIAS 0  // see dot_signed

// IEEE 754 single to half, to nearest even; NaN stays NaN.
static inline uint16_t f16_from_f32(float f) {
  uint32_t bits = bits_from_f32(f), sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
  if (size > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (size >> 13 & 0x1ff));
  if (size >= 0x477ff000) return (uint16_t)(sign | 0x7c00); // rounds past 65504
  if (size < 0x38800000) { // subnormal: the float adder rounds for us
    float shifted = f32_from_bits(size) + 0.5f;
    return (uint16_t)(sign | (bits_from_f32(shifted) - 0x3f000000));
  }
  uint32_t rounded = size + 0xfff + (size >> 13 & 1);
  return (uint16_t)(sign | (rounded - 0x38000000) >> 13);
}

#define LANES1(type, name, expression)                                                           \
  static inline type name(type a) {                                                              \
    type r;                                                                                      \
    EACH_LANE r.v[lane] = (expression);                                                          \
    return r;                                                                                    \
  }
#define LANES2(type, name, expression)                                                           \
  static inline type name(type a, type b) {                                                      \
    type r;                                                                                      \
    EACH_LANE r.v[lane] = (expression);                                                          \
    return r;                                                                                    \
  }
#define A a.v[lane]
#define B b.v[lane]

LANES2(f32x16, f32x16_add, A + B)
LANES2(f32x16, f32x16_sub, A - B)
LANES2(f32x16, f32x16_mul, A *B)
LANES2(f32x16, f32x16_div, A / B)
LANES2(f32x16, f32x16_max, A > B ? A : B)
LANES2(f32x16, f32x16_min, A < B ? A : B)
LANES2(i32x16, i32x16_add, (int32_t)((uint32_t)A + (uint32_t)B))
LANES2(i32x16, i32x16_sub, (int32_t)((uint32_t)A - (uint32_t)B))
LANES2(i32x16, i32x16_mul, (int32_t)((uint32_t)A * (uint32_t)B))
LANES2(i32x16, i32x16_and, A &B)
LANES2(i32x16, i32x16_or, A | B)
LANES2(i32x16, i32x16_xor, A ^ B)

static inline f32x16 f32x16_fma(f32x16 a, f32x16 b, f32x16 c) {
  f32x16 r;
  EACH_LANE r.v[lane] = __builtin_fmaf(A, B, c.v[lane]);
  return r;
}
static inline f32x16 f32x16_set1(float f) {
  f32x16 r;
  EACH_LANE r.v[lane] = f;
  return r;
}
static inline f32x16 f32x16_load(const void *p) {
  f32x16 r;
  memcpy(r.v, p, 64);
  return r;
}
static inline void f32x16_store(void *p, f32x16 a) { memcpy(p, a.v, 64); }
static inline f32x16 f32x16_load_f16(const void *p) {
  uint16_t h[16];
  memcpy(h, p, 32);
  f32x16 r;
  EACH_LANE r.v[lane] = f32_from_f16(h[lane]);
  return r;
}
static inline void f32x16_store_f16(void *p, f32x16 a) {
  uint16_t h[16];
  EACH_LANE h[lane] = f16_from_f32(A);
  memcpy(p, h, 32);
}
static inline f32x16 f32x16_load_bf16(const void *p) {
  uint16_t h[16];
  memcpy(h, p, 32);
  f32x16 r;
  EACH_LANE r.v[lane] = f32_from_bits((uint32_t)h[lane] << 16);
  return r;
}
static inline f32x16 f32x16_load_i8(const void *p) {
  const int8_t *q = p;
  f32x16 r;
  EACH_LANE r.v[lane] = (float)q[lane];
  return r;
}
static inline f32x16 f32x16_from_i32(i32x16 a) {
  f32x16 r;
  EACH_LANE r.v[lane] = (float)A;
  return r;
}
// The tree +8, +4, +2, +1.
static inline float f32x16_sum(f32x16 a) {
  for (int width = 8; width; width /= 2)
    for (int lane = 0; lane < width; lane++) a.v[lane] += a.v[lane + width];
  return a.v[0];
}
static inline float f32x16_max_all(f32x16 a) {
  for (int width = 8; width; width /= 2)
    for (int lane = 0; lane < width; lane++)
      if (!(A > a.v[lane + width])) A = a.v[lane + width];
  return a.v[0];
}
// |a| as an integer orders like the float, with NaN above infinity.
static inline i32x16 i32x16_magnitude(f32x16 a) {
  i32x16 r;
  EACH_LANE r.v[lane] = (int32_t)(bits_from_f32(A) & 0x7fffffff);
  return r;
}
LANES2(i32x16, i32x16_max, A > B ? A : B)
static inline int32_t i32x16_max_all(i32x16 a) {
  int32_t most = a.v[0];
  EACH_LANE if (A > most) most = A;
  return most;
}
// Rounds to nearest even and stores as int8; values lie within +-127.
static inline i32x16 i32x16_store_rounded(void *p, f32x16 a) {
  int8_t q[16];
  i32x16 r;
  EACH_LANE q[lane] = (int8_t)(r.v[lane] = (int32_t)__builtin_rintf(A));
  memcpy(p, q, 16);
  return r;
}
// p * 2^n where the low bits of `magic` hold n; 0 where x < -87.
static inline f32x16 f32x16_scale_exp(f32x16 p, f32x16 magic, f32x16 x) {
  f32x16 r;
  EACH_LANE {
    float scale = f32_from_bits((bits_from_f32(magic.v[lane]) << 23) + 0x3f800000u);
    r.v[lane] = x.v[lane] < -87.0f ? 0.0f : p.v[lane] * scale;
  }
  return r;
}

static inline i32x16 i32x16_set1(int32_t n) {
  i32x16 r;
  EACH_LANE r.v[lane] = n;
  return r;
}
static inline i32x16 i32x16_load(const void *p) {
  i32x16 r;
  memcpy(r.v, p, 64);
  return r;
}
static inline void i32x16_store(void *p, i32x16 a) { memcpy(p, a.v, 64); }
static inline int32_t i32x16_sum(i32x16 a) {
  uint32_t sum = 0;
  EACH_LANE sum += (uint32_t)A;
  return (int32_t)sum;
}
static inline i32x16 i32x16_shr(i32x16 a, int n) {
  EACH_LANE A = (int32_t)((uint32_t)A >> n);
  return a;
}
static inline i32x16 i32x16_shl(i32x16 a, int n) {
  EACH_LANE A = (int32_t)((uint32_t)A << n);
  return a;
}
// Each byte, 0 to 15, becomes the table's.
static inline i32x16 i32x16_lookup(i32x16 a, const int8_t table[16]) {
  uint8_t bytes[64];
  memcpy(bytes, a.v, 64);
  for (int i = 0; i < 64; i++) bytes[i] = (uint8_t)table[bytes[i]];
  memcpy(a.v, bytes, 64);
  return a;
}
// Byte b of a lane becomes its negative where bit 4 * nibble + b of the lane of `signs` is set.
INLINE i32x16 i32x16_negate(i32x16 a, i32x16 signs, int nibble) {
  EACH_LANE {
    const uint32_t four = (uint32_t)signs.v[lane] >> 4 * nibble & 15;
    const uint32_t ones = four * 0x00204081u & 0x01010101u;
    const uint32_t turned = (uint32_t)A ^ ones * 255, top = turned & 0x80808080u;
    A = (int32_t)((turned - top + ones) ^ top); // nothing is carried from byte to byte
  }
  return a;
}
// Each half of a lane becomes the point that it is the index of: of eight weights, words 0 and 1
// of `out` for the lower half and 2 and 3 for the upper; of four, one word each.
INLINE void i32x16_eights(const struct eights grid, i32x16 index, i32x16 out[4]) {
  EACH_LANE for (int half = 0; half < 2; half++) {
    const uint64_t point = grid.points[(uint32_t)index.v[lane] >> 16 * half & 0xffff];
    out[2 * half].v[lane] = (int32_t)(uint32_t)point;
    out[2 * half + 1].v[lane] = (int32_t)(point >> 32);
  }
}
INLINE void i32x16_fours(const struct fours grid, i32x16 index, i32x16 out[2]) {
  EACH_LANE for (int half = 0; half < 2; half++)
    out[half].v[lane] = (int32_t)grid.points[(uint32_t)index.v[lane] >> 16 * half & 0xffff];
}

// ---- 16 rows at a byte stride, one lane each
static inline i32x16 rows_load1(const uint8_t *p, size_t stride) {
  i32x16 r;
  EACH_LANE memcpy(&r.v[lane], p + (size_t)lane * stride, 4);
  return r;
}
static inline void rows_load4(const uint8_t *p, size_t stride, i32x16 t[4]) {
  for (int i = 0; i < 4; i++) t[i] = rows_load1(p + 4 * i, stride);
}
static inline void rows_load8(const uint8_t *p, size_t stride, i32x16 t[8]) {
  for (int i = 0; i < 8; i++) t[i] = rows_load1(p + 4 * i, stride);
}
static inline f32x16 rows_f16(const uint8_t *p, size_t stride) {
  f32x16 r;
  EACH_LANE {
    uint16_t h;
    memcpy(&h, p + (size_t)lane * stride, 2);
    r.v[lane] = f32_from_f16(h);
  }
  return r;
}

// The f16 in the lower half of every lane.
static inline f32x16 f32x16_from_f16(i32x16 a) {
  f32x16 r;
  EACH_LANE r.v[lane] = f32_from_f16((uint16_t)a.v[lane]);
  return r;
}

// ---- exact integer products: lane's 4 bytes times the 4 int8 in x, added up
static inline int32_t byte_at(int32_t word, int i) { return (int8_t)((uint32_t)word >> 8 * i); }
// weights 0 to 127
static inline i32x16 i32x16_dot(i32x16 sum, i32x16 w, int32_t x) {
  EACH_LANE for (int i = 0; i < 4; i++)
    sum.v[lane] += byte_at(w.v[lane], i) * byte_at(x, i);
  return sum;
}
// weights -128 to 127, passed through dot_prepare; the sum comes out DOT_SIGNED_BIAS * sum(x)
// too large
static inline i32x16 dot_prepare(i32x16 w) { return w; }
static inline i32x16 i32x16_dot_signed(i32x16 sum, i32x16 w, int32_t x) {
  return i32x16_dot(sum, w, x);
}
// lane's 2 int16 times the 2 int16 in x, added up
static inline i32x16 i32x16_dot16(i32x16 sum, i32x16 w, int32_t x) {
  EACH_LANE sum.v[lane] += (int32_t)(int16_t)w.v[lane] * (int16_t)x +
                           (w.v[lane] >> 16) * (x >> 16);
  return sum;
}
static inline void prefetch(const void *p) { (void)p; }
static inline void prefetch_near(const void *p) { (void)p; }

#undef A
#undef B
#undef LANES1
#undef LANES2
