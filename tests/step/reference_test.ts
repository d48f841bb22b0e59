/** The scalar kernels agree with the plain interpreter, within their rounding. @module */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { OPERATION_NAMES, type OperationName } from "../../src/native/operations.ts";
import { REFERENCE, type ReferenceOperation, runReference } from "../../src/step/reference.ts";
import { activationsOf } from "../../src/step/reference/rounding.ts";
import { Step } from "../../src/step/step.ts";
import { firstDifference, poolOf, Scene, SEED } from "../kernel_support.ts";
import type { Case, Output } from "./case.ts";
import { CASES } from "./cases.ts";

const ROWS = [0, 1, 2, 3, 4, 5, 6]; // seven rows: through tiles, with some left over
const FEW = [5, 2, 0]; // three rows: weights stream

/** How far an output is from what was expected, in parts of what is allowed; and where. */
function worst(output: Output, expected: Uint8Array, actual: Uint8Array): [number, string] {
  const { at, bytes, type = 0, count = 0, bound } = output;
  if (bound === undefined) return [0, ""];
  const part = (of: Uint8Array) => activationsOf(type, of.subarray(at, at + bytes), count);
  const [want, got] = [part(expected), part(actual)], allowed = bound(want);
  let most = 0, text = "";
  for (let i = 0; i < count; i++) {
    const distance = Math.abs(got[i]! - want[i]!);
    const excess = distance === 0 ? 0 : distance / allowed[i]!;
    if (excess <= most) continue;
    most = Number.isNaN(excess) ? Infinity : excess; // a NaN is as wrong as can be
    text = `element ${i} is ${got[i]} instead of ${want[i]}, ${allowed[i]} is allowed`;
  }
  return got.some(Number.isNaN) ? [Infinity, "NaN"] : [most, text];
}

/** Runs a case both ways and says what differs; nothing when all is well. */
function compare(
  test: Case,
  rows: readonly number[],
  table: Readonly<Record<OperationName, ReferenceOperation>> = REFERENCE,
): string[] {
  const scene = new Scene(SEED), step = new Step();
  const { inputs, outputs } = test.record(step, scene, rows);
  const actual = scene.run(poolOf("scalar"), step, inputs);
  const expected = scene.reference(step, inputs, table);
  const problems: string[] = [];
  for (const [row, pieces] of outputs.entries()) {
    for (const piece of pieces) {
      const [excess, text] = worst(piece, expected, actual);
      if (excess > 1) problems.push(`row ${row}: ${text}`);
      const { at, bytes } = piece, want = expected.subarray(at, at + bytes);
      if (piece.bound) actual.set(want, at); // compared; everything else has to be the same
      else if (want.some((byte, i) => byte !== actual[at + i])) { // codes are no floats: no NaN
        problems.push(`row ${row}: other bytes`);
      }
    }
  }
  const word = firstDifference(actual, expected);
  if (word >= 0) problems.push(`the bytes at ${word * 4} are not the same`);
  return problems;
}

for (const name of OPERATION_NAMES) {
  Deno.test(`scalar kernels agree with the reference: ${name} (seed ${SEED})`, () => {
    for (const test of CASES[name]) {
      assertEquals(test.operation, name);
      for (const rows of [ROWS, FEW]) {
        const found = compare(test, rows);
        assertEquals(found.slice(0, 3), [], `${name} ${test.name} ${rows.length} rows`);
      }
    }
  });
}

/** An operation that does one thing wrong: it changes one element a little. */
function wrong(name: OperationName): ReferenceOperation {
  return (op) => {
    REFERENCE[name](op);
    if (name === "quantize" || name === "scatter") {
      op.bytes("out", 5, 1)[0]! ^= 1;
    } else if (name === "route") {
      op.floats("weights", 0, 1)[0]! += 0.02;
    } else if (name === "store") {
      op.bytes("values", 0, op.integer("pageBytes")).forEach((byte, i, all) => all[i] = byte ^ 1);
    } else {
      op.floats(name === "rope" ? "x" : "out", 0, 1)[0]! += 0.02; // where numbers are about 1 to 10
    }
  };
}

Deno.test(`canary: a reference that is wrong by 0.02 is found (seed ${SEED})`, () => {
  for (const name of OPERATION_NAMES) {
    const table = { ...REFERENCE, [name]: wrong(name) };
    for (const test of CASES[name]) {
      if (/ACT\d+ k=/.test(test.name) && name === "norm") continue; // held to one code only
      assert(compare(test, ROWS, table).length > 0, `${name} ${test.name}: not noticed`);
    }
  }
});

Deno.test("the reference refuses what lies outside its memory, and unknown operations", () => {
  const step = new Step(), at = (offset: number) => ({ memory: { handle: 3 }, type: 0, offset });
  step.add({ rows: 2, n: 4, a: at(0), b: at(0), out: at(16) });
  const run = (memories: Map<number, Uint8Array<ArrayBuffer>>) =>
    runReference(step, memories, new Int32Array(0));
  assertThrows(() => run(new Map()), Error, 'Cannot use bytes 0 to 16 for "a": memory 3 is not');
  assertThrows(() => run(new Map([[3, new Uint8Array(47)]])), Error, "memory 3 has 47");
  step.words[0] = 99;
  assertThrows(() => run(new Map()), Error, "Cannot run operation 0: there is no number 99");
});
