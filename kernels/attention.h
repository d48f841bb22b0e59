// Writing keys and values into the cache, and attention over it.
//
// Keys lie transposed in groups of 16 positions, [group][headDim][16]; values as [position]
// [headDim]; both in pages, named by a table per sequence. Definition, per row and head:
//   score  s = one chain fmaf(q_d, k_d, s) over d, times scale
//   chunks of 256 absolute positions: the exact maximum m; p = exp(s - m); the sum of p in 16
//   lanes (position mod 16) and the tree; o_d = chain fmaf(p_j, v_jd, o_d) over ascending j
//   merge  ascending: M = max(m, m'), a = exp(m - M), b = exp(m' - M), l = fmaf(l', b, l * a),
//          o = fmaf(o', b, o * a); the result is o * (1 / l)
// Positions after the row's own, or before its window, are skipped, never added as zeros.

static void run_store(const struct job *job, int64_t unit, const struct warm *warm,
                      uint8_t *scratch) {
  (void)warm, (void)scratch;
  const cria_op *op = job->op;
  const size_t heads = op->p[0], dim = op->p[1], page = op->p[3];
  const int wide = op->a[3].type == quants[QUANT_F32].id;
  const size_t element = wide ? 4 : 2;
  struct range r = rows_of(job, unit);
  for (size_t i = r.from; i < r.to; i++) {
    const size_t slot = (size_t)int_at(job->a[2], i), at = slot % page;
    const size_t base = slot / page * op->p[5];
    for (size_t h = 0; h < heads; h++) {
      const float *k = float_row(job, 0, i, op->p[2]) + h * dim;
      const float *v = float_row(job, 1, i, op->p[2]) + h * dim;
      uint8_t *head = job->a[3] + base + h * page * dim * element;
      uint8_t *keys = head + at / GROUP * GROUP * dim * element + at % GROUP * element;
      uint8_t *values = job->a[4] + base + (h * page + at) * dim * element;
      for (size_t d = 0; d < dim; d += 16) {
        f32x16 kv = f32x16_load(k + d), vv = f32x16_load(v + d);
        uint16_t half[16];
        if (wide) f32x16_store(values + d * 4, vv);
        else f32x16_store_f16(values + d * 2, vv);
        f32x16_store_f16(half, kv);
        for (size_t j = 0; j < 16; j++)
          memcpy(keys + (d + j) * GROUP * element,
                 wide ? (const void *)(k + d + j) : (const void *)(half + j), element);
      }
    }
  }
}

enum { QUERIES = 8 }; // query vectors that share one walk over the keys

// Up to 8 query vectors of one key head and one sequence; `last` and `first` bound each.
struct queries {
  const struct job *job;
  int count;
  const float *q[QUERIES];
  int64_t first[QUERIES], last[QUERIES];
  const int32_t *table;
  size_t head; // key head
  float (*scores)[CHUNK];
  float *partial; // [count][dim]: the chunk's outputs
  float most[QUERIES], sum[QUERIES];
};

INLINE const uint8_t *cache_at(const struct queries *s, int slot, size_t position) {
  const cria_op *op = s->job->op;
  const size_t page = op->p[5], dim = op->p[2];
  const size_t element = op->a[1].type == quants[QUANT_F32].id ? 4 : 2;
  const size_t base = (size_t)s->table[position / page] * op->p[7];
  const size_t within = s->head * page + position % page;
  return s->job->a[slot] + base + within * dim * element;
}

// Scores of one group of 16 positions for all queries.
INLINE void score_group(struct queries *s, widen_fn widen, size_t element, const int count,
                        size_t position, size_t column) {
  const size_t dim = s->job->op->p[2];
  const uint8_t *keys = cache_at(s, 1, position);
  f32x16 acc[QUERIES];
  UNROLL for (int i = 0; i < count; i++) acc[i] = f32x16_set1(0.0f);
  for (size_t d = 0; d < dim; d++) {
    f32x16 k = widen(keys + d * 16 * element);
    UNROLL for (int i = 0; i < count; i++)
      acc[i] = f32x16_fma(f32x16_set1(s->q[i][d]), k, acc[i]);
  }
  const f32x16 scale = f32x16_set1(s->job->op->f[0]);
  UNROLL for (int i = 0; i < count; i++)
    f32x16_store(s->scores[i] + column, f32x16_mul(acc[i], scale));
}

INLINE void score_chunk(struct queries *s, widen_fn widen, size_t element, int64_t from,
                        int64_t to) {
  for (int64_t p = from / GROUP * GROUP; p < to; p += GROUP) {
    const size_t column = (size_t)p % CHUNK, at = (size_t)p;
    switch (s->count) {
    case 1: score_group(s, widen, element, 1, at, column); break;
    case 2: score_group(s, widen, element, 2, at, column); break;
    case 3: score_group(s, widen, element, 3, at, column); break;
    case 4: score_group(s, widen, element, 4, at, column); break;
    default:
      for (int i = s->count; i < QUERIES; i++) s->q[i] = s->q[0];
      score_group(s, widen, element, QUERIES, at, column);
    }
  }
}

// Turns the scores of [from, to) into weights; the rest of their groups into zeros.
INLINE void weigh(struct queries *s, int i, int64_t chunk, int64_t from, int64_t to) {
  float *score = s->scores[i];
  const int64_t low = from / GROUP * GROUP - chunk, high = (to + GROUP - 1) / GROUP * GROUP - chunk;
  for (int64_t c = low; c < from - chunk; c++) score[c] = -__builtin_inff();
  for (int64_t c = to - chunk; c < high; c++) score[c] = -__builtin_inff();
  f32x16 most = f32x16_set1(-__builtin_inff()), sum = f32x16_set1(0.0f);
  for (int64_t c = low; c < high; c += 16) most = f32x16_max(most, f32x16_load(score + c));
  s->most[i] = f32x16_max_all(most);
  for (int64_t c = low; c < high; c += 16) {
    f32x16 p = f32x16_exp(f32x16_sub(f32x16_load(score + c), f32x16_set1(s->most[i])));
    sum = f32x16_add(sum, p);
    f32x16_store(score + c, p);
  }
  s->sum[i] = f32x16_sum(sum);
}

// Adds p * v over [from, to) to `blocks` times 16 dimensions of `count` queries from `i`.
INLINE void add_values(const struct queries *s, widen_fn widen, size_t element, const int count,
                       const int blocks, int i, size_t d, int64_t from, int64_t to) {
  const size_t dim = s->job->op->p[2], page = s->job->op->p[5];
  f32x16 acc[4][4];
  UNROLL for (int q = 0; q < count; q++)
    UNROLL for (int b = 0; b < blocks; b++)
      acc[q][b] = f32x16_load(s->partial + (size_t)(i + q) * dim + d + 16 * (size_t)b);
  while (from < to) {
    const uint8_t *v = cache_at(s, 2, (size_t)from) + d * element;
    int64_t end = (from / (int64_t)page + 1) * (int64_t)page;
    if (end > to) end = to;
    for (; from < end; from++, v += dim * element) {
      f32x16 x[4];
      UNROLL for (int b = 0; b < blocks; b++) x[b] = widen(v + 16 * (size_t)b * element);
      UNROLL for (int q = 0; q < count; q++) {
        f32x16 p = f32x16_set1(s->scores[i + q][from % CHUNK]);
        UNROLL for (int b = 0; b < blocks; b++) acc[q][b] = f32x16_fma(p, x[b], acc[q][b]);
      }
    }
  }
  UNROLL for (int q = 0; q < count; q++)
    UNROLL for (int b = 0; b < blocks; b++)
      f32x16_store(s->partial + (size_t)(i + q) * dim + d + 16 * (size_t)b, acc[q][b]);
}

INLINE void add_some(const struct queries *s, widen_fn widen, size_t element, const int count,
                     int i, int64_t from, int64_t to) {
  const size_t dim = s->job->op->p[2];
  size_t d = 0;
  for (; d + 64 <= dim; d += 64) add_values(s, widen, element, count, 4, i, d, from, to);
  for (; d < dim; d += 16) add_values(s, widen, element, count, 1, i, d, from, to);
}

// Values of one chunk for queries [i, i + count): together where all of them see a position,
// one by one where only some do; ascending for each either way.
INLINE void value_block(const struct queries *s, widen_fn widen, size_t element, int i, int count,
                        int64_t chunk) {
  int64_t from[4], to[4], joint = chunk, until = chunk + CHUNK;
  for (int q = 0; q < count; q++) {
    from[q] = s->first[i + q] > chunk ? s->first[i + q] : chunk;
    to[q] = s->last[i + q] + 1 < chunk + CHUNK ? s->last[i + q] + 1 : chunk + CHUNK;
    if (from[q] > joint) joint = from[q];
    if (to[q] < until) until = to[q];
  }
  if (count < 4 || joint >= until) {
    for (int q = 0; q < count; q++)
      if (from[q] < to[q]) add_some(s, widen, element, 1, i + q, from[q], to[q]);
    return;
  }
  for (int q = 0; q < 4; q++)
    if (from[q] < joint) add_some(s, widen, element, 1, i + q, from[q], joint);
  add_some(s, widen, element, 4, i, joint, until);
  for (int q = 0; q < 4; q++)
    if (until < to[q]) add_some(s, widen, element, 1, i + q, until, to[q]);
}

// Scores, weights and values of the chunk that begins at position `chunk`. A query that sees
// nothing of it gets most = -infinity and sum = 0.
INLINE void attend_chunk_as(struct queries *s, widen_fn widen, size_t element, int64_t chunk) {
  const size_t dim = s->job->op->p[2];
  int64_t low = chunk + CHUNK, high = chunk;
  for (int i = 0; i < s->count; i++) {
    if (s->first[i] < low) low = s->first[i];
    if (s->last[i] + 1 > high) high = s->last[i] + 1;
  }
  if (low < chunk) low = chunk;
  if (high > chunk + CHUNK) high = chunk + CHUNK;
  memset(s->partial, 0, (size_t)s->count * dim * 4);
  if (low < high) score_chunk(s, widen, element, low, high);
  for (int i = 0; i < s->count; i++) {
    int64_t from = s->first[i] > chunk ? s->first[i] : chunk;
    int64_t to = s->last[i] + 1 < chunk + CHUNK ? s->last[i] + 1 : chunk + CHUNK;
    s->most[i] = -__builtin_inff(), s->sum[i] = 0.0f;
    if (from < to) weigh(s, i, chunk, from, to);
  }
  for (int i = 0; i < s->count; i += 4)
    value_block(s, widen, element, i, s->count - i < 4 ? s->count - i : 4, chunk);
}

static void attend_chunk(struct queries *s, int64_t chunk) {
  if (s->job->op->a[1].type == quants[QUANT_F32].id) attend_chunk_as(s, f32x16_load, 4, chunk);
  else attend_chunk_as(s, f32x16_load_f16, 2, chunk);
}

// Adds a chunk's result to the running one; sum = 0 marks an empty side.
static void merge_chunk(float *out, float *most, float *sum, const float *part, float partMost,
                        float partSum, size_t dim) {
  if (partSum == 0.0f && partMost == -__builtin_inff()) return;
  if (*sum == 0.0f && *most == -__builtin_inff()) {
    memcpy(out, part, dim * 4);
    *most = partMost, *sum = partSum;
    return;
  }
  float top = *most > partMost ? *most : partMost;
  float a = exp_one(*most - top), b = exp_one(partMost - top);
  *sum = __builtin_fmaf(partSum, b, *sum * a);
  for (size_t d = 0; d < dim; d += 16) {
    f32x16 old = f32x16_mul(f32x16_load(out + d), f32x16_set1(a));
    f32x16_store(out + d, f32x16_fma(f32x16_load(part + d), f32x16_set1(b), old));
  }
  *most = top;
}

static void finish_attend(const float *in, float sum, float *out, size_t dim) {
  const f32x16 scale = f32x16_set1(1.0f / sum);
  for (size_t d = 0; d < dim; d += 16)
    f32x16_store(out + d, f32x16_mul(f32x16_load(in + d), scale));
}

INLINE int64_t position_of(const struct job *job, size_t row) {
  return int_at(job->a[3], 2 * row + 1);
}
INLINE int64_t first_seen(const struct job *job, int64_t position) {
  const int64_t window = job->op->p[8];
  return window && position >= window ? position - window + 1 : 0;
}
INLINE void add_query(struct queries *s, size_t row, size_t head) {
  const cria_op *op = s->job->op;
  int64_t position = position_of(s->job, row);
  s->q[s->count] = float_row(s->job, 0, row, op->p[3]) + head * op->p[2];
  s->last[s->count] = position;
  s->first[s->count++] = first_seen(s->job, position);
}
INLINE struct queries queries_for(const struct job *job, size_t row, size_t head,
                                  uint8_t *scratch) {
  float(*scores)[CHUNK] = (void *)scratch;
  return (struct queries){
      .job = job,
      .head = head,
      .table = (const int32_t *)(void *)job->a[4] + int_at(job->a[3], 2 * row),
      .scores = scores,
      .partial = (float *)(void *)(scores + QUERIES),
  };
}

// Partial results of a split row: {most, sum, 14 unused, out[dim]}.
INLINE float *partial_at(const struct job *job, size_t row, size_t head, size_t chunk) {
  const cria_op *op = job->op;
  size_t index = (row * op->p[0] + head) * job->chunks + chunk;
  return (float *)(void *)job->shared + index * (op->p[2] + 16);
}

// One unit of a split: one row, one key head, one chunk.
static void attend_split(const struct job *job, size_t unit, uint8_t *scratch) {
  const cria_op *op = job->op;
  const size_t dim = op->p[2], share = op->p[0] / op->p[1];
  const size_t chunk = unit % job->chunks, rest = unit / job->chunks;
  const size_t row = rest / op->p[1], keyHead = rest % op->p[1];
  int64_t position = position_of(job, row), start = (int64_t)chunk * CHUNK;
  if (start > position || start + CHUNK <= first_seen(job, position)) return;
  for (size_t h = 0; h < share; h += QUERIES) {
    struct queries s = queries_for(job, row, keyHead, scratch);
    for (size_t i = h; i < share && i < h + QUERIES; i++) add_query(&s, row, keyHead * share + i);
    attend_chunk(&s, start);
    for (int i = 0; i < s.count; i++) {
      float *part = partial_at(job, row, keyHead * share + h + (size_t)i, chunk);
      part[0] = s.most[i], part[1] = s.sum[i];
      memcpy(part + 16, s.partial + (size_t)i * dim, dim * 4);
    }
  }
}

// One unit of the second half: one row, one head.
static void run_merge(const struct job *job, int64_t unit, const struct warm *warm,
                      uint8_t *scratch) {
  (void)warm;
  const cria_op *op = job->op;
  const size_t dim = op->p[2], row = (size_t)unit / op->p[0], head = (size_t)unit % op->p[0];
  int64_t position = position_of(job, row);
  float *out = (float *)(void *)scratch, most = -__builtin_inff(), sum = 0.0f;
  for (int64_t c = first_seen(job, position) / CHUNK; c <= position / CHUNK; c++) {
    const float *part = partial_at(job, row, head, (size_t)c);
    merge_chunk(out, &most, &sum, part + 16, part[0], part[1], dim);
  }
  finish_attend(out, sum, float_row(job, 5, row, op->p[4]) + head * dim, dim);
}

// Walks all chunks for up to 8 queries and writes their results.
static void attend_walk(struct queries *s, const size_t *rows, const size_t *heads) {
  const cria_op *op = s->job->op;
  const size_t dim = op->p[2];
  float *running = s->partial + QUERIES * dim, most[QUERIES], sum[QUERIES];
  int64_t low = s->first[0], high = s->last[0];
  for (int i = 0; i < s->count; i++) {
    most[i] = -__builtin_inff(), sum[i] = 0.0f;
    if (s->first[i] < low) low = s->first[i];
    if (s->last[i] > high) high = s->last[i];
  }
  for (int64_t chunk = low / CHUNK * CHUNK; chunk <= high; chunk += CHUNK) {
    attend_chunk(s, chunk);
    for (int i = 0; i < s->count; i++)
      merge_chunk(running + (size_t)i * dim, &most[i], &sum[i], s->partial + (size_t)i * dim,
                  s->most[i], s->sum[i], dim);
  }
  for (int i = 0; i < s->count; i++)
    finish_attend(running + (size_t)i * dim, sum[i],
                  float_row(s->job, 5, rows[i], op->p[4]) + heads[i] * dim, dim);
}

// One unit of many rows: 8 rows and one key head, as many queries at a time as share a sequence.
static void attend_tile(const struct job *job, size_t unit, uint8_t *scratch) {
  const cria_op *op = job->op;
  const size_t share = op->p[0] / op->p[1], blocks = ((size_t)op->rows + 7) / 8;
  const size_t keyHead = unit / blocks, from = unit % blocks * 8;
  const size_t to = from + 8 < op->rows ? from + 8 : op->rows;
  struct queries s = queries_for(job, from, keyHead, scratch);
  size_t rows[QUERIES], heads[QUERIES], start = (size_t)int_at(job->a[3], 2 * from);
  for (size_t head = 0; head < share; head++)
    for (size_t row = from; row < to; row++) {
      size_t own = (size_t)int_at(job->a[3], 2 * row);
      if (s.count == QUERIES || (s.count && own != start)) {
        attend_walk(&s, rows, heads);
        s.count = 0;
      }
      if (!s.count) s = queries_for(job, row, keyHead, scratch), start = own;
      rows[s.count] = row, heads[s.count] = keyHead * share + head;
      add_query(&s, row, keyHead * share + head);
    }
  if (s.count) attend_walk(&s, rows, heads);
}

static void run_attend(const struct job *job, int64_t unit, const struct warm *warm,
                       uint8_t *scratch) {
  (void)warm;
  if (job->chunks) attend_split(job, (size_t)unit, scratch);
  else attend_tile(job, (size_t)unit, scratch);
}
