// Products of many activation rows through registers: panels for a dot product of four columns a
// lane, TILE_M activation rows at a time (TILE_M_WIDE where super-blocks need more registers).

INLINE void pack32(const struct traits32 t, const struct group *g, size_t k, panel32 *panel) {
  for (size_t b = 0; b < k / 32; b++, panel++) {
    block32 block;
    load_prepared(t, g->w + b * t.bytes, g->stride, &block);
    UNROLL for (int i = 0; i < 8; i++) i32x16_store(panel->q[i], block.q[i]);
    f32x16_store(panel->d, block.d);
    if (t.hasMin) f32x16_store(panel->m, block.m);
  }
}

// Two packed groups against `rows` activation rows.
INLINE void tile32(const struct traits32 t, const int rows, const panel32 *p0, const panel32 *p1,
                   size_t k, const uint8_t *x, size_t xStride, struct slice ahead[2],
                   size_t lines, f32x16 *acc0, f32x16 *acc1) {
  const int bias = t.isSigned ? DOT_SIGNED_BIAS : t.offset;
  for (size_t b = 0; b < k / 32; b++, p0++, p1++) {
    warm_lines(ahead, lines);
    i32x16 sum0[TILE_M], sum1[TILE_M];
    UNROLL for (int i = 0; i < rows; i++) {
      int32_t xsum = int_at(x + (size_t)i * xStride + act32_sums(k), b);
      sum0[i] = sum1[i] = i32x16_set1(-bias * xsum);
    }
    UNROLL for (int w = 0; w < 8; w++) {
      i32x16 w0 = i32x16_load(p0->q[w]), w1 = i32x16_load(p1->q[w]);
      UNROLL for (int i = 0; i < rows; i++) {
        int32_t xw = four_bytes(x + (size_t)i * xStride + b * 32 + 4 * (size_t)w);
        sum0[i] = t.isSigned ? i32x16_dot_signed(sum0[i], w0, xw) : i32x16_dot(sum0[i], w0, xw);
        sum1[i] = t.isSigned ? i32x16_dot_signed(sum1[i], w1, xw) : i32x16_dot(sum1[i], w1, xw);
      }
    }
    f32x16 d0 = f32x16_load(p0->d), d1 = f32x16_load(p1->d);
    UNROLL for (int i = 0; i < rows; i++) {
      f32x16 dx = f32x16_set1(float_at(x + (size_t)i * xStride + act32_scales(k), b));
      acc0[i] = f32x16_fma(f32x16_mul(d0, dx), f32x16_from_i32(sum0[i]), acc0[i]);
      acc1[i] = f32x16_fma(f32x16_mul(d1, dx), f32x16_from_i32(sum1[i]), acc1[i]);
      if (!t.hasMin) continue;
      f32x16 xs = f32x16_set1((float)int_at(x + (size_t)i * xStride + act32_sums(k), b));
      acc0[i] = f32x16_fma(f32x16_mul(f32x16_load(p0->m), dx), xs, acc0[i]);
      acc1[i] = f32x16_fma(f32x16_mul(f32x16_load(p1->m), dx), xs, acc1[i]);
    }
  }
}
REGISTER_TILES(32, TILE_M)

// One packed super-block of 16 weight rows into the outputs of `rows` activation rows.
INLINE void step256(const struct traits256 t, const int rows, const panel256 *p, const uint8_t *x,
                    size_t xStride, size_t k, size_t index, f32x16 *acc) {
  const int bias = bias256(t);
  i32x16 total[TILE_ROWS];
  UNROLL for (int i = 0; i < rows; i++) total[i] = i32x16_set1(0);
  for (int sub = 0; sub < 256 / t.sub; sub++) {
    i32x16 sum[TILE_ROWS], scale = i32x16_load(p->head.scales[sub]);
    UNROLL for (int i = 0; i < rows; i++)
      sum[i] = i32x16_set1(
          bias ? -bias * sub_sum(t, x + (size_t)i * xStride, k, index, sub) : 0);
    UNROLL for (int w = 0; w < t.sub / 4; w++) {
      i32x16 q = i32x16_load(p->q[sub * (t.sub / 4) + w]);
      size_t at = index * 256 + (size_t)(sub * t.sub + 4 * w);
      UNROLL for (int i = 0; i < rows; i++) {
        const int32_t xw = four_bytes(x + (size_t)i * xStride + at);
        sum[i] = t.isSigned ? i32x16_dot_signed(sum[i], q, xw) : i32x16_dot(sum[i], q, xw);
      }
    }
    UNROLL for (int i = 0; i < rows; i++)
      total[i] = i32x16_add(total[i], i32x16_mul(sum[i], scale));
  }
  finish256(t, rows, &p->head, total, x, xStride, k, index, acc);
}

INLINE void pack256(const struct traits256 t, const struct group *g, size_t k, panel256 *panel) {
  for (size_t b = 0; b < k / 256; b++) load256(t, g->w + b * t.bytes, g->stride, panel + b);
}

SUPER_TILES(TILE_M_WIDE)
