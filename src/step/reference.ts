/** Runs recorded steps in plain TypeScript: slow, readable, what correct means. @module */

import { ArgumentError } from "../errors.ts";
import { INPUTS } from "../native/memory.ts";
import { OP_WORDS, OPERATION_NAMES, type OperationName } from "../native/operations.ts";
import type { RunnableStep } from "../native/pool.ts";
import { attend, store } from "./reference/attention.ts";
import { gather, route, scatter } from "./reference/experts.ts";
import { gated, matmul } from "./reference/products.ts";
import { type Memories, Recorded } from "./reference/recorded.ts";
import {
  activate,
  add,
  copy,
  embed,
  norm,
  quantizeRows,
  rope,
  softcap,
  softmax,
} from "./reference/rows.ts";

export type { Memories } from "./reference/recorded.ts";

/** What runs one operation: it reads and writes the bytes of its operands. */
export type ReferenceOperation = (op: Recorded) => void;

/** One function per operation: a missing one does not compile. */
export const REFERENCE: Readonly<Record<OperationName, ReferenceOperation>> = {
  embed,
  norm,
  quantize: quantizeRows,
  matmul,
  gated,
  rope,
  store,
  attend,
  activate,
  add,
  copy,
  softmax,
  softcap,
  route,
  scatter,
  gather,
};

/**
 * Runs a step over memory of JavaScript's, in double precision: sums are taken in plain order and
 * rounded once, so the kernels agree within the rounding of their own sums.
 * @param step the recorded operations
 * @param memories the bytes of every region that the step names, by its handle
 * @param inputs as for `Pool.run`
 * @param table what runs each operation
 * @throws {ArgumentError} an operation is unknown, or an operand lies outside its memory
 * @example
 * ```ts
 * import { ELEMENT } from "../native/operations.ts";
 * import { runReference } from "./reference.ts";
 * import { Step } from "./step.ts";
 *
 * const bytes = new Uint8Array(16); // two rows of two floats
 * const at = (offset: number) => ({ memory: { handle: 7 }, type: ELEMENT.F32, offset });
 * new Float32Array(bytes.buffer).set([1, 2]);
 * const step = new Step();
 * step.add({ rows: 1, n: 2, a: at(0), b: at(0), out: at(8) });
 * runReference(step, new Map([[7, bytes]]), new Int32Array(0)); // bytes: 1, 2, 2, 4
 * ```
 */
export function runReference(
  step: RunnableStep,
  memories: Memories,
  inputs: Int32Array<ArrayBuffer>,
  table: Readonly<Record<OperationName, ReferenceOperation>> = REFERENCE,
): void {
  const bytes = new Uint8Array(inputs.buffer, inputs.byteOffset, inputs.byteLength);
  const all = new Map([...memories, [INPUTS.handle, bytes]]);
  for (let index = 0; index < step.count; index++) {
    const words = step.words.subarray(index * OP_WORDS.size, (index + 1) * OP_WORDS.size);
    const name = OPERATION_NAMES[words[0] ?? -1];
    if (name === undefined) {
      throw new ArgumentError(`Cannot run operation ${index}: there is no number ${words[0]}`);
    }
    table[name](new Recorded(name, words, all));
  }
}
