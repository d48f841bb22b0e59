// Attention of up to 8 query vectors over one chunk of 256 positions: scores, weights, values.
//
// Each step asks for what the next one reads: scores for the values of their positions, values
// for the keys of `next`. The definition is in attention.h; nothing here changes an order.
enum { QUERIES = 8 }; // query vectors that share one walk over a chunk

// What will be read after this chunk: the keys at `position` and on, or a piece of weights.
struct next {
  const int32_t *table; // NULL: see `plain`
  size_t head;
  int64_t position, last;
  const uint8_t *plain, *end;
};

// Up to 8 query vectors of one key head and one sequence; `last` and `first` bound each.
struct queries {
  const struct job *job;
  int count;
  const float *q[QUERIES];
  int64_t first[QUERIES], last[QUERIES];
  float *out[QUERIES]; // [dim]: the chunk's outputs
  float most[QUERIES], sum[QUERIES];
  const int32_t *table;
  size_t head; // key head
  float (*scores)[CHUNK];
  struct next next;
};

// How the cache holds its numbers: floats, or codes with scales (attention.h).
struct cached {
  widen_fn widen;
  size_t element; // bytes
  int scaled;
};
INLINE size_t element_of(const struct job *job) { return cache_element(job->op->a[1].type); }
INLINE const uint8_t *cache_at(const struct job *job, int slot, const int32_t *table, size_t head,
                               size_t position) {
  const cria_op *op = job->op;
  const size_t page = op->p[5], dim = op->p[2];
  const size_t base = (size_t)table[position / page] * op->p[7];
  return job->a[slot] + base + (head * page + position % page) * dim * element_of(job);
}

// Scales of a group of keys, [block][16], or of the values at a position, [block].
INLINE const uint8_t *scales_at(const struct job *job, int slot, const int32_t *table, size_t head,
                                size_t position) {
  const cria_op *op = job->op;
  const size_t page = op->p[5], dim = op->p[2];
  const size_t base = (size_t)table[position / page] * op->p[7] + op->p[1] * page * dim;
  return job->a[slot] + base + (head * page + position % page) * cache_blocks(dim) * 2;
}
INLINE f32x16 scale_of(const uint8_t *p) {
  uint16_t half;
  memcpy(&half, p, 2);
  return f32x16_from_f16(i32x16_set1(half));
}

// Where to look ahead while the values at `position` are read.
INLINE const uint8_t *next_at(const struct queries *s, int64_t position, const uint8_t *instead) {
  const struct next *a = &s->next;
  if (a->table) {
    int64_t next = a->position + position % CHUNK;
    return next <= a->last ? cache_at(s->job, 1, a->table, a->head, (size_t)next) : instead;
  }
  const size_t bytes = s->job->op->p[2] * element_of(s->job);
  const uint8_t *p = a->plain + (size_t)(position % CHUNK) * bytes;
  return a->plain && p < a->end ? p : instead;
}

// Scores of `groups` groups of 16 positions for `count` queries from `i`.
INLINE void score_groups(const struct queries *s, const struct cached t, const int count,
                         const int groups, int i, size_t position) {
  const size_t dim = s->job->op->p[2], column = position % CHUNK;
  const uint8_t *keys[ATTEND_WIDE], *values[ATTEND_WIDE], *scales[ATTEND_WIDE];
  const float *q[QUERIES];
  f32x16 acc[QUERIES][ATTEND_WIDE], unit[ATTEND_WIDE];
  UNROLL for (int g = 0; g < groups; g++) {
    keys[g] = cache_at(s->job, 1, s->table, s->head, position + 16 * (size_t)g);
    values[g] = cache_at(s->job, 2, s->table, s->head, position + 16 * (size_t)g);
    scales[g] = scales_at(s->job, 1, s->table, s->head, position + 16 * (size_t)g);
    unit[g] = f32x16_set1(0.0f);
    UNROLL for (int n = 0; n < count; n++) acc[n][g] = f32x16_set1(0.0f);
  }
  UNROLL for (int n = 0; n < count; n++) q[n] = s->q[i + n < s->count ? i + n : i];
  for (size_t d = 0; d < dim; d += 2) {
    UNROLL for (int g = 0; g < groups; g++) {
      prefetch_near(values[g] + d * 16 * t.element);
      if (t.element == 4) prefetch_near(values[g] + (d + 1) * 16 * t.element);
      if (t.scaled && d % 32 == 0) unit[g] = f32x16_load_f16(scales[g] + d);
    }
    UNROLL for (size_t e = d; e < d + 2; e++) {
      f32x16 k[ATTEND_WIDE];
      UNROLL for (int g = 0; g < groups; g++) {
        k[g] = t.widen(keys[g] + e * 16 * t.element);
        if (t.scaled) k[g] = f32x16_mul(k[g], unit[g]);
      }
      UNROLL for (int n = 0; n < count; n++) {
        const f32x16 x = f32x16_set1(q[n][e]);
        UNROLL for (int g = 0; g < groups; g++) acc[n][g] = f32x16_fma(x, k[g], acc[n][g]);
      }
    }
  }
  const f32x16 scale = f32x16_set1(s->job->op->f[0]);
  const float cap = s->job->op->f[1];
  UNROLL for (int n = 0; n < count; n++)
    UNROLL for (int g = 0; g < groups; g++) {
      f32x16 score = f32x16_mul(acc[n][g], scale);
      if (cap > 0.0f) score = f32x16_softcap(score, cap);
      f32x16_store(s->scores[i + n] + column + 16 * g, score);
    }
}

INLINE void score_some(const struct queries *s, const struct cached t, const int count,
                       int i, int64_t from, int64_t to) {
  int64_t p = from / GROUP * GROUP;
  for (; p + GROUP * ATTEND_WIDE <= to; p += GROUP * ATTEND_WIDE)
    score_groups(s, t, count, ATTEND_WIDE, i, (size_t)p);
  for (; p < to; p += GROUP) score_groups(s, t, count, 1, i, (size_t)p);
}

// Tiles are 1, 2, 4 or ATTEND_ROWS queries; what is too many for a tile is computed for nothing.
INLINE void score_chunk(const struct queries *s, const struct cached t, int64_t from,
                        int64_t to) {
  for (int i = 0; i < s->count; i += ATTEND_ROWS) {
    const int left = s->count - i;
    if (left > 4 && ATTEND_ROWS > 4) score_some(s, t, ATTEND_ROWS, i, from, to);
    else if (left > 2) score_some(s, t, 4, i, from, to);
    else if (left == 2) score_some(s, t, 2, i, from, to);
    else score_some(s, t, 1, i, from, to);
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
INLINE void add_values(const struct queries *s, const struct cached t, const int count,
                       const int blocks, int i, size_t d, int64_t from, int64_t to) {
  const size_t bytes = s->job->op->p[2] * t.element, blocks32 = cache_blocks(s->job->op->p[2]);
  const int64_t page = s->job->op->p[5];
  f32x16 acc[QUERIES][4];
  UNROLL for (int q = 0; q < count; q++)
    UNROLL for (int b = 0; b < blocks; b++) acc[q][b] = f32x16_load(s->out[i + q] + d + 16 * b);
  while (from < to) {
    const uint8_t *v = cache_at(s->job, 2, s->table, s->head, (size_t)from) + d * t.element;
    const uint8_t *next = next_at(s, from, v - d * t.element) + d * t.element;
    const uint8_t *scale = scales_at(s->job, 2, s->table, s->head, (size_t)from);
    const float *weight = s->scores[i] + from % CHUNK;
    int64_t end = (from / page + 1) * page < to ? (from / page + 1) * page : to;
    for (; from < end; from++, v += bytes, next += bytes, weight++, scale += 2 * blocks32) {
      f32x16 x[4];
      UNROLL for (int b = 0; b < blocks; b++) {
        x[b] = t.widen(v + 16 * (size_t)b * t.element);
        if (t.scaled) x[b] = f32x16_mul(x[b], scale_of(scale + (d + 16 * (size_t)b) / 32 * 2));
      }
      prefetch_near(next);
      if ((size_t)blocks * 16 * t.element > 64) prefetch_near(next + 64);
      UNROLL for (int q = 0; q < count; q++) {
        const f32x16 p = f32x16_set1(weight[q * CHUNK]);
        UNROLL for (int b = 0; b < blocks; b++) acc[q][b] = f32x16_fma(p, x[b], acc[q][b]);
      }
    }
  }
  UNROLL for (int q = 0; q < count; q++)
    UNROLL for (int b = 0; b < blocks; b++) f32x16_store(s->out[i + q] + d + 16 * b, acc[q][b]);
}

INLINE void add_some(const struct queries *s, const struct cached t, const int count,
                     const int blocks, int i, int64_t from, int64_t to) {
  const size_t dim = s->job->op->p[2], step = 16 * (size_t)blocks;
  size_t d = 0;
  for (; d + step <= dim; d += step) add_values(s, t, count, blocks, i, d, from, to);
  for (; d < dim; d += 16) add_values(s, t, count, 1, i, d, from, to);
}

INLINE int64_t at_least(int64_t a, int64_t b) { return a > b ? a : b; }
INLINE int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }

// Values of one chunk for queries [i, i + count): together where all of them see a position,
// one by one where only some do; ascending for each either way.
INLINE void value_tile(const struct queries *s, const struct cached t, const int count,
                       const int blocks, int i, int64_t chunk) {
  int64_t from[QUERIES], to[QUERIES], joint = chunk, until = chunk + CHUNK;
  for (int q = 0; q < count; q++) {
    from[q] = at_least(s->first[i + q], chunk);
    to[q] = at_most(s->last[i + q] + 1, chunk + CHUNK);
    joint = at_least(joint, from[q]), until = at_most(until, to[q]);
  }
  const int shared = joint < until;
  for (int q = 0; q < count; q++) {
    const int64_t end = shared ? joint : to[q];
    if (from[q] < end) add_some(s, t, 1, 4, i + q, from[q], end);
  }
  if (!shared) return;
  add_some(s, t, count, blocks, i, joint, until);
  for (int q = 0; q < count; q++)
    if (until < to[q]) add_some(s, t, 1, 4, i + q, until, to[q]);
}

INLINE void value_chunk(const struct queries *s, const struct cached t, int64_t chunk) {
  int i = 0;
  if (ATTEND_ROWS > 4)
    for (; i + ATTEND_ROWS <= s->count; i += ATTEND_ROWS)
      value_tile(s, t, ATTEND_ROWS, ATTEND_WIDE, i, chunk);
  for (; i + 4 <= s->count; i += 4)
    value_tile(s, t, 4, ATTEND_ROWS > 4 ? 4 : ATTEND_WIDE, i, chunk);
  for (; i < s->count; i++) value_tile(s, t, 1, 4, i, chunk);
}

// Scores, weights and values of the chunk that begins at position `chunk`. A query that sees
// nothing of it gets most = -infinity and sum = 0.
INLINE void attend_chunk_as(struct queries *s, const struct cached t, int64_t chunk) {
  int64_t low = chunk + CHUNK, high = chunk;
  for (int i = 0; i < s->count; i++) {
    memset(s->out[i], 0, s->job->op->p[2] * 4);
    low = at_most(low, s->first[i]), high = at_least(high, s->last[i] + 1);
  }
  low = at_least(low, chunk), high = at_most(high, chunk + CHUNK);
  if (low < high) score_chunk(s, t, low, high);
  for (int i = 0; i < s->count; i++) {
    int64_t from = at_least(s->first[i], chunk), to = at_most(s->last[i] + 1, chunk + CHUNK);
    s->most[i] = -__builtin_inff(), s->sum[i] = 0.0f;
    if (from < to) weigh(s, i, chunk, from, to);
  }
  value_chunk(s, t, chunk);
}

static void attend_chunk(struct queries *s, int64_t chunk) {
  switch (element_of(s->job)) {
  case 4: attend_chunk_as(s, (struct cached){f32x16_load, 4, 0}, chunk); return;
  case 2: attend_chunk_as(s, (struct cached){f32x16_load_f16, 2, 0}, chunk); return;
  default: attend_chunk_as(s, (struct cached){f32x16_load_i8, 1, 1}, chunk);
  }
}
