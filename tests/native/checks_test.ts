/** C refuses what is wrong, says what and where, and survives whatever a step may hold. @module */

import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { ArgumentError, DisposedError, KernelError } from "../../src/errors.ts";
import { INPUTS, Region } from "../../src/native/memory.ts";
import { ELEMENT, OP_WORDS, OPERATION_NAMES } from "../../src/native/operations.ts";
import { Pool } from "../../src/native/pool.ts";
import { activationBytes } from "../../src/step/reference/rounding.ts";
import { type Operand, Step } from "../../src/step/step.ts";
import { kernels, poolOf, Scene } from "../kernel_support.ts";

const pool = poolOf(kernels.isas[0]!);
const BYTES = Scene.region.bytes;
const at = (offset: number, type: number = ELEMENT.F32): Operand => ({
  memory: Scene.region,
  type,
  offset,
});
const elsewhere = (handle: number): Operand => ({ memory: { handle }, type: 0, offset: 0 });
const input = (word: number): Operand => ({ memory: INPUTS, type: ELEMENT.I32, offset: 4 * word });

/** Runs something that C must refuse, and returns the error. */
function refused(code: string, run: () => unknown): KernelError {
  const error = assertThrows(run, KernelError);
  assertEquals(kernels.errorName(error.code), code, error.message);
  return error;
}

type Add = Parameters<Step["add"]>[0];
type Matmul = Parameters<Step["matmul"]>[0];
type Attend = Parameters<Step["attend"]>[0];
type Rope = Parameters<Step["rope"]>[0];

/** Valid operations, with something changed. */
function add(step: Step, change: Partial<Add>): void {
  step.add({ rows: 2, n: 8, a: at(0), b: at(64), out: at(128), ...change });
}
function matmul(step: Step, change: Partial<Matmul>): void {
  const operands = { x: at(0, ELEMENT.ACT32), weight: at(4096, 8), out: at(8192) };
  step.matmul({ rows: 2, n: 4, k: 64, ...operands, ...change });
}
function rope(step: Step, change: Partial<Rope>): void {
  const sizes = { heads: 2, headDim: 8, dims: 8, pairs: "halves" } as const;
  step.rope({ rows: 2, x: at(0), angles: input(0), ...sizes, ...change });
}
const CACHE = {
  ...{ keys: at(0, ELEMENT.F16), values: at(4096, ELEMENT.F16) },
  ...{ heads: 2, headDim: 16, pagePositions: 32, pageCount: 3, pageBytes: 8192 },
};
function attend(step: Step, change: Partial<Attend>): void {
  const operands = { q: at(65536), places: input(0), tables: input(4), out: at(131072) };
  const sizes = { heads: 4, tableWords: 2, window: 0, scale: 1 };
  step.attend({ rows: 2, ...operands, cache: CACHE, ...sizes, ...change });
}
function store(step: Step, change: Partial<typeof CACHE>): void {
  const rows = { keyRows: at(65536), valueRows: at(131072), slots: input(0) };
  step.store({ rows: 2, ...rows, cache: { ...CACHE, ...change } });
}

const PLACES = [0, 1, 0, 33, 2, 0]; // two rows of one sequence, whose pages are 2 and 0
const embed = (step: Step, tokens: Operand) =>
  step.embed({ rows: 2, n: 10, k: 32, tokens, weight: at(0, 8), out: at(4096), scale: 1 });
const copy = (step: Step, xRows: number, index: Operand) =>
  step.copy({ rows: 2, n: 4, x: at(0), out: at(4096), index, xRows });

/** What is wrong, how it is refused, and for which operand; what is not named is an input of 0. */
const REFUSALS: readonly [
  what: string,
  code: string,
  record: (step: Step) => void,
  inputs?: readonly number[],
  operand?: string,
][] = [
  ["no rows", "BAD_SHAPE", (s) => add(s, { rows: 0 })],
  ["no columns", "BAD_SHAPE", (s) => add(s, { n: 0 })],
  ["no inputs", "BAD_SHAPE", (s) => matmul(s, { k: 0 })],
  ["too many columns", "BAD_SHAPE", (s) => add(s, { n: 2 ** 24 + 1 })],
  ["end beyond the region", "BAD_RANGE", (s) => add(s, { b: at(BYTES - 60) }), [], "b"],
  ["start beyond the region", "BAD_RANGE", (s) => add(s, { out: at(2 ** 50) }), [], "out"],
  ["rows beyond the region", "BAD_RANGE", (s) => add(s, { rows: 2 ** 24 }), [], "a"],
  ["an odd offset", "BAD_ALIGNMENT", (s) => add(s, { a: at(2) }), [], "a"],
  [
    "weights at an odd offset",
    "BAD_ALIGNMENT",
    (s) => matmul(s, { weight: at(1, 8) }),
    [],
    "weight",
  ],
  ["activations off 64 bytes", "BAD_ALIGNMENT", (s) => matmul(s, { x: at(32, 200) }), [], "x"],
  ["halves for floats", "BAD_TYPE", (s) => add(s, { a: at(0, ELEMENT.F16) }), [], "a"],
  ["nothing for floats", "BAD_TYPE", (s) => add(s, { out: at(0, ELEMENT.NONE) }), [], "out"],
  ["an unknown weight type", "BAD_TYPE", (s) => matmul(s, { weight: at(0, 24) }), [], "weight"],
  ["floats for blocks", "BAD_TYPE", (s) => matmul(s, { x: at(0) }), [], "x"],
  ["blocks of another kind", "BAD_TYPE", (s) => matmul(s, { k: 256, x: at(0, 201) }), [], "x"],
  ["broken blocks", "BAD_SHAPE", (s) => matmul(s, { k: 33 }), [], "weight"],
  ["rows that overlap", "BAD_SHAPE", (s) => matmul(s, { outStride: 3 }), [], "out"],
  ["a handle that is none", "BAD_HANDLE", (s) => add(s, { a: elsewhere(4095) }), [], "a"],
  ["a handle beyond the table", "BAD_HANDLE", (s) => add(s, { a: elsewhere(4096) }), [], "a"],
  ["a negative handle", "BAD_HANDLE", (s) => add(s, { a: elsewhere(-2) }), [], "a"],
  ["tokens in a region", "BAD_HANDLE", (s) => embed(s, at(0)), [1, 2], "tokens"],
  ["tokens beyond the inputs", "BAD_RANGE", (s) => embed(s, input(0)), [1], "tokens"],
  ["a token that is none", "BAD_INPUT", (s) => embed(s, input(0)), [9, 10], "tokens"],
  ["a negative token", "BAD_INPUT", (s) => embed(s, input(0)), [-1, 0], "tokens"],
  ["a row that is none", "BAD_INPUT", (s) => copy(s, 5, input(0)), [0, 5], "index"],
  ["rows without end", "BAD_PARAMETER", (s) => copy(s, 2 ** 31, input(0)), [0, 0]],
  ["odd dimensions", "BAD_PARAMETER", (s) => rope(s, { dims: 7 }), Array(99).fill(0)],
  ["more than all dimensions", "BAD_PARAMETER", (s) => rope(s, { dims: 10 }), Array(99).fill(0)],
  ["no heads", "BAD_PARAMETER", (s) => rope(s, { heads: 0 }), Array(99).fill(0)],
  ["too few angles", "BAD_RANGE", (s) => rope(s, {}), Array(15).fill(0), "angles"],
  ["a slot that is none", "BAD_INPUT", (s) => store(s, {}), [0, 96], "slots"],
  ["pages of 8", "BAD_PARAMETER", (s) => store(s, { pagePositions: 8 }), [0, 1], "keys"],
  ["heads of 8", "BAD_PARAMETER", (s) => store(s, { headDim: 8 }), [0, 1], "keys"],
  ["pages too small", "BAD_SHAPE", (s) => store(s, { pageBytes: 1024 }), [0, 1], "keys"],
  ["pages without end", "BAD_RANGE", (s) => store(s, { pageCount: 2 ** 30 }), [0, 1], "keys"],
  ["keys off 64 bytes", "BAD_ALIGNMENT", (s) => store(s, { keys: at(32, 1) }), [0, 1], "keys"],
  ["keys of blocks", "BAD_TYPE", (s) => store(s, { keys: at(0, 2) }), [0, 1], "keys"],
  ["values unlike keys", "BAD_TYPE", (s) => store(s, { values: at(65536) }), [0, 1], "values"],
  ["a negative position", "BAD_INPUT", (s) => attend(s, {}), [0, 1, 0, -1, 2, 0], "places"],
  ["a position without page", "BAD_INPUT", (s) => attend(s, {}), [0, 1, 0, 64, 2, 0], "places"],
  ["a table that is none", "BAD_INPUT", (s) => attend(s, {}), [0, 1, 2, 0, 2, 0], "places"],
  ["a negative table", "BAD_INPUT", (s) => attend(s, {}), [0, 1, -1, 0, 2, 0], "places"],
  ["a page that is none", "BAD_INPUT", (s) => attend(s, {}), [0, 1, 0, 33, 2, 3], "tables"],
  ["tables beyond the inputs", "BAD_RANGE", (s) => attend(s, { tableWords: 3 }), PLACES, "tables"],
  ["uneven shares", "BAD_PARAMETER", (s) => attend(s, { heads: 3 }), PLACES],
];

Deno.test("the operations that are changed below are valid", () => {
  for (const record of [add, matmul, rope, attend, store]) {
    const step = new Step();
    record(step, {});
    pool.run(step, Int32Array.from(record === attend ? PLACES : Array(16).fill(1)));
  }
});

for (const [what, code, record, inputs = [], operand] of REFUSALS) {
  Deno.test(`a step is refused: ${what}`, () => {
    const step = new Step();
    add(step, {});
    record(step);
    const { message } = refused(code, () => pool.run(step, Int32Array.from(inputs)));
    const name = OPERATION_NAMES[step.words[OP_WORDS.size]!]!;
    assert(message.startsWith(`Cannot run operation 1, ${name}`), message);
    if (operand) assert(message.includes(`(operand "${operand}")`), message);
  });
}

Deno.test("a step is refused whole: nothing of it was run", () => {
  const step = new Step(), before = Float32Array.of(1, 2, 3);
  Scene.region.write(0, before);
  step.add({ rows: 1, n: 3, a: at(0), b: at(0), out: at(0) });
  add(step, { n: 0 });
  refused("BAD_SHAPE", () => pool.run(step, new Int32Array(0)));
  assertEquals(Scene.region.read(0, new Float32Array(3)), before);
  step.words[OP_WORDS.size] = OPERATION_NAMES.length;
  const { message } = refused("BAD_OPERATION", () => pool.run(step, new Int32Array(0)));
  assert(message.startsWith("Cannot run operation 1, unknown"), message);
});

Deno.test("a mapped file can be read, not written", async () => {
  const path = await Deno.makeTempFile({ prefix: "cria-test-" });
  try {
    await Deno.writeFile(path, new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer));
    const { ino } = await Deno.stat(path);
    using file = Region.map(kernels, path, 16, ino);
    const step = new Step(), there = { memory: file, type: 0, offset: 0 };
    step.add({ rows: 1, n: 4, a: there, b: there, out: at(0) });
    pool.run(step, new Int32Array(0));
    assertEquals([...Scene.region.read(0, new Float32Array(4))], [2, 4, 6, 8]);
    step.add({ rows: 1, n: 4, a: there, b: there, out: there });
    refused("READ_ONLY", () => pool.run(step, new Int32Array(0)));
    refused("READ_ONLY", () => file.write(0, new Uint8Array(1)));
    refused("FILE_CHANGED", () => Region.map(kernels, path, 17, ino));
    refused("FILE_CHANGED", () => Region.map(kernels, path, 16, (ino ?? 0) + 1));
    refused("FILE_CHANGED", () => Region.map(kernels, path.replace(/\/[^/]*$/, ""), 16, null));
  } finally {
    await Deno.remove(path);
  }
  refused("OPEN_FAILED", () => Region.map(kernels, path, 16, null));
});

Deno.test("regions refuse impossible sizes, copies past their end, and use after their end", () => {
  refused("BAD_SHAPE", () => Region.alloc(kernels, 0));
  refused("BAD_SHAPE", () => Region.alloc(kernels, 2 ** 50));
  const region = Region.alloc(kernels, 100), { handle } = region;
  refused("BAD_RANGE", () => region.write(93, new Uint8Array(8)));
  refused("BAD_RANGE", () => region.read(2 ** 52, new Uint8Array(8)));
  assertEquals([...region.read(92, new Uint8Array(8))], Array(8).fill(0));
  region[Symbol.dispose]();
  region[Symbol.dispose]();
  assertThrows(() => region.handle, DisposedError);
  const step = new Step();
  add(step, { a: elsewhere(handle) });
  refused("BAD_HANDLE", () => pool.run(step, new Int32Array(0)));
  refused("BAD_HANDLE", () => {
    kernels.unwrap(kernels.call.cria_region_free(handle), "free it again");
  });
});

Deno.test("pools refuse what they cannot be, and use after their end", () => {
  for (const name of ["abacus", "amx", "neon_i8mm"].filter((it) => !kernels.isas.includes(it))) {
    const message = `Cannot use instruction set "${name}": this processor has ${kernels.isas[0]}`;
    assertThrows(() => new Pool(kernels, 1, name), ArgumentError, message);
  }
  const isa = new TextEncoder().encode("abacus\0");
  assertEquals(kernels.errorName(kernels.call.cria_pool_create(1, isa)), "BAD_ISA");
  for (const threads of [0, 257]) refused("BAD_PARAMETER", () => new Pool(kernels, threads));
  const gone = new Pool(kernels, 2);
  gone[Symbol.dispose]();
  gone[Symbol.dispose]();
  assertThrows(() => gone.run(new Step(), new Int32Array(0)), DisposedError);
  for (const handle of [-1, 255, 256, 2 ** 31 - 1]) {
    assertEquals(kernels.errorName(kernels.call.cria_pool_free(handle)), "BAD_HANDLE");
  }
});

Deno.test("what a running step uses is busy, and free when it has ended", async () => {
  const region = Region.alloc(kernels, 1 << 16), busy = new Pool(kernels, 2, "scalar");
  const step = new Step(), memory = region, type = ELEMENT.F32;
  const here = (offset: number) => ({ memory, type, offset });
  region.write(0, Float32Array.of(1));
  step.copy({ rows: 1, n: 1, x: here(0), out: here(4) }); // tells that it has begun
  const rows = { rows: 4, k: 1000, x: here(64), weight: here(64), out: here(32768), epsilon: 1 };
  for (let i = 0; i < 20000; i++) step.norm(rows);
  const run = busy.runAside(step, new Int32Array(0));
  const deadline = Date.now() + 5000;
  while (region.read(4, new Float32Array(1))[0] !== 1) assert(Date.now() < deadline);
  refused("BUSY", () => region[Symbol.dispose]());
  refused("BUSY", () => busy[Symbol.dispose]());
  refused("BUSY", () => busy.run(step, new Int32Array(0)));
  await run;
  region[Symbol.dispose]();
  busy[Symbol.dispose]();
});

Deno.test("C and the reference lay out activations alike", () => {
  for (let k = 256; k <= 256 * 40; k += 256) {
    for (const type of [ELEMENT.F32, ELEMENT.ACT32, ELEMENT.ACT256]) {
      assertEquals(kernels.call.cria_row_bytes(type, k), activationBytes(type, k));
    }
  }
  const bad = [[ELEMENT.ACT32, 33], [ELEMENT.ACT256, 32], [ELEMENT.F32, 0], [8, 32]] as const;
  for (const [type, k] of bad) assert(kernels.call.cria_row_bytes(type, k) < 0);
});

Deno.test("an error is a KernelError with its code", () => {
  const error = assertThrows(() => kernels.unwrap(-999, "do it"));
  assertInstanceOf(error, KernelError);
  assertEquals([error.message, error.code], ["Cannot do it: unknown code -999", -999]);
});
