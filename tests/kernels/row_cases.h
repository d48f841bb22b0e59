// Cases of the operations on rows: norm, quantize, rope, activate, add, copy, softmax.
#pragma once
#include "case.h"

static void norm_case(uint32_t rows, uint32_t k, uint32_t heads, uint32_t type,
                      enum activation_kind kind) {
  begin(kind == WILD ? WITH_NAN : FINITE, "norm rows %u k %u heads %u type %u kind %d", rows, k,
        heads, type, kind);
  uint64_t width = (uint64_t)k * heads, xStride = width + 3, outStride = width + 5;
  uint64_t x = place_activations(kind, rows, xStride, width), w = place_floats(k, 1.5f);
  cria_op *op = record(OP_norm, rows, k, k);
  op->p[0] = heads, op->p[1] = (uint32_t)xStride, op->p[2] = (uint32_t)outStride;
  op->f[0] = 1e-5f;
  floats_at(op, 0, x, xStride), floats_at(op, 1, w, 0);
  if (type == quants[QUANT_F32].id) {
    uint64_t out = place(((rows - 1) * outStride + width) * WORD, 4);
    floats_at(op, 2, out, outStride);
    output_floats(out, rows, outStride, width);
  } else {
    uint64_t bytes = (uint64_t)cria_row_bytes(type, k), out = place(rows * bytes, 0);
    operand(op, 2, type, out, bytes);
    output_rounded(type, out, rows, k);
  }
  finish();
}

static void norm_cases(void) {
  static const uint32_t ks[] = {1, 5, 16, 40, 64, 100, 129, 1000};
  const uint32_t f32 = quants[QUANT_F32].id;
  for (size_t i = 0; i < COUNT(ks); i++) {
    norm_case(1, ks[i], 1, f32, ORDINARY);
    norm_case(5, ks[i], 1, f32, MIXED);
    norm_case(3, ks[i], 3, f32, ORDINARY);
  }
  norm_case(64, 1000, 1, f32, ORDINARY); // wide enough to be shared out row by row
  norm_case(16, 64, 40, f32, ORDINARY);
  norm_case(4, 100, 2, f32, WILD);
  for (uint32_t rows = 1; rows <= 64; rows *= 4) {
    norm_case(rows, 96, 1, CRIA_ACT32, ORDINARY);
    norm_case(rows, 512, 1, CRIA_ACT32, MIXED);
    norm_case(rows, 512, 1, CRIA_ACT256, ORDINARY);
  }
  norm_case(4, 96, 1, CRIA_ACT32, WILD);
  norm_case(4, 256, 1, CRIA_ACT256, WILD);
}

static void quantize_cases(void) {
  static const uint32_t rows[] = {1, 4, 7, 64};
  for (size_t i = 0; i < COUNT(rows); i++)
    for (enum activation_kind kind = ORDINARY; kind <= WILD; kind++) {
      begin(kind == WILD ? WITH_NAN : FINITE, "quantize ACT32 rows %u kind %d", rows[i], kind);
      place_rounded(CRIA_ACT32, kind, rows[i], 480);
      finish();
      begin(kind == WILD ? WITH_NAN : FINITE, "quantize ACT256 rows %u kind %d", rows[i], kind);
      place_rounded(CRIA_ACT256, kind, rows[i], 512);
      finish();
    }
}

static void rope_case(uint32_t rows, uint32_t heads, uint32_t headDim, uint32_t dims,
                      uint32_t pairs) {
  begin(FINITE, "rope rows %u heads %u headDim %u dims %u pairs %u", rows, heads, headDim, dims,
        pairs);
  uint64_t stride = heads * headDim + 2;
  uint64_t x = place_activations(ORDINARY, rows, stride, heads * headDim);
  float angles[64 * 64];
  for (uint32_t i = 0; i < rows * dims; i++) angles[i] = random_float();
  cria_op *op = record(OP_rope, rows, heads * headDim, headDim);
  op->p[0] = heads, op->p[1] = headDim, op->p[2] = dims, op->p[3] = pairs;
  op->p[4] = (uint32_t)stride;
  floats_at(op, 0, x, stride);
  input_operand(op, 1, quants[QUANT_F32].id, angles, rows * dims, dims);
  output_floats(x, rows, stride, heads * headDim);
  finish();
}

static void activate_case(uint32_t rows, uint32_t n, uint32_t function, enum activation_kind kind) {
  begin(kind == WILD ? WITH_NAN : FINITE, "activate rows %u n %u function %u kind %d", rows, n,
        function, kind);
  uint64_t gate = place_activations(kind, rows, n + 1, n);
  uint64_t up = place_activations(ORDINARY, rows, n + 2, n);
  if (kind == TIES) // all the way through the range of exp
    for (size_t i = 0; i < n; i++) put_float(gate, i, ((float)i - (float)n * 0.5f) * 0.25f);
  uint64_t out = place(((uint64_t)(rows - 1) * (n + 3) + n) * WORD, 4);
  cria_op *op = record(OP_activate, rows, n, n);
  op->p[0] = n + 1, op->p[1] = n + 2, op->p[2] = n + 3, op->p[3] = function;
  floats_at(op, 0, gate, n + 1), floats_at(op, 1, up, n + 2), floats_at(op, 2, out, n + 3);
  output_floats(out, rows, n + 3, n);
  finish();
}

static void add_case(uint32_t rows, uint32_t n, enum activation_kind kind) {
  begin(kind == WILD ? WITH_NAN : FINITE, "add rows %u n %u kind %d", rows, n, kind);
  uint64_t a = place_activations(kind, rows, n + 1, n);
  uint64_t b = place_activations(ORDINARY, rows, n + 2, n);
  uint64_t out = place(((uint64_t)(rows - 1) * (n + 3) + n) * WORD, 4);
  cria_op *op = record(OP_add, rows, n, n);
  op->p[0] = n + 1, op->p[1] = n + 2, op->p[2] = n + 3;
  floats_at(op, 0, a, n + 1), floats_at(op, 1, b, n + 2), floats_at(op, 2, out, n + 3);
  output_floats(out, rows, n + 3, n);
  finish();
}

static void copy_case(uint32_t rows, uint32_t n, uint32_t xRows) {
  begin(FINITE, "copy rows %u n %u from %u", rows, n, xRows);
  uint64_t x = place_activations(MIXED, xRows ? xRows : rows, n + 1, n);
  uint64_t out = place(((uint64_t)(rows - 1) * (n + 2) + n) * WORD, 4);
  cria_op *op = record(OP_copy, rows, n, n);
  op->p[0] = n + 1, op->p[1] = n + 2, op->p[2] = xRows;
  floats_at(op, 0, x, xRows ? 0 : n + 1), floats_at(op, 1, out, n + 2);
  if (xRows) {
    int32_t index[64];
    for (uint32_t i = 0; i < rows; i++) index[i] = (int32_t)random_below(xRows);
    input_operand(op, 2, CRIA_I32, index, rows, 1);
  }
  output_floats(out, rows, n + 2, n);
  finish();
}

static void softmax_case(uint32_t rows, uint32_t n, enum activation_kind kind) {
  begin(kind == WILD ? WITH_NAN : FINITE, "softmax rows %u n %u kind %d", rows, n, kind);
  uint64_t x = place_activations(kind, rows, n + 1, n);
  uint64_t out = place(((uint64_t)(rows - 1) * (n + 2) + n) * WORD, 4);
  cria_op *op = record(OP_softmax, rows, n, n);
  op->p[0] = n + 1, op->p[1] = n + 2;
  floats_at(op, 0, x, n + 1), floats_at(op, 1, out, n + 2);
  output_floats(out, rows, n + 2, n);
  finish();
}

static void softcap_case(uint32_t rows, uint32_t n, float cap, enum activation_kind kind) {
  begin(kind == WILD ? WITH_NAN : FINITE, "softcap rows %u n %u cap %g kind %d", rows, n,
        (double)cap, kind);
  uint64_t x = place_activations(kind, rows, n + 1, n);
  uint64_t out = place(((uint64_t)(rows - 1) * (n + 2) + n) * WORD, 4);
  cria_op *op = record(OP_softcap, rows, n, n);
  op->p[0] = n + 1, op->p[1] = n + 2, op->f[0] = cap;
  floats_at(op, 0, x, n + 1), floats_at(op, 1, out, n + 2);
  output_floats(out, rows, n + 2, n);
  finish();
}

static void row_cases(void) {
  static const uint32_t rows[] = {1, 3, 5, 64}, ns[] = {1, 5, 16, 40, 100, 900};
  norm_cases();
  quantize_cases();
  for (uint32_t pairs = 0; pairs <= PAIRS_HALVES; pairs++)
    for (size_t i = 0; i < COUNT(rows); i++) {
      rope_case(rows[i], 1, 16, 16, pairs);
      rope_case(rows[i], 3, 40, 24, pairs);
      rope_case(rows[i], 8, 64, 64, pairs);
    }
  for (size_t i = 0; i < COUNT(rows); i++)
    for (size_t j = 0; j < COUNT(ns); j++) {
      activate_case(rows[i], ns[j], (i + j) % 2, j % 2 ? MIXED : ORDINARY);
      add_case(rows[i], ns[j], j % 2 ? ORDINARY : MIXED);
      copy_case(rows[i], ns[j], j % 2 ? 0 : 9);
      softmax_case(rows[i], ns[j], j % 2 ? ORDINARY : MIXED);
    }
  for (uint32_t function = 0; function <= ACTIVATION_GELU; function++) {
    activate_case(1, 900, function, TIES);
    activate_case(4, 40, function, WILD);
  }
  add_case(4, 40, WILD);
  softcap_case(4, 40, 30.0f, WILD), softcap_case(1, 300, 0.5f, TIES);
  softcap_case(5, 900, 2.0f, ORDINARY), softcap_case(64, 900, 50.0f, MIXED);
  softmax_case(4, 40, WILD);
  softmax_case(2, 300, TIES);
}
