// What AVX2 and AVX-512 share in looking up points: two indices a lane, read from memory by pairs
// of rows, as fewer and wider loads are faster behind the store of a vector.
#pragma once
#include <immintrin.h>

// The index of a row in the lower (half 0) or upper half of its lane.
static inline size_t index_at(const uint64_t indices[8], int half, int row) {
  return indices[row / 2] >> (row % 2 * 32 + half * 16) & 0xffff;
}

// Points of eight weights of two neighbouring rows.
static inline __m128 two_points(const uint64_t *grid, const uint64_t indices[8], int half,
                                int row) {
  const void *first = grid + index_at(indices, half, row);
  const void *second = grid + index_at(indices, half, row + 1);
  return _mm_loadh_pi(_mm_castpd_ps(_mm_load_sd(first)), second);
}
