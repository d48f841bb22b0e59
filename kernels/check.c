// Turns recorded operations into jobs: every operand is checked against its region, every size,
// parameter, token, row, slot and page against its bounds, before anything runs.
#include "internal.h"
#include <stdlib.h>

struct checker {
  struct plan *plan;
  const cria_op *op;
  struct job *job;
  int32_t code, operand;
};

static int refuse(struct checker *c, int32_t code, int operand) {
  if (c->code == CRIA_OK) c->code = code, c->operand = operand;
  return 0;
}

static int require(struct checker *c, int condition, int32_t code) {
  return condition || refuse(c, code, -1);
}

// Remembers that the running step uses a region, once per region and step.
static int pin(struct checker *c, int32_t handle, struct region *region) {
  struct plan *plan = c->plan;
  for (uint32_t i = plan->pinnedCount; i-- > 0;)
    if (plan->pinned[i] == handle) return 1;
  if (plan->pinnedCount == plan->pinnedCapacity) {
    uint32_t capacity = plan->pinnedCapacity ? plan->pinnedCapacity * 2 : 64;
    int32_t *grown = realloc(plan->pinned, capacity * sizeof *grown);
    if (!grown) return refuse(c, CRIA_FAIL(NO_MEMORY), -1);
    plan->pinned = grown, plan->pinnedCapacity = capacity;
  }
  plan->pinned[plan->pinnedCount++] = handle;
  region->pins++;
  return 1;
}

enum { READS = 0, WRITES = 1 };
enum { SIZE_LIMIT = 1 << 24 }; // of rows, n and k: no product of them with a stride overflows

// Resolves operand `slot`, which spans `bytes` from its offset.
static int span(struct checker *c, int slot, uint64_t bytes, uint32_t align, int writes) {
  const cria_operand *a = &c->op->a[slot];
  struct region inputs = {.base = (uint8_t *)(uintptr_t)c->plan->inputs,
                          .bytes = c->plan->inputBytes, .used = 1, .mapped = 1};
  struct region *region = a->region == -1 ? &inputs : region_at(a->region);
  if (!region) return refuse(c, CRIA_FAIL(BAD_HANDLE), slot);
  if (a->offset > region->bytes || bytes > region->bytes - a->offset)
    return refuse(c, CRIA_FAIL(BAD_RANGE), slot);
  if (a->offset % align) return refuse(c, CRIA_FAIL(BAD_ALIGNMENT), slot);
  if (writes && region->mapped) return refuse(c, CRIA_FAIL(READ_ONLY), slot);
  if (a->region != -1 && !pin(c, a->region, region)) return 0;
  c->job->a[slot] = region->base + a->offset;
  c->job->space[slot] = region->bytes - a->offset;
  return 1;
}

static int floats(struct checker *c, int slot, uint64_t rows, uint64_t stride, uint64_t width,
                  int writes) {
  if (c->op->a[slot].type != quants[QUANT_F32].id)
    return refuse(c, CRIA_FAIL(BAD_TYPE), slot);
  if (rows > 1 && stride < width) return refuse(c, CRIA_FAIL(BAD_SHAPE), slot);
  return span(c, slot, ((rows - 1) * stride + width) * 4, 4, writes);
}

// Integers of a region: what they say is checked by whoever reads them.
static int integers(struct checker *c, int slot, uint64_t words, int writes) {
  if (c->op->a[slot].type != CRIA_I32) return refuse(c, CRIA_FAIL(BAD_TYPE), slot);
  if (c->op->a[slot].region == -1) return refuse(c, CRIA_FAIL(BAD_HANDLE), slot);
  return span(c, slot, words * 4, 4, writes);
}

// int32 or float32 words out of the inputs, which are private to the run and cannot change.
static const int32_t *input(struct checker *c, int slot, uint64_t words) {
  if (c->op->a[slot].region != -1) return refuse(c, CRIA_FAIL(BAD_HANDLE), slot), NULL;
  if (!span(c, slot, words * 4, 4, READS)) return NULL;
  return (const int32_t *)(const void *)c->job->a[slot];
}

static int in_range(struct checker *c, int slot, const int32_t *words, uint32_t count,
                    uint32_t limit) {
  for (uint32_t i = 0; i < count; i++)
    if (words[i] < 0 || (uint32_t)words[i] >= limit)
      return refuse(c, CRIA_FAIL(BAD_INPUT), slot);
  return 1;
}

static int quant_of(uint32_t id) {
  for (int i = 0; i < QUANT_COUNT; i++)
    if (quants[i].id == id) return i;
  return -1;
}

// A weight matrix [n, k]: whole blocks, inside its region.
static int weight(struct checker *c, int slot, uint64_t n, uint64_t k) {
  int quant = quant_of(c->op->a[slot].type);
  if (quant < 0) return refuse(c, CRIA_FAIL(BAD_TYPE), slot);
  if (k % quants[quant].elements) return refuse(c, CRIA_FAIL(BAD_SHAPE), slot);
  c->job->quant = quant;
  uint32_t align = quant == QUANT_F32 ? 4 : 2;
  return span(c, slot, n * quant_row_bytes(quant, k), align, READS);
}

// Activations [rows, k] in the form that the class of weight type asks for.
static int activation_rows(struct checker *c, int slot, uint64_t rows, uint64_t stride,
                           int writes) {
  const cria_op *op = c->op;
  uint32_t type = op->a[slot].type;
  if (type == quants[QUANT_F32].id) return floats(c, slot, rows, stride, op->k, writes);
  if (type != CRIA_ACT32 && type != CRIA_ACT256) return refuse(c, CRIA_FAIL(BAD_TYPE), slot);
  int32_t bytes = cria_row_bytes(type, op->k);
  if (bytes < 0) return refuse(c, bytes, slot);
  return span(c, slot, (uint64_t)bytes * rows, 64, writes);
}
static int activations(struct checker *c, int slot, uint64_t stride, int writes) {
  return activation_rows(c, slot, c->op->rows, stride, writes);
}

static int class_takes(int quant, uint32_t type) {
  switch (quants[quant].class) {
  case FLOAT: return type == quants[QUANT_F32].id;
  case BLOCK32: return type == CRIA_ACT32;
  default: return type == CRIA_ACT256;
  }
}

// Small row-wise work is done by one thread between barriers, the rest row by row.
static void row_units(struct checker *c, uint64_t width) {
  c->job->units = c->op->rows * width <= 24576 ? 0 : c->op->rows;
}

static size_t max_size(size_t a, size_t b) { return a > b ? a : b; }

enum { EXPERT_LIMIT = 1024 };

// How many groups a step may need: one for each expert, but not more than pairs.
static uint64_t group_count(uint64_t experts, uint64_t pairs) {
  return experts < pairs ? experts : pairs;
}

// Two panels of 16 rows take at most 77 bytes per column with super-blocks, a copy of 16 short rows
// 14; with blocks of 32 these are 72 and 17.
static void product_units(struct checker *c) {
  const cria_op *op = c->op;
  uint32_t groups = (op->n + GROUP - 1) / GROUP, each = unit_groups(op);
  c->job->units = (groups + each - 1) / each;
  c->job->scratchBytes = ((size_t)(op->k + 511) / 256) * 256 * 92 + 4096;
}

// Rows by groups: [groups]{expert, first row, rows}, and matrices [experts, n, k]. Sets how many
// matrices an operand of weights has.
static int check_groups(struct checker *c, int slot, uint64_t *matrices) {
  const cria_op *op = c->op;
  *matrices = 1;
  if (op->a[slot].type == CRIA_NONE) return 1;
  if (!require(c, op->p[3] && op->p[3] <= EXPERT_LIMIT, CRIA_FAIL(BAD_PARAMETER))) return 0;
  const uint64_t groups = group_count(op->p[3], op->rows), units = c->job->units * groups;
  if (!require(c, units <= UINT32_MAX, CRIA_FAIL(BAD_SHAPE))) return 0;
  *matrices = op->p[3], c->job->units = (uint32_t)units, c->job->grouped = 1;
  return integers(c, slot, groups * 3, READS);
}

// The matrices of a weight, [matrices, n, k]: one behind another, or where a table has them, I32
// [matrices][2]: bytes behind the operand, low word first, which whoever reads them checks.
static int matrices_of(struct checker *c, int slot, int places, uint64_t matrices) {
  const cria_op *op = c->op;
  if (op->a[places].type == CRIA_NONE) return weight(c, slot, op->n * matrices, op->k);
  if (!c->job->grouped) return refuse(c, CRIA_FAIL(BAD_TYPE), places);
  return weight(c, slot, op->n, op->k) && integers(c, places, matrices * 2, READS);
}

static int check_embed(struct checker *c) {
  const cria_op *op = c->op;
  const int32_t *tokens = input(c, 0, op->rows);
  row_units(c, op->k);
  c->job->scratchBytes = 16384;
  return tokens && in_range(c, 0, tokens, op->rows, op->n) && weight(c, 1, op->n, op->k) &&
         floats(c, 2, op->rows, op->k, op->k, WRITES);
}

static int check_norm(struct checker *c) {
  const cria_op *op = c->op;
  uint64_t heads = op->p[0], width = heads * op->k;
  int rounded = op->a[2].type != quants[QUANT_F32].id;
  row_units(c, width);
  c->job->scratchBytes = (size_t)op->k * 4;
  return require(c, heads >= 1 && heads <= 65536, CRIA_FAIL(BAD_PARAMETER)) &&
         require(c, !rounded || heads == 1, CRIA_FAIL(BAD_SHAPE)) &&
         floats(c, 0, op->rows, op->p[1], width, READS) && floats(c, 1, 1, op->k, op->k, READS) &&
         (rounded ? activations(c, 2, op->p[2], WRITES)
                  : floats(c, 2, op->rows, op->p[2], width, WRITES));
}

static int check_quantize(struct checker *c) {
  row_units(c, c->op->k);
  return require(c, c->op->a[1].type != quants[QUANT_F32].id, CRIA_FAIL(BAD_TYPE)) &&
         floats(c, 0, c->op->rows, c->op->p[0], c->op->k, READS) && activations(c, 1, 0, WRITES);
}

static int check_matmul(struct checker *c) {
  const cria_op *op = c->op;
  uint64_t experts;
  product_units(c);
  if (!check_groups(c, 5, &experts) || !matrices_of(c, 1, 6, experts)) return 0;
  if (!activations(c, 0, op->p[0], READS)) return 0;
  for (int slot = 3; slot <= 4; slot++)
    if (c->job->grouped && op->a[slot].type != CRIA_NONE)
      return refuse(c, CRIA_FAIL(BAD_TYPE), slot);
  if (!class_takes(c->job->quant, op->a[0].type)) return refuse(c, CRIA_FAIL(BAD_TYPE), 0);
  return floats(c, 2, op->rows, op->p[1], op->n, WRITES) &&
         (op->a[3].type == CRIA_NONE || floats(c, 3, 1, op->n, op->n, READS)) &&
         (op->a[4].type == CRIA_NONE || floats(c, 4, op->rows, op->p[2], op->n, READS));
}

static int check_gated(struct checker *c) {
  const cria_op *op = c->op;
  uint64_t experts;
  product_units(c);
  if (op->a[1].type != op->a[2].type) return refuse(c, CRIA_FAIL(BAD_TYPE), 2);
  if (!check_groups(c, 4, &experts)) return 0;
  if (!matrices_of(c, 1, 5, experts) || !matrices_of(c, 2, 6, experts)) return 0;
  if (!class_takes(c->job->quant, op->a[0].type)) return refuse(c, CRIA_FAIL(BAD_TYPE), 0);
  return require(c, op->p[2] <= ACTIVATION_GELU, CRIA_FAIL(BAD_PARAMETER)) &&
         activations(c, 0, op->p[0], READS) &&
         floats(c, 3, op->rows, op->p[1], op->n, WRITES);
}

static int check_rope(struct checker *c) {
  const cria_op *op = c->op;
  uint64_t heads = op->p[0], headDim = op->p[1], dims = op->p[2];
  row_units(c, heads * headDim);
  return require(c, heads && headDim && dims && dims % 2 == 0 && dims <= headDim &&
                        heads <= 65536 && headDim <= 65536 && op->p[3] <= PAIRS_HALVES,
                 CRIA_FAIL(BAD_PARAMETER)) &&
         floats(c, 0, op->rows, op->p[4], heads * headDim, WRITES) &&
         input(c, 1, (uint64_t)op->rows * dims) != NULL;
}

struct cache_shape {
  uint64_t heads, headDim, pagePositions, pageCount, pageBytes;
};

// Keys or values of one layer in all pages: [page]{ [head][pagePositions][headDim], scales }.
static int cache(struct checker *c, int slot, const struct cache_shape *s, int writes) {
  uint32_t type = c->op->a[slot].type;
  const int scaled = type == quants[QUANT_Q8_0].id;
  if (type != quants[QUANT_F16].id && type != quants[QUANT_F32].id && !scaled)
    return refuse(c, CRIA_FAIL(BAD_TYPE), slot);
  int sane = s->heads && s->heads <= 65536 && s->headDim && s->headDim <= 1024 &&
             s->headDim % GROUP == 0 && s->pagePositions && s->pagePositions <= 65536 &&
             s->pagePositions % GROUP == 0 && s->pageCount && s->pageCount <= 1 << 30 &&
             s->pageBytes % 64 == 0;
  if (!sane) return refuse(c, CRIA_FAIL(BAD_PARAMETER), slot);
  uint64_t vector = s->headDim * cache_element(type) + (scaled ? 2 * cache_blocks(s->headDim) : 0);
  uint64_t layer = s->heads * s->pagePositions * vector;
  if (layer > s->pageBytes) return refuse(c, CRIA_FAIL(BAD_SHAPE), slot);
  return span(c, slot, (s->pageCount - 1) * s->pageBytes + layer, 64, writes);
}

static int check_store(struct checker *c) {
  const cria_op *op = c->op;
  const struct cache_shape s = {op->p[0], op->p[1], op->p[3], op->p[4], op->p[5]};
  uint64_t width = s.heads * s.headDim;
  row_units(c, width * 2);
  // 16 neighbours write to the same lines of the keys: a thread takes them together
  if (c->job->units) c->job->units = (op->rows + GROUP - 1) / GROUP;
  if (!cache(c, 3, &s, WRITES) || !cache(c, 4, &s, WRITES)) return 0;
  if (op->a[3].type != op->a[4].type) return refuse(c, CRIA_FAIL(BAD_TYPE), 4);
  const int32_t *slots = input(c, 2, op->rows);
  uint64_t limit = s.pageCount * s.pagePositions;
  return slots && require(c, limit <= INT32_MAX, CRIA_FAIL(BAD_SHAPE)) &&
         in_range(c, 2, slots, op->rows, (uint32_t)limit) &&
         floats(c, 0, op->rows, op->p[2], width, READS) &&
         floats(c, 1, op->rows, op->p[2], width, READS);
}

// Every row's pages up to its position are named in the tables and exist. Returns the chunks
// that the longest row reaches, or 0 when refused.
static uint32_t check_places(struct checker *c, const struct cache_shape *s) {
  const cria_op *op = c->op;
  uint64_t tableWords = op->p[9];
  const int32_t *places = input(c, 3, (uint64_t)op->rows * 2);
  const int32_t *tables = input(c, 4, tableWords);
  if (!places || !tables) return 0;
  uint32_t chunks = 0;
  for (uint32_t r = 0; r < op->rows; r++) {
    int64_t start = places[2 * r], position = places[2 * r + 1];
    uint64_t pages = (uint64_t)position / s->pagePositions + 1;
    if (start < 0 || position < 0 || (uint64_t)start + pages > tableWords)
      return (uint32_t)refuse(c, CRIA_FAIL(BAD_INPUT), 3);
    int seen = r > 0 && places[2 * r - 2] == start && places[2 * r - 1] >= position;
    if (!seen && !in_range(c, 4, tables + start, (uint32_t)pages, (uint32_t)s->pageCount))
      return 0;
    uint32_t reach = (uint32_t)position / CHUNK + 1;
    if (reach > chunks) chunks = reach;
  }
  return chunks;
}

// Partial results up to this size let many rows be split over positions; whole units do when
// they are many and alike, so that no thread is left alone with a long one.
enum { MOST_PARTIAL = 16 << 20, ENOUGH_UNITS = 32 };

// Sets the rows of a unit of attention and says whether a unit is one chunk of them. `chunks` are
// those of the longest row, `rowBytes` its partial results.
static int splits(const struct checker *c, uint64_t kvHeads, uint32_t chunks, uint64_t rowBytes) {
  const int32_t *places = (const int32_t *)(const void *)c->job->a[3];
  uint64_t work = 0;
  c->job->blockRows = 1; // 8 where two rows that follow each other belong to one sequence
  for (uint32_t r = 0; r < c->op->rows; r++) {
    work += (uint32_t)places[2 * r + 1] / CHUNK + 1;
    if (r > 0 && places[2 * r] == places[2 * r - 2]) c->job->blockRows = 8;
  }
  if (chunks == 1) return 0;
  if (c->op->rows > TILE_ROWS && c->op->rows > MOST_PARTIAL / rowBytes) return 0;
  return work * kvHeads < (uint64_t)ENOUGH_UNITS * chunks * c->job->blockRows;
}

// A cap is a positive number; 0 stands for none where `none` allows it.
static int sane_cap(struct checker *c, float cap, int none) {
  const int sane = cap <= 1e30f && (cap > 0.0f || (none && cap == 0.0f));
  return require(c, sane, CRIA_FAIL(BAD_PARAMETER));
}

static int check_attend(struct checker *c) {
  const cria_op *op = c->op;
  const struct cache_shape s = {op->p[1], op->p[2], op->p[5], op->p[6], op->p[7]};
  uint64_t heads = op->p[0];
  if (!cache(c, 1, &s, READS) || !cache(c, 2, &s, READS)) return 0;
  if (op->a[1].type != op->a[2].type) return refuse(c, CRIA_FAIL(BAD_TYPE), 2);
  if (!require(c, heads && heads <= 65536 && heads % s.heads == 0, CRIA_FAIL(BAD_PARAMETER)) ||
      !sane_cap(c, op->f[1], 1))
    return 0;
  uint32_t chunks = check_places(c, &s);
  if (!chunks) return 0;
  struct job *job = c->job;
  // scores of 8 query vectors over a chunk and their outputs, 64 running outputs
  job->scratchBytes = (8 * (CHUNK + (size_t)s.headDim) + 64 * ((size_t)s.headDim + 2)) * 4 + 4096;
  // partial results [row][head][chunk]{max, sum, .., out}
  const uint64_t rowBytes = heads * chunks * (s.headDim + 16) * 4;
  const int split = splits(c, s.heads, chunks, rowBytes);
  const uint64_t blocks = ((uint64_t)op->rows + job->blockRows - 1) / job->blockRows;
  const uint64_t units = blocks * s.heads * (split ? chunks : 1);
  if (!require(c, units <= UINT32_MAX, CRIA_FAIL(BAD_SHAPE))) return 0;
  job->units = (uint32_t)units;
  if (split) job->chunks = chunks, job->merge = 1, job->sharedBytes = (size_t)(op->rows * rowBytes);
  uint64_t width = heads * s.headDim;
  return floats(c, 0, op->rows, op->p[3], width, READS) &&
         floats(c, 5, op->rows, op->p[4], width, WRITES);
}

static int check_activate(struct checker *c) {
  const cria_op *op = c->op;
  row_units(c, op->n);
  return require(c, op->p[3] <= ACTIVATION_GELU, CRIA_FAIL(BAD_PARAMETER)) &&
         floats(c, 0, op->rows, op->p[0], op->n, READS) &&
         floats(c, 1, op->rows, op->p[1], op->n, READS) &&
         floats(c, 2, op->rows, op->p[2], op->n, WRITES);
}

static int check_add(struct checker *c) {
  const cria_op *op = c->op;
  row_units(c, op->n);
  return floats(c, 0, op->rows, op->p[0], op->n, READS) &&
         floats(c, 1, op->rows, op->p[1], op->n, READS) &&
         floats(c, 2, op->rows, op->p[2], op->n, WRITES);
}

static int check_copy(struct checker *c) {
  const cria_op *op = c->op;
  int indexed = op->a[2].type != CRIA_NONE;
  row_units(c, op->n);
  if (indexed) {
    if (!require(c, op->p[2] <= SIZE_LIMIT, CRIA_FAIL(BAD_PARAMETER))) return 0;
    const int32_t *index = input(c, 2, op->rows);
    if (!index || !in_range(c, 2, index, op->rows, op->p[2])) return 0;
  }
  uint64_t rows = indexed ? op->p[2] : op->rows;
  return floats(c, 0, rows, op->p[0], op->n, READS) &&
         floats(c, 1, op->rows, op->p[1], op->n, WRITES);
}

static int check_softcap(struct checker *c) {
  const cria_op *op = c->op;
  row_units(c, op->n);
  return sane_cap(c, op->f[0], 0) && floats(c, 0, op->rows, op->p[0], op->n, READS) &&
         floats(c, 1, op->rows, op->p[1], op->n, WRITES);
}

static int check_softmax(struct checker *c) {
  const cria_op *op = c->op;
  row_units(c, op->n);
  return floats(c, 0, op->rows, op->p[0], op->n, READS) &&
         floats(c, 1, op->rows, op->p[1], op->n, WRITES);
}

static int check_route(struct checker *c) {
  const cria_op *op = c->op;
  const uint64_t pairs = (uint64_t)op->rows * op->k;
  if (!require(c, op->n <= EXPERT_LIMIT && op->k <= op->n, CRIA_FAIL(BAD_SHAPE)) ||
      !require(c, pairs <= SIZE_LIMIT, CRIA_FAIL(BAD_SHAPE)) ||
      !require(c, op->p[2] <= 1, CRIA_FAIL(BAD_PARAMETER)))
    return 0;
  c->job->scratchBytes = ((size_t)(op->n + 15) * 2 + pairs) * 4;
  return floats(c, 0, op->rows, op->p[0], op->n, READS) &&
         floats(c, 1, op->rows, op->p[1], op->k, WRITES) && integers(c, 2, pairs, WRITES) &&
         integers(c, 3, group_count(op->n, pairs) * 3, WRITES);
}

static int sane_ranks(struct checker *c) {
  const uint64_t ranks = c->op->p[0];
  return require(c, ranks && ranks <= EXPERT_LIMIT, CRIA_FAIL(BAD_PARAMETER)) &&
         require(c, c->op->rows * ranks <= SIZE_LIMIT, CRIA_FAIL(BAD_SHAPE));
}

static int check_scatter(struct checker *c) {
  const cria_op *op = c->op;
  const uint64_t pairs = (uint64_t)op->rows * op->p[0];
  row_units(c, op->k);
  return sane_ranks(c) && floats(c, 0, op->rows, op->p[1], op->k, READS) &&
         integers(c, 1, pairs, READS) && activation_rows(c, 2, pairs, op->k, WRITES);
}

static int check_gather(struct checker *c) {
  const cria_op *op = c->op;
  const uint64_t pairs = (uint64_t)op->rows * op->p[0];
  row_units(c, op->n);
  return sane_ranks(c) && floats(c, 0, pairs, op->n, op->n, READS) &&
         integers(c, 1, pairs, READS) && floats(c, 2, 1, pairs, pairs, READS) &&
         (op->a[3].type == CRIA_NONE || floats(c, 3, op->rows, op->p[1], op->n, READS)) &&
         floats(c, 4, op->rows, op->p[2], op->n, WRITES);
}

static int (*const checks[OP_COUNT])(struct checker *) = {
#define OP(name, operands, parameters, floats) [OP_##name] = check_##name,
#include "ops.def"
#undef OP
};

void plan_unpin(struct plan *plan) {
  regions_lock();
  for (uint32_t i = 0; i < plan->pinnedCount; i++) {
    struct region *region = region_at(plan->pinned[i]);
    if (region) region->pins--;
  }
  plan->pinnedCount = 0;
  regions_unlock();
}

static int check_sizes(struct checker *c) {
  const cria_op *op = c->op;
  const uint32_t limit = SIZE_LIMIT;
  return require(c, op->kind < OP_COUNT, CRIA_FAIL(BAD_OPERATION)) &&
         require(c, op->rows && op->rows <= limit && op->n && op->n <= limit && op->k &&
                        op->k <= limit,
                 CRIA_FAIL(BAD_SHAPE));
}

int32_t plan_make(struct plan *plan, const cria_op *ops, uint32_t count, int32_t *fault) {
  if (count > plan->capacity) {
    struct job *grown = realloc(plan->jobs, count * sizeof *grown);
    if (!grown) return CRIA_FAIL(NO_MEMORY);
    plan->jobs = grown, plan->capacity = count;
  }
  plan->count = count, plan->scratchBytes = plan->sharedBytes = 0;
  struct checker c = {plan, NULL, NULL, CRIA_OK, -1};
  uint64_t units = 0; // of the group, which the pool counts in 32 bits
  regions_lock();
  uint32_t i = 0;
  for (; i < count && c.code == CRIA_OK; i++) {
    c.op = &ops[i], c.job = &plan->jobs[i];
    *c.job = (struct job){.op = c.op, .quant = -1, .together = c.op->flags & 1};
    if (check_sizes(&c)) checks[c.op->kind](&c);
    plan->scratchBytes = max_size(plan->scratchBytes, align64(c.job->scratchBytes));
    units = (c.job->together ? units : 0) + c.job->units + 1;
    if (units > UINT32_MAX) refuse(&c, CRIA_FAIL(BAD_SHAPE), -1);
    if (i > 0 && c.job->together)
      c.job->sharedOffset = c.job[-1].sharedOffset + align64(c.job[-1].sharedBytes);
    plan->sharedBytes =
        max_size(plan->sharedBytes, c.job->sharedOffset + align64(c.job->sharedBytes));
  }
  regions_unlock();
  if (c.code == CRIA_OK) return CRIA_OK;
  plan_unpin(plan);
  if (fault) fault[0] = (int32_t)i - 1, fault[1] = c.operand;
  return c.code;
}
