// The whole C interface of cria: integers, caller-owned buffers and handles only. C copies
// results into buffers, never prints, aborts, calls back or trusts a number.
#pragma once
#include <stdint.h>

#if defined(_WIN32)
#define CRIA_API __declspec(dllexport)
#else
#define CRIA_API __attribute__((visibility("default")))
#endif

// Every function returns 0 or a count or a handle (>= 0), or a negative code of errors.def.
enum {
  CRIA_OK = 0,
  CRIA_ERROR_BASE_ = 0,
#define ERROR(name, text) CRIA_##name##_,
#include "errors.def"
#undef ERROR
};
#define CRIA_FAIL(name) (-(CRIA_##name##_))

// Element types of operands: ggml's ids for weights, and our own from 200.
enum {
  CRIA_I32 = 26,
  CRIA_ACT32 = 200,  // activations rounded to int8 per 32
  CRIA_ACT256 = 201, // activations rounded to int8 per 256
  CRIA_NONE = 255,   // operand left out
};

// Where an operand lies. Region -1 is the inputs given to cria_run.
typedef struct {
  int32_t region;
  uint32_t type;
  uint64_t offset; // bytes
} cria_operand;

// One recorded operation. `flags` bit 0: runs together with the operation before it.
typedef struct {
  uint32_t kind, flags, rows, n, k;
  uint32_t p[11];
  float f[4];
  cria_operand a[8];
} cria_op;

// ---- tables: line `index` of a list as text (no terminator); its length, or 0 past the end.
// list 0: instruction sets that this processor runs, 1: weight types, 2: operations, 3: errors
CRIA_API int32_t cria_describe(int32_t list, int32_t index, uint8_t *text, uint32_t capacity);

// ---- regions: all memory that a step may touch
CRIA_API int32_t cria_region_alloc(uint64_t bytes);
CRIA_API int32_t cria_region_map(const uint8_t *path, uint64_t bytes, uint64_t inode);
CRIA_API int32_t cria_region_free(int32_t region);
CRIA_API int32_t cria_region_write(int32_t region, uint64_t offset, const void *from,
                                   uint64_t bytes);
CRIA_API int32_t cria_region_read(int32_t region, uint64_t offset, void *to, uint64_t bytes);
// A hint that these bytes of a file will be needed: the system begins to read them.
CRIA_API int32_t cria_region_preload(int32_t region, uint64_t offset, uint64_t bytes);

// ---- the system's memory in MiB. what 0: all of it that this process may use, 1: as much as it
// may take without others being pushed out, 2: the most that was resident of this process.
CRIA_API int32_t cria_memory_mib(int32_t what);

// ---- pools: threads bound to one instruction set (name ends in 0; empty: the best)
CRIA_API int32_t cria_pool_create(uint32_t threads, const uint8_t *isa);
CRIA_API int32_t cria_pool_free(int32_t pool);

// Bytes of one row of `k` activations of a type (F32, ACT32, ACT256), or an error.
CRIA_API int32_t cria_row_bytes(uint32_t type, uint32_t k);

// Checks, then runs a step of `opCount` operations. `fault` receives the operation and operand
// that a check refused, `nanoseconds` (uint64 per operation, may be null) the time of each. When
// *control (may be null) becomes anything but 0, the rest is not computed and the code is
// CANCELLED; what the step writes is undefined then.
CRIA_API int32_t cria_run(int32_t pool, const void *step, uint32_t opCount, const void *inputs,
                          uint32_t inputWords, const int32_t *control, int32_t *fault,
                          void *nanoseconds);
