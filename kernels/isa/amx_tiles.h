// Products of many activation rows on AMX: sum[row][lane] += x[row][column] * w[column / 4][lane]
// [4] with exact int32 sums. The activations' rows are tiles as they lie; a lane is a weight row.
//
// Sums reach the float chains through memory. The products of a step are asked for first, then
// come the chains of the step before it, on AVX-512, then the sums are stored: so that neither
// waits for the other, and no load follows a store that still waits for its sums and whose address
// has the same lowest 12 bits, which processors take for the same address at first.
//
// A unit configures the tiles and releases them at its end: both cost little beside a unit, each
// operation has its own height, and a thread that is put aside between units has no tile data
// (8 KB) to be saved. The permission to use tiles belongs to the process (cpu.h).
enum { TILE_SIDE = 16, TILES_TOGETHER = 2 };
typedef float chains[TILES_TOGETHER][2][TILE_SIDE][16]; // [tile][side][row][lane]
typedef int32_t tile_sums[TILE_SIDE][16];               // [row][lane]

// Activation rows are cut into tiles of the same height, so that one configuration serves all;
// the last tile overlaps the one before it and keeps its tail.
struct cut {
  size_t tiles, height;
};
static struct cut cut_rows(size_t rows) {
  size_t tiles = (rows + TILE_SIDE - 1) / TILE_SIDE;
  return (struct cut){tiles, (rows + tiles - 1) / tiles};
}

// Up to two tiles of activation rows against the groups of a unit.
struct patch {
  const struct job *job;
  const struct group *g;
  const uint8_t *x[TILES_TOGETHER];
  size_t from[TILES_TOGETHER], start[TILES_TOGETHER]; // first row to be finished, first row
  size_t k, xStride, height;
  unsigned tiles, sides;
};
static struct patch patch_at(const struct job *job, const struct group *g, struct cut cut,
                             size_t tile, size_t xStride) {
  struct patch patch = {job, g, .k = job->op->k, .xStride = xStride, .height = cut.height};
  patch.tiles = cut.tiles - tile < TILES_TOGETHER ? 1 : TILES_TOGETHER;
  patch.sides = g[1].w ? 2 : 1;
  for (unsigned i = 0; i < patch.tiles; i++) {
    size_t from = (tile + i) * cut.height, last = job->op->rows - cut.height;
    patch.from[i] = from, patch.start[i] = from < last ? from : last;
    patch.x[i] = job->a[0] + patch.start[i] * xStride;
  }
  return patch;
}

INLINE void finish_patch(const struct patch *patch, chains acc) {
  for (unsigned tile = 0; tile < patch->tiles; tile++)
    for (size_t m = patch->from[tile]; m < patch->start[tile] + patch->height; m++) {
      const size_t i = m - patch->start[tile];
      f32x16 y0 = f32x16_load(acc[tile][0][i]), y1 = f32x16_load(acc[tile][1][i]);
      finish_unit(patch->job, m, patch->g, y0, y1);
    }
}

// Tiles 0 to 3 hold sums, 4 and 5 activations, 6 and 7 weights.
static void configure(size_t height, size_t columns) {
  struct {
    uint8_t palette, startRow, reserved[14];
    uint16_t rowBytes[16];
    uint8_t rows[16];
  } shapes = {.palette = 1};
  for (int i = 0; i < 8; i++) {
    shapes.rowBytes[i] = (uint16_t)(i / 2 == 2 ? columns : 64);
    shapes.rows[i] = (uint8_t)(i / 2 == 3 ? columns / 4 : height);
  }
  tile_config(&shapes);
}

// Both groups of a unit, packed one behind the other; and all tiles of activation rows, STEPS
// (about) for each tile.
#define AMX_TILES(CLASS, PANEL, DEPTH, STEPS)                                                    \
  INLINE void many##CLASS(const struct traits##CLASS t, const struct job *job, size_t unit,      \
                          const struct warm *warm, uint8_t *scratch) {                           \
    const size_t blocks = job->op->k / CLASS, xStride = act##CLASS##_bytes(job->op->k);          \
    PANEL *panels = (void *)scratch;                                                             \
    uint8_t *spare = (uint8_t *)(panels + 2 * blocks);                                           \
    struct group g[2];                                                                           \
    for (int side = 0; side < 2; side++) {                                                       \
      g[side] = group_of_unit(job, unit, side, spare);                                           \
      if (g[side].w) pack##CLASS(t, &g[side], blocks, panels + (size_t)side * blocks);           \
    }                                                                                            \
    const struct cut cut = cut_rows(job->op->rows);                                              \
    configure(cut.height, DEPTH);                                                                \
    struct slice ahead[2] = {slice_of(warm, 0, NULL), slice_of(warm, 1, NULL)};                  \
    const size_t lines = warm->bytes[0] / 64 / (cut.tiles * (STEPS)) + 1; /* for each step */    \
    for (size_t tile = 0; tile < cut.tiles; tile += TILES_TOGETHER) {                            \
      const struct patch patch = patch_at(job, g, cut, tile, xStride);                           \
      patch##CLASS(t, &patch, panels, blocks, ahead, lines);                                     \
    }                                                                                            \
    tile_release();                                                                              \
  }

// ---------------------------------------------------------------- BLOCK32
// A scale every 32 columns: a tile is half as deep as it could be, and its sums are used once.
enum { STEP_BLOCKS = 2 };

INLINE void pack32(const struct traits32 t, const struct group *g, size_t blocks, panel32 *panel) {
  const __m512i offset = _mm512_set1_epi8((char)t.offset);
  for (size_t b = 0; b < blocks; b++, panel++) {
    block32 block;
    t.load(g->w + b * t.bytes, g->stride, &block);
    UNROLL for (int i = 0; i < 8; i++)
      i32x16_store(panel->q[i], _mm512_sub_epi8(block.q[i], offset));
    f32x16_store(panel->d, block.d);
    if (t.hasMin) f32x16_store(panel->m, block.m);
  }
}

// Up to two blocks of one tile of activation rows, against both groups: the activations are
// loaded once for the two.
struct step32 {
  const panel32 *panel[2]; // [side] -> [count]
  const uint8_t *x;
  size_t index, count, sides;
  float (*acc)[TILE_SIDE][16]; // [side][height][16]
};

// After the last step its panels, index and count mean nothing.
INLINE struct step32 step32_at(const struct patch *patch, const panel32 *panels, size_t blocks,
                               size_t step, chains acc) {
  const size_t tile = step & (patch->tiles - 1); // of 1 or 2
  const size_t index = (step >> (patch->tiles - 1)) * STEP_BLOCKS, left = blocks - index;
  return (struct step32){{panels + index, panels + blocks + index}, patch->x[tile], index,
                         left < STEP_BLOCKS ? left : STEP_BLOCKS, patch->sides, acc[tile]};
}

#define MULTIPLY32(sum, rows, weights, side, block)                                              \
  tile_zero(sum);                                                                                \
  tile_load(weights, s.panel[side][block].q, 64);                                                \
  tile_dot(sum, rows, weights)
INLINE void multiply32(const struct step32 s, size_t xStride) {
  tile_load(4, s.x + s.index * 32, xStride);
  MULTIPLY32(0, 4, 6, 0, 0);
  if (s.sides > 1) { MULTIPLY32(1, 4, 7, 1, 0); }
  if (s.count < STEP_BLOCKS) return;
  tile_load(5, s.x + s.index * 32 + 32, xStride);
  MULTIPLY32(2, 5, 6, 0, 1);
  if (s.sides > 1) { MULTIPLY32(3, 5, 7, 1, 1); }
}
INLINE void store32(const struct step32 s, tile_sums sums[STEP_BLOCKS][2]) {
  tile_store(0, sums[0][0]);
  if (s.sides > 1) tile_store(1, sums[0][1]);
  if (s.count < STEP_BLOCKS) return;
  tile_store(2, sums[1][0]);
  if (s.sides > 1) tile_store(3, sums[1][1]);
}

INLINE void chain32(const struct traits32 t, const int count, const int sides,
                    const struct patch *patch, const struct step32 s,
                    const tile_sums sums[STEP_BLOCKS][2]) {
  const uint8_t *scales = s.x + act32_scales(patch->k), *xsums = s.x + act32_sums(patch->k);
  f32x16 d[2][STEP_BLOCKS], m[2][STEP_BLOCKS];
  UNROLL for (int side = 0; side < sides; side++)
    UNROLL for (int j = 0; j < count; j++) {
      d[side][j] = f32x16_load(s.panel[side][j].d);
      if (t.hasMin) m[side][j] = f32x16_load(s.panel[side][j].m);
    }
  for (size_t i = 0; i < patch->height; i++) {
    f32x16 y[2];
    UNROLL for (int side = 0; side < sides; side++) y[side] = f32x16_load(s.acc[side][i]);
    UNROLL for (int j = 0; j < count; j++) {
      const f32x16 dx = f32x16_set1(float_at(scales, s.index + (size_t)j));
      const f32x16 xsum = f32x16_from_i32(i32x16_set1(int_at(xsums, s.index + (size_t)j)));
      UNROLL for (int side = 0; side < sides; side++) {
        f32x16 sum = f32x16_from_i32(i32x16_load(sums[j][side][i]));
        y[side] = f32x16_fma(f32x16_mul(d[side][j], dx), sum, y[side]);
        if (t.hasMin) y[side] = f32x16_fma(f32x16_mul(m[side][j], dx), xsum, y[side]);
      }
    }
    UNROLL for (int side = 0; side < sides; side++) f32x16_store(s.acc[side][i], y[side]);
    scales += patch->xStride, xsums += patch->xStride;
  }
}

INLINE void patch32(const struct traits32 t, const struct patch *patch, const panel32 *panels,
                    size_t blocks, struct slice ahead[2], size_t lines) {
  _Alignas(1024) chains acc = {0};
  _Alignas(1024) tile_sums sums[STEP_BLOCKS][2];
  const size_t steps = (blocks + STEP_BLOCKS - 1) / STEP_BLOCKS << (patch->tiles - 1);
  struct step32 next, s = {.count = 0};
  for (size_t step = 0; step <= steps; step++, s = next) {
    warm_lines(ahead, lines);
    next = step32_at(patch, panels, blocks, step, acc);
    if (step < steps) multiply32(next, patch->xStride);
    if (s.count == 1 && s.sides == 1) chain32(t, 1, 1, patch, s, sums);
    else if (s.count == 1) chain32(t, 1, 2, patch, s, sums);
    else if (s.count && s.sides == 1) chain32(t, STEP_BLOCKS, 1, patch, s, sums);
    else if (s.count) chain32(t, STEP_BLOCKS, 2, patch, s, sums);
    if (step < steps) store32(next, sums);
  }
  finish_patch(patch, acc);
}
AMX_TILES(32, panel32, 32, (blocks + 1) / 2)

// ---------------------------------------------------------------- BLOCK256
// scale * (q - bias) needs up to 14 bits: it becomes low + (high << shift), each in a byte, and a
// super-block is four full tiles deep with one float step.
typedef struct {
  head256 head;
  uint8_t q[4][2][16][64]; // [quarter][plane][column / 4][lane][4]
} planes256;
enum { SHIFT_SCALE = 3, SHIFT_PRODUCT = 6 };

INLINE __m512i in_both_halves(i32x16 a) {
  return i32x16_or(i32x16_and(a, i32x16_set1(0xffff)), i32x16_shl(a, 16));
}

// Without an offset the scale is cut, 3 bits and 3 bits: 7 * 31 stays within an unsigned byte, so
// that a 16-bit product is two products of bytes.
INLINE void split_scale(i32x16 q, i32x16 scale, uint8_t *low, uint8_t *high) {
  i32x16 fine = in_both_halves(i32x16_and(scale, i32x16_set1(7)));
  i32x16 coarse = in_both_halves(i32x16_shr(scale, SHIFT_SCALE));
  i32x16_store(low, _mm512_mullo_epi16(q, fine));
  i32x16_store(high, _mm512_mullo_epi16(q, coarse));
}

// With an offset or a sign (scales of both signs) the product is cut: 6 bits, and a signed rest,
// which has room for -8192 to 8191 less 6 bits. Q6_K needs 128 * 32 = 4096 of it, IQ4_XS
// 32 * 127 = 4064, IQ3_XXS 31 * 62, the others less.
INLINE void split_product(i32x16 q, int offset, i32x16 scale, uint8_t *low, uint8_t *high) {
  const __m512i byte = _mm512_set1_epi16(255), six = _mm512_set1_epi16(63);
  const __m512i minus = _mm512_set1_epi16((short)offset), factor = in_both_halves(scale);
  __m512i even = _mm512_sub_epi16(_mm512_and_si512(q, byte), minus);
  __m512i odd = _mm512_sub_epi16(_mm512_srli_epi16(q, 8), minus);
  even = _mm512_mullo_epi16(even, factor), odd = _mm512_mullo_epi16(odd, factor);
  __m512i lowOdd = _mm512_slli_epi16(_mm512_and_si512(odd, six), 8);
  i32x16_store(low, i32x16_or(_mm512_and_si512(even, six), lowOdd));
  __m512i evenRest = _mm512_and_si512(_mm512_srai_epi16(even, SHIFT_PRODUCT), byte);
  __m512i oddRest = _mm512_slli_epi16(_mm512_srai_epi16(odd, SHIFT_PRODUCT), 8);
  i32x16_store(high, i32x16_or(evenRest, oddRest));
}

INLINE void pack256(const struct traits256 t, const struct group *g, size_t blocks,
                    planes256 *panel) {
  for (size_t b = 0; b < blocks; b++, panel++) {
    struct open256 block;
    open_block(t, g->w + b * t.bytes, g->stride, &panel->head, &block);
    UNROLL for (int quarter = 0; quarter < 4; quarter++) {
      i32x16 q[16];
      prepared_quarter(t, &block, quarter, q);
      UNROLL for (int w = 0; w < 16; w++) {
        uint8_t *low = panel->q[quarter][0][w], *high = panel->q[quarter][1][w];
        i32x16 scale = i32x16_load(panel->head.scales[(64 * quarter + 4 * w) / t.sub]);
        if (bias256(t)) split_product(q[w], bias256(t), scale, low, high);
        else split_scale(q[w], scale, low, high);
      }
    }
  }
}

// A super-block of one group: sums of both planes for each tile of activation rows.
#define MULTIPLY256(sum, rows, weights)                                                          \
  if (bias256(t)) tile_dot(sum, rows, weights);                                                    \
  else tile_dot_unsigned(sum, rows, weights)
INLINE void multiply256(const struct traits256 t, const struct patch *patch, const planes256 *p,
                        size_t index) {
  const int two = patch->tiles > 1;
  tile_zero(0), tile_zero(1), tile_zero(2), tile_zero(3);
  for (size_t quarter = 0; quarter < 4; quarter++) {
    tile_load(4, patch->x[0] + index * 256 + quarter * 64, patch->xStride);
    tile_load(6, p->q[quarter][0], 64);
    MULTIPLY256(0, 4, 6);
    tile_load(7, p->q[quarter][1], 64);
    MULTIPLY256(1, 4, 7);
    if (!two) continue;
    tile_load(5, patch->x[1] + index * 256 + quarter * 64, patch->xStride);
    MULTIPLY256(2, 5, 6);
    MULTIPLY256(3, 5, 7);
  }
}
INLINE void store256(const struct patch *patch, tile_sums sums[TILES_TOGETHER][2]) {
  tile_store(0, sums[0][0]), tile_store(1, sums[0][1]);
  if (patch->tiles > 1) tile_store(2, sums[1][0]), tile_store(3, sums[1][1]);
}

INLINE void chain256(const struct traits256 t, const struct patch *patch, unsigned tile,
                     const head256 *from, size_t index, const tile_sums sums[2], float acc[][16]) {
  const int shift = bias256(t) ? SHIFT_PRODUCT : SHIFT_SCALE;
  const head256 head = *from; // what of it is needed, in registers
  const uint8_t *x = patch->x[tile];
  for (size_t i = 0; i < patch->height; i++, x += patch->xStride) {
    i32x16 low = i32x16_load(sums[0][i]), high = i32x16_load(sums[1][i]);
    i32x16 total = i32x16_add(low, i32x16_shl(high, shift));
    f32x16 y = f32x16_load(acc[i]);
    finish256(t, 1, &head, &total, x, 0, patch->k, index, &y);
    f32x16_store(acc[i], y);
  }
}

INLINE void patch256(const struct traits256 t, const struct patch *patch, const planes256 *panels,
                     size_t blocks, struct slice ahead[2], size_t lines) {
  _Alignas(1024) chains acc = {0};
  _Alignas(1024) tile_sums sums[TILES_TOGETHER][2];
  const size_t steps = blocks << (patch->sides - 1);
  size_t side = 0, index = 0; // of the step before
  for (size_t step = 0; step <= steps; step++) {
    const size_t nextSide = step & (patch->sides - 1), next = step >> (patch->sides - 1);
    warm_lines(ahead, lines);
    if (step < steps) multiply256(t, patch, panels + nextSide * blocks + next, next);
    for (unsigned tile = 0; step > 0 && tile < patch->tiles; tile++)
      chain256(t, patch, tile, &panels[side * blocks + index].head, index, sums[tile],
               acc[tile][side]);
    if (step < steps) store256(patch, sums);
    side = nextSide, index = next;
  }
  finish_patch(patch, acc);
}
AMX_TILES(256, planes256, 64, blocks)
