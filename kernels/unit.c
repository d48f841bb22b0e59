// Compiled once per line of isas.def, with -DISA=<name> and that instruction set's features.
#include "internal.h"

#define INLINE static inline __attribute__((always_inline))
#define CALLED static __attribute__((noinline))
#define UNROLL _Pragma("clang loop unroll(full)")
#define ROLLED _Pragma("clang loop unroll(disable)")
#define STRING_(x) #x
#define STRING(x) STRING_(x)
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define ISA_HEADER(name) STRING(isa/name.h)

#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wpass-failed"
#include ISA_HEADER(ISA)
enum {
#define QUANT(name, id, elements, bytes, class) BYTES_##name = bytes,
#include "quants.def"
#undef QUANT
};
#include "elementwise.h"
#include "quants.h"
#include "super_quants.h"
#include "looked_up.h"
#include "matmul.h"
#include "float_matmul.h"
#include "rows.h"
#include "attention.h"
#include "experts.h"

static const run_fn products[QUANT_COUNT] = {
#define QUANT(name, id, elements, bytes, class) [QUANT_##name] = product_##name,
#include "quants.def"
#undef QUANT
};
static void run_matmul(const struct job *job, int64_t unit, const struct warm *warm,
                       uint8_t *scratch) {
  if (job->grouped) grouped_product(job, unit, products[job->quant], scratch);
  else products[job->quant](job, unit, warm, scratch);
}
static void run_gated(const struct job *job, int64_t unit, const struct warm *warm,
                      uint8_t *scratch) {
  if (job->grouped) grouped_product(job, unit, products[job->quant], scratch);
  else products[job->quant](job, unit, warm, scratch);
}

const struct kernels JOIN(kernels_, ISA) = {
    .name = STRING(ISA),
    .run =
        {
#define OP(name, operands, parameters, floats) [OP_##name] = run_##name,
#include "ops.def"
#undef OP
        },
    .merge = run_merge,
};
