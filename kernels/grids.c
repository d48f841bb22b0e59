// The grids of the types whose codes are looked up: points of 8 or 4 weights, a byte each, of which
// grids.h lists the positions on an axis.
#include "internal.h"
#include "grids.h"

// Eight bytes, the first one lowest.
#define EACH8(BYTE, x)                                                                           \
  (BYTE(x, 0) | BYTE(x, 1) << 8 | BYTE(x, 2) << 16 | BYTE(x, 3) << 24 | BYTE(x, 4) << 32 |       \
   BYTE(x, 5) << 40 | BYTE(x, 6) << 48 | BYTE(x, 7) << 56)
#define EACH4(BYTE, x)                                                                           \
  (uint32_t)(BYTE(x, 0) | BYTE(x, 1) << 8 | BYTE(x, 2) << 16 | BYTE(x, 3) << 24)
#define PICK(bytes, index) ((bytes) >> 8 * (index) & 255)

#define TWO(x, i) PICK(0x2b1908ull, (x) >> 2 * (i) & 3)             // 8, 25, 43
#define THREE(x, i) PICK(0x3e342c241c140c04ull, (x) >> 4 * (i) & 7) // 4, 12, … 52, 62
#define ODD(x, i) (2ull * ((x) >> 4 * (i) & 7) + 1)                 // 1, 3, … 15
#define ONE(x, i) (128ull + 8 * ((x) >> 2 * (i) & 3))               // 8 times -1, 0, 1; 136 more
#define EIGHT_TWO(x) EACH8(TWO, x),
#define EIGHT_ONE(x) EACH8(ONE, x),
#define FOUR_THREE(x) EACH4(THREE, x),
#define FOUR_ODD(x) EACH4(ODD, x),
#define POSITIONS(x) x,
#define TABLES(name, word, points, list)                                                         \
  const word points_##name[] = {list(points)};                                                   \
  const uint16_t positions_##name[] = {list(POSITIONS)}
TABLES(iq2_xxs, uint64_t, EIGHT_TWO, GRID_IQ2_XXS);
TABLES(iq2_xs, uint64_t, EIGHT_TWO, GRID_IQ2_XS);
TABLES(iq2_s, uint64_t, EIGHT_TWO, GRID_IQ2_S);
TABLES(iq1, uint64_t, EIGHT_ONE, GRID_IQ1);
TABLES(iq3_xxs, uint32_t, FOUR_THREE, GRID_IQ3_XXS);
TABLES(iq3_s, uint32_t, FOUR_ODD, GRID_IQ3_S);
