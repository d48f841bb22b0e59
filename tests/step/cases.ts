/** The cases of kernel tests: every operation with types, odd sizes, options. @module */

import type { OperationName } from "../../src/native/operations.ts";
import { ATTEND_CASES, STORE_CASES } from "./attention_cases.ts";
import type { Case } from "./case.ts";
import { GATHER_CASES, ROUTE_CASES, SCATTER_CASES } from "./expert_cases.ts";
import { GATED_CASES, MATMUL_CASES } from "./product_cases.ts";
import * as rows from "./row_cases.ts";

/** By operation: one without cases does not compile. */
export const CASES: Readonly<Record<OperationName, readonly Case[]>> = {
  embed: rows.EMBED_CASES,
  norm: rows.NORM_CASES,
  quantize: rows.QUANTIZE_CASES,
  matmul: MATMUL_CASES,
  gated: GATED_CASES,
  rope: rows.ROPE_CASES,
  store: STORE_CASES,
  attend: ATTEND_CASES,
  activate: rows.ACTIVATE_CASES,
  add: rows.ADD_CASES,
  copy: rows.COPY_CASES,
  softmax: rows.SOFTMAX_CASES,
  softcap: rows.SOFTCAP_CASES,
  route: ROUTE_CASES,
  scatter: SCATTER_CASES,
  gather: GATHER_CASES,
};
