// The vocabulary on AVX2, FMA and F16C: a virtual vector is two registers. With AVX-VNNI, which
// newer processors without AVX-512 have, the dot products of bytes are instructions.
#include "x86_points.h"
typedef struct {
  __m256 a, b;
} f32x16;
typedef struct {
  __m256i a, b;
} i32x16;
#ifdef AVX_VNNI
#define TILE_M 2
#define TILE_M_WIDE 2
#define DOT_SIGNED_BIAS 128
#else
#define TILES "isa/avx2_tiles.h"
#define PANEL_WORDS 16
#define DOT_SIGNED_BIAS 0
#endif
#define FLOAT_M 3 // activation rows and weight rows of a float tile
#define FLOAT_N 2
#define ATTEND_ROWS 4 // query vectors of an attention tile
#define ATTEND_WIDE 1 // times 16 positions in scores, times 16 dimensions in values

static inline uint16_t f16_from_f32(float f) { return _cvtss_sh(f, _MM_FROUND_TO_NEAREST_INT); }

#define BOTH2(type, name, function)                                                              \
  static inline type name(type x, type y) {                                                      \
    return (type){function(x.a, y.a), function(x.b, y.b)};                                       \
  }
BOTH2(f32x16, f32x16_add, _mm256_add_ps)
BOTH2(f32x16, f32x16_sub, _mm256_sub_ps)
BOTH2(f32x16, f32x16_mul, _mm256_mul_ps)
BOTH2(f32x16, f32x16_div, _mm256_div_ps)
BOTH2(f32x16, f32x16_max, _mm256_max_ps)
BOTH2(f32x16, f32x16_min, _mm256_min_ps)
BOTH2(i32x16, i32x16_add, _mm256_add_epi32)
BOTH2(i32x16, i32x16_sub, _mm256_sub_epi32)
BOTH2(i32x16, i32x16_mul, _mm256_mullo_epi32)
BOTH2(i32x16, i32x16_and, _mm256_and_si256)
BOTH2(i32x16, i32x16_or, _mm256_or_si256)
BOTH2(i32x16, i32x16_xor, _mm256_xor_si256)
BOTH2(i32x16, i32x16_max, _mm256_max_epi32)
#undef BOTH2

static inline f32x16 f32x16_fma(f32x16 x, f32x16 y, f32x16 z) {
  return (f32x16){_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
}
static inline f32x16 f32x16_set1(float f) {
  return (f32x16){_mm256_set1_ps(f), _mm256_set1_ps(f)};
}
static inline f32x16 f32x16_load(const void *p) {
  const float *f = p;
  return (f32x16){_mm256_loadu_ps(f), _mm256_loadu_ps(f + 8)};
}
static inline void f32x16_store(void *p, f32x16 x) {
  float *f = p;
  _mm256_storeu_ps(f, x.a), _mm256_storeu_ps(f + 8, x.b);
}
static inline f32x16 f32x16_load_f16(const void *p) {
  const __m128i *h = p;
  return (f32x16){_mm256_cvtph_ps(_mm_loadu_si128(h)), _mm256_cvtph_ps(_mm_loadu_si128(h + 1))};
}
static inline void f32x16_store_f16(void *p, f32x16 x) {
  __m128i *h = p;
  _mm_storeu_si128(h, _mm256_cvtps_ph(x.a, _MM_FROUND_TO_NEAREST_INT));
  _mm_storeu_si128(h + 1, _mm256_cvtps_ph(x.b, _MM_FROUND_TO_NEAREST_INT));
}
static inline __m256 widen_bf16(__m128i h) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16));
}
static inline f32x16 f32x16_load_i8(const void *p) {
  const __m128i q = _mm_loadu_si128(p);
  const __m256i low = _mm256_cvtepi8_epi32(q), high = _mm256_cvtepi8_epi32(_mm_srli_si128(q, 8));
  return (f32x16){_mm256_cvtepi32_ps(low), _mm256_cvtepi32_ps(high)};
}
static inline f32x16 f32x16_load_bf16(const void *p) {
  const __m128i *h = p;
  return (f32x16){widen_bf16(_mm_loadu_si128(h)), widen_bf16(_mm_loadu_si128(h + 1))};
}
static inline f32x16 f32x16_from_i32(i32x16 x) {
  return (f32x16){_mm256_cvtepi32_ps(x.a), _mm256_cvtepi32_ps(x.b)};
}
static inline float f32x16_sum(f32x16 x) {
  __m256 b = _mm256_add_ps(x.a, x.b);
  __m128 c = _mm_add_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
  __m128 d = _mm_add_ps(c, _mm_movehl_ps(c, c));
  return _mm_cvtss_f32(_mm_add_ss(d, _mm_movehdup_ps(d)));
}
static inline float f32x16_max_all(f32x16 x) {
  __m256 b = _mm256_max_ps(x.a, x.b);
  __m128 c = _mm_max_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
  __m128 d = _mm_max_ps(c, _mm_movehl_ps(c, c));
  return _mm_cvtss_f32(_mm_max_ss(d, _mm_movehdup_ps(d)));
}
static inline i32x16 i32x16_set1(int32_t n) {
  return (i32x16){_mm256_set1_epi32(n), _mm256_set1_epi32(n)};
}
static inline i32x16 i32x16_load(const void *p) {
  const __m256i *v = p;
  return (i32x16){_mm256_loadu_si256(v), _mm256_loadu_si256(v + 1)};
}
static inline void i32x16_store(void *p, i32x16 x) {
  __m256i *v = p;
  _mm256_storeu_si256(v, x.a), _mm256_storeu_si256(v + 1, x.b);
}
static inline i32x16 i32x16_magnitude(f32x16 x) {
  i32x16 bits = {_mm256_castps_si256(x.a), _mm256_castps_si256(x.b)};
  return i32x16_and(bits, i32x16_set1(0x7fffffff));
}
static inline int32_t i32x16_max_all(i32x16 x) {
  int32_t v[16], most;
  i32x16_store(v, x);
  most = v[0];
  for (int i = 1; i < 16; i++) most = v[i] > most ? v[i] : most;
  return most;
}
static inline int32_t i32x16_sum(i32x16 x) {
  __m256i a = _mm256_add_epi32(x.a, x.b);
  __m128i b = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
  b = _mm_add_epi32(b, _mm_shuffle_epi32(b, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(b, _mm_shuffle_epi32(b, 0xb1)));
}
static inline i32x16 i32x16_store_rounded(void *p, f32x16 x) {
  i32x16 q = {_mm256_cvtps_epi32(x.a), _mm256_cvtps_epi32(x.b)};
  __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(q.a, q.b), 0xd8);
  __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(words),
                                  _mm256_extracti128_si256(words, 1));
  _mm_storeu_si128(p, bytes);
  return q;
}
static inline __m256 scale_exp(__m256 p, __m256 magic, __m256 x) {
  __m256i exponent = _mm256_slli_epi32(_mm256_castps_si256(magic), 23);
  __m256 scale = _mm256_castsi256_ps(_mm256_add_epi32(exponent, _mm256_set1_epi32(0x3f800000)));
  __m256 keep = _mm256_cmp_ps(x, _mm256_set1_ps(-87.0f), _CMP_NLT_UQ);
  return _mm256_and_ps(keep, _mm256_mul_ps(p, scale));
}
static inline f32x16 f32x16_scale_exp(f32x16 p, f32x16 magic, f32x16 x) {
  return (f32x16){scale_exp(p.a, magic.a, x.a), scale_exp(p.b, magic.b, x.b)};
}
static inline i32x16 i32x16_shr(i32x16 x, int n) {
  return (i32x16){_mm256_srli_epi32(x.a, n), _mm256_srli_epi32(x.b, n)};
}
static inline i32x16 i32x16_shl(i32x16 x, int n) {
  return (i32x16){_mm256_slli_epi32(x.a, n), _mm256_slli_epi32(x.b, n)};
}
// Each byte, 0 to 15, becomes the table's.
static inline i32x16 i32x16_lookup(i32x16 x, const int8_t table[16]) {
  const __m256i t = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)table));
  return (i32x16){_mm256_shuffle_epi8(t, x.a), _mm256_shuffle_epi8(t, x.b)};
}
// Byte b of a lane becomes its negative where bit 4 * nibble + b of the lane of `signs` is set.
static inline __m256i negated(__m256i x, __m256i signs, int nibble) {
  const int byte = nibble / 2;
  const __m256i each = _mm256_add_epi8(_mm256_set1_epi8((char)byte),
                                       _mm256_set_epi32(0x0c0c0c0c, 0x08080808, 0x04040404, 0,
                                                        0x0c0c0c0c, 0x08080808, 0x04040404, 0));
  const __m256i bits = _mm256_set1_epi32(nibble % 2 ? (int)0x80402010 : 0x08040201);
  const __m256i chosen = _mm256_and_si256(_mm256_shuffle_epi8(signs, each), bits);
  // -1 or 1
  const __m256i sign = _mm256_or_si256(_mm256_cmpeq_epi8(chosen, bits), _mm256_set1_epi8(1));
  return _mm256_sign_epi8(x, sign);
}
INLINE i32x16 i32x16_negate(i32x16 x, i32x16 signs, int nibble) {
  return (i32x16){negated(x.a, signs.a, nibble), negated(x.b, signs.b, nibble)};
}
// Each half of a lane becomes the point that it is the index of: of eight weights, words 0 and 1
// of `out` for the lower half and 2 and 3 for the upper; of four, one word each.
INLINE i32x16 eight_points(const uint64_t *grid, const uint64_t *at, int half, int row) {
  const __m256 a = _mm256_set_m128(two_points(grid, at, half, row + 4),
                                   two_points(grid, at, half, row));
  const __m256 b = _mm256_set_m128(two_points(grid, at, half, row + 6),
                                   two_points(grid, at, half, row + 2));
  return (i32x16){_mm256_castps_si256(_mm256_shuffle_ps(a, b, 0x88)),
                  _mm256_castps_si256(_mm256_shuffle_ps(a, b, 0xdd))};
}
INLINE void i32x16_eights(const struct eights grid, i32x16 index, i32x16 out[4]) {
  uint64_t at[8];
  i32x16_store(at, index);
  UNROLL for (int half = 0; half < 2; half++) {
    const i32x16 a = eight_points(grid.points, at, half, 0);
    const i32x16 b = eight_points(grid.points, at, half, 8);
    out[2 * half] = (i32x16){a.a, b.a}, out[2 * half + 1] = (i32x16){a.b, b.b};
  }
}
INLINE __m256i eight_fours(const uint32_t *grid, const uint64_t *at, int half, int row) {
#define FOUR(i) (int)grid[index_at(at, half, row + i)]
  return _mm256_setr_epi32(FOUR(0), FOUR(1), FOUR(2), FOUR(3), FOUR(4), FOUR(5), FOUR(6),
                           FOUR(7));
#undef FOUR
}
INLINE void i32x16_fours(const struct fours grid, i32x16 index, i32x16 out[2]) {
  uint64_t at[8];
  i32x16_store(at, index);
  UNROLL for (int half = 0; half < 2; half++)
    out[half] = (i32x16){eight_fours(grid.points, at, half, 0),
                         eight_fours(grid.points, at, half, 8)};
}

// ---- 16 rows as two times 8
static inline void eight_rows(const uint8_t *p, size_t stride, __m256i out[8]) {
  __m256i r[8], t[8];
  for (int j = 0; j < 8; j++) r[j] = _mm256_loadu_si256((const void *)(p + j * stride));
  for (int j = 0; j < 8; j += 2) {
    t[j] = _mm256_unpacklo_epi32(r[j], r[j + 1]);
    t[j + 1] = _mm256_unpackhi_epi32(r[j], r[j + 1]);
  }
  for (int h = 0; h < 8; h += 4) {
    r[h] = _mm256_unpacklo_epi64(t[h], t[h + 2]);
    r[h + 1] = _mm256_unpackhi_epi64(t[h], t[h + 2]);
    r[h + 2] = _mm256_unpacklo_epi64(t[h + 1], t[h + 3]);
    r[h + 3] = _mm256_unpackhi_epi64(t[h + 1], t[h + 3]);
  }
  for (int k = 0; k < 4; k++) {
    out[k] = _mm256_permute2x128_si256(r[k], r[k + 4], 0x20);
    out[k + 4] = _mm256_permute2x128_si256(r[k], r[k + 4], 0x31);
  }
}
static inline void rows_load8(const uint8_t *p, size_t stride, i32x16 out[8]) {
  __m256i low[8], high[8];
  eight_rows(p, stride, low), eight_rows(p + 8 * stride, stride, high);
  for (int k = 0; k < 8; k++) out[k] = (i32x16){low[k], high[k]};
}
// Rows j and j + 4 share a register.
static inline void eight_half_rows(const uint8_t *p, size_t stride, __m256i out[4]) {
  __m256i r[4];
  for (int j = 0; j < 4; j++) {
    __m256i low = _mm256_castsi128_si256(_mm_loadu_si128((const void *)(p + j * stride)));
    r[j] = _mm256_inserti128_si256(low, _mm_loadu_si128((const void *)(p + (j + 4) * stride)), 1);
  }
  __m256i a = _mm256_unpacklo_epi32(r[0], r[1]), b = _mm256_unpackhi_epi32(r[0], r[1]);
  __m256i c = _mm256_unpacklo_epi32(r[2], r[3]), d = _mm256_unpackhi_epi32(r[2], r[3]);
  out[0] = _mm256_unpacklo_epi64(a, c), out[1] = _mm256_unpackhi_epi64(a, c);
  out[2] = _mm256_unpacklo_epi64(b, d), out[3] = _mm256_unpackhi_epi64(b, d);
}
static inline void rows_load4(const uint8_t *p, size_t stride, i32x16 out[4]) {
  __m256i low[4], high[4];
  eight_half_rows(p, stride, low), eight_half_rows(p + 8 * stride, stride, high);
  for (int k = 0; k < 4; k++) out[k] = (i32x16){low[k], high[k]};
}
static inline int32_t word_at(const uint8_t *p) {
  int32_t word;
  memcpy(&word, p, 4);
  return word;
}
static inline __m256i eight_words(const uint8_t *p, size_t s) {
  return _mm256_setr_epi32(word_at(p), word_at(p + s), word_at(p + 2 * s), word_at(p + 3 * s),
                           word_at(p + 4 * s), word_at(p + 5 * s), word_at(p + 6 * s),
                           word_at(p + 7 * s));
}
static inline i32x16 rows_load1(const uint8_t *p, size_t stride) {
  return (i32x16){eight_words(p, stride), eight_words(p + 8 * stride, stride)};
}
static inline short half_at(const uint8_t *p) {
  short half;
  memcpy(&half, p, 2);
  return half;
}
static inline __m256 eight_f16(const uint8_t *p, size_t s) {
  return _mm256_cvtph_ps(_mm_setr_epi16(half_at(p), half_at(p + s), half_at(p + 2 * s),
                                        half_at(p + 3 * s), half_at(p + 4 * s),
                                        half_at(p + 5 * s), half_at(p + 6 * s),
                                        half_at(p + 7 * s)));
}
static inline f32x16 rows_f16(const uint8_t *p, size_t stride) {
  return (f32x16){eight_f16(p, stride), eight_f16(p + 8 * stride, stride)};
}

// The f16 in the lower half of every lane.
static inline __m256 eight_from_f16(__m256i a) {
  __m256i halves = _mm256_and_si256(a, _mm256_set1_epi32(0xffff));
  __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(halves, halves), 8);
  return _mm256_cvtph_ps(_mm256_castsi256_si128(packed));
}
static inline f32x16 f32x16_from_f16(i32x16 a) {
  return (f32x16){eight_from_f16(a.a), eight_from_f16(a.b)};
}

#ifdef AVX_VNNI
static inline i32x16 i32x16_dot(i32x16 sum, i32x16 w, int32_t x) {
  __m256i v = _mm256_set1_epi32(x);
  return (i32x16){_mm256_dpbusd_avx_epi32(sum.a, w.a, v), _mm256_dpbusd_avx_epi32(sum.b, w.b, v)};
}
static inline i32x16 dot_prepare(i32x16 w) {
  const __m256i top = _mm256_set1_epi8((char)0x80);
  return (i32x16){_mm256_xor_si256(w.a, top), _mm256_xor_si256(w.b, top)};
}
static inline i32x16 i32x16_dot_signed(i32x16 sum, i32x16 w, int32_t x) {
  return i32x16_dot(sum, w, x);
}
static inline i32x16 i32x16_dot16(i32x16 sum, i32x16 w, int32_t x) {
  __m256i v = _mm256_set1_epi32(x);
  return (i32x16){_mm256_dpwssd_avx_epi32(sum.a, w.a, v), _mm256_dpwssd_avx_epi32(sum.b, w.b, v)};
}
#else
static inline __m256i dot_bytes(__m256i sum, __m256i unsignedBytes, __m256i signedBytes) {
  __m256i pairs = _mm256_maddubs_epi16(unsignedBytes, signedBytes);
  return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
static inline i32x16 i32x16_dot(i32x16 sum, i32x16 w, int32_t x) {
  __m256i v = _mm256_set1_epi32(x);
  return (i32x16){dot_bytes(sum.a, w.a, v), dot_bytes(sum.b, w.b, v)};
}
// Products of small codes are added up in 16 bits, as long as these hold them, before they are
// widened: sum + q[0] x[0..3] + … + q[run - 1] x[4 run - 4..4 run - 1].
#define DOT_RUN(most) ((most) < 16 ? 8 : (most) < 32 ? 4 : (most) < 64 ? 2 : 1)
INLINE i32x16 i32x16_dot_run(i32x16 sum, const i32x16 *q, const uint8_t *x, int run) {
  __m256i v = _mm256_set1_epi32(word_at(x)), ones = _mm256_set1_epi16(1);
  __m256i a = _mm256_maddubs_epi16(q->a, v), b = _mm256_maddubs_epi16(q->b, v);
  UNROLL for (int w = 1; w < run; w++) {
    v = _mm256_set1_epi32(word_at(x + 4 * w));
    a = _mm256_add_epi16(a, _mm256_maddubs_epi16(q[w].a, v));
    b = _mm256_add_epi16(b, _mm256_maddubs_epi16(q[w].b, v));
  }
  return i32x16_add(sum, (i32x16){_mm256_madd_epi16(a, ones), _mm256_madd_epi16(b, ones)});
}
static inline i32x16 dot_prepare(i32x16 w) { return w; }
// |w| times x with the sign of w: at most 128 * 127 * 2, which int16 holds.
static inline i32x16 i32x16_dot_signed(i32x16 sum, i32x16 w, int32_t x) {
  __m256i v = _mm256_set1_epi32(x);
  return (i32x16){dot_bytes(sum.a, _mm256_abs_epi8(w.a), _mm256_sign_epi8(v, w.a)),
                  dot_bytes(sum.b, _mm256_abs_epi8(w.b), _mm256_sign_epi8(v, w.b))};
}
static inline i32x16 i32x16_dot16(i32x16 sum, i32x16 w, int32_t x) {
  __m256i v = _mm256_set1_epi32(x);
  return (i32x16){_mm256_add_epi32(sum.a, _mm256_madd_epi16(w.a, v)),
                  _mm256_add_epi32(sum.b, _mm256_madd_epi16(w.b, v))};
}
#endif
static inline void prefetch(const void *p) { _mm_prefetch((const char *)p, _MM_HINT_T1); }
static inline void prefetch_near(const void *p) { _mm_prefetch((const char *)p, _MM_HINT_T0); }
