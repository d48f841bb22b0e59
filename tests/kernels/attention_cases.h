// Cases of the cache: store, attend, and both, over pages in shuffled order.
#pragma once
#include "case.h"

enum { SCALED = 2 };
enum { MOST_ROWS = 64, MOST_SEQUENCES = 8, MOST_TABLE = 4096 };
struct attention {
  uint32_t heads, kvHeads, headDim, page, window;
  int wide;                         // F16 cache, F32 (1) or Q8_0 (SCALED)
  uint32_t sequences, rows;
  float softcap;
  int32_t sequence[MOST_ROWS], position[MOST_ROWS];
  // filled in by lay_out()
  uint32_t pagesEach, pageCount, pageBytes;
  int32_t table[MOST_TABLE];        // [sequence][pagesEach]
  uint64_t keys, values;            // offsets of the operands
};

static uint32_t cache_type(const struct attention *a) {
  static const int types[] = {QUANT_F16, QUANT_F32, QUANT_Q8_0};
  return quants[types[a->wide]].id;
}
// Of codes or floats; scales follow.
static uint64_t number_bytes(const struct attention *a) {
  return (uint64_t)a->kvHeads * a->headDim * a->page * cache_element(cache_type(a));
}
static uint64_t layer_bytes(const struct attention *a) {
  const uint64_t scales = (uint64_t)a->kvHeads * a->page * cache_blocks(a->headDim) * 2;
  return number_bytes(a) + (a->wide == SCALED ? scales : 0);
}

// Gives every sequence its pages in random order and makes room for all, with one page to spare.
static void lay_out(struct attention *a) {
  int32_t last = 0;
  for (uint32_t i = 0; i < a->rows; i++)
    if (a->position[i] > last) last = a->position[i];
  a->pagesEach = (uint32_t)last / a->page + 1;
  a->pageCount = a->pagesEach * a->sequences + 1;
  if (a->pageCount > MOST_TABLE) give_up("Cannot lay out the cache: too many pages");
  for (uint32_t i = 0; i < a->pageCount; i++) a->table[i] = (int32_t)i;
  for (uint32_t i = a->pageCount; i > 1; i--) { // Fisher and Yates
    uint32_t j = random_below(i);
    int32_t page = a->table[j];
    a->table[j] = a->table[i - 1], a->table[i - 1] = page;
  }
  a->pageBytes = (uint32_t)(2 * layer_bytes(a) + 128);
  a->keys = place((uint64_t)a->pageCount * a->pageBytes, 0);
  a->values = a->keys + layer_bytes(a) + 64;
}

static uint32_t slot_of(const struct attention *a, int32_t sequence, uint32_t position) {
  uint32_t page = (uint32_t)a->table[(uint32_t)sequence * a->pagesEach + position / a->page];
  return page * a->page + position % a->page;
}

static void put_element(const struct attention *a, uint64_t offset, uint64_t index) {
  if (a->wide == SCALED) {
    image[offset + index] = (uint8_t)random_bits();
  } else if (a->wide) {
    put_float(offset, index, random_float());
  } else {
    uint16_t half = random_half();
    memcpy(image + offset + index * 2, &half, 2);
  }
}

// The scales of one key and one value.
static void fill_scales(const struct attention *a, uint64_t base, uint32_t h, uint32_t at) {
  const uint64_t blocks = cache_blocks(a->headDim), codes = number_bytes(a) + base;
  for (uint64_t b = 0; b < blocks; b++) {
    const uint64_t key = (h * a->page + at - at % GROUP) * blocks + b * GROUP + at % GROUP;
    const uint64_t value = (h * a->page + at) * blocks + b;
    uint16_t half[] = {random_half(), random_half()};
    memcpy(image + a->keys + codes + key * 2, &half[0], 2);
    memcpy(image + a->values + codes + value * 2, &half[1], 2);
  }
}

// Keys and values that some row sees; all others stay NaN and must not be felt.
static void fill_position(const struct attention *a, int32_t sequence, uint32_t position) {
  uint32_t slot = slot_of(a, sequence, position), at = slot % a->page;
  for (uint32_t h = 0; h < a->kvHeads; h++) {
    uint64_t base = (uint64_t)(slot / a->page) * a->pageBytes;
    uint64_t head = (uint64_t)h * a->page * a->headDim;
    for (uint32_t d = 0; d < a->headDim; d++) {
      uint64_t key = head + (uint64_t)(at / GROUP) * GROUP * a->headDim + d * GROUP + at % GROUP;
      put_element(a, a->keys + base, key);
      put_element(a, a->values + base, head + (uint64_t)at * a->headDim + d);
    }
    if (a->wide == SCALED) fill_scales(a, base, h, at);
  }
}
static void fill_cache(const struct attention *a) {
  for (int32_t s = 0; s < (int32_t)a->sequences; s++) {
    int32_t first = INT32_MAX, last = -1;
    for (uint32_t i = 0; i < a->rows; i++) {
      if (a->sequence[i] != s) continue;
      int32_t low = a->window ? a->position[i] - (int32_t)a->window + 1 : 0;
      if (low < first) first = low;
      if (a->position[i] > last) last = a->position[i];
    }
    for (int32_t p = first < 0 ? 0 : first; p <= last; p++) fill_position(a, s, (uint32_t)p);
  }
}

static void record_store(const struct attention *a, enum activation_kind kind, uint32_t rows,
                         const int32_t *slots) {
  const uint32_t width = a->kvHeads * a->headDim, stride = width + 4;
  const uint32_t type = cache_type(a);
  uint64_t k = place_activations(kind, rows, stride, width);
  uint64_t v = place_activations(kind, rows, stride, width);
  cria_op *op = record(OP_store, rows, width, a->headDim);
  op->p[0] = a->kvHeads, op->p[1] = a->headDim, op->p[2] = stride, op->p[3] = a->page;
  op->p[4] = a->pageCount, op->p[5] = a->pageBytes;
  floats_at(op, 0, k, stride), floats_at(op, 1, v, stride);
  input_operand(op, 2, CRIA_I32, slots, rows, 1);
  operand(op, 3, type, a->keys, 0), operand(op, 4, type, a->values, 0);
}
// Of positions nobody wrote, the poison stays; it counts as NaN.
static void output_cache(const struct attention *a) {
  const uint32_t type = a->wide == SCALED ? CRIA_I32 : cache_type(a);
  output(type, a->keys, a->pageCount, a->pageBytes, layer_bytes(a), 0);
  output(type, a->values, a->pageCount, a->pageBytes, layer_bytes(a), 0);
}

static void record_attend(const struct attention *a, uint64_t q) {
  const uint32_t width = a->heads * a->headDim, stride = width + 4;
  const uint32_t type = cache_type(a);
  int32_t places[2 * MOST_ROWS];
  for (uint32_t i = 0; i < a->rows; i++) {
    places[2 * i] = a->sequence[i] * (int32_t)a->pagesEach;
    places[2 * i + 1] = a->position[i];
  }
  cria_op *op = record(OP_attend, a->rows, width, a->headDim);
  const uint32_t tableWords = a->pagesEach * a->sequences;
  const uint32_t p[] = {a->heads,     a->kvHeads,   a->headDim, width + 1, stride,
                        a->page,      a->pageCount, a->pageBytes, a->window, tableWords};
  memcpy(op->p, p, sizeof p);
  op->f[0] = 0.375f, op->f[1] = a->softcap;
  floats_at(op, 0, q, width + 1);
  operand(op, 1, type, a->keys, 0), operand(op, 2, type, a->values, 0);
  input_operand(op, 3, CRIA_I32, places, 2 * a->rows, 2);
  input_operand(op, 4, CRIA_I32, a->table, tableWords, 0);
  uint64_t out = place(((a->rows - 1) * (uint64_t)stride + width) * WORD, 4);
  floats_at(op, 5, out, stride);
  output_floats(out, a->rows, stride, width);
}

static void begin_attend(const struct attention *a, int finite, const char *what) {
  static const char *const types[] = {"F16", "F32", "Q8_0"};
  begin(finite, "attend %s heads %u/%u dim %u page %u %s window %u cap %g rows %u at %d", what,
        a->heads, a->kvHeads, a->headDim, a->page, types[a->wide], a->window, (double)a->softcap,
        a->rows, a->position[0]);
}
static uint64_t place_queries(const struct attention *a, enum activation_kind kind) {
  const uint32_t width = a->heads * a->headDim;
  return place_activations(kind, a->rows, width + 1, width);
}

static void attend_case(struct attention a, enum activation_kind kind) {
  begin_attend(&a, kind == WILD ? WITH_NAN : FINITE, kind == WILD ? "wild" : "random");
  lay_out(&a);
  fill_cache(&a);
  record_attend(&a, place_queries(&a, kind));
  finish();
}

// Rows of one sequence at positions from `position` on.
static struct attention rows_at(struct attention a, uint32_t rows, int32_t position) {
  a.rows = rows, a.sequences = 1;
  for (uint32_t i = 0; i < rows; i++) a.sequence[i] = 0, a.position[i] = position + (int32_t)i;
  return a;
}
// Rows of several sequences: shuffled, or in runs of a sequence.
static struct attention rows_of_many(struct attention a, uint32_t rows, uint32_t sequences,
                                     int runs) {
  a.rows = rows, a.sequences = sequences;
  random_state = rows * 31 + sequences;
  for (uint32_t i = 0; i < rows; i++) {
    a.sequence[i] = (int32_t)(runs ? i * sequences / rows : random_below(sequences));
    a.position[i] = (int32_t)(runs ? 240 + i : random_below(601));
  }
  return a;
}

// Everything is stored first, then attended to: one step.
static void store_and_attend_case(struct attention a, enum activation_kind kind) {
  begin_attend(&a, WITH_NAN, kind == WILD ? "stored wild" : "stored");
  lay_out(&a);
  int32_t slots[640];
  uint32_t count = (uint32_t)a.position[a.rows - 1] + 1;
  for (uint32_t i = 0; i < count; i++) slots[i] = (int32_t)slot_of(&a, 0, i);
  record_store(&a, kind, count, slots);
  output_cache(&a);
  record_attend(&a, place_queries(&a, kind));
  finish();
}

// Two attentions that run together, each split over positions and merged.
static void attend_together_case(struct attention a) {
  begin_attend(&a, FINITE, "two together");
  lay_out(&a);
  fill_cache(&a);
  record_attend(&a, place_queries(&a, ORDINARY));
  record_attend(&a, place_queries(&a, ORDINARY));
  the.ops[1].flags = 1;
  finish();
}

// Floats between two halves, at the midpoint and one step beside it, and out of range.
static void half_rounding_case(void) {
  struct attention a = rows_at((struct attention){4, 4, 64, 64, 0, 0, .rows = 0}, 64, 0);
  for (uint32_t i = 0; i < a.rows; i++) a.position[i] = (int32_t)i;
  begin(WITH_NAN, "store F16 rounding");
  lay_out(&a);
  int32_t slots[MOST_ROWS];
  for (uint32_t i = 0; i < a.rows; i++) slots[i] = (int32_t)slot_of(&a, 0, i);
  record_store(&a, ORDINARY, a.rows, slots);
  const uint32_t low[] = {0, 1, 0xfff, 0x1000, 0x1001, 0x1fff};
  for (int side = 0; side < 2; side++)
    for (uint32_t i = 0; i < a.rows * (256 + 4) - 4; i++) {
      uint32_t bits = (random_bits() & 0x807fe000) | (100 + random_below(46)) << 23;
      if (i % 97 == 0) bits |= 0x7f800000; // infinity, NaN
      put_float(the.ops[0].a[side].offset, i, float_of(bits | low[random_below(COUNT(low))]));
    }
  output_cache(&a);
  finish();
}

static void decode_cases(void) {
  static const int32_t positions[] = {0, 1, 15, 16, 100, 255, 256, 257, 511, 512, 600};
  static const uint32_t shares[] = {1, 3, 4, 8, 12};
  for (size_t i = 0; i < COUNT(positions); i++) {
    struct attention a = {8, 2, 32, 32, 0, (int)(i % 2), .rows = 0};
    attend_case(rows_at(a, 1, positions[i]), ORDINARY);
  }
  for (size_t i = 0; i < COUNT(shares); i++)
    for (int wide = 0; wide <= SCALED; wide++) {
      struct attention a = {shares[i] * 2, 2, wide ? 80 : 16, 16, 0, wide, .rows = 0};
      attend_case(rows_at(a, 1, 270), ORDINARY);
      attend_case(rows_at(a, 3, 30), MIXED);
      attend_case(rows_at(a, 5, 60), ORDINARY);
      a.headDim = 16;
      attend_case(rows_at(a, 16, 248), ORDINARY);
    }
}

static void window_cases(void) {
  static const uint32_t windows[] = {1, 17, 256, 300};
  for (size_t i = 0; i < COUNT(windows); i++) {
    struct attention a = {4, 1, 32, 64, windows[i], (int)(i % 3), .rows = 0};
    attend_case(rows_at(a, 1, 600), ORDINARY);
    attend_case(rows_at(a, 4, 254), ORDINARY);
    attend_case(rows_at(a, 5, 0), ORDINARY);
    attend_case(rows_at(a, 16, 500), ORDINARY);
    attend_case(rows_of_many(a, 7, 3, 0), ORDINARY);
  }
}

static void attention_cases(void) {
  const struct attention half = {6, 2, 32, 16, 0, 0, .rows = 0};
  const struct attention full = {4, 4, 64, 256, 0, 1, .rows = 0};
  const struct attention codes = {6, 2, 48, 32, 0, SCALED, .rows = 0};
  decode_cases();
  window_cases();
  attend_case(rows_at(half, 64, 215), ORDINARY);
  attend_case(rows_at(full, 7, 252), ORDINARY);
  for (uint32_t rows = 2; rows <= 16; rows = rows * 2 + 1) {
    attend_case(rows_of_many(half, rows, 4, 0), ORDINARY);
    attend_case(rows_of_many(full, rows, 2, 1), ORDINARY);
  }
  attend_case(rows_at(half, 4, 20), WILD);
  attend_case(rows_at(half, 7, 20), WILD);
  struct attention capped = half;
  for (capped.softcap = 0.5f; capped.softcap < 100.0f; capped.softcap *= 8.0f) {
    attend_case(rows_at(capped, 1, 300), ORDINARY);
    attend_case(rows_at(capped, 9, 250), capped.softcap > 4.0f ? WILD : ORDINARY);
  }
  store_and_attend_case(rows_at(half, 1, 300), ORDINARY);
  store_and_attend_case(rows_at(half, 16, 250), ORDINARY);
  store_and_attend_case(rows_at(full, 3, 40), MIXED);
  store_and_attend_case(rows_at(half, 5, 17), WILD);
  attend_case(rows_at(codes, 64, 215), ORDINARY);
  attend_case(rows_of_many(codes, 9, 3, 1), ORDINARY);
  store_and_attend_case(rows_at(codes, 1, 300), ORDINARY);
  store_and_attend_case(rows_at(codes, 16, 250), MIXED);
  store_and_attend_case(rows_at(codes, 5, 17), WILD);
  attend_together_case(rows_at(codes, 6, 300));
  attend_together_case(rows_at(half, 2, 300));
  attend_together_case(rows_at(half, 6, 300));
  half_rounding_case();
}
