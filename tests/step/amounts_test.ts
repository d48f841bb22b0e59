/** What operations cost: counted from a step's words as one would by hand. @module */

import { assertEquals } from "@std/assert";
import { INPUTS } from "../../src/native/memory.ts";
import { ELEMENT, OPERATION_NAMES } from "../../src/native/operations.ts";
import { quantByName } from "../../src/quant.ts";
import { amountOf, Recorded } from "../../src/step/amounts.ts";
import { type Operand, Step } from "../../src/step/step.ts";

const at = (type: number, offset = 0): Operand => ({ memory: { handle: 3 }, type, offset });
const F32 = at(ELEMENT.F32), Q8 = at(quantByName("Q8_0")!.id), ACT = at(ELEMENT.ACT32);
const index = (offset: number): Operand => ({ memory: INPUTS, type: ELEMENT.I32, offset });
const CACHE = {
  ...{ keys: at(ELEMENT.F16), values: at(ELEMENT.F16), heads: 2, headDim: 16 },
  ...{ pagePositions: 64, pageCount: 8, pageBytes: 8192 },
};

/** What each operation of a step costs. */
function costs(record: (step: Step) => void, inputs = new Int32Array(0)) {
  const step = new Step();
  record(step);
  return Array.from({ length: step.count }, (_, op) => {
    return amountOf(new Recorded(step.words, op, inputs));
  });
}

Deno.test("amounts: products read their matrices once, whatever their rows", () => {
  const found = costs((step) => {
    step.matmul({ rows: 1, n: 48, k: 64, x: F32, weight: Q8, out: F32 });
    step.matmul({ rows: 3, n: 48, k: 64, x: F32, weight: Q8, out: F32, bias: F32, residual: F32 });
    step.gated({ rows: 2, n: 48, k: 64, x: ACT, gate: Q8, up: Q8, out: F32, activation: "silu" });
  });
  const matrix = 48 * 64 / 32 * 34;
  assertEquals(found, [
    { bytes: matrix + 4 * (64 + 48), operations: 2 * 48 * 64 },
    { bytes: matrix + 4 * (3 * 64 + 48 + 2 * 3 * 48), operations: 3 * 2 * 48 * 64 },
    { bytes: 2 * matrix + 2 * 64 * 1.25 + 4 * 2 * 48, operations: 2 * 2 * 2 * 48 * 64 },
  ]);
});

/** Attention of rows at (start of their table, position). */
function attention(places: readonly number[], window = 0) {
  const rows = places.length / 2, heads = 4;
  const options = { q: F32, out: F32, places: index(8), tables: index(0), cache: CACHE };
  const inputs = Int32Array.from([0, 0, ...places]);
  return costs(
    (step) => step.attend({ ...options, rows, heads, tableWords: 2, window, scale: 1 }),
    inputs,
  )[0]!;
}

Deno.test("amounts: attention reads a sequence's cache once, however many rows see it", () => {
  const position = 2 * 2 * 16 * 2; // keys and values, heads, dimensions, bytes
  const row = 2 * 4 * 16 * 4; // query and result
  const seen = (count: number) => 4 * count * 4 * 16;
  assertEquals(attention([0, 99]), { bytes: 100 * position + row, operations: seen(100) });
  const chunk = attention([0, 9, 0, 10, 0, 11]);
  assertEquals(chunk, { bytes: 12 * position + 3 * row, operations: seen(10 + 11 + 12) });
  const two = attention([0, 99, 1, 49]);
  assertEquals(two, { bytes: 150 * position + 2 * row, operations: seen(150) });
  const windowed = attention([0, 98, 0, 99], 10);
  assertEquals(windowed, { bytes: 11 * position + 2 * row, operations: seen(20) });
});

Deno.test("amounts: of experts, those that rows can choose; pairs come and go once", () => {
  const slots = at(ELEMENT.I32), groups = { experts: 4, list: slots };
  const found = costs((step) => {
    step.matmul({ rows: 2, n: 48, k: 64, x: F32, weight: Q8, out: F32, groups });
    step.matmul({ rows: 9, n: 48, k: 64, x: F32, weight: Q8, out: F32, groups });
    step.route({
      ...{ rows: 3, n: 4, k: 2, x: F32, weights: F32, slots, groups: slots },
      normalised: true,
    });
    step.scatter({ rows: 3, k: 64, x: F32, slots, out: ACT, ranks: 2 });
    step.gather({ rows: 3, n: 64, x: F32, slots, weights: F32, residual: F32, out: F32, ranks: 2 });
  });
  const matrix = 48 * 64 / 32 * 34, pair = 4 * (64 + 48);
  assertEquals(found, [
    { bytes: 2 * matrix + 2 * pair, operations: 2 * 2 * 48 * 64 },
    { bytes: 4 * matrix + 9 * pair, operations: 9 * 2 * 48 * 64 },
    { bytes: 4 * 3 * (4 + 2 + 2), operations: 0 },
    { bytes: 3 * 64 * (4 + 2 * 1.25), operations: 0 },
    { bytes: 4 * 3 * 64 * (2 + 1 + 1), operations: 2 * 3 * 2 * 64 },
  ]);
});

Deno.test("amounts: what passes data on has bytes only", () => {
  const sizes = { rows: 2, n: 32, k: 32 };
  const found = costs((step) => {
    step.embed({ ...sizes, tokens: index(0), weight: Q8, out: F32, scale: 1 });
    step.norm({ ...sizes, x: F32, weight: F32, out: ACT, epsilon: 1 });
    step.quantize({ ...sizes, x: F32, out: ACT });
    step.rope({ ...sizes, x: F32, angles: F32, pairs: "halves", heads: 2, headDim: 16, dims: 8 });
    step.store({ ...sizes, keyRows: F32, valueRows: F32, slots: index(0), cache: CACHE });
    step.activate({ ...sizes, gate: F32, up: F32, out: F32, activation: "gelu" });
    step.add({ ...sizes, a: F32, b: F32, out: F32 });
    step.copy({ ...sizes, x: F32, out: F32 });
    step.softmax({ ...sizes, x: F32, out: F32 });
    step.softcap({ ...sizes, x: F32, out: F32, cap: 3 });
  });
  const floats = 2 * 32 * 4, rounded = 2 * 32 * 1.25;
  assertEquals(found.map(({ bytes }) => bytes), [
    ...[2 * 34 + floats, floats + rounded, floats + rounded, 2 * 2 * 2 * 8 * 4],
    ...[2 * floats + floats, 3 * floats, 3 * floats, 2 * floats, 2 * floats, 2 * floats],
  ]);
  assertEquals(new Set(found.map(({ operations }) => operations)), new Set([0]));
});

Deno.test("amounts: an operation is read back as it was recorded", () => {
  const step = new Step(), far = at(Q8.type, 5 * 2 ** 32 + 64);
  step.together(() => {
    step.matmul({ rows: 1, n: 2, k: 32, x: F32, weight: far, out: F32, outStride: 7 });
    step.matmul({ rows: 1, n: 2, k: 32, x: F32, weight: Q8, out: F32 });
  });
  const [first, second] = [0, 1].map((op) => new Recorded(step.words, op, new Int32Array(0)));
  assertEquals(first!.operand("weight"), { handle: 3, type: Q8.type, offset: 5 * 2 ** 32 + 64 });
  assertEquals([first!.operand("bias"), first!.operand("gate")], [undefined, undefined]);
  assertEquals([first!.kind, first!.parameter("outStride")], ["matmul", 7]);
  assertEquals([first!.together, second!.together], [false, true]);
  assertEquals(OPERATION_NAMES.length, new Set(OPERATION_NAMES).size);
});
