// Products of many activation rows on AVX2, which has no dot product of bytes: what it multiplies
// is widened as rarely as the codes allow. A register of panels has 8 weight rows, two make a
// group; four activation rows share what is loaded of it.
//
// Codes of up to six bits stay bytes: their products with activations are added up in 16 bits for
// DOT_RUN words of four columns. Signed bytes would need all of these 16 bits for one word, so
// that they are widened beforehand, even columns apart from odd ones.
enum { AVX2_ROWS = 4 };
typedef __m256i eights[AVX2_ROWS][2]; // [activation row][half of the group]

INLINE __m256i even_columns(__m256i v) { return _mm256_srai_epi16(_mm256_slli_epi16(v, 8), 8); }
INLINE __m256i odd_columns(__m256i v) { return _mm256_srai_epi16(v, 8); }
INLINE __m256i eight_at(const void *p, size_t index) {
  return _mm256_load_si256((const __m256i *)p + index);
}
INLINE __m256i four_times(const uint8_t *p) { return _mm256_set1_epi32(four_bytes(p)); }

INLINE void clear_sums(const int rows, eights sums) {
  UNROLL for (int i = 0; i < rows; i++) sums[i][0] = sums[i][1] = _mm256_setzero_si256();
}

// |q| times x with the sign of q: at most 128 * 127 * 2, which int16 holds once.
INLINE __m256i signed_pairs(__m256i q, __m256i x) {
  return _mm256_maddubs_epi16(_mm256_abs_epi8(q), _mm256_sign_epi8(x, q));
}

// Sums of q[w] x[4 w..4 w + 3] for words w in [0, run), in 16 bits.
INLINE void run_products(const int rows, const int run, const int step, const int isSigned,
                         const uint8_t (*q)[64], const uint8_t *x, size_t xStride, eights sums) {
  clear_sums(rows, sums);
  // stays a loop: where all words of a block stand unrolled beside its float chains, compilers take
  // one row after the other and keep weights on the stack
  ROLLED for (int from = 0; from < run; from += step)
    UNROLL for (int w = from; w < from + step; w++)
      UNROLL for (int i = 0; i < rows; i++) {
        const __m256i v = four_times(x + (size_t)i * xStride + 4 * (size_t)w);
        UNROLL for (size_t half = 0; half < 2; half++) {
          const __m256i codes = eight_at(q[w], half);
          __m256i product = isSigned ? signed_pairs(codes, v) : _mm256_maddubs_epi16(codes, v);
          sums[i][half] = _mm256_add_epi16(sums[i][half], product);
        }
      }
}

// ---------------------------------------------------------------- BLOCK32
INLINE void pack32(const struct traits32 t, const struct group *g, size_t k, panel32 *panel) {
  for (size_t b = 0; b < k / 32; b++, panel++) {
    block32 block;
    t.load(g->w + b * t.bytes, g->stride, &block);
    UNROLL for (int i = 0; i < 8; i++) {
      const i32x16 q = block.q[i];
      if (!t.isSigned) {
        i32x16_store(panel->q[i], q);
        continue;
      }
      i32x16_store(panel->q[i], (i32x16){even_columns(q.a), even_columns(q.b)});
      i32x16_store(panel->q[i + 8], (i32x16){odd_columns(q.a), odd_columns(q.b)});
    }
    f32x16_store(panel->d, block.d);
    if (t.hasMin) f32x16_store(panel->m, block.m);
  }
}

// Widened activations of a block: 16 even columns, then the odd ones.
typedef struct {
  _Alignas(32) int16_t x[AVX2_ROWS][16][2];
} wide32;

INLINE void widen32(const int rows, const uint8_t *x, size_t xStride, wide32 *wide) {
  UNROLL for (int i = 0; i < rows; i++) {
    const __m256i v = _mm256_loadu_si256((const void *)(x + (size_t)i * xStride));
    _mm256_store_si256((void *)wide->x[i][0], even_columns(v));
    _mm256_store_si256((void *)wide->x[i][8], odd_columns(v));
  }
}

// Exact sums of a block, in 32 bits.
INLINE void signed_sums(const int rows, const panel32 *p, const wide32 *wide, eights sums) {
  clear_sums(rows, sums);
  ROLLED for (int from = 0; from < 16; from += 2)
    UNROLL for (int w = from; w < from + 2; w++)
      UNROLL for (int i = 0; i < rows; i++) {
        const __m256i v = four_times((const uint8_t *)wide->x[i][w]);
        UNROLL for (size_t half = 0; half < 2; half++) {
          __m256i product = _mm256_madd_epi16(eight_at(p->q[w], half), v);
          sums[i][half] = _mm256_add_epi32(sums[i][half], product);
        }
      }
}

INLINE void unsigned_sums(const struct traits32 t, const int rows, const panel32 *p,
                          const uint8_t *x, size_t xStride, eights sums) {
  const __m256i ones = _mm256_set1_epi16(1);
  const int run = DOT_RUN(t.most);
  clear_sums(rows, sums);
  UNROLL for (int w = 0; w < 8; w += run) {
    eights products;
    run_products(rows, run, 2, 0, p->q + w, x + 4 * (size_t)w, xStride, products);
    UNROLL for (int i = 0; i < rows; i++)
      UNROLL for (int half = 0; half < 2; half++) {
        __m256i wide = _mm256_madd_epi16(products[i][half], ones);
        sums[i][half] = _mm256_add_epi32(sums[i][half], wide);
      }
  }
}

INLINE void chain32(const struct traits32 t, const int rows, const panel32 *p[2],
                    const uint8_t *x, size_t xStride, size_t k, size_t index,
                    const eights sums[2], f32x16 *acc0, f32x16 *acc1) {
  const int shift = __builtin_ctz((unsigned)t.offset | 64);
  UNROLL for (int i = 0; i < rows; i++) {
    const uint8_t *row = x + (size_t)i * xStride;
    const i32x16 xsum = i32x16_set1(int_at(row + act32_sums(k), index));
    const i32x16 less = i32x16_shl(xsum, shift);
    const f32x16 dx = f32x16_set1(float_at(row + act32_scales(k), index));
    UNROLL for (int side = 0; side < 2; side++) {
      f32x16 *acc = side ? acc1 : acc0;
      i32x16 sum = {sums[side][i][0], sums[side][i][1]};
      if (t.offset) sum = i32x16_sub(sum, less);
      acc[i] = f32x16_fma(f32x16_mul(f32x16_load(p[side]->d), dx), f32x16_from_i32(sum), acc[i]);
      if (!t.hasMin) continue;
      f32x16 m = f32x16_mul(f32x16_load(p[side]->m), dx);
      acc[i] = f32x16_fma(m, f32x16_from_i32(xsum), acc[i]);
    }
  }
}

INLINE void tile32(const struct traits32 t, const int rows, const panel32 *p0, const panel32 *p1,
                   size_t k, const uint8_t *x, size_t xStride, struct slice ahead[2],
                   size_t lines, f32x16 *acc0, f32x16 *acc1) {
  for (size_t b = 0; b < k / 32; b++) {
    warm_lines(ahead, lines);
    wide32 wide;
    if (t.isSigned) widen32(rows, x + b * 32, xStride, &wide);
    const panel32 *p[2] = {p0 + b, p1 + b};
    eights sums[2];
    UNROLL for (int side = 0; side < 2; side++) {
      if (t.isSigned) signed_sums(rows, p[side], &wide, sums[side]);
      else unsigned_sums(t, rows, p[side], x + b * 32, xStride, sums[side]);
    }
    chain32(t, rows, p, x, xStride, k, b, sums, acc0, acc1);
  }
}
REGISTER_TILES(32, AVX2_ROWS)

// ---------------------------------------------------------------- BLOCK256
// A scale multiplies the sums of 16 bits while they are widened: it stands in both halves of its
// lane.
INLINE void pack256(const struct traits256 t, const struct group *g, size_t k, panel256 *panel) {
  for (size_t b = 0; b < k / 256; b++, panel++) {
    load256(t, g->w + b * t.bytes, g->stride, panel);
    for (int sub = 0; sub < 256 / t.sub; sub++) {
      int32_t *scales = panel->head.scales[sub];
      i32x16 one = i32x16_and(i32x16_load(scales), i32x16_set1(0xffff));
      i32x16_store(scales, i32x16_or(one, i32x16_shl(one, 16)));
    }
  }
}

INLINE void step256(const struct traits256 t, const int rows, const panel256 *p, const uint8_t *x,
                    size_t xStride, size_t k, size_t index, f32x16 *acc) {
  const int words = t.sub / 4, most = DOT_RUN(t.most) < words ? DOT_RUN(t.most) : words;
  const int run = t.isSigned ? 1 : most;
  i32x16 total[AVX2_ROWS];
  UNROLL for (int i = 0; i < rows; i++) total[i] = i32x16_set1(0);
  for (int sub = 0; sub < 256 / t.sub; sub++) {
    const uint8_t *at = x + index * 256 + (size_t)(sub * t.sub);
    const i32x16 scale = i32x16_load(p->head.scales[sub]);
    UNROLL for (int w = 0; w < words; w += run) {
      eights products;
      run_products(rows, run, run, t.isSigned, p->q + sub * words + w, at + 4 * w, xStride,
                   products);
      UNROLL for (int i = 0; i < rows; i++) {
        total[i].a = _mm256_add_epi32(total[i].a, _mm256_madd_epi16(products[i][0], scale.a));
        total[i].b = _mm256_add_epi32(total[i].b, _mm256_madd_epi16(products[i][1], scale.b));
      }
    }
    if (t.offset) UNROLL for (int i = 0; i < rows; i++) { // offset * sum(x) in two halves
      const int32_t xsum = sub_sum(t, x + (size_t)i * xStride, k, index, sub);
      const short half = (short)(t.offset / 2 * xsum), rest = (short)(t.offset % 2 * xsum + half);
      const __m256i less = _mm256_set1_epi32((int32_t)((uint32_t)(uint16_t)rest << 16) |
                                             (uint16_t)half);
      total[i].a = _mm256_sub_epi32(total[i].a, _mm256_madd_epi16(less, scale.a));
      total[i].b = _mm256_sub_epi32(total[i].b, _mm256_madd_epi16(less, scale.b));
    }
  }
  finish256(t, rows, &p->head, total, x, xStride, k, index, acc);
}

SUPER_TILES(AVX2_ROWS)
