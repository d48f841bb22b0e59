// Mixtures of experts: which experts a row goes to, rows brought together by expert and back, and
// products of every row with the matrix of its own expert.
//
// A pair is a row and one of its experts. Pairs lie in groups, one for each expert that was chosen,
// experts ascending, rows ascending within: an expert's weights are read once, and only of those
// that were chosen. Which pair lies where never changes what is computed for it. What a step reads
// here is a region's, not the inputs', so that it is checked when it is used.

// The group of pairs that a unit belongs to; none of them where the numbers make no sense.
struct pairs {
  size_t expert, from, count;
};
INLINE struct pairs pairs_at(const struct job *job, int slot, uint32_t experts, size_t index) {
  const cria_op *op = job->op;
  const uint8_t *words = job->a[slot] + index * 12;
  const int32_t expert = int_at(words, 0), from = int_at(words, 1), count = int_at(words, 2);
  const int sane = expert >= 0 && (uint32_t)expert < experts && from >= 0 && count >= 0 &&
                   (uint64_t)from + (uint64_t)count <= op->rows;
  if (!sane) return (struct pairs){0, 0, 0};
  return (struct pairs){(size_t)expert, (size_t)from, (size_t)count};
}

// The matrix of an expert: one behind another, or where the table in slot `places` has them. NULL
// where that is outside of the weight's region, or askew.
INLINE uint8_t *matrix_at(const struct job *job, int slot, int places, size_t expert,
                          uint64_t bytes) {
  if (!job->a[places]) return job->a[slot] + expert * bytes;
  const uint64_t low = (uint32_t)int_at(job->a[places], 2 * expert);
  const uint64_t at = low | (uint64_t)(uint32_t)int_at(job->a[places], 2 * expert + 1) << 32;
  const uint64_t align = job->quant == QUANT_F32 ? 4 : 2, space = job->space[slot];
  if (at % align || at > space || bytes > space - at) return NULL;
  return job->a[slot] + at;
}

// A unit of a product by groups: the same piece of the matrix as in a plain product of the rows of
// one group. A plain product of few rows may have smaller pieces, which are then taken in turn.
static void grouped_product(const struct job *job, int64_t unit, run_fn product, uint8_t *scratch) {
  static const struct warm nothing;
  cria_op op = *job->op;
  struct job part = *job;
  const int gated = op.kind == OP_gated, slot = gated ? 4 : 5, out = gated ? 3 : 2;
  const size_t sizes = (op.n + GROUP - 1) / GROUP, each = unit_groups(&op);
  const size_t pieces = (sizes + each - 1) / each, piece = (size_t)unit % pieces;
  const struct pairs g = pairs_at(job, slot, op.p[3], (size_t)unit / pieces);
  if (g.count == 0) return;
  const uint64_t matrix = op.n * quant_row_bytes(job->quant, op.k);
  const int32_t rowBytes = cria_row_bytes(op.a[0].type, op.k);
  const size_t xBytes = op.a[0].type == quants[QUANT_F32].id ? (size_t)op.p[0] * 4
                                                             : (size_t)rowBytes;
  op.rows = (uint32_t)g.count, part.op = &op;
  part.a[0] += g.from * xBytes, part.a[out] += g.from * op.p[1] * 4;
  for (int side = 1; side <= 1 + gated; side++) {
    const int places = gated ? 4 + side : 6;
    part.a[side] = matrix_at(job, side, places, g.expert, matrix);
    if (!part.a[side]) return;
    part.a[places] = NULL;
  }
  part.a[slot] = NULL;
  const size_t smaller = each / unit_groups(&op);
  for (size_t i = piece * smaller; i < (piece + 1) * smaller; i++)
    if (i * unit_groups(&op) < sizes) product(&part, (int64_t)i, &nothing, scratch);
}

// ---- routing: weight = exp(x - max) / sum for the `k` largest of `n` scores, the lower index
// first among equals; the sum runs over the chosen, largest first, or over all, in 16 lanes (index
// mod 16) and the tree.
struct routing {
  uint32_t *chosen; // [rows, ranks]
  uint32_t *starts; // [experts]: the next place in the group of each
  float *powers;    // [experts, rounded up to 16]
};

static void choose(const float *x, size_t n, size_t ranks, uint32_t *chosen, uint32_t *taken) {
  memset(taken, 0, n * sizeof *taken);
  for (size_t r = 0; r < ranks; r++) {
    size_t best = n;
    for (size_t e = 0; e < n; e++)
      if (!taken[e] && (best == n || x[e] > x[best])) best = e;
    chosen[r] = (uint32_t)best, taken[best] = 1;
  }
}

static void weigh_experts(const cria_op *op, const uint32_t *chosen, float *powers, float *out) {
  const size_t n = op->n, ranks = op->k;
  const f32x16 most = f32x16_set1(powers[chosen[0]]);
  f32x16 lanes = f32x16_set1(0.0f);
  for (size_t c = 0; c < n; c += 16) {
    f32x16 p = f32x16_exp(f32x16_sub(load_part(powers + c, n - c), most));
    store_part(powers + c, p, n - c);
    lanes = f32x16_add(lanes, load_part(powers + c, n - c));
  }
  float sum = op->p[2] ? 0.0f : f32x16_sum(lanes);
  for (size_t r = 0; r < ranks && op->p[2]; r++) sum += powers[chosen[r]];
  for (size_t r = 0; r < ranks; r++) out[r] = powers[chosen[r]] / sum;
}

// Writes the groups and gives every pair its place.
static void group_pairs(const struct job *job, const struct routing *routing) {
  const cria_op *op = job->op;
  const size_t pairs = (size_t)op->rows * op->k;
  const size_t groups = pairs < op->n ? pairs : op->n;
  int32_t *slots = (int32_t *)(void *)job->a[2], *group = (int32_t *)(void *)job->a[3];
  memset(group, 0, groups * 12);
  memset(routing->starts, 0, op->n * sizeof *routing->starts);
  for (size_t i = 0; i < pairs; i++) routing->starts[routing->chosen[i]]++;
  uint32_t from = 0;
  for (uint32_t e = 0; e < op->n; e++) {
    const uint32_t count = routing->starts[e];
    routing->starts[e] = from;
    if (!count) continue;
    group[0] = (int32_t)e, group[1] = (int32_t)from, group[2] = (int32_t)count;
    group += 3, from += count;
  }
  for (size_t i = 0; i < pairs; i++) slots[i] = (int32_t)routing->starts[routing->chosen[i]]++;
}

static void run_route(const struct job *job, int64_t unit, const struct warm *warm,
                      uint8_t *scratch) {
  (void)unit, (void)warm;
  const cria_op *op = job->op;
  const size_t n = op->n, ranks = op->k, wide = (n + 15) / 16 * 16;
  struct routing routing = {.powers = (float *)(void *)scratch};
  routing.starts = (uint32_t *)(void *)(routing.powers + wide);
  routing.chosen = routing.starts + wide;
  for (size_t row = 0; row < op->rows; row++) {
    uint32_t *chosen = routing.chosen + row * ranks;
    memcpy(routing.powers, float_row(job, 0, row, op->p[0]), n * sizeof(float));
    choose(routing.powers, n, ranks, chosen, routing.starts);
    weigh_experts(op, chosen, routing.powers, float_row(job, 1, row, op->p[1]));
  }
  group_pairs(job, &routing);
}

// Where a pair lies; `pairs` where its slot makes no sense.
INLINE size_t slot_of(const struct job *job, size_t pair, size_t pairs) {
  const int32_t slot = int_at(job->a[1], pair);
  return slot >= 0 && (size_t)slot < pairs ? (size_t)slot : pairs;
}

// ---- scatter: every row goes to its `ranks` slots, rounded where the products ask for it
static void run_scatter(const struct job *job, int64_t unit, const struct warm *warm,
                        uint8_t *scratch) {
  (void)warm, (void)scratch;
  const cria_op *op = job->op;
  const size_t ranks = op->p[0], pairs = op->rows * ranks, k = op->k;
  const int32_t rowBytes = cria_row_bytes(op->a[2].type, op->k);
  struct range r = rows_of(job, unit);
  for (size_t i = r.from; i < r.to; i++) {
    const float *x = float_row(job, 0, i, op->p[1]);
    for (size_t rank = 0; rank < ranks; rank++) {
      const size_t slot = slot_of(job, i * ranks + rank, pairs);
      uint8_t *out = job->a[2] + slot * (size_t)rowBytes;
      if (slot == pairs) continue;
      if (op->a[2].type == CRIA_ACT32) round_act32(x, k, out);
      else if (op->a[2].type == CRIA_ACT256) round_act256(x, k, out);
      else memmove(out, x, k * sizeof *x);
    }
  }
}

// ---- gather: s = one chain fmaf(weight, x[slot], s) over the ranks, largest weight first, which
// does not depend on what else is in the batch; out = residual + s
static void run_gather(const struct job *job, int64_t unit, const struct warm *warm,
                       uint8_t *scratch) {
  (void)warm, (void)scratch;
  const cria_op *op = job->op;
  const size_t ranks = op->p[0], pairs = op->rows * ranks, n = op->n;
  struct range r = rows_of(job, unit);
  for (size_t i = r.from; i < r.to; i++) {
    float *out = float_row(job, 4, i, op->p[2]);
    const float *residual = job->a[3] ? float_row(job, 3, i, op->p[1]) : NULL;
    for (size_t c = 0; c < n; c += 16) {
      f32x16 sum = f32x16_set1(0.0f);
      for (size_t rank = 0; rank < ranks; rank++) {
        const size_t slot = slot_of(job, i * ranks + rank, pairs);
        if (slot == pairs) continue;
        const f32x16 weight = f32x16_set1(float_at(job->a[2], i * ranks + rank));
        sum = f32x16_fma(weight, load_part(float_row(job, 0, slot, n) + c, n - c), sum);
      }
      if (residual) sum = f32x16_add(load_part(residual + c, n - c), sum);
      store_part(out + c, sum, n - c);
    }
  }
}
