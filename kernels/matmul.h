// Products of quantised weights [n, k] and rounded activations [rows, k].
//
// Definition, per output: blocks ascending, integer sums exact,
//   BLOCK32:  acc = fmaf(d * dx, (float)sum(q * x), acc); acc = fmaf(m * dx, (float)sum(x), acc)
//   BLOCK256: acc = fmaf(d * dx, (float)sum_j(scale_j * sum(q * x)), acc)
//             acc = fmaf(-(dmin * dx), (float)sum_j(min_j * sum(x)), acc)
// then acc + bias, then residual + acc. The sums stay below 2^31: |x| is at most 127, and of
// |scale * q| Q6_K allows 128 * 32, IQ4_XS 32 * 127, Q5_K 63 * 31, IQ3_XXS 31 * 62, IQ2_* 31 * 43,
// Q4_K 63 * 15, IQ3_S 31 * 15, IQ1_* 15 * 9, Q3_K 32 * 4, Q2_K 15 * 3, TQ* 2. Sixteen weight rows
// are the lanes of a vector, so that an output never needs a horizontal sum, whatever the number of
// activation rows.

// What is done with 16 finished outputs of activation row m, weight rows `row` + [from, to).
// Called, not inlined: it stands behind every variant of every product.
CALLED void finish_lanes(const struct job *job, size_t m, size_t row, int from, int to, f32x16 y) {
  const cria_op *op = job->op;
  float value[16];
  f32x16_store(value, y);
  float *out = (float *)job->a[2] + m * op->p[1] + row;
  const float *bias = job->a[3] ? (const float *)job->a[3] + row : NULL;
  const float *residual = job->a[4] ? (const float *)job->a[4] + m * op->p[2] + row : NULL;
  for (int i = from; i < to; i++) {
    float v = value[i];
    if (bias) v = v + bias[i];
    out[i] = residual ? residual[i] + v : v;
  }
}

CALLED void finish_matmul(const struct job *job, size_t m, size_t row, int from, int to, f32x16 y) {
  const cria_op *op = job->op;
  if (from != 0 || to != 16) {
    finish_lanes(job, m, row, from, to, y);
    return;
  }
  if (job->a[3]) y = f32x16_add(y, f32x16_load((const float *)job->a[3] + row));
  if (job->a[4])
    y = f32x16_add(f32x16_load((const float *)job->a[4] + m * op->p[2] + row), y);
  f32x16_store((float *)job->a[2] + m * op->p[1] + row, y);
}

CALLED void finish_gated(const struct job *job, size_t m, size_t row, int from, int to,
                         f32x16 gate, f32x16 up) {
  const cria_op *op = job->op;
  f32x16 y = f32x16_mul(f32x16_activate(gate, op->p[2]), up);
  float *out = (float *)job->a[3] + m * op->p[1] + row;
  if (from == 0 && to == 16) {
    f32x16_store(out, y);
    return;
  }
  float value[16];
  f32x16_store(value, y);
  for (int i = from; i < to; i++) out[i] = value[i];
}

// Sixteen weight rows; the last group of a matrix overlaps the one before it and keeps its tail.
struct group {
  const uint8_t *w;
  size_t stride, row;
  int from, to;
};

static struct group group_at(const struct job *job, const uint8_t *w, size_t index,
                             uint8_t *spare) {
  size_t n = job->op->n, stride = quant_row_bytes(job->quant, job->op->k), row = index * GROUP;
  if (n < GROUP) { // too few rows to overlap: copy them and let the rest be zero
    memset(spare, 0, GROUP * stride);
    memcpy(spare, w, n * stride);
    return (struct group){spare, stride, 0, 0, (int)n};
  }
  size_t base = row + GROUP > n ? n - GROUP : row;
  return (struct group){w + base * stride, stride, base, (int)(row - base), GROUP};
}

// Weights to ask for while others are worked on, a line at a time: a burst of prefetches would
// hold up the loads of the work.
struct slice {
  const uint8_t *at, *end;
};

INLINE struct slice slice_of(const struct warm *warm, int side, const uint8_t *instead) {
  const uint8_t *from = warm->from[side];
  return (struct slice){from ? from : instead, from ? from + warm->bytes[side] : instead};
}

#define LINES(t) ((int)((t).bytes + 3) / 4) // of a block, 16 rows of it

// The share of a block's `lines` that falls to `count` parts of `parts` from `part` on; it may lie
// beyond the end, which only costs the asking.
INLINE void warm_up(const struct slice s, const int lines, const int part, const int parts,
                    const int count) {
  UNROLL for (int i = lines * part / parts; i < lines * (part + count) / parts; i++)
    prefetch(s.at + 64 * i);
}
INLINE struct slice after_block(struct slice s, const int lines) {
  return (struct slice){s.at < s.end ? s.at + 64 * lines : s.end, s.end};
}

// The same where the number of lines is known late: of both sides, and none beyond their ends.
INLINE void warm_lines(struct slice sides[2], size_t lines) {
  for (struct slice *s = sides; s < sides + 2; s++)
    for (size_t i = 0; i < lines && s->at < s->end; i++, s->at += 64) prefetch(s->at);
}

INLINE int32_t four_bytes(const uint8_t *p) {
  int32_t word;
  memcpy(&word, p, 4);
  return word;
}
INLINE float float_at(const uint8_t *p, size_t index) {
  float f;
  memcpy(&f, p + 4 * index, 4);
  return f;
}
INLINE int32_t int_at(const uint8_t *p, size_t index) { return four_bytes(p + 4 * index); }

// ---------------------------------------------------------------- BLOCK32
typedef void (*load32_fn)(const uint8_t *p, size_t stride, block32 *b);
struct traits32 {
  load32_fn load;
  int offset, hasMin, isSigned, most; // most: the largest code
  size_t bytes;
};

// Codes that a vocabulary multiplies together, see i32x16_dot_run.
#ifndef DOT_RUN
#define DOT_RUN(most) 1
INLINE i32x16 i32x16_dot_run(i32x16 sum, const i32x16 *q, const uint8_t *x, const int run) {
  (void)run;
  return i32x16_dot(sum, *q, four_bytes(x));
}
#endif

// One block of 16 weight rows into the outputs of `rows` activation rows.
INLINE void step32(const struct traits32 t, const int rows, const block32 *b, const uint8_t *x,
                   size_t xStride, size_t k, size_t index, struct slice warm, f32x16 *acc) {
  const int bias = t.isSigned ? DOT_SIGNED_BIAS : t.offset;
  const int run = t.isSigned ? 1 : DOT_RUN(t.most);
  UNROLL for (int i = 0; i < rows; i++) {
    const uint8_t *row = x + (size_t)i * xStride;
    const int32_t xsum = int_at(row + act32_sums(k), index);
    i32x16 sum = i32x16_set1(-bias * xsum);
    UNROLL for (int w = 0; w < 8; w += run) {
      if (i == 0) warm_up(warm, LINES(t), w, 8, run);
      const uint8_t *at = row + index * 32 + 4 * (size_t)w;
      sum = t.isSigned ? i32x16_dot_signed(sum, b->q[w], four_bytes(at))
                       : i32x16_dot_run(sum, b->q + w, at, run);
    }
    f32x16 dx = f32x16_set1(float_at(row + act32_scales(k), index));
    acc[i] = f32x16_fma(f32x16_mul(b->d, dx), f32x16_from_i32(sum), acc[i]);
    if (t.hasMin)
      acc[i] = f32x16_fma(f32x16_mul(b->m, dx), f32x16_set1((float)xsum), acc[i]);
  }
}

INLINE void load_prepared(const struct traits32 t, const uint8_t *p, size_t stride, block32 *b) {
  t.load(p, stride, b);
  if (t.isSigned) UNROLL for (int i = 0; i < 8; i++) b->q[i] = dot_prepare(b->q[i]);
}

// Few activation rows: weights go from memory through registers into the products.
INLINE void stream32(const struct traits32 t, const int rows, const struct group *g, size_t k,
                     const uint8_t *x, size_t xStride, struct slice warm, f32x16 *acc) {
  for (size_t b = 0; b < k / 32; b++) {
    block32 block;
    load_prepared(t, g->w + b * t.bytes, g->stride, &block);
    step32(t, rows, &block, x, xStride, k, b, warm, acc);
    warm = after_block(warm, LINES(t));
  }
}

// ---------------------------------------------------------------- BLOCK256
typedef void (*head256_fn)(const uint8_t *p, size_t stride, head256 *h, shared256 *shared);
// Columns 64 * quarter and on, for quarters in ascending order.
typedef void (*quarter256_fn)(const uint8_t *p, size_t stride, int quarter, shared256 *shared,
                              i32x16 q[16]);
// All of a super-block at once: codes as [column / 4][row][4].
typedef void (*expand_fn)(const uint8_t *p, size_t stride, head256 *h, uint8_t (*codes)[64]);
struct traits256 {
  head256_fn head;
  quarter256_fn quarter;
  int sub, offset, minSub, isSigned, most; // minSub: columns that share a minimum, 0: has none
  int isWide; // what follows is known late; `expand` stands for `head` and `quarter`
  size_t bytes;
  expand_fn expand;
};

// What the quarters of a super-block of 16 rows are made from.
struct open256 {
  const uint8_t *p;
  size_t stride;
  shared256 shared;
  uint8_t codes[64][64]; // all of them, when it was expanded: [column / 4][row][4]
};
INLINE void open_block(const struct traits256 t, const uint8_t *p, size_t stride, head256 *h,
                       struct open256 *block) {
  block->p = p, block->stride = stride;
  if (t.isWide) t.expand(p, stride, h, block->codes);
  else t.head(p, stride, h, &block->shared);
}
// A quarter as the products take it.
INLINE void prepared_quarter(const struct traits256 t, struct open256 *block, int quarter,
                             i32x16 q[16]) {
  if (t.isWide) {
    UNROLL for (int i = 0; i < 16; i++) q[i] = i32x16_load(block->codes[16 * quarter + i]);
    return;
  }
  t.quarter(block->p, block->stride, quarter, &block->shared, q);
  if (t.isSigned) UNROLL for (int i = 0; i < 16; i++) q[i] = dot_prepare(q[i]);
}
INLINE int bias256(const struct traits256 t) { return t.isSigned ? DOT_SIGNED_BIAS : t.offset; }

INLINE void load256(const struct traits256 t, const uint8_t *p, size_t stride, panel256 *panel) {
  if (t.isWide) {
    t.expand(p, stride, &panel->head, panel->q);
    return;
  }
  struct open256 block;
  open_block(t, p, stride, &panel->head, &block);
  UNROLL for (int quarter = 0; quarter < 4; quarter++) {
    i32x16 q[16];
    prepared_quarter(t, &block, quarter, q);
    UNROLL for (int i = 0; i < 16; i++) i32x16_store(panel->q[16 * quarter + i], q[i]);
  }
}

// Sum of the activations of a sub-block.
INLINE int32_t sub_sum(const struct traits256 t, const uint8_t *row, size_t k, size_t index,
                       int sub) {
  const size_t sums = t.sub == 16 ? act256_sums16(k) : act256_sums32(k);
  int16_t sum;
  memcpy(&sum, row + sums + (index * (256 / (size_t)t.sub) + (size_t)sub) * 2, 2);
  return sum;
}

// Which of the quarters that stand together in the code, and the lines to ask for beside these.
struct turn {
  int place, words, lines;
};

// A quarter of a super-block of 16 weight rows into the integer sums of `rows` activation rows.
INLINE void quarter256(const struct traits256 t, const int rows, const head256 *h,
                       const int quarter, const i32x16 q[16], const uint8_t *x, size_t xStride,
                       size_t k, size_t index, const struct turn turn, struct slice warm,
                       i32x16 *total) {
  UNROLL for (int part = 0; part < 64 / t.sub; part++) {
    const int sub = quarter * (64 / t.sub) + part, words = t.sub / 4;
    const int most = DOT_RUN(t.most) < words ? DOT_RUN(t.most) : words;
    const int run = t.isSigned ? 1 : most, bias = bias256(t);
    i32x16 scale = i32x16_load(h->scales[sub]);
    UNROLL for (int i = 0; i < rows; i++) {
      const uint8_t *row = x + (size_t)i * xStride;
      i32x16 sum = i32x16_set1(0);
      if (bias) sum = i32x16_set1(-bias * sub_sum(t, row, k, index, sub));
      const uint8_t *at = row + index * 256 + (size_t)(sub * t.sub);
      UNROLL for (int w = 0; w < words; w += run) {
        if (i == 0) warm_up(warm, turn.lines, turn.place * 16 + part * words + w, turn.words, run);
        const i32x16 *codes = q + part * words + w;
        sum = t.isSigned ? i32x16_dot_signed(sum, *codes, four_bytes(at + 4 * w))
                         : i32x16_dot_run(sum, codes, at + 4 * w, run);
      }
      total[i] = i32x16_add(total[i], i32x16_mul(sum, scale));
    }
  }
}

// The float chain of a super-block.
INLINE void finish256(const struct traits256 t, const int rows, const head256 *h,
                      const i32x16 *total, const uint8_t *x, size_t xStride, size_t k,
                      size_t index, f32x16 *acc) {
  const f32x16 dmin = f32x16_sub(f32x16_set1(-0.0f), t.minSub ? h->dmin : f32x16_set1(0.0f));
  const size_t sums = t.minSub == 16 ? act256_sums16(k) : act256_sums32(k);
  const int pairs = t.minSub == 16 ? 8 : 4;
  UNROLL for (int i = 0; i < rows; i++) {
    const uint8_t *row = x + (size_t)i * xStride;
    f32x16 dx = f32x16_set1(float_at(row + act256_scales(k), index));
    acc[i] = f32x16_fma(f32x16_mul(h->d, dx), f32x16_from_i32(total[i]), acc[i]);
    if (!t.minSub) continue;
    i32x16 mins = i32x16_set1(0);
    UNROLL for (int pair = 0; pair < pairs; pair++) {
      size_t at = sums + (index * (size_t)pairs + (size_t)pair) * 4;
      mins = i32x16_dot16(mins, i32x16_load(h->mins[pair]), four_bytes(row + at));
    }
    acc[i] = f32x16_fma(f32x16_mul(dmin, dx), f32x16_from_i32(mins), acc[i]);
  }
}

// Few activation rows: a quarter after the other goes from memory through registers.
INLINE void stream256(const struct traits256 t, const int rows, const struct group *g, size_t k,
                      const uint8_t *x, size_t xStride, struct slice warm, f32x16 *acc) {
  for (size_t b = 0; b < k / 256; b++) {
    head256 head;
    struct open256 block;
    i32x16 total[TILE_ROWS];
    UNROLL for (int i = 0; i < rows; i++) total[i] = i32x16_set1(0);
    open_block(t, g->w + b * t.bytes, g->stride, &head, &block);
    // all quarters of one activation row stand together in the code; for more rows, and for bytes
    // that were expanded into the nearest cache, that would be much code for little
    const int together = t.isWide ? 1 : rows > 1 ? 2 : 4;
    const int lines = t.isWide ? 7 : (LINES(t) * together + 3) / 4;
    struct slice ahead = warm;
    ROLLED for (int from = 0; from < 4; from += together) {
      UNROLL for (int i = 0; i < together; i++) {
        i32x16 q[16];
        const struct turn turn = {i, 16 * together, lines};
        prepared_quarter(t, &block, from + i, q);
        quarter256(t, rows, &head, from + i, q, x, xStride, k, b, turn, ahead, total);
      }
      ahead.at += 64 * lines;
    }
    finish256(t, rows, &head, total, x, xStride, k, b, acc);
    warm = after_block(warm, LINES(t));
  }
}

// ---------------------------------------------------------------- both classes
// Activation rows that share one walk over the weights in registers.
#ifndef FEW_ROWS
#define FEW_ROWS 4
#endif

// The same walk for every type: a unit is one group of 16 weight rows when there are few
// activation rows, and two groups (or a gate and its up) through panels when there are many.
#define CLEAR(acc, rows) UNROLL for (int i = 0; i < (rows); i++) acc[i] = f32x16_set1(0.0f)

#include "tiles.h"

#define PRODUCTS(NAME, CLASS, TRAITS)                                                            \
  INLINE void few_##NAME(const struct job *job, const int rows, size_t m, size_t unit,           \
                         const struct warm *warm, uint8_t *scratch) {                            \
    const size_t k = job->op->k, xStride = act##CLASS##_bytes(k);                                \
    const uint8_t *x = job->a[0] + m * xStride;                                                  \
    uint8_t *spare = scratch;                                                                    \
    const int gated = job->op->kind == OP_gated;                                                 \
    f32x16 acc[2][TILE_ROWS];                                                                    \
    struct group g;                                                                              \
    for (int side = 0; side <= gated; side++) { /* the weight, or the gate and its up */         \
      const uint8_t *w = job->a[1 + side];                                                       \
      f32x16 sums[TILE_ROWS];                                                                    \
      CLEAR(sums, rows);                                                                         \
      g = group_at(job, w, unit, spare);                                                         \
      const struct slice ahead = slice_of(warm, side, x);                                        \
      stream##CLASS(TRAITS, rows, &g, k, x, xStride, ahead, sums);                               \
      UNROLL for (int i = 0; i < rows; i++) acc[side][i] = sums[i];                              \
    }                                                                                            \
    UNROLL for (int i = 0; i < rows; i++) {                                                      \
      size_t at = m + (size_t)i;                                                                 \
      if (gated) finish_gated(job, at, g.row, g.from, g.to, acc[0][i], acc[1][i]);               \
      else finish_matmul(job, at, g.row, g.from, g.to, acc[0][i]);                               \
    }                                                                                            \
  }                                                                                              \
  static void product_##NAME(const struct job *job, int64_t unit, const struct warm *warm,       \
                             uint8_t *scratch) {                                                 \
    const size_t rows = job->op->rows, u = (size_t)unit;                                         \
    if (rows <= FEW_ROWS) switch (rows) {                                                        \
      case 1: few_##NAME(job, 1, 0, u, warm, scratch); return;                                   \
      case 2: few_##NAME(job, 2, 0, u, warm, scratch); return;                                   \
      case 3: few_##NAME(job, 3, 0, u, warm, scratch); return;                                   \
      case 4: few_##NAME(job, 4, 0, u, warm, scratch); return;                                   \
      }                                                                                          \
    if (rows <= TILE_ROWS) {                                                                     \
      for (size_t i = 0; i < rows; i++) few_##NAME(job, 1, i, u, warm, scratch);                 \
      return;                                                                                    \
    }                                                                                            \
    many##CLASS(TRAITS, job, u, warm, scratch);                                                  \
  }

#define TRAITS32(T)                                                                              \
  ((struct traits32){load_##T, OFFSET_##T, HAS_MIN_##T, SIGNED_##T, MOST_##T, BYTES_##T})
#define TRAITS256(T)                                                                             \
  ((struct traits256){head_##T, quarter_##T, CODES_##T, 0, BYTES_##T, NULL})
// One product for all types that are expanded.
static const expand_fn expanders[QUANT_COUNT] = {
#define EXPANDER_FLOAT(T)
#define EXPANDER_BLOCK32(T)
#define EXPANDER_BLOCK256(T)
#define EXPANDER_WIDE256(T) [QUANT_##T] = expand_##T,
#define QUANT(name, id, elements, bytes, class) EXPANDER_##class(name)
#include "quants.def"
#undef QUANT
};
#define TRAITS_WIDE(quant)                                                                       \
  ((struct traits256){                                                                           \
      NULL, NULL, CODES_WIDE, 1, quants[quant].bytes, expanders[quant]})
PRODUCTS(WIDE, 256, TRAITS_WIDE(job->quant))
#define PRODUCTS_FLOAT(T)
#define PRODUCTS_BLOCK32(T) PRODUCTS(T, 32, TRAITS32(T))
#define PRODUCTS_BLOCK256(T) PRODUCTS(T, 256, TRAITS256(T))
#define PRODUCTS_WIDE256(T)                                                                      \
  static void product_##T(const struct job *job, int64_t unit, const struct warm *warm,          \
                          uint8_t *scratch) {                                                    \
    product_WIDE(job, unit, warm, scratch);                                                      \
  }
#define QUANT(name, id, elements, bytes, class) PRODUCTS_##class(name)
#include "quants.def"
#undef QUANT
