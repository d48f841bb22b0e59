// The vocabulary on NEON with dot products, and matrix products of bytes for many activation rows.
#define TILES "isa/neon_i8mm_tiles.h"
#include "neon_dotprod.h"
