// What a thread may warm up before it is its turn: weights of products. Prefetches change when
// bytes come, never what is computed.
#pragma once
#include "internal.h"
#include <stdatomic.h>

static inline uint32_t phase_of(uint64_t work) { return (uint32_t)(work >> 32); }

// The weights of a unit; nothing for other operations.
static inline struct warm weights_of(const struct job *job, int64_t unit) {
  struct warm warm = {{NULL, NULL}, {0, 0}, NULL, 0};
  const cria_op *op = job->op;
  int gated = op->kind == OP_gated;
  if ((op->kind != OP_matmul && !gated) || unit < 0 || job->grouped) return warm;
  size_t rows = GROUP * unit_groups(op), row = (size_t)unit * rows;
  size_t bytes = quant_row_bytes(job->quant, op->k);
  if (row + rows > op->n) return warm;
  for (int side = 0; side <= gated; side++) {
    warm.from[side] = job->a[1 + side] + row * bytes;
    warm.bytes[side] = rows * bytes;
  }
  return warm;
}

// Units of the next product, `stride` bytes apart, for a thread that has nothing else to do.
struct ahead {
  const uint8_t *from[2];
  size_t unitBytes, stride;
  uint32_t left;
};

enum { LOOK_AHEAD = 8, AHEAD_BYTES = 192 << 10 }; // operations; bytes: a part of the L2 cache

// What thread `index` may expect behind job `from`: `first`, to be warmed up while it does its
// last unit before, and more for the time it waits.
static inline struct ahead after_group(const struct plan *plan, uint32_t from, uint32_t index,
                                       uint32_t threads, struct warm *first) {
  struct ahead ahead = {{NULL, NULL}, 0, 0, 0};
  *first = (struct warm){{NULL, NULL}, {0, 0}, NULL, 0};
  const struct job *job = plan->jobs + from, *end = plan->jobs + plan->count;
  if (end > job + LOOK_AHEAD) end = job + LOOK_AHEAD;
  while (job < end && job->quant < 0) job++;
  if (job == end) return ahead;
  *first = weights_of(job, index);
  if (!first->from[0]) return ahead;
  uint32_t sides = first->from[1] ? 2 : 1, units = (job->units - 1 - index) / threads;
  uint32_t most = (uint32_t)(AHEAD_BYTES / (first->bytes[0] * sides));
  ahead.unitBytes = first->bytes[0], ahead.stride = ahead.unitBytes * threads;
  ahead.left = units < most ? units : most;
  for (uint32_t side = 0; side < sides; side++) ahead.from[side] = first->from[side] + ahead.stride;
  return ahead;
}

static inline void prefetch_line(const uint8_t *line) {
#if defined(__x86_64__)
  __asm__ volatile("prefetcht1 %0" : : "m"(*line));
#else
  __builtin_prefetch(line, 0, 2);
#endif
}

// Warms up while the phase is `seen`. Nothing is read: the weights may be gone by then.
static inline void warm_ahead(struct ahead *ahead, const atomic_ullong *work, uint32_t seen) {
  for (; ahead->left; ahead->left--)
    for (int side = 0; side < 2 && ahead->from[side]; side++) {
      const uint8_t *line = ahead->from[side], *end = line + ahead->unitBytes;
      for (; line < end; line += 256) {
        if (phase_of(atomic_load_explicit(work, memory_order_acquire)) != seen) return;
        for (int i = 0; i < 256; i += 64) prefetch_line(line + i);
      }
      ahead->from[side] += ahead->stride;
    }
}
