// Products of many activation rows on Arm's i8mm: an instruction takes 8 columns of two activation
// rows and two weight rows into the four sums of a register: {x0 w0, x0 w1, x1 w0, x1 w1}.
//
// Panels hold weights less their offset, for each 8 columns as [weight row][8]. Half a group, 8
// weight rows, and 4 activation rows are a tile: 8 registers of sums and 8 of float chains.
enum { I8MM_ROWS = 4, I8MM_PAIRS = 2 };
typedef int32x4_t pair_sums[I8MM_PAIRS][4]; // [two activation rows][two weight rows]

// 4 and 4 columns of 16 weight rows, as [weight row][8].
INLINE void store_rows(uint8_t *out, i32x16 first, i32x16 second, int offset) {
  const int8x16_t minus = vdupq_n_s8((int8_t)offset);
  UNROLL for (int i = 0; i < 4; i++) {
    int32x4_t low = vzip1q_s32(first.v[i], second.v[i]), high = vzip2q_s32(first.v[i], second.v[i]);
    vst1q_s8((int8_t *)out + 32 * i, vsubq_s8(vreinterpretq_s8_s32(low), minus));
    vst1q_s8((int8_t *)out + 32 * i + 16, vsubq_s8(vreinterpretq_s8_s32(high), minus));
  }
}

// 16 columns: q is [2][16 weight rows][8], of which 8 rows are used.
INLINE void multiply16(const int rows, const uint8_t *q, const uint8_t *x, size_t xStride,
                       pair_sums sums) {
  UNROLL for (int pair = 0; pair < (rows + 1) / 2; pair++) {
    const uint8_t *x0 = x + (size_t)(2 * pair) * xStride;
    const uint8_t *x1 = 2 * pair + 1 < rows ? x0 + xStride : x0;
    int64x2_t a = vreinterpretq_s64_u8(vld1q_u8(x0)), b = vreinterpretq_s64_u8(vld1q_u8(x1));
    int8x16_t first = vreinterpretq_s8_s64(vtrn1q_s64(a, b));
    int8x16_t second = vreinterpretq_s8_s64(vtrn2q_s64(a, b));
    UNROLL for (int w = 0; w < 4; w++) {
      int8x16_t near = vreinterpretq_s8_u8(vld1q_u8(q + 16 * w));
      int8x16_t far = vreinterpretq_s8_u8(vld1q_u8(q + 128 + 16 * w));
      sums[pair][w] = vmmlaq_s32(vmmlaq_s32(sums[pair][w], first, near), second, far);
    }
  }
}

// Sums of activation row `row` and weight rows 4 * part and on.
INLINE int32x4_t sums_of(const pair_sums sums, int row, int part) {
  int64x2_t a = wide(sums[row / 2][2 * part]), b = wide(sums[row / 2][2 * part + 1]);
  return narrow(row % 2 ? vtrn2q_s64(a, b) : vtrn1q_s64(a, b));
}

INLINE void clear_sums(pair_sums sums) {
  UNROLL for (int pair = 0; pair < I8MM_PAIRS; pair++)
    UNROLL for (int w = 0; w < 4; w++) sums[pair][w] = vdupq_n_s32(0);
}

// ---------------------------------------------------------------- BLOCK32
INLINE void pack32(const struct traits32 t, const struct group *g, size_t k, panel32 *panel) {
  for (size_t b = 0; b < k / 32; b++, panel++) {
    block32 block;
    t.load(g->w + b * t.bytes, g->stride, &block);
    UNROLL for (int i = 0; i < 8; i += 2)
      store_rows(panel->q[i], block.q[i], block.q[i + 1], t.offset);
    f32x16_store(panel->d, block.d);
    if (t.hasMin) f32x16_store(panel->m, block.m);
  }
}

INLINE void half_tile32(const struct traits32 t, const int rows, const panel32 *p, const int half,
                        size_t k, const uint8_t *x, size_t xStride, struct slice ahead[2],
                        size_t lines, f32x16 *acc) {
  float32x4_t y[I8MM_ROWS][2];
  UNROLL for (int i = 0; i < rows; i++) y[i][0] = y[i][1] = vdupq_n_f32(0.0f);
  for (size_t b = 0; b < k / 32; b++, p++) {
    if (half == 0) warm_lines(ahead, lines);
    pair_sums sums;
    clear_sums(sums);
    UNROLL for (int c = 0; c < 32; c += 16)
      multiply16(rows, p->q[c / 4] + 64 * half, x + b * 32 + c, xStride, sums);
    UNROLL for (int i = 0; i < rows; i++) {
      const uint8_t *row = x + (size_t)i * xStride;
      const float dx = float_at(row + act32_scales(k), b);
      const float32x4_t xsum = vdupq_n_f32((float)int_at(row + act32_sums(k), b));
      UNROLL for (int part = 0; part < 2; part++) {
        const int lane = 8 * half + 4 * part;
        float32x4_t sum = vcvtq_f32_s32(sums_of(sums, i, part));
        y[i][part] = vfmaq_f32(y[i][part], vmulq_n_f32(vld1q_f32(p->d + lane), dx), sum);
        if (!t.hasMin) continue;
        y[i][part] = vfmaq_f32(y[i][part], vmulq_n_f32(vld1q_f32(p->m + lane), dx), xsum);
      }
    }
  }
  UNROLL for (int i = 0; i < rows; i++)
    UNROLL for (int part = 0; part < 2; part++) acc[i].v[2 * half + part] = y[i][part];
}

INLINE void tile32(const struct traits32 t, const int rows, const panel32 *p0, const panel32 *p1,
                   size_t k, const uint8_t *x, size_t xStride, struct slice ahead[2],
                   size_t lines, f32x16 *acc0, f32x16 *acc1) {
  UNROLL for (int half = 0; half < 2; half++) {
    half_tile32(t, rows, p0, half, k, x, xStride, ahead, lines / 2 + 1, acc0);
    half_tile32(t, rows, p1, half, k, x, xStride, ahead, lines / 2, acc1);
  }
}
REGISTER_TILES(32, I8MM_ROWS)

// ---------------------------------------------------------------- BLOCK256
INLINE void pack256(const struct traits256 t, const struct group *g, size_t k, panel256 *panel) {
  for (size_t b = 0; b < k / 256; b++, panel++) {
    load256(t, g->w + b * t.bytes, g->stride, panel);
    for (int i = 0; i < 64; i += 2) // in place
      store_rows(panel->q[i], i32x16_load(panel->q[i]), i32x16_load(panel->q[i + 1]), t.offset);
  }
}

// The integer sums of a super-block, half a group.
INLINE void half_step256(const struct traits256 t, const int rows, const panel256 *p,
                         const int half, const uint8_t *x, size_t xStride, i32x16 *total) {
  pair_sums totals;
  clear_sums(totals);
  for (int sub = 0; sub < 256 / t.sub; sub++) {
    pair_sums sums;
    clear_sums(sums);
    UNROLL for (int c = 0; c < t.sub; c += 16) {
      const int column = sub * t.sub + c;
      multiply16(rows, p->q[column / 4] + 64 * half, x + column, xStride, sums);
    }
    UNROLL for (int w = 0; w < 4; w++) {
      int32x2_t two = vld1_s32(p->head.scales[sub] + 8 * half + 2 * w);
      UNROLL for (int pair = 0; pair < (rows + 1) / 2; pair++)
        totals[pair][w] = vmlaq_s32(totals[pair][w], sums[pair][w], vcombine_s32(two, two));
    }
  }
  UNROLL for (int i = 0; i < rows; i++)
    UNROLL for (int part = 0; part < 2; part++)
      total[i].v[2 * half + part] = sums_of(totals, i, part);
}

INLINE void tile256(const struct traits256 t, const int rows, const panel256 *p0,
                    const panel256 *p1, size_t k, const uint8_t *x, size_t xStride,
                    struct slice ahead[2], size_t lines, f32x16 *acc0, f32x16 *acc1) {
  for (size_t b = 0; b < k / 256; b++) {
    warm_lines(ahead, lines);
    UNROLL for (int side = 0; side < 2; side++) {
      const panel256 *p = (side ? p1 : p0) + b;
      i32x16 total[I8MM_ROWS];
      UNROLL for (int half = 0; half < 2; half++)
        half_step256(t, rows, p, half, x + b * 256, xStride, total);
      finish256(t, rows, &p->head, total, x, xStride, k, b, side ? acc1 : acc0);
    }
  }
}
REGISTER_TILES(256, I8MM_ROWS)
