// The tables that both sides know, and the choice of an instruction set.
#define _GNU_SOURCE // syscall
#include "internal.h"
#include "cpu.h"

const struct quant quants[QUANT_COUNT] = {
#define QUANT(name, id, elements, bytes, class) {id, elements, bytes, class},
#include "quants.def"
#undef QUANT
};

#define ISA(name, needs) extern const struct kernels kernels_##name;
#include "isas.def"
#undef ISA

static const struct {
  const struct kernels *kernels;
  uint32_t needs;
} isas[] = {
#define ISA(name, needs) {&kernels_##name, needs},
#include "isas.def"
#undef ISA
};
enum { ISA_COUNT = sizeof isas / sizeof isas[0] };

// The index-th instruction set that this processor runs, best first.
static const struct kernels *isa_at(int32_t index) {
  uint32_t has = cpu_features();
  for (int i = 0, found = 0; i < ISA_COUNT; i++)
    if ((has & isas[i].needs) == isas[i].needs && found++ == index) return isas[i].kernels;
  return NULL;
}

const struct kernels *kernels_named(const char *name) {
  const struct kernels *kernels;
  for (int32_t i = 0; (kernels = isa_at(i)); i++)
    if (!name[0] || !strcmp(name, kernels->name)) return kernels;
  return NULL;
}

#define TAKES_FLOAT "FLOAT" // activations
#define TAKES_BLOCK32 "BLOCK32"
#define TAKES_BLOCK256 "BLOCK256"
#define TAKES_WIDE256 "BLOCK256"
static const char *const quant_lines[] = {
#define QUANT(name, id, elements, bytes, class)                                                  \
  #name " " #id " " #elements " " #bytes " " TAKES_##class,
#include "quants.def"
#undef QUANT
    NULL};
static const char *const op_lines[] = {
#define OP(name, operands, parameters, floats) #name ": " operands " | " parameters " | " floats,
#include "ops.def"
#undef OP
    NULL};
static const char *const error_lines[] = {
#define ERROR(name, text) #name ": " text,
#include "errors.def"
#undef ERROR
    NULL};

CRIA_API int32_t cria_describe(int32_t list, int32_t index, uint8_t *text, uint32_t capacity) {
  static const char *const *const lists[] = {quant_lines, op_lines, error_lines};
  if (list < 0 || list > 3 || index < 0 || !text) return CRIA_FAIL(BAD_PARAMETER);
  const char *line = NULL;
  if (list == 0) {
    const struct kernels *kernels = isa_at(index);
    if (kernels) line = kernels->name;
  } else {
    int32_t i = 0;
    while (i < index && lists[list - 1][i]) i++;
    line = lists[list - 1][i];
  }
  if (!line) return 0;
  size_t length = strlen(line);
  if (length > capacity) return CRIA_FAIL(BAD_RANGE);
  memcpy(text, line, length);
  return (int32_t)length;
}

CRIA_API int32_t cria_row_bytes(uint32_t type, uint32_t k) {
  if (k == 0 || k > 1u << 24) return CRIA_FAIL(BAD_SHAPE);
  if (type == quants[QUANT_F32].id) return (int32_t)(k * 4);
  if (type == CRIA_ACT32) return k % 32 ? CRIA_FAIL(BAD_SHAPE) : (int32_t)act32_bytes(k);
  if (type == CRIA_ACT256) return k % 256 ? CRIA_FAIL(BAD_SHAPE) : (int32_t)act256_bytes(k);
  return CRIA_FAIL(BAD_TYPE);
}
