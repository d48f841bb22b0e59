// What the C files share among themselves: jobs, kernel tables, regions.
#pragma once
#include "cria.h"
#include <stddef.h>
#include <string.h>

enum quant_class { FLOAT, BLOCK32, BLOCK256, WIDE256 };
enum quant_index {
#define QUANT(name, id, elements, bytes, class) QUANT_##name,
#include "quants.def"
#undef QUANT
  QUANT_COUNT
};
enum op_index {
#define OP(name, operands, parameters, floats) OP_##name,
#include "ops.def"
#undef OP
  OP_COUNT
};
enum { PAIRS_NEIGHBOURS, PAIRS_HALVES };
enum { ACTIVATION_SILU, ACTIVATION_GELU };
enum { CHUNK = 256, GROUP = 16, TILE_ROWS = 4, OPERANDS = 8 };

struct quant {
  uint32_t id, elements, bytes;
  enum quant_class class;
};
extern const struct quant quants[QUANT_COUNT];

// Grids (grids.c): points of eight or four weights, a byte each, and the same as positions on an
// axis, two or four bits each.
#define GRID_TABLES(name, count, word)                                                           \
  extern const word points_##name[count];                                                        \
  extern const uint16_t positions_##name[count]
GRID_TABLES(iq2_xxs, 256, uint64_t);
GRID_TABLES(iq2_xs, 512, uint64_t);
GRID_TABLES(iq2_s, 1024, uint64_t);
GRID_TABLES(iq1, 2048, uint64_t);
GRID_TABLES(iq3_xxs, 256, uint32_t);
GRID_TABLES(iq3_s, 512, uint32_t);
#define GRID(kind, word)                                                                         \
  struct kind {                                                                                  \
    int count;                                                                                   \
    const word *points;        /* [count] */                                                     \
    const uint16_t *positions; /* [count] */                                                     \
    int8_t axis[16];                                                                             \
  }
GRID(eights, uint64_t);
GRID(fours, uint32_t);

// An operation whose operands were checked and resolved. A unit is what one thread takes.
struct job {
  const cria_op *op;
  uint8_t *a[OPERANDS];
  uint64_t space[OPERANDS]; // bytes from there to the end of its region
  int quant;      // index of the weight's type, or -1
  uint32_t units; // 0: run whole by one thread
  uint32_t chunks; // attend: chunks per row when split over positions, else 0
  uint32_t blockRows; // attend: rows that share a unit
  uint8_t together, merge, grouped; // grouped: every row has an expert of its own
  size_t scratchBytes; // per thread
  size_t sharedBytes;  // seen by all threads, at sharedOffset until the run resolves `shared`
  size_t sharedOffset;
  uint8_t *shared;
};

// Groups of 16 weight rows in a unit of a product: of each side, when there are two.
static inline uint32_t unit_groups(const cria_op *op) {
  return op->rows > TILE_ROWS && op->kind == OP_matmul ? 2 : 1;
}

// Weights that the same thread will probably read next; kernels ask for them in good time.
struct warm {
  const uint8_t *from[2];
  size_t bytes[2];
  const struct job *job; // what the same thread runs next in this group, or NULL
  int64_t unit;
};
// run(job, unit or WHOLE, what to warm up, scratch of this thread)
enum { WHOLE = -1 };
typedef void (*run_fn)(const struct job *job, int64_t unit, const struct warm *warm,
                       uint8_t *scratch);
struct kernels {
  const char *name;
  run_fn run[OP_COUNT];
  run_fn merge; // second half of a split attend
};

// ---- activation rows: int8 [k], then scales, then sums; each part and each row on 64 bytes
static inline size_t align64(size_t n) { return (n + 63) & ~(size_t)63; }
static inline size_t act32_scales(size_t k) { return align64(k); }
static inline size_t act32_sums(size_t k) { return act32_scales(k) + align64(k / 32 * 4); }
static inline size_t act32_bytes(size_t k) { return act32_sums(k) + align64(k / 32 * 4); }
static inline size_t act256_scales(size_t k) { return align64(k); }
static inline size_t act256_sums16(size_t k) { return act256_scales(k) + align64(k / 256 * 4); }
static inline size_t act256_sums32(size_t k) { return act256_sums16(k) + align64(k / 16 * 2); }
static inline size_t act256_bytes(size_t k) { return act256_sums32(k) + align64(k / 32 * 2); }

static inline size_t quant_row_bytes(int quant, size_t k) {
  return k / quants[quant].elements * quants[quant].bytes;
}

// ---- the cache: F32, F16, or Q8_0, codes of a byte with an f16 scale per 32 dimensions
static inline size_t cache_element(uint32_t type) {
  return type == quants[QUANT_F32].id ? 4 : type == quants[QUANT_F16].id ? 2 : 1;
}
static inline size_t cache_blocks(size_t headDim) { return (headDim + 31) / 32; }

// ---- regions (memory.c). `pin` counts a use by a running step.
struct region {
  uint8_t *base;
  uint64_t bytes;
  uint64_t device, inode; // of a mapped file
  int32_t pins;
  uint8_t used, mapped;
};
void regions_lock(void);
void regions_unlock(void);
struct region *region_at(int32_t handle); // NULL when there is none; call with the lock held

// ---- checks (check.c)
struct plan {
  struct job *jobs;
  uint32_t count, capacity;
  size_t scratchBytes, sharedBytes;
  int32_t *pinned;
  uint32_t pinnedCount, pinnedCapacity;
  const uint8_t *inputs;
  uint64_t inputBytes;
};
int32_t plan_make(struct plan *plan, const cria_op *ops, uint32_t count, int32_t *fault);
void plan_unpin(struct plan *plan);

// ---- processors (cpu.h) and tables (cria.c)
const struct kernels *kernels_named(const char *name); // NULL: not available here
