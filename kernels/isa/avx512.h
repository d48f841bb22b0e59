// The vocabulary on AVX-512 (F, BW, CD, DQ, VL) with VNNI: a virtual vector is one register.
#include "x86_points.h"
typedef __m512 f32x16;
typedef __m512i i32x16;
#define TILE_M 6
#define TILE_M_WIDE 4
#define FLOAT_M 6 // activation rows and weight rows of a float tile
#define FLOAT_N 4
#define ATTEND_ROWS 8 // query vectors of an attention tile
#define ATTEND_WIDE 2 // times 16 positions in scores, times 16 dimensions in values
#define DOT_SIGNED_BIAS 128 // dpbusd multiplies unsigned by signed

static inline uint16_t f16_from_f32(float f) { return _cvtss_sh(f, _MM_FROUND_TO_NEAREST_INT); }

static inline f32x16 f32x16_add(f32x16 a, f32x16 b) { return _mm512_add_ps(a, b); }
static inline f32x16 f32x16_sub(f32x16 a, f32x16 b) { return _mm512_sub_ps(a, b); }
static inline f32x16 f32x16_mul(f32x16 a, f32x16 b) { return _mm512_mul_ps(a, b); }
static inline f32x16 f32x16_div(f32x16 a, f32x16 b) { return _mm512_div_ps(a, b); }
static inline f32x16 f32x16_max(f32x16 a, f32x16 b) { return _mm512_max_ps(a, b); }
static inline f32x16 f32x16_min(f32x16 a, f32x16 b) { return _mm512_min_ps(a, b); }
static inline f32x16 f32x16_fma(f32x16 a, f32x16 b, f32x16 c) { return _mm512_fmadd_ps(a, b, c); }
static inline f32x16 f32x16_set1(float f) { return _mm512_set1_ps(f); }
static inline f32x16 f32x16_load(const void *p) { return _mm512_loadu_ps(p); }
static inline void f32x16_store(void *p, f32x16 a) { _mm512_storeu_ps(p, a); }
static inline f32x16 f32x16_load_f16(const void *p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(p));
}
static inline void f32x16_store_f16(void *p, f32x16 a) {
  _mm256_storeu_si256(p, _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
static inline f32x16 f32x16_load_i8(const void *p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(p)));
}
static inline f32x16 f32x16_load_bf16(const void *p) {
  __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(p));
  return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}
static inline f32x16 f32x16_from_i32(i32x16 a) { return _mm512_cvtepi32_ps(a); }
static inline __m128 high_half(__m256 v) { return _mm256_extractf128_ps(v, 1); }
static inline float f32x16_sum(f32x16 a) {
  __m256 b = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
  __m128 c = _mm_add_ps(_mm256_castps256_ps128(b), high_half(b));
  __m128 d = _mm_add_ps(c, _mm_movehl_ps(c, c));
  return _mm_cvtss_f32(_mm_add_ss(d, _mm_movehdup_ps(d)));
}
static inline float f32x16_max_all(f32x16 a) {
  __m256 b = _mm256_max_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
  __m128 c = _mm_max_ps(_mm256_castps256_ps128(b), high_half(b));
  __m128 d = _mm_max_ps(c, _mm_movehl_ps(c, c));
  return _mm_cvtss_f32(_mm_max_ss(d, _mm_movehdup_ps(d)));
}
static inline i32x16 i32x16_magnitude(f32x16 a) {
  return _mm512_and_si512(_mm512_castps_si512(a), _mm512_set1_epi32(0x7fffffff));
}
static inline i32x16 i32x16_max(i32x16 a, i32x16 b) { return _mm512_max_epi32(a, b); }
static inline int32_t i32x16_max_all(i32x16 a) { return _mm512_reduce_max_epi32(a); }
static inline i32x16 i32x16_store_rounded(void *p, f32x16 a) {
  __m512i q = _mm512_cvtps_epi32(a);
  _mm_storeu_si128(p, _mm512_cvtepi32_epi8(q));
  return q;
}
static inline f32x16 f32x16_scale_exp(f32x16 p, f32x16 magic, f32x16 x) {
  __m512i exponent = _mm512_slli_epi32(_mm512_castps_si512(magic), 23);
  __m512 scale = _mm512_castsi512_ps(_mm512_add_epi32(exponent, _mm512_set1_epi32(0x3f800000)));
  __mmask16 keep = _mm512_cmp_ps_mask(x, _mm512_set1_ps(-87.0f), _CMP_NLT_UQ);
  return _mm512_maskz_mul_ps(keep, p, scale);
}

static inline i32x16 i32x16_add(i32x16 a, i32x16 b) { return _mm512_add_epi32(a, b); }
static inline i32x16 i32x16_sub(i32x16 a, i32x16 b) { return _mm512_sub_epi32(a, b); }
static inline i32x16 i32x16_mul(i32x16 a, i32x16 b) { return _mm512_mullo_epi32(a, b); }
static inline i32x16 i32x16_and(i32x16 a, i32x16 b) { return _mm512_and_si512(a, b); }
static inline i32x16 i32x16_or(i32x16 a, i32x16 b) { return _mm512_or_si512(a, b); }
static inline i32x16 i32x16_xor(i32x16 a, i32x16 b) { return _mm512_xor_si512(a, b); }
static inline i32x16 i32x16_set1(int32_t n) { return _mm512_set1_epi32(n); }
static inline i32x16 i32x16_load(const void *p) { return _mm512_loadu_si512(p); }
static inline void i32x16_store(void *p, i32x16 a) { _mm512_storeu_si512(p, a); }
static inline int32_t i32x16_sum(i32x16 a) { return _mm512_reduce_add_epi32(a); }
static inline i32x16 i32x16_shr(i32x16 a, int n) { return _mm512_srli_epi32(a, (unsigned)n); }
static inline i32x16 i32x16_shl(i32x16 a, int n) { return _mm512_slli_epi32(a, (unsigned)n); }
// Each byte, 0 to 15, becomes the table's.
static inline i32x16 i32x16_lookup(i32x16 a, const int8_t table[16]) {
  const __m128i t = _mm_loadu_si128((const void *)table);
  return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(t), a);
}
// Byte b of a lane becomes its negative where bit 4 * nibble + b of the lane of `signs` is set.
INLINE i32x16 i32x16_negate(i32x16 a, i32x16 signs, int nibble) {
  const __m128i lanes = _mm_setr_epi32(0, 0x04040404, 0x08080808, 0x0c0c0c0c);
  const __m128i each = _mm_add_epi8(lanes, _mm_set1_epi8((char)(nibble / 2)));
  const __m512i bits = _mm512_set1_epi32(nibble % 2 ? (int)0x80402010 : 0x08040201);
  const __m512i bytes = _mm512_shuffle_epi8(signs, _mm512_broadcast_i32x4(each));
  return _mm512_mask_sub_epi8(a, _mm512_test_epi8_mask(bytes, bits), _mm512_setzero_si512(), a);
}
// Each half of a lane becomes the point that it is the index of: of eight weights, words 0 and 1
// of `out` for the lower half and 2 and 3 for the upper; of four, one word each.
// Two of every four rows.
INLINE __m512 eight_points(const uint64_t *grid, const uint64_t *at, int half, int row) {
  __m512 v = _mm512_castps128_ps512(two_points(grid, at, half, row));
  v = _mm512_insertf32x4(v, two_points(grid, at, half, row + 4), 1);
  v = _mm512_insertf32x4(v, two_points(grid, at, half, row + 8), 2);
  return _mm512_insertf32x4(v, two_points(grid, at, half, row + 12), 3);
}
INLINE void loaded_eights(const uint64_t *grid, i32x16 index, i32x16 out[4]) {
  uint64_t at[8];
  i32x16_store(at, index);
  UNROLL for (int half = 0; half < 2; half++) {
    const __m512 a = eight_points(grid, at, half, 0), b = eight_points(grid, at, half, 2);
    out[2 * half] = _mm512_castps_si512(_mm512_shuffle_ps(a, b, 0x88));
    out[2 * half + 1] = _mm512_castps_si512(_mm512_shuffle_ps(a, b, 0xdd));
  }
}
// Words of a table by their indices: of 64 by a permutation, which of the 64s by the upper bits.
enum { MOST_PERMUTED = 1024 };
INLINE __m512i words_at(const uint16_t *table, const int count, __m512i index) {
  __m512i v[MOST_PERMUTED / 64]; // halved four times at the most
  UNROLL for (int i = 0; i < count / 64; i++)
    v[i] = _mm512_permutex2var_epi16(_mm512_loadu_si512(table + 64 * i), index,
                                     _mm512_loadu_si512(table + 64 * i + 32));
  UNROLL for (int bit = 0; bit < 4; bit++) {
    const __mmask32 upper = _mm512_test_epi16_mask(index, _mm512_set1_epi16((short)(64 << bit)));
    UNROLL for (int i = 0; i < count >> (7 + bit); i++)
      v[i] = _mm512_mask_blend_epi16(upper, v[2 * i], v[2 * i + 1]);
  }
  return v[0];
}
// Bytes first, first + 4 … of a lane's word each, by a shuffle of its 16 bytes.
static inline __m512i bytes_of(__m512i words, __m128i from, int first) {
  const __m128i lanes = _mm_setr_epi32(0, 0x04040404, 0x08080808, 0x0c0c0c0c);
  const __m128i at = _mm_add_epi8(_mm_add_epi8(from, lanes), _mm_set1_epi8((char)first));
  return _mm512_shuffle_epi8(words, _mm512_broadcast_i32x4(at));
}
// Odd bytes moved by `bits`.
static inline __m512i odd_shifted(__m512i v, unsigned bits) {
  return _mm512_mask_blend_epi8(0xaaaaaaaaaaaaaaaa, v, _mm512_srli_epi16(v, bits));
}
// Eight positions of two bits: a byte has four of them.
INLINE void i32x16_eights(const struct eights grid, i32x16 index, i32x16 out[4]) {
  if (grid.count > MOST_PERMUTED) {
    loaded_eights(grid.points, index, out);
    return;
  }
  const __m512i words = words_at(grid.positions, grid.count, index);
  UNROLL for (int i = 0; i < 4; i++) {
    const __m512i pairs = bytes_of(words, _mm_setzero_si128(), i);
    const __m512i v = odd_shifted(_mm512_srlv_epi16(pairs, _mm512_set1_epi32(4 << 16)), 2);
    out[i] = i32x16_lookup(i32x16_and(v, _mm512_set1_epi8(3)), grid.axis);
  }
}
// Four positions of four bits: a byte has two. A lookup ignores bits 4 to 6 of a byte, and bit 7
// is not set, as no position is above 7.
INLINE void i32x16_fours(const struct fours grid, i32x16 index, i32x16 out[2]) {
  const __m512i words = words_at(grid.positions, grid.count, index);
  UNROLL for (int half = 0; half < 2; half++) {
    const __m512i v = bytes_of(words, _mm_set1_epi32(0x01010000), 2 * half);
    out[half] = i32x16_lookup(odd_shifted(v, 4), grid.axis);
  }
}

// ---- 16 rows: rows j and j + 8 share a register half each, then three rounds of shuffles
static inline void rows_load8(const uint8_t *p, size_t stride, i32x16 out[8]) {
  __m512i r[8], t[8];
  for (int j = 0; j < 8; j++) {
    __m512i low = _mm512_castsi256_si512(_mm256_loadu_si256((const void *)(p + j * stride)));
    r[j] = _mm512_inserti64x4(low, _mm256_loadu_si256((const void *)(p + (j + 8) * stride)), 1);
  }
  for (int j = 0; j < 8; j += 2) {
    t[j] = _mm512_unpacklo_epi32(r[j], r[j + 1]);
    t[j + 1] = _mm512_unpackhi_epi32(r[j], r[j + 1]);
  }
  for (int h = 0; h < 8; h += 4) {
    r[h] = _mm512_unpacklo_epi64(t[h], t[h + 2]);
    r[h + 1] = _mm512_unpackhi_epi64(t[h], t[h + 2]);
    r[h + 2] = _mm512_unpacklo_epi64(t[h + 1], t[h + 3]);
    r[h + 3] = _mm512_unpackhi_epi64(t[h + 1], t[h + 3]);
  }
  const __m512i even = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
  const __m512i odd = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
  for (int k = 0; k < 4; k++) {
    out[k] = _mm512_permutex2var_epi64(r[k], even, r[k + 4]);
    out[k + 4] = _mm512_permutex2var_epi64(r[k], odd, r[k + 4]);
  }
}
// Rows j, j + 4, j + 8, j + 12 share a register.
static inline void rows_load4(const uint8_t *p, size_t stride, i32x16 out[4]) {
  __m512i r[4];
  for (int j = 0; j < 4; j++) {
    __m512i v = _mm512_castsi128_si512(_mm_loadu_si128((const void *)(p + j * stride)));
    v = _mm512_inserti32x4(v, _mm_loadu_si128((const void *)(p + (j + 4) * stride)), 1);
    v = _mm512_inserti32x4(v, _mm_loadu_si128((const void *)(p + (j + 8) * stride)), 2);
    r[j] = _mm512_inserti32x4(v, _mm_loadu_si128((const void *)(p + (j + 12) * stride)), 3);
  }
  __m512i a = _mm512_unpacklo_epi32(r[0], r[1]), b = _mm512_unpackhi_epi32(r[0], r[1]);
  __m512i c = _mm512_unpacklo_epi32(r[2], r[3]), d = _mm512_unpackhi_epi32(r[2], r[3]);
  out[0] = _mm512_unpacklo_epi64(a, c);
  out[1] = _mm512_unpackhi_epi64(a, c);
  out[2] = _mm512_unpacklo_epi64(b, d);
  out[3] = _mm512_unpackhi_epi64(b, d);
}
static inline int32_t word_at(const uint8_t *p) {
  int32_t word;
  memcpy(&word, p, 4);
  return word;
}
static inline short half_at(const uint8_t *p) {
  short half;
  memcpy(&half, p, 2);
  return half;
}
static inline i32x16 rows_load1(const uint8_t *p, size_t s) {
  return _mm512_setr_epi32(word_at(p), word_at(p + s), word_at(p + 2 * s), word_at(p + 3 * s),
                           word_at(p + 4 * s), word_at(p + 5 * s), word_at(p + 6 * s),
                           word_at(p + 7 * s), word_at(p + 8 * s), word_at(p + 9 * s),
                           word_at(p + 10 * s), word_at(p + 11 * s), word_at(p + 12 * s),
                           word_at(p + 13 * s), word_at(p + 14 * s), word_at(p + 15 * s));
}
static inline f32x16 rows_f16(const uint8_t *p, size_t s) {
  return _mm512_cvtph_ps(_mm256_setr_epi16(
      half_at(p), half_at(p + s), half_at(p + 2 * s), half_at(p + 3 * s), half_at(p + 4 * s),
      half_at(p + 5 * s), half_at(p + 6 * s), half_at(p + 7 * s), half_at(p + 8 * s),
      half_at(p + 9 * s), half_at(p + 10 * s), half_at(p + 11 * s), half_at(p + 12 * s),
      half_at(p + 13 * s), half_at(p + 14 * s), half_at(p + 15 * s)));
}

// The f16 in the lower half of every lane.
static inline f32x16 f32x16_from_f16(i32x16 a) {
  return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(a));
}

static inline i32x16 i32x16_dot(i32x16 sum, i32x16 w, int32_t x) {
  return _mm512_dpbusd_epi32(sum, w, _mm512_set1_epi32(x));
}
static inline i32x16 dot_prepare(i32x16 w) {
  return _mm512_xor_si512(w, _mm512_set1_epi8((char)0x80));
}
static inline i32x16 i32x16_dot_signed(i32x16 sum, i32x16 w, int32_t x) {
  return i32x16_dot(sum, w, x);
}
static inline i32x16 i32x16_dot16(i32x16 sum, i32x16 w, int32_t x) {
  return _mm512_dpwssd_epi32(sum, w, _mm512_set1_epi32(x));
}
// To the nearest cache where AMD is likely, to the second where there is AMX: what was measured.
#ifndef PREFETCH_HINT
#define PREFETCH_HINT _MM_HINT_T0
#endif
static inline void prefetch(const void *p) { _mm_prefetch((const char *)p, PREFETCH_HINT); }
static inline void prefetch_near(const void *p) { _mm_prefetch((const char *)p, _MM_HINT_T0); }
