// Cases of the operations on weights: matmul, gated, embed, for every type of quants.def.
#pragma once
#include "case.h"

// Where a block has its f16 scales; -1 ends the list. A new weight type needs a line here.
enum { MOST_SCALES = 3 };
static const int scale_offsets[QUANT_COUNT][MOST_SCALES] = {
    [QUANT_F32] = {-1},        [QUANT_F16] = {-1},        [QUANT_BF16] = {-1},
    [QUANT_Q4_0] = {0, -1},    [QUANT_Q4_1] = {0, 2, -1}, [QUANT_Q5_0] = {0, -1},
    [QUANT_Q5_1] = {0, 2, -1}, [QUANT_Q8_0] = {0, -1},    [QUANT_Q4_K] = {0, 2, -1},
    [QUANT_Q5_K] = {0, 2, -1}, [QUANT_Q6_K] = {208, -1},
    [QUANT_Q2_K] = {80, 82, -1}, [QUANT_Q3_K] = {108, -1}, [QUANT_IQ4_NL] = {0, -1},
    [QUANT_IQ4_XS] = {0, -1}, [QUANT_IQ2_XXS] = {0, -1}, [QUANT_IQ2_XS] = {0, -1},
    [QUANT_IQ2_S] = {0, -1}, [QUANT_IQ3_XXS] = {0, -1}, [QUANT_IQ3_S] = {0, -1},
    [QUANT_IQ1_S] = {0, -1}, [QUANT_IQ1_M] = {-1}, [QUANT_TQ1_0] = {52, -1},
    [QUANT_TQ2_0] = {64, -1}, [QUANT_MXFP4] = {-1},
};
static const char *const quant_names[QUANT_COUNT] = {
#define QUANT(name, id, elements, bytes, class) #name,
#include "../../kernels/quants.def"
#undef QUANT
};

static void put_block(int quant, uint8_t *p) {
  uint32_t bits = bits_of(random_weight());
  uint16_t half = random_half();
  switch (quant) {
  case QUANT_F32: memcpy(p, &bits, WORD); return;
  case QUANT_F16: memcpy(p, &half, 2); return;
  case QUANT_BF16: memcpy(p, (uint8_t *)&bits + 2, 2); return;
  }
  for (uint32_t i = 0; i < quants[quant].bytes; i++) p[i] = (uint8_t)random_bits();
  for (const int *at = scale_offsets[quant]; *at >= 0; at++) {
    half = random_half();
    memcpy(p + *at, &half, 2);
  }
  if (quant == QUANT_MXFP4) p[0] %= 128; // powers of two up to 1 / 2, subnormal ones as well
  if (quant == QUANT_IQ1_M) p[55] &= 0xbf; // a half below 2, in four pieces
}

// [n, k], misaligned as far as the type allows.
static uint64_t place_weight(int quant, uint64_t n, uint64_t k) {
  uint64_t bytes = n * quant_row_bytes(quant, k);
  uint64_t offset = place(bytes, quant == QUANT_F32 ? 4 : 2);
  for (uint64_t at = 0; at < bytes; at += quants[quant].bytes)
    put_block(quant, image + offset + at);
  return offset;
}

// Activations in the form that the type asks for, as operand 0 of an operation recorded later.
struct product_input {
  uint32_t type;
  uint64_t offset, advance, stride;
};
static struct product_input place_input(int quant, enum activation_kind kind, uint32_t rows,
                                        uint32_t k) {
  if (quants[quant].class == FLOAT) {
    uint64_t stride = k + 3, x = place_activations(kind, rows, stride, k);
    return (struct product_input){quants[QUANT_F32].id, x, stride * WORD, stride};
  }
  uint32_t type = quants[quant].class == BLOCK32 ? CRIA_ACT32 : CRIA_ACT256;
  uint64_t x = place_rounded(type, kind, rows, k);
  return (struct product_input){type, x, (uint64_t)cria_row_bytes(type, k), 0};
}

enum { BIAS = 1, RESIDUAL = 2, IN_PLACE = 4 };

static void matmul_case(int quant, uint32_t rows, uint32_t n, uint32_t k, int extras,
                        enum activation_kind kind) {
  begin(kind == WILD ? WITH_NAN : FINITE, "matmul %s rows %u n %u k %u extras %d kind %d",
        quant_names[quant], rows, n, k, extras, kind);
  struct product_input x = place_input(quant, kind, rows, k);
  uint64_t stride = n + 3, w = place_weight(quant, n, k);
  uint64_t out = place(((rows - 1) * stride + n) * WORD, 4), residual = out;
  cria_op *op = record(OP_matmul, rows, n, k);
  op->p[0] = (uint32_t)x.stride, op->p[1] = (uint32_t)stride;
  operand(op, 0, x.type, x.offset, x.advance);
  operand(op, 1, quants[quant].id, w, 0);
  floats_at(op, 2, out, stride);
  output_floats(out, rows, stride, n);
  if (extras & BIAS) floats_at(op, 3, place_floats(n, 2.0f), 0);
  if (extras & RESIDUAL) {
    stride = n + 5, residual = place_activations(ORDINARY, rows, stride, n);
  } else if (extras & IN_PLACE) {
    for (size_t row = 0; row < rows; row++)
      for (size_t c = 0; c < n; c++) put_float(out, row * stride + c, random_float());
  }
  if (extras & (RESIDUAL | IN_PLACE)) {
    op->p[2] = (uint32_t)stride;
    floats_at(op, 4, residual, stride);
  }
  finish();
}

static void gated_case(int quant, uint32_t rows, uint32_t n, uint32_t k, uint32_t function,
                       enum activation_kind kind) {
  begin(kind == WILD ? WITH_NAN : FINITE, "gated %s rows %u n %u k %u function %u kind %d",
        quant_names[quant], rows, n, k, function, kind);
  struct product_input x = place_input(quant, kind, rows, k);
  uint64_t stride = n + 1, gate = place_weight(quant, n, k), up = place_weight(quant, n, k);
  uint64_t out = place(((rows - 1) * stride + n) * WORD, 4);
  cria_op *op = record(OP_gated, rows, n, k);
  op->p[0] = (uint32_t)x.stride, op->p[1] = (uint32_t)stride, op->p[2] = function;
  operand(op, 0, x.type, x.offset, x.advance);
  operand(op, 1, quants[quant].id, gate, 0), operand(op, 2, quants[quant].id, up, 0);
  floats_at(op, 3, out, stride);
  output_floats(out, rows, stride, n);
  finish();
}

static void embed_case(int quant, uint32_t rows, uint32_t n, uint32_t k, float scale) {
  begin(FINITE, "embed %s rows %u n %u k %u scale %g", quant_names[quant], rows, n, k,
        (double)scale);
  uint64_t w = place_weight(quant, n, k), out = place((uint64_t)rows * k * WORD, 4);
  int32_t tokens[64];
  for (uint32_t i = 0; i < rows; i++) tokens[i] = (int32_t)(i ? random_below(n) : n - 1);
  cria_op *op = record(OP_embed, rows, n, k);
  op->f[0] = scale;
  input_operand(op, 0, CRIA_I32, tokens, rows, 1);
  operand(op, 1, quants[quant].id, w, 0);
  floats_at(op, 2, out, k);
  output_floats(out, rows, k, k);
  finish();
}

// Every bit pattern of a 16-bit type, widened.
static void all_patterns_case(int quant) {
  const uint32_t n = 64, k = 1024;
  begin(WITH_NAN, "embed %s all patterns", quant_names[quant]);
  uint64_t w = place((uint64_t)n * k * 2, 2), out = place((uint64_t)n * k * WORD, 4);
  for (uint32_t i = 0; i < n * k; i++) {
    uint16_t half = (uint16_t)i;
    memcpy(image + w + i * 2, &half, 2);
  }
  int32_t tokens[64];
  for (uint32_t i = 0; i < n; i++) tokens[i] = (int32_t)i;
  cria_op *op = record(OP_embed, n, n, k);
  op->f[0] = 1.0f;
  input_operand(op, 0, CRIA_I32, tokens, n, 1);
  operand(op, 1, quants[quant].id, w, 0);
  floats_at(op, 2, out, k);
  output_floats(out, n, k, k);
  finish();
}

static const uint32_t row_counts[] = {1, 2, 3, 4, 5, 7, 16, 64};
static const uint32_t widths[] = {5, 16, 40, 100};
#define COUNT(list) (sizeof(list) / sizeof *(list))

static void quant_cases(int quant) {
  static const uint32_t lengths[4][2] = {{172, 20}, {96, 32}, {256, 512}, {256, 512}};
  const uint32_t *k = lengths[quants[quant].class];
  uint32_t next = 0;
  for (size_t r = 0; r < COUNT(row_counts); r++)
    for (size_t w = 0; w < COUNT(widths); w++, next++) {
      const uint32_t rows = row_counts[r], other = (next + next / 4) % 2;
      int large = rows * widths[w] > 1600;
      enum activation_kind kind = next % 3 == 1 ? MIXED : ORDINARY;
      matmul_case(quant, rows, widths[w], k[large ? 0 : other], (int)(next % 6), kind);
      if (rows <= 16 && w % 2 == 0)
        gated_case(quant, rows, widths[w], k[other], next / 2 % 2, ORDINARY);
    }
  matmul_case(quant, 3, 40, k[0], BIAS | RESIDUAL, WILD);
  matmul_case(quant, 7, 40, k[0], IN_PLACE, WILD);
  gated_case(quant, 5, 16, k[0], ACTIVATION_GELU, WILD);
  embed_case(quant, 1, 10, k[1], 1.0f);
  embed_case(quant, 7, 10, k[0], 12.25f);
  embed_case(quant, 64, 33, k[0] * 4, 0.3f);
}

// Rows, weight rows and blocks in numbers that tiles of 16 by 16 by 4 blocks divide or do not.
static void tile_cases(int quant) {
  static const uint32_t lengths[4] = {100, 416, 768, 768};
  static const uint32_t sizes[][3] = {
      {6, 33, 0}, {17, 48, 1}, {32, 80, 0}, {33, 20, 1}, {50, 35, 2}}; // rows, n, blocks less
  for (size_t i = 0; i < COUNT(sizes); i++) {
    const uint32_t rows = sizes[i][0], n = sizes[i][1];
    const uint32_t k = lengths[quants[quant].class] - sizes[i][2] * quants[quant].elements;
    matmul_case(quant, rows, n, k, i % 2 ? BIAS | RESIDUAL : IN_PLACE, ORDINARY);
    gated_case(quant, rows, n, k, ACTIVATION_SILU, MIXED);
  }
}

// More columns than a pass over float weights takes (kernels/float_matmul.h).
static void long_cases(int quant) {
  if (quants[quant].class != FLOAT) return;
  matmul_case(quant, 1, 20, 1025, 0, ORDINARY);
  matmul_case(quant, 8, 35, 2077, BIAS | RESIDUAL, ORDINARY);
  gated_case(quant, 5, 17, 1040, ACTIVATION_SILU, MIXED);
}

// Types that are expanded to bytes share one product: what each has of its own is the expansion.
static void expansion_cases(int quant) {
  matmul_case(quant, 1, 40, 512, BIAS, ORDINARY);
  matmul_case(quant, 3, 5, 256, 0, MIXED);
  gated_case(quant, 7, 33, 512, ACTIVATION_SILU, ORDINARY);
  embed_case(quant, 7, 10, 512, 1.0f);
}

static void product_cases(void) {
  int expanded = 0;
  for (int quant = 0; quant < QUANT_COUNT; quant++) {
    if (quants[quant].class == WIDE256 && expanded++) expansion_cases(quant);
    else quant_cases(quant), tile_cases(quant), long_cases(quant);
  }
  all_patterns_case(QUANT_F16);
  all_patterns_case(QUANT_BF16);
}
