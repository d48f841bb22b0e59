// Runs a case on every instruction set and thread count, whole and split by rows, and holds all
// results against those of the scalar kernels on one thread.
#pragma once
#include "case.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER
#endif
#endif
#ifdef ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

enum { MOST_POOLS = 32, MOST_THREADS = 4, MOST_SPLIT = 4096 };
struct pool_row {
  char isa[32];
  uint32_t threads;
  int32_t handle;
};
static struct pool_row pool_rows[MOST_POOLS];
static int pool_count, scalar_pool = -1, failures;
static uint32_t kinds_run[OP_COUNT], cases_run;
static uint8_t expected[MOST_BYTES], result[MOST_BYTES];

static void create_pools(void) {
  for (int32_t index = 0;; index++) {
    char isa[32] = {0};
    int32_t length = cria_describe(0, index, (uint8_t *)isa, sizeof isa - 1);
    if (length <= 0) break;
    for (uint32_t threads = 1; threads <= MOST_THREADS; threads++) {
      struct pool_row *row = &pool_rows[pool_count];
      memcpy(row->isa, isa, sizeof isa);
      row->threads = threads, row->handle = cria_pool_create(threads, (const uint8_t *)isa);
      if (row->handle < 0) give_up("Cannot create a pool");
      if (!strcmp(isa, "scalar") && threads == 1) scalar_pool = pool_count;
      pool_count++;
    }
  }
  if (scalar_pool < 0) give_up("Cannot find the scalar kernels");
}

static void free_pools(void) {
  for (int i = 0; i < pool_count; i++)
    if (cria_pool_free(pool_rows[i].handle)) give_up("Cannot free a pool");
}

// Lets the sanitizer see a read or write between operands; does nothing elsewhere.
static void guard(int on) {
  uint8_t *base = region_at(memory_region)->base;
  const uint64_t reach = the.used + 4096 < MOST_BYTES ? the.used + 4096 : MOST_BYTES;
  ASAN_UNPOISON_MEMORY_REGION(base, reach);
  if (!on) return;
  uint64_t from = 0;
  for (uint32_t i = 0; i < the.spanCount; i++) {
    ASAN_POISON_MEMORY_REGION(base + from, the.spans[i].offset - from);
    from = the.spans[i].end;
  }
  ASAN_POISON_MEMORY_REGION(base + from, reach - from);
}

// ---- NaN equals NaN: each becomes the same one. Returns how many there were.
static uint32_t settle_floats(uint8_t *p, uint64_t count) {
  const uint32_t one = 0x7fc00000;
  uint32_t bits, found = 0;
  for (uint64_t i = 0; i < count; i++, p += WORD) {
    memcpy(&bits, p, WORD);
    if ((bits & 0x7fffffff) > 0x7f800000) memcpy(p, &one, WORD), found++;
  }
  return found;
}
static uint32_t settle_halves(uint8_t *p, uint64_t count) {
  const uint16_t one = 0x7e00;
  uint32_t found = 0;
  for (uint64_t i = 0; i < count; i++, p += 2) {
    uint16_t bits;
    memcpy(&bits, p, 2);
    if ((bits & 0x7fff) > 0x7c00) memcpy(p, &one, 2), found++;
  }
  return found;
}
static uint32_t settle_row(const struct output *o, uint8_t *row) {
  if (o->type == CRIA_I32) return 0;
  if (o->type == quants[QUANT_F32].id) return settle_floats(row, o->bytes / WORD);
  if (o->type == quants[QUANT_F16].id) return settle_halves(row, o->bytes / 2);
  if (o->type == CRIA_ACT32) return settle_floats(row + act32_scales(o->k), o->k / 32);
  return settle_floats(row + act256_scales(o->k), o->k / 256);
}
static uint32_t settle(uint8_t *memory) {
  uint32_t found = 0;
  for (uint32_t i = 0; i < the.outputCount; i++)
    for (uint64_t row = 0; row < the.outputs[i].rows; row++)
      found += settle_row(&the.outputs[i],
                          memory + the.outputs[i].offset + row * the.outputs[i].stride);
  return found;
}

// Nothing but the outputs may have changed.
static void check_unchanged(const uint8_t *after) {
  memcpy(result, image, the.used);
  for (uint32_t i = 0; i < the.outputCount; i++)
    for (uint64_t row = 0; row < the.outputs[i].rows; row++) {
      uint64_t at = the.outputs[i].offset + row * the.outputs[i].stride;
      memcpy(result + at, after + at, the.outputs[i].bytes);
    }
  if (memcmp(result, after, the.used)) give_up("wrote outside of its outputs");
}

static uint64_t hash_outputs(const uint8_t *memory) {
  uint64_t hash = FNV_START;
  for (uint32_t i = 0; i < the.outputCount; i++)
    for (uint64_t row = 0; row < the.outputs[i].rows; row++)
      hash = fnv(hash, memory + the.outputs[i].offset + row * the.outputs[i].stride,
                 the.outputs[i].bytes);
  return hash;
}

// ---- runs
static int32_t run_on(const struct pool_row *pool, const cria_op *ops, uint32_t count,
                      uint8_t *after) {
  int32_t fault[2] = {-1, -1};
  if (cria_region_write(memory_region, 0, image, the.used)) give_up("Cannot write the memory");
  guard(1);
  int32_t code = cria_run(pool->handle, ops, count, the.inputs, the.inputWords, NULL, fault, NULL);
  guard(0);
  if (code != CRIA_OK)
    fprintf(stderr, "%s on %s: code %d, operation %d, operand %d\n", the.name, pool->isa, code,
            fault[0], fault[1]);
  if (cria_region_read(memory_region, 0, after, the.used)) give_up("Cannot read the memory");
  return code;
}

static void compare(const struct pool_row *pool, const char *how) {
  settle(result);
  if (!memcmp(result, expected, the.used)) return;
  uint64_t at = 0, count = 0;
  for (uint64_t i = the.used; i-- > 0;)
    if (result[i] != expected[i]) at = i, count++;
  uint32_t o = 0, word = 0, wanted = 0;
  while (o + 1 < the.outputCount && at >= the.outputs[o + 1].offset) o++;
  memcpy(&word, result + at / WORD * WORD, WORD);
  memcpy(&wanted, expected + at / WORD * WORD, WORD);
  fprintf(stderr, "%s: %s with %u threads%s differs from scalar: output %u, byte %llu: "
          "%08x, not %08x; %llu bytes in all\n", the.name, pool->isa, pool->threads, how, o,
          (unsigned long long)(at - the.outputs[o].offset), word, wanted,
          (unsigned long long)count);
  failures++;
}

// The same step with every operation cut into pieces of `rows` rows.
static uint32_t split(cria_op *ops, uint32_t rows) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < the.opCount; i++)
    for (uint32_t from = 0; from < the.ops[i].rows; from += rows, count++) {
      if (count == MOST_SPLIT) give_up("Cannot split the step: too many rows");
      cria_op *op = &ops[count];
      *op = the.ops[i], op->flags = 0;
      if (op->rows - from < rows) op->rows -= from;
      else op->rows = rows;
      for (int slot = 0; slot < OPERANDS; slot++)
        op->a[slot].offset += from * the.advance[i][slot];
    }
  return count;
}

static void run_split(const struct pool_row *pool, uint32_t rows, const char *how) {
  static cria_op pieces[MOST_SPLIT];
  if (the.whole) return;
  uint32_t count = split(pieces, rows);
  if (count == the.opCount) return;
  if (run_on(pool, pieces, count, result)) failures++;
  else compare(pool, how);
}

static void finish(void) {
  if (run_on(&pool_rows[scalar_pool], the.ops, the.opCount, expected)) {
    failures++;
    return;
  }
  check_unchanged(expected);
  if (settle(expected) && the.finite) give_up("has a NaN where there should be none");
  printf("%s %016llx\n", the.name, (unsigned long long)hash_outputs(expected));
  for (uint32_t i = 0; i < the.opCount; i++) kinds_run[the.ops[i].kind]++;
  cases_run++;
  for (int i = 0; i < pool_count; i++) {
    const struct pool_row *pool = &pool_rows[i];
    if (i != scalar_pool) {
      if (run_on(pool, the.ops, the.opCount, result)) failures++;
      else compare(pool, "");
    }
    if (pool->threads == 1) run_split(pool, 1, ", row by row,");
    if (pool->threads == 2) run_split(pool, 5, ", five rows at a time,");
  }
}
