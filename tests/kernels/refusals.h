// Runs the list of refusals: each gives its code, names its operand, changes nothing, crashes
// nothing. And what the calls beside cria_run must refuse.
#pragma once
#include "attention_cases.h"
#include "expert_cases.h"
#include "product_cases.h"
#include "refusal_list.h"
#include "runner.h"
#include <unistd.h>

static int refusal_failures;
static void expect(const char *what, int64_t got, int64_t wanted) {
  if (got == wanted) return;
  fprintf(stderr, "refusal, %s: %lld, not %lld\n", what, (long long)got, (long long)wanted);
  refusal_failures++;
}

// One operation of each kind that runs; `flags`, `p` and operands as the list expects them.
static cria_op *base_product(enum op_index kind) {
  uint64_t x = place(2 * (uint64_t)cria_row_bytes(CRIA_ACT32, 256), 0);
  memset(image + x, 0, 2 * (uint64_t)cria_row_bytes(CRIA_ACT32, 256));
  uint64_t w = place_weight(QUANT_Q4_0, 16, 256), out = place(2 * 16 * WORD, 0);
  cria_op *op = record(kind, 2, 16, 256);
  operand(op, 0, CRIA_ACT32, x, 0), operand(op, 1, quants[QUANT_Q4_0].id, w, 0);
  if (kind == OP_gated) operand(op, 2, quants[QUANT_Q4_0].id, w, 0);
  floats_at(op, kind == OP_gated ? 3 : 2, out, 0);
  op->p[1] = 16;
  return op;
}
// Operands of `slots` one after the other: two rows of 32 floats each.
static cria_op *base_floats(enum op_index kind, int slots) {
  cria_op *op = record(kind, 2, 32, 32);
  for (int slot = 0; slot < slots; slot++) floats_at(op, slot, place_floats(64, 1.0f), 0);
  op->p[0] = op->p[1] = op->p[2] = 32;
  return op;
}
static cria_op *base_rows(enum op_index kind) {
  static const int32_t index[] = {0, 10, -1};
  cria_op *op = NULL;
  switch (kind) {
  case OP_embed:
    op = base_floats(kind, 3);
    op->rows = 1, op->n = 10, op->k = 2, op->f[0] = 1.0f;
    input_operand(op, 0, CRIA_I32, index, 3, 0);
    return op;
  case OP_norm:
    op = base_floats(kind, 3);
    op->p[0] = 1;
    return op;
  case OP_quantize:
    op = base_floats(kind, 1);
    operand(op, 1, CRIA_ACT32, place(2 * (uint64_t)cria_row_bytes(CRIA_ACT32, 32), 0), 0);
    return op;
  case OP_rope: {
    float angles[64] = {0};
    op = base_floats(kind, 1);
    op->p[0] = 1, op->p[1] = op->p[2] = op->p[4] = 32, op->p[3] = PAIRS_HALVES;
    input_operand(op, 1, quants[QUANT_F32].id, angles, 64, 0);
    return op;
  }
  case OP_copy:
    op = base_floats(kind, 2);
    op->rows = 1, op->n = 2, op->p[0] = op->p[1] = 2, op->p[2] = 10;
    input_operand(op, 2, CRIA_I32, index, 3, 0);
    return op;
  case OP_activate:
    op = base_floats(kind, 3);
    op->p[3] = ACTIVATION_GELU;
    return op;
  case OP_softcap:
    op = base_floats(kind, 2);
    op->f[0] = 1.0f;
    return op;
  default: return base_floats(kind, kind == OP_softmax ? 2 : 3);
  }
}
static cria_op *base_cache(enum op_index kind) {
  static const int32_t slots[] = {0, 64, -1};
  static const int32_t places[] = {0, 20, -1, 0, 0, -1, 0, 48}, tables[] = {3, 1, 4, 0, -1, 0};
  const uint32_t f16 = quants[QUANT_F16].id;
  cria_op *op = base_floats(kind, kind == OP_store ? 2 : 1);
  uint64_t keys = place(4 * 2048, 0), values = keys + 1024;
  op->rows = 1;
  if (kind == OP_store) {
    const uint32_t p[] = {2, 16, 32, 16, 4, 2048};
    memcpy(op->p, p, sizeof p);
    input_operand(op, 2, CRIA_I32, slots, 3, 0);
    operand(op, 3, f16, keys, 0), operand(op, 4, f16, values, 0);
    return op;
  }
  const uint32_t p[] = {4, 2, 16, 64, 64, 16, 4, 2048, 0, 2};
  memcpy(op->p, p, sizeof p);
  operand(op, 1, f16, keys, 0), operand(op, 2, f16, values, 0);
  input_operand(op, 3, CRIA_I32, places, 8, 0), input_operand(op, 4, CRIA_I32, tables, 6, 0);
  floats_at(op, 5, place_floats(64, 1.0f), 0);
  return op;
}
// Two rows of 32 floats, two experts of four for each.
static cria_op *base_experts(enum op_index kind) {
  cria_op *op = record(kind, 2, 32, 32);
  const uint64_t x = place_activations(ORDINARY, 4, 32, 32), weights = place_floats(4, 1.0f);
  const uint64_t slots = place_slots(4), out = place(4 * 32 * WORD, 0);
  op->p[0] = op->p[1] = 2;
  floats_at(op, 0, x, 0), operand(op, 1, CRIA_I32, slots, 0);
  if (kind == OP_scatter) {
    op->p[1] = 32;
    floats_at(op, 2, out, 0);
  } else if (kind == OP_gather) {
    op->p[1] = op->p[2] = 32;
    floats_at(op, 2, weights, 0), floats_at(op, 3, x, 0), floats_at(op, 4, out, 0);
  } else {
    op->n = 4, op->k = 2, op->p[0] = 4;
    floats_at(op, 1, weights, 0), operand(op, 2, CRIA_I32, slots, 0);
    operand(op, 3, CRIA_I32, out, 0);
  }
  return op;
}
static cria_op *base(enum op_index kind) {
  if (kind == OP_route || kind == OP_scatter || kind == OP_gather) return base_experts(kind);
  if (kind == OP_matmul || kind == OP_gated) return base_product(kind);
  return kind == OP_store || kind == OP_attend ? base_cache(kind) : base_rows(kind);
}

// The spoiled operation stands behind a good one, which must not run either.
static void refuse_case(const struct refusal *r, const struct pool_row *pool) {
  begin(WITH_NAN, "refusal, %s", r->name);
  const int32_t spare[64] = {0};
  cria_op *good = base(r->kind), *bad = record(r->kind, 0, 0, 0);
  memcpy(the.inputs + the.inputWords, spare, sizeof spare);
  the.inputWords += COUNT(spare);
  *bad = *good;
  int32_t fault[2] = {-9, -9};
  if (cria_region_write(memory_region, 0, image, the.used)) give_up("Cannot write the memory");
  expect(r->name, cria_run(pool->handle, good, 1, the.inputs, the.inputWords, NULL, NULL, NULL), 0);
  if (cria_region_write(memory_region, 0, image, the.used)) give_up("Cannot write the memory");
  r->change(bad);
  int32_t code =
      cria_run(pool->handle, the.ops, the.opCount, the.inputs, the.inputWords, NULL, fault, NULL);
  expect(r->name, code, r->code);
  expect(r->name, fault[0], 1), expect(r->name, fault[1], r->operand);
  if (cria_region_read(memory_region, 0, result, the.used)) give_up("Cannot read the memory");
  expect(r->name, memcmp(result, image, the.used) != 0, 0);
}

// A file that cannot be written through its mapping, as large as the memory.
static void map_file(void) {
  char path[] = "/tmp/cria-equality-XXXXXX";
  int fd = mkstemp(path);
  if (fd < 0 || ftruncate(fd, MOST_BYTES)) give_up("Cannot write a temporary file");
  close(fd);
  const uint8_t *name = (const uint8_t *)path;
  mapped_region = cria_region_map(name, MOST_BYTES, 0);
  expect("map with a wrong size", cria_region_map(name, 4096, 0), CRIA_FAIL(FILE_CHANGED));
  expect("map with a wrong inode", cria_region_map(name, MOST_BYTES, UINT64_MAX),
         CRIA_FAIL(FILE_CHANGED));
  unlink(path);
  expect("map a lost file", cria_region_map(name, MOST_BYTES, 0), CRIA_FAIL(OPEN_FAILED));
  expect("map a folder", cria_region_map((const uint8_t *)"/", 4096, 0), CRIA_FAIL(FILE_CHANGED));
  expect("map no path", cria_region_map(NULL, 4096, 0), CRIA_FAIL(BAD_SHAPE));
  if (mapped_region < 0) give_up("Cannot map a temporary file");
}

static void refuse_regions(void) {
  uint8_t bytes[8] = {0};
  int32_t region = cria_region_alloc(64);
  expect("region of no bytes", cria_region_alloc(0), CRIA_FAIL(BAD_SHAPE));
  expect("region of all bytes", cria_region_alloc(UINT64_MAX), CRIA_FAIL(BAD_SHAPE));
  expect("write past the end", cria_region_write(region, 60, bytes, 8), CRIA_FAIL(BAD_RANGE));
  expect("write far away", cria_region_write(region, UINT64_MAX, bytes, 8), CRIA_FAIL(BAD_RANGE));
  expect("read far too much", cria_region_read(region, 0, bytes, UINT64_MAX),
         CRIA_FAIL(BAD_RANGE));
  expect("read into nothing", cria_region_read(region, 0, NULL, 8), CRIA_FAIL(BAD_SHAPE));
  expect("write to a file", cria_region_write(mapped_region, 0, bytes, 8), CRIA_FAIL(READ_ONLY));
  expect("preload past the end", cria_region_preload(region, 60, 8), CRIA_FAIL(BAD_RANGE));
  expect("preload far away", cria_region_preload(region, UINT64_MAX, 8), CRIA_FAIL(BAD_RANGE));
  expect("preload far too much", cria_region_preload(mapped_region, 1, UINT64_MAX),
         CRIA_FAIL(BAD_RANGE));
  expect("preload no region", cria_region_preload(-1, 0, 8), CRIA_FAIL(BAD_HANDLE));
  expect("preload of memory", cria_region_preload(region, 3, 61), CRIA_OK);
  expect("preload nothing", cria_region_preload(mapped_region, MOST_BYTES, 0), CRIA_OK);
  expect("preload odd bytes", cria_region_preload(mapped_region, 4097, 9000), CRIA_OK);
  expect("write to no region", cria_region_write(-1, 0, bytes, 8), CRIA_FAIL(BAD_HANDLE));
  expect("free", cria_region_free(region), CRIA_OK);
  expect("free twice", cria_region_free(region), CRIA_FAIL(BAD_HANDLE));
  expect("free none", cria_region_free(INT32_MIN), CRIA_FAIL(BAD_HANDLE));
}

static void refuse_calls(void) {
  static const cria_op none;
  const uint8_t *best = (const uint8_t *)"", *unknown = (const uint8_t *)"z80";
  int32_t pool = pool_rows[0].handle;
  uint8_t text[4];
  expect("pool of no threads", cria_pool_create(0, best), CRIA_FAIL(BAD_PARAMETER));
  expect("pool of many threads", cria_pool_create(100000, best), CRIA_FAIL(BAD_PARAMETER));
  expect("pool of no name", cria_pool_create(1, NULL), CRIA_FAIL(BAD_PARAMETER));
  expect("pool of unknown name", cria_pool_create(1, unknown), CRIA_FAIL(BAD_ISA));
  expect("free no pool", cria_pool_free(200), CRIA_FAIL(BAD_HANDLE));
  expect("free a negative pool", cria_pool_free(-1), CRIA_FAIL(BAD_HANDLE));
  expect("run on no pool", cria_run(99, &none, 1, NULL, 0, NULL, NULL, NULL),
         CRIA_FAIL(BAD_HANDLE));
  expect("run no step", cria_run(pool, NULL, 1, NULL, 0, NULL, NULL, NULL), CRIA_FAIL(BAD_SHAPE));
  expect("run no inputs", cria_run(pool, &none, 1, NULL, 5, NULL, NULL, NULL),
         CRIA_FAIL(BAD_SHAPE));
  expect("run nothing", cria_run(pool, NULL, 0, NULL, 0, NULL, NULL, NULL), CRIA_OK);
  expect("long text", cria_describe(1, 8, text, sizeof text), CRIA_FAIL(BAD_RANGE));
  expect("unknown list", cria_describe(4, 0, text, sizeof text), CRIA_FAIL(BAD_PARAMETER));
  expect("past a list", cria_describe(2, 999, text, sizeof text), 0);
  expect("row of unknown type", cria_row_bytes(77, 32), CRIA_FAIL(BAD_TYPE));
  expect("row of part blocks", cria_row_bytes(CRIA_ACT256, 32), CRIA_FAIL(BAD_SHAPE));
  expect("row of nothing", cria_row_bytes(CRIA_ACT32, 0), CRIA_FAIL(BAD_SHAPE));
}

// Returns how many went wrong.
static int refusals(void) {
  map_file();
  refuse_regions();
  refuse_calls();
  const struct pool_row *best = &pool_rows[MOST_THREADS - 1];
  for (size_t i = 0; i < COUNT(refusal_list); i++) refuse_case(&refusal_list[i], best);
  expect("free the file", cria_region_free(mapped_region), CRIA_OK);
  printf("refusals %zu\n", COUNT(refusal_list));
  return refusal_failures;
}
