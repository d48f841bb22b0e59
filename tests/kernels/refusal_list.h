// The list of what must be refused: operands out of range, wrong types, bad tokens, rows, slots
// and pages, writing where nothing may be written; with the code and the operand that are blamed.
#pragma once
#include "case.h"

// `change` spoils an operation that would run (refusals.h).
struct refusal {
  const char *name;
  enum op_index kind;
  void (*change)(cria_op *op);
  int32_t code, operand;
};
static int32_t mapped_region;

#define CHANGE(name, statement)                                                                  \
  static void name(cria_op *op) { statement; }
CHANGE(unknown_kind, op->kind = OP_COUNT)
CHANGE(no_rows, op->rows = 0)
CHANGE(no_width, op->n = 0)
CHANGE(no_length, op->k = 0)
CHANGE(too_many_rows, op->rows = UINT32_MAX)
CHANGE(longer, op->n = 1 << 24)
CHANGE(part_of_block, op->k = 40)
CHANGE(no_region, op->a[1].region = 4095)
CHANGE(huge_region, op->a[1].region = INT32_MAX)
CHANGE(negative_region, op->a[1].region = -2)
CHANGE(past_end, op->a[1].offset = MOST_BYTES - 2)
CHANGE(far_past_end, op->a[1].offset = UINT64_MAX - 1)
CHANGE(odd, op->a[1].offset += 1)
CHANGE(odd_rounded, op->a[0].offset += 32)
CHANGE(odd_output, op->a[2].offset += 2)
CHANGE(unknown_type, op->a[1].type = 77)
CHANGE(wrong_class, op->a[0].type = CRIA_ACT256)
CHANGE(float_rows, (op->a[0].type = quants[QUANT_F32].id, op->p[0] = 256))
CHANGE(rounded_output, op->a[2].type = CRIA_ACT32)
CHANGE(absent_input, op->a[0].type = CRIA_NONE)
CHANGE(short_stride, op->p[1] = op->n - 1)
CHANGE(huge_stride, op->p[1] = UINT32_MAX)
CHANGE(output_to_file, op->a[2].region = mapped_region)
CHANGE(output_to_inputs, (op->a[2].region = -1, op->a[2].offset = 0))
CHANGE(other_type, op->a[2].type = quants[QUANT_F16].id)
CHANGE(unknown_function, op->p[2] = 2)
CHANGE(token_too_large, op->a[0].offset = WORD)
CHANGE(token_negative, op->a[0].offset = 2 * WORD)
CHANGE(tokens_in_region, op->a[0].region = memory_region)
CHANGE(tokens_past_end, op->a[0].offset = MOST_INPUTS * WORD)
CHANGE(no_heads, op->p[0] = 0)
CHANGE(odd_pairs, op->p[2] = 15)
CHANGE(wide_pairs, op->p[2] = 64)
CHANGE(other_pairs, op->p[3] = 2)
CHANGE(angles_in_region, op->a[1].region = memory_region)
CHANGE(slot_too_large, op->a[2].offset = WORD)
CHANGE(slot_negative, op->a[2].offset = 2 * WORD)
CHANGE(store_odd_page, op->p[3] = 24)
CHANGE(store_small_page, op->p[5] = 64)
CHANGE(store_many_pages, op->p[4] = 1 << 30)
CHANGE(keys_to_file, op->a[3].region = mapped_region)
CHANGE(keys_as_ints, op->a[3].type = CRIA_I32)
CHANGE(values_other_type, op->a[4].type = quants[QUANT_F32].id)
CHANGE(odd_share, op->p[0] = 3)
CHANGE(start_negative, op->a[3].offset += 2 * WORD)
CHANGE(position_negative, op->a[3].offset += 4 * WORD)
CHANGE(position_too_far, op->a[3].offset += 6 * WORD)
CHANGE(page_too_large, op->a[4].offset += 2 * WORD)
CHANGE(page_negative, op->a[4].offset += 4 * WORD)
CHANGE(table_past_end, op->p[9] = UINT32_MAX)
CHANGE(odd_dim, op->p[2] = 24)
CHANGE(row_too_large, op->a[2].offset = WORD)
CHANGE(many_norm_heads, op->p[0] = 65537)
CHANGE(heads_of_rounded, (op->p[0] = 2, op->a[2].type = CRIA_ACT32, op->a[2].offset = 0))
CHANGE(other_activation, op->p[3] = 2)
CHANGE(no_cap, op->f[0] = 0.0f)
CHANGE(cap_negative, op->f[1] = -1.0f)
CHANGE(cap_nan, op->f[1] = __builtin_nanf(""))
CHANGE(groups_unused, (op->a[5] = op->a[2], op->a[5].type = CRIA_I32))
CHANGE(groups_floats, (op->a[5] = op->a[2], op->p[3] = 1))
CHANGE(groups_biased, (groups_unused(op), op->p[3] = 1, op->a[3] = op->a[2]))
CHANGE(places_floats, (groups_unused(op), op->p[3] = 1, op->a[6] = op->a[2]))
CHANGE(places_unused, (op->a[6] = op->a[2], op->a[6].type = CRIA_I32))
CHANGE(many_experts, (groups_unused(op), op->p[3] = 1025))
CHANGE(experts_past_end, (groups_unused(op), op->p[3] = 1024, op->n = 1 << 14))
CHANGE(gated_past_end,
       (op->a[4] = op->a[3], op->a[4].type = CRIA_I32, op->p[3] = 1024, op->n = 1 << 14))
CHANGE(output_to_gathered, op->a[4].region = mapped_region)
CHANGE(more_ranks, op->k = 5)
CHANGE(many_ranks, op->p[0] = 1025)
CHANGE(no_ranks, op->p[0] = 0)
CHANGE(slots_in_inputs, op->a[1].region = -1)
CHANGE(slots_past_end, op->a[1].offset = MOST_BYTES - 8)
CHANGE(groups_past_end, op->a[3].offset = MOST_BYTES - 8)

static const struct refusal refusal_list[] = {
    {"unknown operation", OP_matmul, unknown_kind, CRIA_FAIL(BAD_OPERATION), -1},
    {"no rows", OP_matmul, no_rows, CRIA_FAIL(BAD_SHAPE), -1},
    {"no width", OP_matmul, no_width, CRIA_FAIL(BAD_SHAPE), -1},
    {"no length", OP_matmul, no_length, CRIA_FAIL(BAD_SHAPE), -1},
    {"too many rows", OP_matmul, too_many_rows, CRIA_FAIL(BAD_SHAPE), -1},
    {"matrix past the end", OP_matmul, longer, CRIA_FAIL(BAD_RANGE), 1},
    {"part of a block", OP_matmul, part_of_block, CRIA_FAIL(BAD_SHAPE), 1},
    {"no region", OP_matmul, no_region, CRIA_FAIL(BAD_HANDLE), 1},
    {"huge region", OP_matmul, huge_region, CRIA_FAIL(BAD_HANDLE), 1},
    {"negative region", OP_matmul, negative_region, CRIA_FAIL(BAD_HANDLE), 1},
    {"offset past the end", OP_matmul, past_end, CRIA_FAIL(BAD_RANGE), 1},
    {"offset far past the end", OP_matmul, far_past_end, CRIA_FAIL(BAD_RANGE), 1},
    {"odd weight", OP_matmul, odd, CRIA_FAIL(BAD_ALIGNMENT), 1},
    {"odd activations", OP_matmul, odd_rounded, CRIA_FAIL(BAD_ALIGNMENT), 0},
    {"odd output", OP_matmul, odd_output, CRIA_FAIL(BAD_ALIGNMENT), 2},
    {"unknown type", OP_matmul, unknown_type, CRIA_FAIL(BAD_TYPE), 1},
    {"rounded otherwise", OP_matmul, wrong_class, CRIA_FAIL(BAD_TYPE), 0},
    {"not rounded", OP_matmul, float_rows, CRIA_FAIL(BAD_TYPE), 0},
    {"rounded output", OP_matmul, rounded_output, CRIA_FAIL(BAD_TYPE), 2},
    {"absent input", OP_matmul, absent_input, CRIA_FAIL(BAD_TYPE), 0},
    {"rows overlap", OP_matmul, short_stride, CRIA_FAIL(BAD_SHAPE), 2},
    {"huge stride", OP_matmul, huge_stride, CRIA_FAIL(BAD_RANGE), 2},
    {"output to a file", OP_matmul, output_to_file, CRIA_FAIL(READ_ONLY), 2},
    {"output to the inputs", OP_matmul, output_to_inputs, CRIA_FAIL(READ_ONLY), 2},
    {"gate and up of two types", OP_gated, other_type, CRIA_FAIL(BAD_TYPE), 2},
    {"unknown function", OP_gated, unknown_function, CRIA_FAIL(BAD_PARAMETER), -1},
    {"token too large", OP_embed, token_too_large, CRIA_FAIL(BAD_INPUT), 0},
    {"token negative", OP_embed, token_negative, CRIA_FAIL(BAD_INPUT), 0},
    {"tokens in a region", OP_embed, tokens_in_region, CRIA_FAIL(BAD_HANDLE), 0},
    {"tokens past the end", OP_embed, tokens_past_end, CRIA_FAIL(BAD_RANGE), 0},
    {"norm of no heads", OP_norm, no_heads, CRIA_FAIL(BAD_PARAMETER), -1},
    {"norm of many heads", OP_norm, many_norm_heads, CRIA_FAIL(BAD_PARAMETER), -1},
    {"rounded norm of heads", OP_norm, heads_of_rounded, CRIA_FAIL(BAD_SHAPE), -1},
    {"rounding to floats", OP_quantize, unknown_type, CRIA_FAIL(BAD_TYPE), 1},
    {"rounding odd rows", OP_quantize, odd, CRIA_FAIL(BAD_ALIGNMENT), 1},
    {"rope of no heads", OP_rope, no_heads, CRIA_FAIL(BAD_PARAMETER), -1},
    {"odd pairs", OP_rope, odd_pairs, CRIA_FAIL(BAD_PARAMETER), -1},
    {"pairs past the head", OP_rope, wide_pairs, CRIA_FAIL(BAD_PARAMETER), -1},
    {"unknown pairs", OP_rope, other_pairs, CRIA_FAIL(BAD_PARAMETER), -1},
    {"angles in a region", OP_rope, angles_in_region, CRIA_FAIL(BAD_HANDLE), 1},
    {"slot too large", OP_store, slot_too_large, CRIA_FAIL(BAD_INPUT), 2},
    {"slot negative", OP_store, slot_negative, CRIA_FAIL(BAD_INPUT), 2},
    {"odd page", OP_store, store_odd_page, CRIA_FAIL(BAD_PARAMETER), 3},
    {"small page", OP_store, store_small_page, CRIA_FAIL(BAD_SHAPE), 3},
    {"too many pages", OP_store, store_many_pages, CRIA_FAIL(BAD_RANGE), 3},
    {"keys to a file", OP_store, keys_to_file, CRIA_FAIL(READ_ONLY), 3},
    {"keys of integers", OP_store, keys_as_ints, CRIA_FAIL(BAD_TYPE), 3},
    {"keys and values of two types", OP_store, values_other_type, CRIA_FAIL(BAD_TYPE), 4},
    {"heads that do not share", OP_attend, odd_share, CRIA_FAIL(BAD_PARAMETER), -1},
    {"odd head", OP_attend, odd_dim, CRIA_FAIL(BAD_PARAMETER), 1},
    {"start negative", OP_attend, start_negative, CRIA_FAIL(BAD_INPUT), 3},
    {"position negative", OP_attend, position_negative, CRIA_FAIL(BAD_INPUT), 3},
    {"position too far", OP_attend, position_too_far, CRIA_FAIL(BAD_INPUT), 3},
    {"page too large", OP_attend, page_too_large, CRIA_FAIL(BAD_INPUT), 4},
    {"page negative", OP_attend, page_negative, CRIA_FAIL(BAD_INPUT), 4},
    {"table past the end", OP_attend, table_past_end, CRIA_FAIL(BAD_RANGE), 4},
    {"unknown activation", OP_activate, other_activation, CRIA_FAIL(BAD_PARAMETER), -1},
    {"sum to a file", OP_add, output_to_file, CRIA_FAIL(READ_ONLY), 2},
    {"sum of odd rows", OP_add, odd, CRIA_FAIL(BAD_ALIGNMENT), 1},
    {"row too large", OP_copy, row_too_large, CRIA_FAIL(BAD_INPUT), 2},
    {"copy of odd rows", OP_copy, odd, CRIA_FAIL(BAD_ALIGNMENT), 1},
    {"cap of nothing", OP_softcap, no_cap, CRIA_FAIL(BAD_PARAMETER), -1},
    {"cap below zero", OP_attend, cap_negative, CRIA_FAIL(BAD_PARAMETER), -1},
    {"cap that is none", OP_attend, cap_nan, CRIA_FAIL(BAD_PARAMETER), -1},
    {"no experts", OP_matmul, groups_unused, CRIA_FAIL(BAD_PARAMETER), -1},
    {"groups of floats", OP_matmul, groups_floats, CRIA_FAIL(BAD_TYPE), 5},
    {"bias of experts", OP_matmul, groups_biased, CRIA_FAIL(BAD_TYPE), 3},
    {"places of floats", OP_matmul, places_floats, CRIA_FAIL(BAD_TYPE), 6},
    {"places of one matrix", OP_matmul, places_unused, CRIA_FAIL(BAD_TYPE), 6},
    {"many experts", OP_matmul, many_experts, CRIA_FAIL(BAD_PARAMETER), -1},
    {"experts past the end", OP_matmul, experts_past_end, CRIA_FAIL(BAD_RANGE), 1},
    {"gates past the end", OP_gated, gated_past_end, CRIA_FAIL(BAD_RANGE), 1},
    {"more ranks than experts", OP_route, more_ranks, CRIA_FAIL(BAD_SHAPE), -1},
    {"unknown sum", OP_route, unknown_function, CRIA_FAIL(BAD_PARAMETER), -1},
    {"groups past the end", OP_route, groups_past_end, CRIA_FAIL(BAD_RANGE), 3},
    {"scatter to no slots", OP_scatter, no_ranks, CRIA_FAIL(BAD_PARAMETER), -1},
    {"slots in the inputs", OP_scatter, slots_in_inputs, CRIA_FAIL(BAD_HANDLE), 1},
    {"slots past the end", OP_scatter, slots_past_end, CRIA_FAIL(BAD_RANGE), 1},
    {"gather of many ranks", OP_gather, many_ranks, CRIA_FAIL(BAD_PARAMETER), -1},
    {"gather to a file", OP_gather, output_to_gathered, CRIA_FAIL(READ_ONLY), 4},
    {"softmax of unknown type", OP_softmax, unknown_type, CRIA_FAIL(BAD_TYPE), 1},
};
