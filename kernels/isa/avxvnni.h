// The vocabulary on AVX2 with AVX-VNNI: Alder Lake and later, Zen 5.
#define AVX_VNNI
#include "avx2.h"
