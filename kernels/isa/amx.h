// The vocabulary on AVX-512 VNNI with AMX int8: the tiles multiply for many activation rows.
#define PREFETCH_HINT _MM_HINT_T1
#include "avx512.h"
#define TILES "isa/amx_tiles.h"

// What tiles are asked to do. The instructions name their registers by literals, so that these
// are macros; tile_dot multiplies signed activations by signed weights, or by unsigned ones.
#ifdef CRIA_EMULATED_TILES
#include "emulated_tiles.h"
#else
#define tile_config(shapes) _tile_loadconfig(shapes)
#define tile_release() _tile_release()
#define tile_zero(sum) _tile_zero(sum)
#define tile_load(tile, p, stride) _tile_loadd(tile, p, stride)
#define tile_store(sum, p) _tile_stored(sum, p, 64)
#define tile_dot(sum, x, w) _tile_dpbssd(sum, x, w)
#define tile_dot_unsigned(sum, x, w) _tile_dpbsud(sum, x, w)
#endif
