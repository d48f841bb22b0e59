// Cases of mixtures of experts: routing, rows to their groups and back, products by groups.
#pragma once
#include "product_cases.h"

static uint64_t place_integers(const int32_t *list, uint32_t count) {
  uint64_t offset = place((uint64_t)count * WORD, 0);
  memcpy(image + offset, list, (size_t)count * WORD);
  return offset;
}

// Groups of random sizes for `rows` pairs; experts ascending, some of them left out.
static uint64_t place_groups(uint32_t rows, uint32_t experts) {
  int32_t list[64][3] = {{0}};
  uint32_t from = 0, count = 0, most = experts < rows ? experts : rows;
  for (uint32_t e = 0; e < experts && from < rows; e++) {
    uint32_t left = rows - from, size = e + 1 == experts ? left : random_below(left + 1);
    if (!size) continue;
    list[count][0] = (int32_t)e, list[count][1] = (int32_t)from, list[count++][2] = (int32_t)size;
    from += size;
  }
  return place_integers(list[0], most * 3);
}

// A table of where matrices lie behind each other, in another order than theirs.
static uint64_t place_table(uint32_t experts, uint64_t bytes) {
  int32_t table[64][2];
  for (uint32_t e = 0; e < experts; e++) {
    const uint64_t at = (e + 1) % experts * bytes;
    table[e][0] = (int32_t)at, table[e][1] = (int32_t)(at >> 32);
  }
  return place_integers(table[0], experts * 2);
}

static void grouped_case(int quant, enum op_index kind, uint32_t rows, uint32_t n, uint32_t k,
                         uint32_t experts, int listed) {
  const int gated = kind == OP_gated, out_slot = gated ? 3 : 2;
  begin(FINITE, "%s %s rows %u n %u k %u of %u experts%s", gated ? "gated" : "matmul",
        quant_names[quant], rows, n, k, experts, listed ? " by a table" : "");
  struct product_input x = place_input(quant, ORDINARY, rows, k);
  uint64_t stride = n + 3, w = place_weight(quant, (uint64_t)n * experts, k);
  uint64_t out = place(((rows - 1) * stride + n) * WORD, 4), groups = place_groups(rows, experts);
  the.whole = 1;
  cria_op *op = record(kind, rows, n, k);
  op->p[0] = (uint32_t)x.stride, op->p[1] = (uint32_t)stride, op->p[3] = experts;
  operand(op, 0, x.type, x.offset, 0), operand(op, 1, quants[quant].id, w, 0);
  if (gated) operand(op, 2, quants[quant].id, place_weight(quant, (uint64_t)n * experts, k), 0);
  floats_at(op, out_slot, out, 0);
  operand(op, gated ? 4 : 5, CRIA_I32, groups, 0);
  const uint64_t bytes = (uint64_t)n * quant_row_bytes(quant, k);
  if (listed) operand(op, 6, CRIA_I32, place_table(experts, bytes), 0);
  if (listed && gated) operand(op, 5, CRIA_I32, place_table(experts, bytes), 0);
  for (uint32_t i = 0; i < experts && i < rows; i++) { // rows of no group stay as they are
    int32_t group[3];
    memcpy(group, image + groups + i * sizeof group, sizeof group);
    if (group[2])
      output_floats(out + (uint64_t)group[1] * stride * WORD, (uint64_t)group[2], stride, n);
  }
  finish();
}

static void route_case(uint32_t rows, uint32_t experts, uint32_t ranks, uint32_t normalised,
                       enum activation_kind kind) {
  begin(kind == WILD ? WITH_NAN : FINITE, "route rows %u: %u of %u normalised %u kind %d", rows,
        ranks, experts, normalised, kind);
  const uint32_t pairs = rows * ranks, groups = experts < pairs ? experts : pairs;
  uint64_t x = place_activations(kind, rows, experts + 1, experts);
  uint64_t weights = place(((uint64_t)(rows - 1) * (ranks + 2) + ranks) * WORD, 4);
  uint64_t slots = place(pairs * WORD, 4), list = place(groups * 3 * WORD, 4);
  the.whole = 1;
  cria_op *op = record(OP_route, rows, experts, ranks);
  op->p[0] = experts + 1, op->p[1] = ranks + 2, op->p[2] = normalised;
  floats_at(op, 0, x, 0), floats_at(op, 1, weights, 0);
  operand(op, 2, CRIA_I32, slots, 0), operand(op, 3, CRIA_I32, list, 0);
  output_floats(weights, rows, ranks + 2, ranks);
  output(CRIA_I32, slots, 1, 0, pairs * WORD, 0);
  output(CRIA_I32, list, 1, 0, groups * 3 * WORD, 0);
  finish();
}

// Slots 0 to pairs - 1 in an order of their own.
static uint64_t place_slots(uint32_t pairs) {
  int32_t list[512];
  for (uint32_t i = 0; i < pairs; i++) list[i] = (int32_t)i;
  for (uint32_t i = pairs - 1; i > 0; i--) {
    uint32_t other = random_below(i + 1);
    int32_t kept = list[i];
    list[i] = list[other], list[other] = kept;
  }
  return place_integers(list, pairs);
}

static void scatter_case(uint32_t rows, uint32_t k, uint32_t ranks, uint32_t type) {
  begin(FINITE, "scatter rows %u k %u ranks %u type %u", rows, k, ranks, type);
  const uint32_t pairs = rows * ranks, f32 = quants[QUANT_F32].id;
  const uint64_t bytes = (uint64_t)cria_row_bytes(type, k);
  uint64_t x = place_activations(MIXED, rows, k + 1, k), slots = place_slots(pairs);
  uint64_t out = place(pairs * bytes, 0);
  the.whole = 1;
  cria_op *op = record(OP_scatter, rows, k, k);
  op->p[0] = ranks, op->p[1] = k + 1;
  floats_at(op, 0, x, 0), operand(op, 1, CRIA_I32, slots, 0), operand(op, 2, type, out, 0);
  if (type == f32) output_floats(out, pairs, k, k);
  else output_rounded(type, out, pairs, k);
  finish();
}

static void gather_case(uint32_t rows, uint32_t n, uint32_t ranks, int residual) {
  begin(FINITE, "gather rows %u n %u ranks %u residual %d", rows, n, ranks, residual);
  const uint32_t pairs = rows * ranks;
  uint64_t x = place_activations(ORDINARY, pairs, n, n), slots = place_slots(pairs);
  uint64_t weights = place_floats(pairs, 0.5f);
  uint64_t out = place(((uint64_t)(rows - 1) * (n + 2) + n) * WORD, 4);
  the.whole = 1;
  cria_op *op = record(OP_gather, rows, n, n);
  op->p[0] = ranks, op->p[1] = n + 1, op->p[2] = n + 2;
  floats_at(op, 0, x, 0), operand(op, 1, CRIA_I32, slots, 0), floats_at(op, 2, weights, 0);
  if (residual) floats_at(op, 3, place_activations(ORDINARY, rows, n + 1, n), 0);
  floats_at(op, 4, out, 0);
  output_floats(out, rows, n + 2, n);
  finish();
}

static void expert_cases(void) {
  static const uint32_t rows[] = {1, 3, 16, 64};
  for (size_t i = 0; i < COUNT(rows); i++) {
    route_case(rows[i], 4, 2, 1, ORDINARY);
    route_case(rows[i], 37, 8, i % 2, TIES);
    route_case(rows[i], 128, 8, 1, i == 1 ? WILD : MIXED);
    gather_case(rows[i], 40, 2, 1), gather_case(rows[i], 900, 3, (int)i % 2);
    scatter_case(rows[i], 100, 2, quants[QUANT_F32].id);
    scatter_case(rows[i], 480, 2, CRIA_ACT32), scatter_case(rows[i], 512, 8, CRIA_ACT256);
  }
  for (int quant = 0; quant < QUANT_COUNT; quant++) {
    const uint32_t k = quants[quant].class == FLOAT ? 100 : 256;
    for (size_t i = 0; i < COUNT(rows); i++) {
      grouped_case(quant, OP_matmul, rows[i], i % 2 ? 40 : 5, k, 6, i == 1);
      grouped_case(quant, OP_gated, rows[i], 35, k, 3, i == 2);
    }
    grouped_case(quant, OP_matmul, 64, 80, k, 1, 0);
  }
}
