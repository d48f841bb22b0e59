// The vocabulary on NEON (ARMv8.0, 64 bits): a virtual vector is four registers. FPCR stays as
// the system sets it: no flushing of subnormals, to nearest even.
#include <arm_neon.h>
typedef struct {
  float32x4_t v[4];
} f32x16;
typedef struct {
  int32x4_t v[4];
} i32x16;
#define TILE_M 2          // two rows, two groups: 16 of the 32 registers hold sums
#define TILE_M_WIDE 2
#define FLOAT_M 2         // activation rows and weight rows of a float tile
#define FLOAT_N 2
#define ATTEND_ROWS 4 // query vectors of an attention tile
#define ATTEND_WIDE 1 // times 16 positions in scores, times 16 dimensions in values
#define DOT_SIGNED_BIAS 0 // all products of bytes are signed

#define EACH UNROLL for (int i = 0; i < 4; i++)
#define EACH1(type, name, from, expression)                                                      \
  static inline type name(from a) {                                                              \
    type r;                                                                                      \
    EACH r.v[i] = (expression);                                                                  \
    return r;                                                                                    \
  }
#define EACH2(type, name, function)                                                              \
  static inline type name(type a, type b) {                                                      \
    type r;                                                                                      \
    EACH r.v[i] = function(a.v[i], b.v[i]);                                                      \
    return r;                                                                                    \
  }

static inline uint16_t f16_from_f32(float f) {
  return vget_lane_u16(vreinterpret_u16_f16(vcvt_f16_f32(vdupq_n_f32(f))), 0);
}

// a > b ? a : b, and so b for NaN; the maximum instruction would return NaN.
static inline float32x4_t greater(float32x4_t a, float32x4_t b) {
  return vbslq_f32(vcgtq_f32(a, b), a, b);
}
static inline float32x4_t lesser(float32x4_t a, float32x4_t b) {
  return vbslq_f32(vcltq_f32(a, b), a, b);
}
EACH2(f32x16, f32x16_add, vaddq_f32)
EACH2(f32x16, f32x16_sub, vsubq_f32)
EACH2(f32x16, f32x16_mul, vmulq_f32)
EACH2(f32x16, f32x16_div, vdivq_f32)
EACH2(f32x16, f32x16_max, greater)
EACH2(f32x16, f32x16_min, lesser)
EACH2(i32x16, i32x16_add, vaddq_s32)
EACH2(i32x16, i32x16_sub, vsubq_s32)
EACH2(i32x16, i32x16_mul, vmulq_s32)
EACH2(i32x16, i32x16_and, vandq_s32)
EACH2(i32x16, i32x16_or, vorrq_s32)
EACH2(i32x16, i32x16_xor, veorq_s32)
EACH2(i32x16, i32x16_max, vmaxq_s32)

static inline f32x16 f32x16_fma(f32x16 a, f32x16 b, f32x16 c) {
  EACH c.v[i] = vfmaq_f32(c.v[i], a.v[i], b.v[i]);
  return c;
}
static inline f32x16 f32x16_set1(float f) {
  f32x16 r;
  EACH r.v[i] = vdupq_n_f32(f);
  return r;
}

// Memory as bytes: it has no alignment.
static inline uint8x16_t bytes_at(const void *p, int i) {
  return vld1q_u8((const uint8_t *)p + 16 * i);
}
static inline float16x4_t halves_at(const void *p, int i) {
  return vreinterpret_f16_u8(vld1_u8((const uint8_t *)p + 8 * i));
}
static inline f32x16 f32x16_load(const void *p) {
  f32x16 r;
  EACH r.v[i] = vreinterpretq_f32_u8(bytes_at(p, i));
  return r;
}
static inline void f32x16_store(void *p, f32x16 a) {
  EACH vst1q_u8((uint8_t *)p + 16 * i, vreinterpretq_u8_f32(a.v[i]));
}
static inline f32x16 f32x16_load_f16(const void *p) {
  f32x16 r;
  EACH r.v[i] = vcvt_f32_f16(halves_at(p, i));
  return r;
}
static inline void f32x16_store_f16(void *p, f32x16 a) {
  EACH vst1_u8((uint8_t *)p + 8 * i, vreinterpret_u8_f16(vcvt_f16_f32(a.v[i])));
}
static inline f32x16 f32x16_load_i8(const void *p) {
  const int8x16_t q = vld1q_s8(p);
  const int16x8_t low = vmovl_s8(vget_low_s8(q)), high = vmovl_s8(vget_high_s8(q));
  f32x16 r;
  r.v[0] = vcvtq_f32_s32(vmovl_s16(vget_low_s16(low)));
  r.v[1] = vcvtq_f32_s32(vmovl_s16(vget_high_s16(low)));
  r.v[2] = vcvtq_f32_s32(vmovl_s16(vget_low_s16(high)));
  r.v[3] = vcvtq_f32_s32(vmovl_s16(vget_high_s16(high)));
  return r;
}
static inline f32x16 f32x16_load_bf16(const void *p) {
  f32x16 r;
  EACH r.v[i] = vreinterpretq_f32_u32(vshll_n_u16(vreinterpret_u16_f16(halves_at(p, i)), 16));
  return r;
}
EACH1(f32x16, f32x16_from_i32, i32x16, vcvtq_f32_s32(a.v[i]))
static inline float f32x16_sum(f32x16 a) {
  float32x4_t four = vaddq_f32(vaddq_f32(a.v[0], a.v[2]), vaddq_f32(a.v[1], a.v[3]));
  float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
  return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}
static inline float f32x16_max_all(f32x16 a) {
  float32x4_t m = greater(greater(a.v[0], a.v[2]), greater(a.v[1], a.v[3]));
  m = greater(m, vextq_f32(m, m, 2));
  return vgetq_lane_f32(greater(m, vextq_f32(m, m, 1)), 0);
}
EACH1(i32x16, i32x16_magnitude, f32x16,
      vandq_s32(vreinterpretq_s32_f32(a.v[i]), vdupq_n_s32(0x7fffffff)))
static inline int32_t i32x16_max_all(i32x16 a) {
  return vmaxvq_s32(vmaxq_s32(vmaxq_s32(a.v[0], a.v[1]), vmaxq_s32(a.v[2], a.v[3])));
}
static inline i32x16 i32x16_store_rounded(void *p, f32x16 a) {
  i32x16 q;
  EACH q.v[i] = vcvtnq_s32_f32(a.v[i]);
  int16x8_t low = vcombine_s16(vmovn_s32(q.v[0]), vmovn_s32(q.v[1]));
  int16x8_t high = vcombine_s16(vmovn_s32(q.v[2]), vmovn_s32(q.v[3]));
  vst1q_s8(p, vcombine_s8(vmovn_s16(low), vmovn_s16(high)));
  return q;
}
// Not less than -87, rather than at least: NaN passes.
static inline f32x16 f32x16_scale_exp(f32x16 p, f32x16 magic, f32x16 x) {
  EACH {
    int32x4_t exponent = vshlq_n_s32(vreinterpretq_s32_f32(magic.v[i]), 23);
    int32x4_t scale = vaddq_s32(exponent, vdupq_n_s32(0x3f800000));
    float32x4_t scaled = vmulq_f32(p.v[i], vreinterpretq_f32_s32(scale));
    uint32x4_t none = vcltq_f32(x.v[i], vdupq_n_f32(-87.0f));
    p.v[i] = vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(scaled), none));
  }
  return p;
}

static inline i32x16 i32x16_set1(int32_t n) {
  i32x16 r;
  EACH r.v[i] = vdupq_n_s32(n);
  return r;
}
static inline i32x16 i32x16_load(const void *p) {
  i32x16 r;
  EACH r.v[i] = vreinterpretq_s32_u8(bytes_at(p, i));
  return r;
}
static inline void i32x16_store(void *p, i32x16 a) {
  EACH vst1q_u8((uint8_t *)p + 16 * i, vreinterpretq_u8_s32(a.v[i]));
}
static inline int32_t i32x16_sum(i32x16 a) {
  return vaddvq_s32(vaddq_s32(vaddq_s32(a.v[0], a.v[1]), vaddq_s32(a.v[2], a.v[3])));
}
// Operators of the compiler: a constant n becomes part of the instruction.
static inline i32x16 i32x16_shr(i32x16 a, int n) {
  EACH a.v[i] = (int32x4_t)((uint32x4_t)a.v[i] >> vdupq_n_u32((uint32_t)n));
  return a;
}
static inline i32x16 i32x16_shl(i32x16 a, int n) {
  EACH a.v[i] = (int32x4_t)((uint32x4_t)a.v[i] << vdupq_n_u32((uint32_t)n));
  return a;
}
// Each byte, 0 to 15, becomes the table's.
static inline i32x16 i32x16_lookup(i32x16 a, const int8_t table[16]) {
  const int8x16_t t = vld1q_s8(table);
  EACH a.v[i] = vreinterpretq_s32_s8(vqtbl1q_s8(t, vreinterpretq_u8_s32(a.v[i])));
  return a;
}
// Byte b of a lane becomes its negative where bit 4 * nibble + b of the lane of `signs` is set.
INLINE i32x16 i32x16_negate(i32x16 a, i32x16 signs, int nibble) {
  const uint32x4_t lanes = {0, 0x04040404, 0x08080808, 0x0c0c0c0c};
  const uint8x16_t each = vaddq_u8(vreinterpretq_u8_u32(lanes), vdupq_n_u8((uint8_t)(nibble / 2)));
  const uint32_t bits = nibble % 2 ? 0x80402010u : 0x08040201u;
  EACH {
    const uint8x16_t bytes = vqtbl1q_u8(vreinterpretq_u8_s32(signs.v[i]), each);
    const uint8x16_t turned = vtstq_u8(bytes, vreinterpretq_u8_u32(vdupq_n_u32(bits)));
    const int8x16_t v = vreinterpretq_s8_s32(a.v[i]);
    a.v[i] = vreinterpretq_s32_s8(vbslq_s8(turned, vnegq_s8(v), v));
  }
  return a;
}
// Each half of a lane becomes the point that it is the index of: of eight weights, words 0 and 1
// of `out` for the lower half and 2 and 3 for the upper; of four, one word each.
INLINE void i32x16_eights(const struct eights grid, i32x16 index, i32x16 out[4]) {
  EACH UNROLL for (int half = 0; half < 2; half++) {
    const uint16x8_t at = vreinterpretq_u16_s32(index.v[i]);
    const uint64_t *g = grid.points;
    const uint64x2_t a = {g[at[half]], g[at[half + 2]]}, b = {g[at[half + 4]], g[at[half + 6]]};
    const int32x4_t low = vreinterpretq_s32_u64(a), high = vreinterpretq_s32_u64(b);
    out[2 * half].v[i] = vuzp1q_s32(low, high), out[2 * half + 1].v[i] = vuzp2q_s32(low, high);
  }
}
INLINE void i32x16_fours(const struct fours grid, i32x16 index, i32x16 out[2]) {
  EACH UNROLL for (int half = 0; half < 2; half++) {
    const uint16x8_t at = vreinterpretq_u16_s32(index.v[i]);
    const uint32_t *g = grid.points;
    const uint32x4_t v = {g[at[half]], g[at[half + 2]], g[at[half + 4]], g[at[half + 6]]};
    out[half].v[i] = vreinterpretq_s32_u32(v);
  }
}

// ---- 16 rows as four times 4, each turned in two rounds
static inline int64x2_t wide(int32x4_t a) { return vreinterpretq_s64_s32(a); }
static inline int32x4_t narrow(int64x2_t a) { return vreinterpretq_s32_s64(a); }

// 16 bytes of 4 rows: their j-th words become lanes of out[j].v[quarter].
static inline void turn4(const uint8_t *p, size_t stride, i32x16 *out, int quarter) {
  int32x4_t r[4];
  EACH r[i] = vreinterpretq_s32_u8(vld1q_u8(p + (size_t)i * stride));
  int32x4_t a = vtrn1q_s32(r[0], r[1]), b = vtrn2q_s32(r[0], r[1]);
  int32x4_t c = vtrn1q_s32(r[2], r[3]), d = vtrn2q_s32(r[2], r[3]);
  out[0].v[quarter] = narrow(vtrn1q_s64(wide(a), wide(c)));
  out[1].v[quarter] = narrow(vtrn1q_s64(wide(b), wide(d)));
  out[2].v[quarter] = narrow(vtrn2q_s64(wide(a), wide(c)));
  out[3].v[quarter] = narrow(vtrn2q_s64(wide(b), wide(d)));
}
static inline void rows_load4(const uint8_t *p, size_t stride, i32x16 out[4]) {
  EACH turn4(p + (size_t)(4 * i) * stride, stride, out, i);
}
static inline void rows_load8(const uint8_t *p, size_t stride, i32x16 out[8]) {
  rows_load4(p, stride, out), rows_load4(p + 16, stride, out + 4);
}
static inline int32_t word_at(const uint8_t *p) {
  int32_t word;
  memcpy(&word, p, 4);
  return word;
}
static inline i32x16 rows_load1(const uint8_t *p, size_t s) {
  i32x16 r;
  EACH {
    const uint8_t *q = p + (size_t)(4 * i) * s;
    r.v[i] = (int32x4_t){word_at(q), word_at(q + s), word_at(q + 2 * s), word_at(q + 3 * s)};
  }
  return r;
}
static inline uint16_t half_at(const uint8_t *p) {
  uint16_t half;
  memcpy(&half, p, 2);
  return half;
}
static inline f32x16 rows_f16(const uint8_t *p, size_t s) {
  f32x16 r;
  EACH {
    const uint8_t *q = p + (size_t)(4 * i) * s;
    uint16x4_t h = {half_at(q), half_at(q + s), half_at(q + 2 * s), half_at(q + 3 * s)};
    r.v[i] = vcvt_f32_f16(vreinterpret_f16_u16(h));
  }
  return r;
}
// The f16 in the lower half of every lane.
static inline f32x16 f32x16_from_f16(i32x16 a) {
  f32x16 r;
  EACH {
    uint16x4_t h = vmovn_u32(vreinterpretq_u32_s32(a.v[i]));
    r.v[i] = vcvt_f32_f16(vreinterpret_f16_u16(h));
  }
  return r;
}

// ---- exact integer products
#ifndef DOT_BYTES
// Two products make at most 2 * 128 * 127, which int16 holds.
static inline int32x4_t dot_bytes(int32x4_t sum, int8x16_t w, int8x16_t x) {
  int16x8_t low = vmull_s8(vget_low_s8(w), vget_low_s8(x)), high = vmull_high_s8(w, x);
  return vpadalq_s16(sum, vpaddq_s16(low, high));
}
#define DOT_BYTES dot_bytes
#endif
static inline i32x16 i32x16_dot(i32x16 sum, i32x16 w, int32_t x) {
  const int8x16_t bytes = vreinterpretq_s8_s32(vdupq_n_s32(x));
  EACH sum.v[i] = DOT_BYTES(sum.v[i], vreinterpretq_s8_s32(w.v[i]), bytes);
  return sum;
}
static inline i32x16 dot_prepare(i32x16 w) { return w; }
static inline i32x16 i32x16_dot_signed(i32x16 sum, i32x16 w, int32_t x) {
  return i32x16_dot(sum, w, x);
}
static inline i32x16 i32x16_dot16(i32x16 sum, i32x16 w, int32_t x) {
  const int16x8_t pair = vreinterpretq_s16_s32(vdupq_n_s32(x));
  EACH {
    int16x8_t v = vreinterpretq_s16_s32(w.v[i]);
    int32x4_t low = vmull_s16(vget_low_s16(v), vget_low_s16(pair));
    sum.v[i] = vaddq_s32(sum.v[i], vpaddq_s32(low, vmull_high_s16(v, pair)));
  }
  return sum;
}
static inline void prefetch(const void *p) { __builtin_prefetch(p, 0, 2); }
static inline void prefetch_near(const void *p) { __builtin_prefetch(p, 0, 3); }

#undef EACH
#undef EACH1
#undef EACH2
