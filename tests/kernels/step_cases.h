// Cases of whole steps: a transformer layer as the model records it, groups that run together.
#pragma once
#include "attention_cases.h"
#include "product_cases.h"

enum { DIM = 256, HIDDEN = 512 };

static uint64_t place_output(uint32_t rows, uint32_t stride, uint32_t width) {
  uint64_t out = place(((rows - 1) * (uint64_t)stride + width) * WORD, 0);
  output_floats(out, rows, stride, width);
  return out;
}

static void record_norm(uint32_t rows, uint64_t x, uint32_t type, uint64_t out) {
  cria_op *op = record(OP_norm, rows, DIM, DIM);
  op->p[0] = 1, op->p[1] = DIM, op->f[0] = 1e-6f;
  floats_at(op, 0, x, DIM), floats_at(op, 1, place_floats(DIM, 1.0f), 0);
  operand(op, 2, type, out, (uint64_t)cria_row_bytes(type, DIM));
}

static cria_op *record_product(int quant, uint32_t rows, uint32_t n, uint32_t k, uint32_t type,
                               uint64_t x, uint64_t out, uint32_t stride) {
  uint64_t w = place_weight(quant, n, k);
  cria_op *op = record(OP_matmul, rows, n, k);
  op->p[0] = k, op->p[1] = stride;
  operand(op, 0, type, x, (uint64_t)cria_row_bytes(type, k));
  operand(op, 1, quants[quant].id, w, 0);
  floats_at(op, 2, out, stride);
  return op;
}

static uint64_t record_rounding(uint32_t rows, uint32_t k, uint32_t type, uint64_t x) {
  uint64_t bytes = (uint64_t)cria_row_bytes(type, k), out = place(rows * bytes, 0);
  cria_op *op = record(OP_quantize, rows, k, k);
  op->p[0] = k;
  floats_at(op, 0, x, k), operand(op, 1, type, out, bytes);
  output_rounded(type, out, rows, k);
  return out;
}

static void record_rope(uint32_t rows, uint64_t x, uint32_t heads, uint32_t headDim,
                        uint32_t stride) {
  float angles[MOST_ROWS * 64];
  for (uint32_t i = 0; i < rows * headDim; i++) angles[i] = random_float();
  cria_op *op = record(OP_rope, rows, heads * headDim, headDim);
  op->p[0] = heads, op->p[1] = op->p[2] = headDim, op->p[4] = stride;
  floats_at(op, 0, x, stride);
  input_operand(op, 1, quants[QUANT_F32].id, angles, rows * headDim, headDim);
}

// x += attention(norm(x)): queries, keys and values in one array, products and RoPEs together.
static void record_attention(const struct attention *a, int quant, uint32_t type, uint64_t x) {
  const uint32_t rows = a->rows, kv = a->kvHeads * a->headDim, stride = DIM + 2 * kv;
  uint64_t act = place(rows * (uint64_t)cria_row_bytes(type, DIM), 0);
  uint64_t qkv = place_output(rows, stride, stride), mixed = place_output(rows, DIM, DIM);
  output_rounded(type, act, rows, DIM);
  record_norm(rows, x, type, act);
  record_product(quant, rows, DIM, DIM, type, act, qkv, stride);
  record_product(quant, rows, kv, DIM, type, act, qkv + DIM * WORD, stride)->flags = 1;
  record_product(quant, rows, kv, DIM, type, act, qkv + (DIM + kv) * WORD, stride)->flags = 1;
  record_rope(rows, qkv, a->heads, a->headDim, stride);
  record_rope(rows, qkv + DIM * WORD, a->kvHeads, a->headDim, stride);
  the.ops[the.opCount - 1].flags = 1;
  int32_t slots[MOST_ROWS];
  for (uint32_t i = 0; i < rows; i++) slots[i] = (int32_t)slot_of(a, 0, (uint32_t)a->position[i]);
  record_store(a, ORDINARY, rows, slots);
  cria_op *store = &the.ops[the.opCount - 1];
  store->p[2] = stride;
  floats_at(store, 0, qkv + DIM * WORD, stride);
  floats_at(store, 1, qkv + (DIM + kv) * WORD, stride);
  record_attend(a, qkv);
  cria_op *attend = &the.ops[the.opCount - 1];
  attend->p[3] = stride, attend->p[4] = DIM;
  floats_at(attend, 0, qkv, stride), floats_at(attend, 5, mixed, DIM);
  the.outputCount--;
  uint64_t rounded = record_rounding(rows, DIM, type, mixed);
  cria_op *op = record_product(quant, rows, DIM, DIM, type, rounded, x, DIM);
  op->p[2] = DIM;
  floats_at(op, 4, x, DIM);
}

// x += down(activate(gate(norm(x))) * up(norm(x)))
static void record_feed_forward(int quant, uint32_t rows, uint32_t type, uint64_t x) {
  const uint64_t bytes = (uint64_t)cria_row_bytes(type, DIM);
  uint64_t act = place(rows * bytes, 0), hidden = place_output(rows, HIDDEN, HIDDEN);
  output_rounded(type, act, rows, DIM);
  record_norm(rows, x, type, act);
  uint64_t gate = place_weight(quant, HIDDEN, DIM), up = place_weight(quant, HIDDEN, DIM);
  cria_op *op = record(OP_gated, rows, HIDDEN, DIM);
  op->p[1] = HIDDEN;
  operand(op, 0, type, act, bytes);
  operand(op, 1, quants[quant].id, gate, 0), operand(op, 2, quants[quant].id, up, 0);
  floats_at(op, 3, hidden, HIDDEN);
  uint64_t rounded = record_rounding(rows, HIDDEN, type, hidden);
  op = record_product(quant, rows, DIM, HIDDEN, type, rounded, x, DIM);
  op->p[2] = DIM;
  floats_at(op, 4, x, DIM);
}

static void layer_case(int quant, uint32_t rows, int32_t position) {
  struct attention a = {8, 2, 32, 32, 0, 0, .rows = 0};
  a = rows_at(a, rows, position);
  begin(WITH_NAN, "layer %s rows %u at %d", quant_names[quant], rows, position);
  lay_out(&a);
  fill_cache(&a);
  output_cache(&a);
  uint64_t x = place_activations(ORDINARY, rows, DIM, DIM);
  output_floats(x, rows, DIM, DIM);
  uint32_t type = quants[quant].class == BLOCK32 ? CRIA_ACT32 : CRIA_ACT256;
  record_attention(&a, quant, type, x);
  record_feed_forward(quant, rows, type, x);
  finish();
}

static void step_cases(void) {
  layer_case(QUANT_Q8_0, 1, 70);
  layer_case(QUANT_Q4_K, 3, 300);
  layer_case(QUANT_Q4_0, 9, 0);
  layer_case(QUANT_Q6_K, 33, 230);
}
