// AMX's tiles in plain C, for processors without them: what the instructions of kernels/isa/amx.h
// do, as Intel's manual defines it, and an abort where they would fault.
#pragma once
#include <stdlib.h>

enum { EMULATED_TILES = 8, TILE_BYTES = 64 };
static _Thread_local struct {
  int configured, rows[EMULATED_TILES], bytes[EMULATED_TILES];
  uint8_t data[EMULATED_TILES][16][TILE_BYTES];
} tiles;

static inline void tile_must(int holds) {
  if (!holds) abort();
}
static inline void tile_release(void) { memset(&tiles, 0, sizeof tiles); }

// 64 bytes: palette, start row, 14 reserved; 16 times bytes per row; 16 times rows.
static inline void tile_config(const void *shapes) {
  const uint8_t *p = shapes;
  tile_release();
  tile_must(p[0] == 1);
  for (int i = 1; i < 16; i++) tile_must(p[i] == 0);
  for (int i = 0; i < 16; i++) {
    uint16_t bytes;
    memcpy(&bytes, p + 16 + 2 * i, 2);
    const int rows = p[48 + i];
    tile_must(rows <= 16 && bytes <= TILE_BYTES && !rows == !bytes);
    if (i >= EMULATED_TILES) tile_must(!rows);
    else tiles.rows[i] = rows, tiles.bytes[i] = bytes;
  }
  tiles.configured = 1;
}
static inline void tile_zero(int t) {
  tile_must(tiles.configured && tiles.rows[t]);
  memset(tiles.data[t], 0, sizeof tiles.data[t]);
}
static inline void tile_load(int t, const void *p, size_t stride) {
  tile_zero(t); // rows and columns beyond the shape become zero
  for (int row = 0; row < tiles.rows[t]; row++)
    memcpy(tiles.data[t][row], (const uint8_t *)p + (size_t)row * stride, (size_t)tiles.bytes[t]);
}
static inline void tile_store(int t, void *p) {
  tile_must(tiles.configured && tiles.rows[t]);
  for (int row = 0; row < tiles.rows[t]; row++)
    memcpy((uint8_t *)p + row * TILE_BYTES, tiles.data[t][row], (size_t)tiles.bytes[t]);
}
// One output: four products for each row of w.
static inline uint32_t emulated_dot(const uint8_t *x, int w, int lane, int isSigned) {
  uint32_t sum = 0;
  for (int c = 0; c < tiles.rows[w] * 4; c++) {
    const uint8_t byte = tiles.data[w][c / 4][4 * lane + c % 4];
    sum += (uint32_t)((int8_t)x[c] * (isSigned ? (int8_t)byte : byte));
  }
  return sum;
}
static inline void emulated_product(int sum, int x, int w, int isSigned) {
  tile_must(sum != x && x != w && w != sum && tiles.configured);
  tile_must(tiles.rows[sum] && tiles.rows[sum] == tiles.rows[x]);
  tile_must(tiles.bytes[sum] == tiles.bytes[w] && tiles.bytes[x] == tiles.rows[w] * 4);
  for (int row = 0; row < tiles.rows[sum]; row++)
    for (int lane = 0; lane < tiles.bytes[sum] / 4; lane++) {
      uint8_t *at = tiles.data[sum][row] + 4 * lane;
      uint32_t total;
      memcpy(&total, at, 4);
      total += emulated_dot(tiles.data[x][row], w, lane, isSigned);
      memcpy(at, &total, 4);
    }
}
static inline void tile_dot(int sum, int x, int w) { emulated_product(sum, x, w, 1); }
static inline void tile_dot_unsigned(int sum, int x, int w) { emulated_product(sum, x, w, 0); }
