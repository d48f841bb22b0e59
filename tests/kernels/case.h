// One case: an image of the memory that a step works on, the recorded step, and which bytes of
// the image it writes.
#pragma once
#include "../../kernels/internal.h"
#include "random.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST_BYTES = 1 << 24, MOST_OPS = 32, MOST_INPUTS = 1 << 14, MOST_SPANS = 64 };
enum { FINITE = 1, WITH_NAN = 0 };
enum { RED_ZONE = 64 };

struct span { // bytes [offset, end)
  uint64_t offset, end;
};
struct output { // what the step writes: `rows` times `bytes` at a stride
  uint64_t offset, rows, stride, bytes;
  uint32_t type, k;
};
struct test_case {
  char name[128];
  int finite; // no output may be NaN
  int whole;  // its operations cannot be cut into pieces of rows
  cria_op ops[MOST_OPS];
  uint64_t advance[MOST_OPS][8]; // bytes from one row of an operand to the next, 0: same for all
  uint32_t opCount, inputWords, spanCount, outputCount;
  int32_t inputs[MOST_INPUTS];
  struct span spans[MOST_SPANS];
  struct output outputs[MOST_SPANS];
  uint64_t used;
};
static struct test_case the;          // the case being built or run
static uint8_t image[MOST_BYTES];     // memory before the step
static int32_t memory_region;

static void give_up(const char *why) {
  fprintf(stderr, "%s: %s\n", the.name, why);
  exit(1);
}

__attribute__((format(printf, 2, 3))) static void begin(int finite, const char *format, ...) {
  va_list list;
  va_start(list, format);
  the.finite = finite, the.whole = 0;
  the.opCount = the.inputWords = the.spanCount = the.outputCount = 0;
  the.used = RED_ZONE;
  vsnprintf(the.name, sizeof the.name, format, list);
  va_end(list);
  memset(the.ops, 0, sizeof the.ops), memset(the.advance, 0, sizeof the.advance);
  memset(image, 0xff, RED_ZONE);
  random_state = fnv(FNV_START, the.name, strlen(the.name));
}

// Room in the image, filled with NaNs, between red zones; `skew` bytes off an alignment of 64.
static uint64_t place(uint64_t bytes, uint64_t skew) {
  uint64_t offset = (the.used + 63) / 64 * 64 + skew, end = offset + bytes + RED_ZONE;
  if (end > MOST_BYTES || the.spanCount == MOST_SPANS) give_up("Cannot place an operand: full");
  memset(image + the.used, 0xff, end - the.used);
  the.spans[the.spanCount++] = (struct span){offset, offset + bytes};
  the.used = end;
  return offset;
}

static void put_float(uint64_t offset, size_t index, float f) {
  memcpy(image + offset + index * WORD, &f, WORD);
}

static uint64_t place_floats(uint64_t count, float scale) {
  uint64_t offset = place(count * WORD, WORD);
  for (size_t i = 0; i < count; i++) put_float(offset, i, random_float() * scale);
  return offset;
}

static cria_op *record(enum op_index kind, uint32_t rows, uint32_t n, uint32_t k) {
  if (the.opCount == MOST_OPS) give_up("Cannot record an operation: too many");
  cria_op *op = &the.ops[the.opCount++];
  op->kind = kind, op->rows = rows, op->n = n, op->k = k;
  for (int i = 0; i < OPERANDS; i++) op->a[i].type = CRIA_NONE;
  return op;
}

static void operand(cria_op *op, int slot, uint32_t type, uint64_t offset, uint64_t advance) {
  op->a[slot] = (cria_operand){memory_region, type, offset};
  the.advance[op - the.ops][slot] = advance;
}
static void floats_at(cria_op *op, int slot, uint64_t offset, uint64_t stride) {
  operand(op, slot, quants[QUANT_F32].id, offset, stride * WORD);
}

static void input_operand(cria_op *op, int slot, uint32_t type, const void *words, uint32_t count,
                          uint32_t wordsPerRow) {
  if (the.inputWords + count > MOST_INPUTS) give_up("Cannot add inputs: too many");
  memcpy(the.inputs + the.inputWords, words, count * WORD);
  operand(op, slot, type, the.inputWords * WORD, wordsPerRow * WORD);
  op->a[slot].region = -1;
  the.inputWords += count;
}

static void output(uint32_t type, uint64_t offset, uint64_t rows, uint64_t stride, uint64_t bytes,
                   uint32_t k) {
  the.outputs[the.outputCount++] = (struct output){offset, rows, stride, bytes, type, k};
}
static void output_floats(uint64_t offset, uint64_t rows, uint64_t stride, uint64_t width) {
  output(quants[QUANT_F32].id, offset, rows, stride * WORD, width * WORD, 0);
}

static void output_rounded(uint32_t type, uint64_t offset, uint64_t rows, uint32_t k) {
  uint64_t bytes = (uint64_t)cria_row_bytes(type, k);
  output(type, offset, rows, bytes, bytes, k);
}

// Runs the finished case everywhere (runner.h).
static void finish(void);

// ---- activations
enum activation_kind { ORDINARY, MIXED, TIES, WILD };

static float mixed_float(size_t row, size_t column) {
  static const float scales[] = {1.0f, 0.0f, 0x1p-110f, 0x1p-96f, 0x1p-10f, 0x1p10f, -0.0f, 4.0f};
  switch (row % 4) {
  case 1: return random_float() * 0x1p-110f;                         // rounds to nothing
  case 2: return random_float() * 0x1p-99f;                          // about the threshold
  case 3: return column % 64 < 32 ? 0.0f : random_float() * 0x1p-8f; // every other block empty
  default: return random_float() * scales[column / 8 % 8];
  }
}

static float wild_float(size_t row, size_t column) {
  if (row == 0 && column == 3) return float_of(0x7fc00000);
  if (row == 1 && column == 7) return float_of(0xff800000);
  if (row == 2) return random_float() * 0x1p127f;
  return random_float() * 4.0f;
}

static float activation(enum activation_kind kind, size_t row, size_t column) {
  switch (kind) {
  case MIXED: return mixed_float(row, column);
  case TIES: return column % 32 ? (float)((int32_t)random_below(509) - 254) * 0.5f : 127.0f;
  case WILD: return wild_float(row, column);
  default: return random_float() * 4.0f;
  }
}

// [rows, stride] with `k` columns filled; the rest stays NaN.
static uint64_t place_activations(enum activation_kind kind, size_t rows, size_t stride, size_t k) {
  uint64_t offset = place(((rows - 1) * stride + k) * WORD, WORD);
  for (size_t row = 0; row < rows; row++)
    for (size_t c = 0; c < k; c++) put_float(offset, row * stride + c, activation(kind, row, c));
  return offset;
}

// Rounded activations: recorded as an operation of its own and checked with the rest.
static uint64_t place_rounded(uint32_t type, enum activation_kind kind, uint32_t rows, uint32_t k) {
  uint64_t stride = k + 8, bytes = (uint64_t)cria_row_bytes(type, k);
  uint64_t x = place_activations(kind, rows, stride, k), out = place(bytes * rows, 0);
  cria_op *op = record(OP_quantize, rows, k, k);
  op->p[0] = (uint32_t)stride;
  floats_at(op, 0, x, stride), operand(op, 1, type, out, bytes);
  output_rounded(type, out, rows, k);
  return out;
}
