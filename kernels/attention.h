// Writing keys and values into the cache, and attention over it.
//
// Keys lie transposed in groups of 16 positions, [group][headDim][16]; values as [position]
// [headDim]; both in pages, named by a table per sequence. Definition, per row and head:
//   score  s = one chain fmaf(q_d, k_d, s) over d, times scale; then the soft cap, if any
//   chunks of 256 absolute positions: the exact maximum m; p = exp(s - m); the sum of p in 16
//   lanes (position mod 16) and the tree; o_d = chain fmaf(p_j, v_jd, o_d) over ascending j
//   merge  ascending: M = max(m, m'), a = exp(m - M), b = exp(m' - M), l = fmaf(l', b, l * a),
//          o = fmaf(o', b, o * a); the result is o * (1 / l)
// Numbers of the cache are widened to floats first. As Q8_0 they are codes in the same places,
// and after the codes of all heads an f16 scale for each block of 32 dimensions of a position (the
// last may have 16): keys [group][block][16], values [position][block]. A number is code * scale,
// rounded once; a block is rounded like activations, and its scale then to f16.
// Positions after the row's own, or before its window, are skipped, never added as zeros.

// Where the key and the value of a row and head go: element d of the key lies d * GROUP elements
// on, its scales GROUP scales apart.
struct vectors {
  const float *k, *v;
  uint8_t *key, *value, *keyScale, *valueScale;
};
INLINE struct vectors vectors_at(const struct job *job, size_t row, size_t head, size_t slot) {
  const cria_op *op = job->op;
  const size_t dim = op->p[1], page = op->p[3], at = slot % page, first = at - at % GROUP;
  const size_t element = cache_element(op->a[3].type), blocks = cache_blocks(dim);
  const size_t base = slot / page * op->p[5], scales = base + op->p[0] * page * dim * element;
  return (struct vectors){
      .k = float_row(job, 0, row, op->p[2]) + head * dim,
      .v = float_row(job, 1, row, op->p[2]) + head * dim,
      .key = job->a[3] + base + ((head * page + first) * dim + at % GROUP) * element,
      .value = job->a[4] + base + (head * page + at) * dim * element,
      .keyScale = job->a[3] + scales + ((head * page + first) * blocks + at % GROUP) * 2,
      .valueScale = job->a[4] + scales + (head * page + at) * blocks * 2,
  };
}

static void store_floats(const struct vectors *s, size_t dim, const int wide) {
  const size_t element = wide ? 4 : 2;
  for (size_t d = 0; d < dim; d += 16) {
    f32x16 kv = f32x16_load(s->k + d), vv = f32x16_load(s->v + d);
    uint16_t half[16];
    if (wide) f32x16_store(s->value + d * 4, vv);
    else f32x16_store_f16(s->value + d * 2, vv);
    f32x16_store_f16(half, kv);
    for (size_t j = 0; j < 16; j++)
      memcpy(s->key + (d + j) * GROUP * element,
             wide ? (const void *)(s->k + d + j) : (const void *)(half + j), element);
  }
}

// Rounds a block of `width` dimensions, 16 or 32, as activations are rounded (rows.h).
INLINE void round_block(const float *x, size_t width, uint8_t *codes, uint8_t *scale) {
  i32x16 most = magnitude_of(x);
  if (width > 16) most = i32x16_max(most, magnitude_of(x + 16));
  float d;
  uint16_t half[16];
  const float factor = rounding(i32x16_max_all(most), &d);
  for (size_t i = 0; i < width; i += 16) round16(x + i, factor, codes + i);
  f32x16_store_f16(half, f32x16_set1(d));
  memcpy(scale, half, 2);
}

static void store_scaled(const struct vectors *s, size_t dim) {
  for (size_t d = 0, block = 0; d < dim; d += 32, block++) {
    const size_t width = dim - d < 32 ? 16 : 32;
    uint8_t codes[32];
    round_block(s->v + d, width, s->value + d, s->valueScale + block * 2);
    round_block(s->k + d, width, codes, s->keyScale + block * GROUP * 2);
    for (size_t j = 0; j < width; j++) s->key[(d + j) * GROUP] = codes[j];
  }
}

static void run_store(const struct job *job, int64_t unit, const struct warm *warm,
                      uint8_t *scratch) {
  (void)warm, (void)scratch;
  const cria_op *op = job->op;
  const size_t element = cache_element(op->a[3].type);
  const size_t from = unit == WHOLE ? 0 : (size_t)unit * GROUP;
  const size_t end = unit == WHOLE || from + GROUP > op->rows ? op->rows : from + GROUP;
  for (size_t i = from; i < end; i++)
    for (size_t h = 0; h < op->p[0]; h++) {
      const struct vectors s = vectors_at(job, i, h, (size_t)int_at(job->a[2], i));
      if (element == 1) store_scaled(&s, op->p[1]);
      else store_floats(&s, op->p[1], element == 4);
    }
}

#include "attend_chunk.h"

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
INLINE int32_t start_of(const struct job *job, size_t row) { return int_at(job->a[3], 2 * row); }
INLINE int64_t first_seen(const struct job *job, int64_t position) {
  const int64_t window = job->op->p[8];
  return window && position >= window ? position - window + 1 : 0;
}
INLINE const int32_t *table_of(const struct job *job, size_t row) {
  return (const int32_t *)(void *)job->a[4] + start_of(job, row);
}

// Rows [from, to) of one sequence and the heads that share a key head, numbered head by head.
struct span {
  size_t from, to, head; // head: the key head
};
INLINE struct span span_at(const struct job *job, size_t from, size_t to, size_t head) {
  struct span s = {from, from + 1, head};
  while (s.to < to && start_of(job, s.to) == start_of(job, from)) s.to++;
  return s;
}

// Query vectors [n, n + 8) of a span, or those that are left.
INLINE void take_queries(struct queries *s, const struct job *job, const struct span *span,
                         size_t n, size_t all, float (*scores)[CHUNK]) {
  const cria_op *op = job->op;
  const size_t share = op->p[0] / op->p[1];
  s->job = job, s->count = 0, s->head = span->head, s->scores = scores;
  s->table = table_of(job, span->from), s->next = (struct next){0};
  for (; n < all && s->count < QUERIES; n++, s->count++) {
    const size_t row = span->from + n / share, head = span->head * share + n % share;
    s->q[s->count] = float_row(job, 0, row, op->p[3]) + head * op->p[2];
    s->last[s->count] = position_of(job, row);
    s->first[s->count] = first_seen(job, s->last[s->count]);
  }
}

// What a unit is: up to 8 rows, one key head, and one chunk when split, else all of them. Whole,
// the last rows, which see the most, come first.
struct piece {
  size_t from, to, head;
  int64_t chunk; // its first position
};
INLINE struct piece piece_at(const struct job *job, size_t unit) {
  const cria_op *op = job->op;
  const size_t rows = job->blockRows, blocks = ((size_t)op->rows + rows - 1) / rows;
  const size_t rest = job->chunks ? unit / job->chunks : unit, block = rest / op->p[1];
  const size_t from = (job->chunks ? block : blocks - 1 - block) * rows;
  const size_t to = from + rows < op->rows ? from + rows : op->rows;
  int64_t chunk = first_seen(job, position_of(job, from)) / CHUNK;
  if (job->chunks) chunk = (int64_t)(unit % job->chunks);
  return (struct piece){from, to, rest % op->p[1], chunk * CHUNK};
}

// What the same thread reads after this unit.
INLINE struct next after_unit(const struct job *job, const struct warm *warm) {
  struct next next = {.plain = warm->from[0], .end = warm->from[0] + warm->bytes[0]};
  if (warm->job != job || warm->unit < 0) return next;
  struct piece p = piece_at(job, (size_t)warm->unit);
  next.table = table_of(job, p.from), next.last = position_of(job, p.from);
  next.head = p.head, next.position = p.chunk;
  return next;
}

// ---- split: a unit is up to 8 rows, one key head, one chunk; a second half merges the chunks

// Partial results of a split row: {most, sum, 14 unused, out[dim]}.
INLINE float *partial_at(const struct job *job, size_t row, size_t head, size_t chunk) {
  const cria_op *op = job->op;
  size_t index = (row * op->p[0] + head) * job->chunks + chunk;
  return (float *)(void *)job->shared + index * (op->p[2] + 16);
}

static void attend_split(const struct job *job, size_t unit, const struct warm *warm,
                         uint8_t *scratch) {
  const cria_op *op = job->op;
  const size_t share = op->p[0] / op->p[1];
  const struct piece piece = piece_at(job, unit);
  for (size_t from = piece.from; from < piece.to;) {
    const struct span span = span_at(job, from, piece.to, piece.head);
    const size_t all = (span.to - from) * share;
    for (size_t n = 0; n < all; n += QUERIES) {
      struct queries s;
      take_queries(&s, job, &span, n, all, (void *)scratch);
      if (span.to == piece.to && n + QUERIES >= all) s.next = after_unit(job, warm);
      int seen = 0;
      for (int i = 0; i < s.count; i++) {
        const size_t at = n + (size_t)i;
        s.out[i] = partial_at(job, from + at / share, piece.head * share + at % share,
                              (size_t)piece.chunk / CHUNK) + 16;
        seen |= s.first[i] < piece.chunk + CHUNK && s.last[i] >= piece.chunk;
      }
      if (seen) attend_chunk(&s, piece.chunk);
      for (int i = 0; i < s.count && seen; i++)
        s.out[i][-16] = s.most[i], s.out[i][-15] = s.sum[i];
    }
    from = span.to;
  }
}

// One unit of the second half: one row and the heads of one key head.
static void run_merge(const struct job *job, int64_t unit, const struct warm *warm,
                      uint8_t *scratch) {
  (void)warm;
  const cria_op *op = job->op;
  const size_t dim = op->p[2], share = op->p[0] / op->p[1];
  const size_t row = (size_t)unit / op->p[1], first = (size_t)unit % op->p[1] * share;
  const int64_t position = position_of(job, row);
  for (size_t head = first; head < first + share; head++) {
    float *out = (float *)(void *)scratch, most = -__builtin_inff(), sum = 0.0f;
    for (int64_t c = first_seen(job, position) / CHUNK; c <= position / CHUNK; c++) {
      const float *part = partial_at(job, row, head, (size_t)c);
      merge_chunk(out, &most, &sum, part + 16, part[0], part[1], dim);
    }
    finish_attend(out, sum, float_row(job, 5, row, op->p[4]) + head * dim, dim);
  }
}

// ---- whole: a unit is up to 8 rows and one key head; all its queries share a walk over chunks
enum { WALK = 64 }; // query vectors of a walk

struct walk {
  float scores[QUERIES][CHUNK];
  float most[WALK], sum[WALK];
  float vectors[]; // [QUERIES][dim] of a chunk, [WALK][dim] running
};

// Walks all chunks for queries [from, to) of a span and writes their results.
static void attend_walk(const struct job *job, const struct span *span, size_t from, size_t to,
                        const struct next *after, struct walk *walk) {
  const cria_op *op = job->op;
  const size_t dim = op->p[2], share = op->p[0] / op->p[1];
  float *running = walk->vectors + QUERIES * dim;
  int64_t low = INT64_MAX, high = 0;
  for (size_t row = span->from + from / share; row <= span->from + (to - 1) / share; row++) {
    low = at_most(low, first_seen(job, position_of(job, row)));
    high = at_least(high, position_of(job, row));
  }
  for (size_t n = 0; n < to - from; n++) walk->most[n] = -__builtin_inff(), walk->sum[n] = 0.0f;
  struct queries s;
  for (int64_t chunk = low / CHUNK * CHUNK; chunk <= high; chunk += CHUNK)
    for (size_t n = from; n < to; n += QUERIES) {
      take_queries(&s, job, span, n, to, walk->scores);
      for (int i = 0; i < s.count; i++) s.out[i] = walk->vectors + (size_t)i * dim;
      if (n + QUERIES >= to && chunk + CHUNK > high) s.next = *after;
      else if (n + QUERIES >= to)
        s.next = (struct next){s.table, s.head, chunk + CHUNK, high, NULL, NULL};
      attend_chunk(&s, chunk);
      for (int i = 0; i < s.count; i++) {
        const size_t at = n - from + (size_t)i;
        merge_chunk(running + at * dim, &walk->most[at], &walk->sum[at], s.out[i], s.most[i],
                    s.sum[i], dim);
      }
    }
  for (size_t n = from; n < to; n++)
    finish_attend(running + (n - from) * dim, walk->sum[n - from],
                  float_row(job, 5, span->from + n / share, op->p[4]) +
                      (span->head * share + n % share) * dim, dim);
}

static void attend_whole(const struct job *job, size_t unit, const struct warm *warm,
                         uint8_t *scratch) {
  const size_t share = job->op->p[0] / job->op->p[1];
  const struct piece piece = piece_at(job, unit);
  for (size_t from = piece.from; from < piece.to;) {
    const struct span span = span_at(job, from, piece.to, piece.head);
    const size_t all = (span.to - from) * share;
    for (size_t n = 0; n < all; n += WALK) {
      struct next after = {0};
      if (span.to == piece.to && n + WALK >= all) after = after_unit(job, warm);
      attend_walk(job, &span, n, n + WALK < all ? n + WALK : all, &after, (void *)scratch);
    }
    from = span.to;
  }
}

static void run_attend(const struct job *job, int64_t unit, const struct warm *warm,
                       uint8_t *scratch) {
  if (job->chunks) attend_split(job, (size_t)unit, warm, scratch);
  else attend_whole(job, (size_t)unit, warm, scratch);
}
