// Products of float weights [n, k] (F32, F16, BF16, widened exactly) and float activations.
//
// Definition, per output: sixteen lanes over the columns (column mod 16, ascending), each a chain
// of fmaf(w, x, lane), the last columns padded with zeros; then the tree +8, +4, +2, +1; then
// acc + bias, then residual + acc. The same for one row and for many.
typedef f32x16 (*widen_fn)(const void *p);
struct floats {
  widen_fn widen;
  size_t bytes;
};

INLINE f32x16 load_columns(const struct floats t, const uint8_t *p, size_t count) {
  if (count >= 16) return t.widen(p);
  uint8_t padded[64] = {0};
  memcpy(padded, p, count * t.bytes);
  return t.widen(padded);
}

// Sixteen columns, or what is left of them, of `count` weight rows and `rows` activation rows.
INLINE void step_float(const struct floats t, const int count, const int rows, const uint8_t *w,
                       const uint8_t *x, size_t xStride, size_t k, size_t c, const int whole,
                       f32x16 acc[][FLOAT_M]) {
  const struct floats f32 = {f32x16_load, 4};
  f32x16 xv[FLOAT_M];
  UNROLL for (int i = 0; i < rows; i++) {
    const uint8_t *p = x + ((size_t)i * xStride + c) * 4;
    xv[i] = whole ? f32x16_load(p) : load_columns(f32, p, k - c);
  }
  UNROLL for (int j = 0; j < count; j++) {
    const uint8_t *p = w + ((size_t)j * k + c) * t.bytes;
    f32x16 wv = whole ? t.widen(p) : load_columns(t, p, k - c);
    UNROLL for (int i = 0; i < rows; i++) acc[j][i] = f32x16_fma(wv, xv[i], acc[j][i]);
  }
}

enum { COLUMNS = 1024 }; // of a pass: what a pass reads again stays in the first-level cache
// Weight rows of a tile of a single activation row, which waits for memory: the next unit is asked
// for meanwhile.
enum { SINGLE_N = 4 };
INLINE void prefetch_lines(struct slice *ahead, const int lines) {
  UNROLL for (int i = 0; i < lines; i++) prefetch(ahead->at + 64 * i);
  *ahead = after_block(*ahead, lines);
}

// Columns [c, end) of `count` weight rows against `rows` activation rows; `lanes` keep the sums
// between passes, the last of which adds them up.
INLINE void tile_float(const struct floats t, const int count, const int rows, const uint8_t *w,
                       const uint8_t *x, size_t xStride, size_t k, size_t c, size_t end,
                       struct slice *ahead, f32x16 lanes[][FLOAT_M], float out[][16]) {
  const int lines = rows == 1 ? (count * (int)t.bytes + 3) / 4 : 0; // of 16 columns
  f32x16 acc[SINGLE_N][FLOAT_M];
  UNROLL for (int j = 0; j < count; j++)
    UNROLL for (int i = 0; i < rows; i++) acc[j][i] = c ? lanes[j][i] : f32x16_set1(0.0f);
  for (; c + 16 <= end; c += 16) {
    if (lines) prefetch_lines(ahead, lines);
    step_float(t, count, rows, w, x, xStride, k, c, 1, acc);
  }
  if (c < end) step_float(t, count, rows, w, x, xStride, k, c, 0, acc);
  UNROLL for (int j = 0; j < count; j++)
    UNROLL for (int i = 0; i < rows; i++)
      if (end < k) lanes[j][i] = acc[j][i];
      else out[i][j] = f32x16_sum(acc[j][i]);
}

// `rows` activation rows against a group of up to 16 weight rows: out[row][weight row].
INLINE void group_float(const struct floats t, const int rows, const struct job *job,
                        const uint8_t *matrix, size_t m, size_t row, size_t count,
                        struct slice *ahead, float out[][16]) {
  const cria_op *op = job->op;
  const size_t k = op->k, xStride = op->p[0];
  const uint8_t *x = job->a[0] + m * xStride * 4, *w = matrix + row * k * t.bytes;
  const int side = rows == 1 ? SINGLE_N : FLOAT_N;
  f32x16 lanes[GROUP][FLOAT_M];
  for (size_t c = 0; c < k; c += COLUMNS) {
    const size_t end = k - c > COLUMNS ? c + COLUMNS : k;
    size_t j = 0;
    for (; j + (size_t)side <= count; j += (size_t)side)
      tile_float(t, side, rows, w + j * k * t.bytes, x, xStride, k, c, end, ahead, lanes + j,
                 (float(*)[16])&out[0][j]);
    for (; j < count; j++)
      tile_float(t, 1, rows, w + j * k * t.bytes, x, xStride, k, c, end, ahead, lanes + j,
                 (float(*)[16])&out[0][j]);
  }
}

INLINE void rows_float(const struct floats t, const int rows, const struct job *job, size_t m,
                       size_t row, struct slice ahead[2]) {
  float out[FLOAT_M][16] = {{0}}, up[FLOAT_M][16] = {{0}};
  size_t n = job->op->n, count = n - row < GROUP ? n - row : GROUP;
  group_float(t, rows, job, job->a[1], m, row, count, ahead, out);
  if (job->op->kind == OP_gated)
    group_float(t, rows, job, job->a[2], m, row, count, ahead + 1, up);
  for (int i = 0; i < rows; i++) {
    size_t at = m + (size_t)i;
    f32x16 y = f32x16_load(out[i]);
    if (job->op->kind == OP_gated)
      finish_gated(job, at, row, 0, (int)count, y, f32x16_load(up[i]));
    else finish_matmul(job, at, row, 0, (int)count, y);
  }
}

// The groups of a unit against `rows` activation rows.
INLINE void unit_float(const struct floats t, const int rows, const struct job *job,
                       int64_t unit, size_t m, struct slice ahead[2]) {
  const size_t groups = unit_groups(job->op), first = (size_t)unit * groups * GROUP;
  for (size_t row = first; row < first + groups * GROUP && row < job->op->n; row += GROUP)
    rows_float(t, rows, job, m, row, ahead);
}

INLINE void product_float(const struct floats t, const struct job *job, int64_t unit,
                          const struct warm *warm) {
  const size_t rows = job->op->rows;
  const uint8_t *x = job->a[0];
  struct slice ahead[2] = {slice_of(warm, 0, x), slice_of(warm, 1, x)};
  size_t m = 0;
  for (; m + FLOAT_M <= rows; m += FLOAT_M) unit_float(t, FLOAT_M, job, unit, m, ahead);
  if (FLOAT_M > 4)
    for (; m + 4 <= rows; m += 4) unit_float(t, 4, job, unit, m, ahead);
  if (FLOAT_M > 2)
    for (; m + 2 <= rows; m += 2) unit_float(t, 2, job, unit, m, ahead);
  for (; m < rows; m++) unit_float(t, 1, job, unit, m, ahead);
}

#define FLOAT_PRODUCTS(T, WIDEN, BYTES)                                                          \
  static void product_##T(const struct job *job, int64_t unit, const struct warm *warm,          \
                          uint8_t *scratch) {                                                    \
    (void)scratch;                                                                               \
    product_float((struct floats){WIDEN, BYTES}, job, unit, warm);                               \
  }
FLOAT_PRODUCTS(F32, f32x16_load, 4)
FLOAT_PRODUCTS(F16, f32x16_load_f16, 2)
FLOAT_PRODUCTS(BF16, f32x16_load_bf16, 2)
