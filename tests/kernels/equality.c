// Runs every operation on every instruction set, thread count and cut of a batch, and prints one
// line per case: its name and the hash of its outputs. Any bit that differs is a failure.
#define _GNU_SOURCE // mkstemp, ftruncate
#include "case.h"
#include "product_cases.h"
#include "row_cases.h"
#include "attention_cases.h"
#include "expert_cases.h"
#include "step_cases.h"
#include "refusals.h"
#include "runner.h"

static void check_coverage(void) {
  static const char *const names[OP_COUNT] = {
#define OP(name, operands, parameters, floats) #name,
#include "../../kernels/ops.def"
#undef OP
  };
  for (int kind = 0; kind < OP_COUNT; kind++) {
    if (kinds_run[kind]) continue;
    fprintf(stderr, "no case runs the operation %s\n", names[kind]);
    failures++;
  }
}

int main(void) {
  memory_region = cria_region_alloc(MOST_BYTES);
  if (memory_region < 0) give_up("Cannot allocate the memory");
  create_pools();
  product_cases();
  row_cases();
  attention_cases();
  expert_cases();
  step_cases();
  failures += refusals();
  check_coverage();
  free_pools();
  if (cria_region_free(memory_region)) give_up("Cannot free the memory");
  fprintf(stderr, "%u cases, %d failures, on", cases_run, failures);
  for (int i = 0; i < pool_count; i += MOST_THREADS) fprintf(stderr, " %s", pool_rows[i].isa);
  fprintf(stderr, "\n");
  return failures ? 1 : 0;
}
