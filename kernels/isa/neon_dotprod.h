// The vocabulary on NEON with the dot product extension: NEON, but for the products of bytes.
#include <arm_neon.h>
#define DOT_BYTES vdotq_s32
#include "neon.h"
