// Products of many activation rows: a unit packs two groups of 16 weight rows into panels in the
// thread's scratch, once, and then takes the activation rows a tile at a time, while the weights
// of the next unit come nearer. A vocabulary may name a file of its own with `many32` and
// `many256` (TILES); the others share panels.h.

// 32 columns of 16 weight rows; in which order lies with whoever packs and reads it, and whether
// a column takes one byte or two (PANEL_WORDS 16).
#ifndef PANEL_WORDS
#define PANEL_WORDS 8
#endif
typedef struct {
  uint8_t q[PANEL_WORDS][64];
  float d[16], m[16];
} panel32;

// One of the two groups of a unit: neighbours in the matrix, or a gate and its up. The matrix may
// end before the second one, whose `w` then is NULL. Both may be given the same spare memory, so
// pack one before asking for the other.
static struct group group_of_unit(const struct job *job, size_t unit, int side, uint8_t *spare) {
  if (job->op->kind == OP_gated) return group_at(job, job->a[1 + side], unit, spare);
  const size_t index = 2 * unit + (size_t)side;
  if (index * GROUP >= job->op->n) return (struct group){0};
  return group_at(job, job->a[1], index, spare);
}

// What is done with the outputs of both groups for activation row m.
INLINE void finish_unit(const struct job *job, size_t m, const struct group g[2], f32x16 y0,
                        f32x16 y1) {
  if (job->op->kind == OP_gated) {
    finish_gated(job, m, g[0].row, g[0].from, g[0].to, y0, y1);
    return;
  }
  finish_matmul(job, m, g[0].row, g[0].from, g[0].to, y0);
  if (g[1].w) finish_matmul(job, m, g[1].row, g[1].from, g[1].to, y1);
}

// The walk for tiles in registers: pack##CLASS, then tile##CLASS with MOST, two and one
// activation rows.
#define REGISTER_TILES(CLASS, MOST)                                                              \
  INLINE void rows##CLASS(const struct traits##CLASS t, const int rows, const struct job *job,   \
                          size_t m, const struct group g[2], const panel##CLASS *p0,             \
                          const panel##CLASS *p1, struct slice ahead[2], size_t lines) {         \
    const size_t k = job->op->k, xStride = act##CLASS##_bytes(k);                                \
    f32x16 acc0[MOST], acc1[MOST];                                                               \
    CLEAR(acc0, rows);                                                                           \
    CLEAR(acc1, rows);                                                                           \
    tile##CLASS(t, rows, p0, p1, k, job->a[0] + m * xStride, xStride, ahead, lines, acc0, acc1); \
    UNROLL for (int i = 0; i < rows; i++) finish_unit(job, m + (size_t)i, g, acc0[i], acc1[i]);  \
  }                                                                                              \
  INLINE void many##CLASS(const struct traits##CLASS t, const struct job *job, size_t unit,      \
                          const struct warm *warm, uint8_t *scratch) {                           \
    const size_t rows = job->op->rows, k = job->op->k;                                           \
    panel##CLASS *p0 = (void *)scratch, *p1 = p0 + k / CLASS;                                    \
    uint8_t *spare = (uint8_t *)(p1 + k / CLASS);                                                \
    struct group g[2];                                                                           \
    g[0] = group_of_unit(job, unit, 0, spare);                                                   \
    pack##CLASS(t, &g[0], k, p0);                                                                \
    g[1] = group_of_unit(job, unit, 1, spare);                                                   \
    if (g[1].w) pack##CLASS(t, &g[1], k, p1);                                                    \
    else p1 = p0;                                                                                \
    struct slice ahead[2] = {slice_of(warm, 0, NULL), slice_of(warm, 1, NULL)};                  \
    const size_t lines = warm->bytes[0] / 64 / ((rows + MOST - 1) / MOST * (k / CLASS)) + 1;     \
    size_t m = 0;                                                                                \
    for (; m + MOST <= rows; m += MOST)                                                          \
      rows##CLASS(t, MOST, job, m, g, p0, p1, ahead, lines);                                     \
    if (MOST > 2)                                                                                \
      for (; m + 2 <= rows; m += 2) rows##CLASS(t, 2, job, m, g, p0, p1, ahead, lines);          \
    for (; m < rows; m++) rows##CLASS(t, 1, job, m, g, p0, p1, ahead, lines);                    \
  }

// The same for vocabularies that take a super-block of one group at a time: step256.
#define SUPER_TILES(MOST)                                                                        \
  INLINE void tile256(const struct traits256 t, const int rows, const panel256 *p0,              \
                      const panel256 *p1, size_t k, const uint8_t *x, size_t xStride,            \
                      struct slice ahead[2], size_t lines, f32x16 *acc0, f32x16 *acc1) {         \
    for (size_t b = 0; b < k / 256; b++) {                                                       \
      warm_lines(ahead, lines);                                                                  \
      step256(t, rows, p0 + b, x, xStride, k, b, acc0);                                          \
      step256(t, rows, p1 + b, x, xStride, k, b, acc1);                                          \
    }                                                                                            \
  }                                                                                              \
  REGISTER_TILES(256, MOST)

#ifndef TILES
#define TILES "panels.h"
#endif
#include TILES
