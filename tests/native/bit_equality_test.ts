/** Every instruction set, thread count and batch gives the bits of the scalar kernels. @module */

import { assertEquals, assertNotEquals } from "@std/assert";
import { INPUTS } from "../../src/native/memory.ts";
import { OP_WORDS, OPERATION_NAMES } from "../../src/native/operations.ts";
import type { Pool } from "../../src/native/pool.ts";
import { Step } from "../../src/step/step.ts";
import { firstDifference, kernels, poolOf, Scene, SEED } from "../kernel_support.ts";
import { PAGINGS } from "../step/attention_cases.ts";
import type { Case, Output } from "../step/case.ts";
import { CASES } from "../step/cases.ts";

const BATCHES = [1, 2, 7, 64].map((count) => Array.from({ length: count }, (_, row) => row));
const best = kernels.isas[0]!;

/** A recorded case that can be run on several pools. */
class Recording {
  readonly #scene: Scene;
  readonly #step = new Step();
  readonly #inputs: Int32Array<ArrayBuffer>;
  readonly outputs: readonly (readonly Output[])[];

  constructor(test: Case, rows: readonly number[], wild: boolean) {
    this.#scene = new Scene(SEED, wild);
    const { inputs, outputs } = test.record(this.#step, this.#scene, rows);
    this.#inputs = inputs;
    this.outputs = outputs;
  }

  run(pool: Pool): Uint8Array<ArrayBuffer> {
    return this.#scene.run(pool, this.#step, this.#inputs);
  }

  /** The results of one row, piece by piece. */
  row(bytes: Uint8Array<ArrayBuffer>, row: number): Uint8Array<ArrayBuffer> {
    const pieces = this.outputs[row]!.map(({ at, bytes: size }) => bytes.subarray(at, at + size));
    const all = new Uint8Array(Math.ceil(pieces.reduce((sum, p) => sum + p.length, 0) / 4) * 4);
    pieces.reduce((at, piece) => (all.set(piece, at), at + piece.length), 0);
    return all;
  }
}

/** Says where two results differ; an empty text when they do not. */
function difference(a: Uint8Array<ArrayBuffer>, b: Uint8Array<ArrayBuffer>): string {
  const word = firstDifference(a, b);
  if (word < 0) return "";
  const at = (x: Uint8Array<ArrayBuffer>) => new Float32Array(x.buffer, x.byteOffset)[word];
  return `float ${word} of ${a.length / 4} is ${at(b)} instead of ${at(a)}`;
}

const KINDS = [["plain", false], ["wild", true]] as const;

for (const name of OPERATION_NAMES) {
  Deno.test(`every instruction set has the scalar bits: ${name} (seed ${SEED})`, () => {
    for (const test of CASES[name]) {
      for (const [kind, wild] of KINDS) {
        for (const rows of BATCHES) {
          const recording = new Recording(test, rows, wild);
          const scalar = recording.run(poolOf("scalar"));
          for (const isa of kernels.isas.filter((isa) => isa !== "scalar")) {
            const found = difference(scalar, recording.run(poolOf(isa)));
            assertEquals(found, "", `${isa} ${name} ${test.name} ${rows.length} ${kind} rows`);
          }
        }
      }
    }
  });

  Deno.test(`1, 2, 3 and 4 threads give the same bits: ${name} (seed ${SEED})`, () => {
    for (const test of CASES[name]) {
      for (const rows of BATCHES) {
        const recording = new Recording(test, rows, false), one = recording.run(poolOf(best));
        for (const threads of [2, 3, 4]) {
          const found = difference(one, recording.run(poolOf(best, threads)));
          assertEquals(found, "", `${threads} threads, ${name} ${test.name} ${rows.length} rows`);
        }
      }
    }
  });

  Deno.test(`a row of a batch has the bits of the row alone: ${name} (seed ${SEED})`, () => {
    for (const test of CASES[name]) {
      for (const wild of [false, true]) checkRows(test, wild);
    }
  });
}

/** Compares rows of batches with the same rows alone. */
function checkRows(test: Case, wild: boolean): void {
  const isas = [...new Set([best, "scalar"])];
  const batches = BATCHES.slice(1).map((rows) => {
    const recording = new Recording(test, rows, wild);
    return { recording, results: isas.map((isa) => recording.run(poolOf(isa))) };
  });
  for (const row of [0, 1, 2, 5, 6, 31, 50, 63]) {
    const alone = new Recording(test, [row], wild);
    for (const [index, isa] of isas.entries()) {
      const expected = alone.row(alone.run(poolOf(isa)), 0);
      for (const { recording, results } of batches) {
        if (row >= recording.outputs.length) continue;
        const found = difference(expected, recording.row(results[index]!, row));
        const words = `row ${row} of ${recording.outputs.length}`;
        assertEquals(found, "", `${isa} ${test.operation} ${test.name} ${words}`);
      }
    }
  }
}

Deno.test(`attention does not depend on where pages lie (seed ${SEED})`, () => {
  for (const rows of BATCHES) {
    const results = PAGINGS.map((test) => {
      const recording = new Recording(test, rows, false), bytes = recording.run(poolOf(best));
      return rows.map((_, row) => recording.row(bytes, row));
    });
    for (const result of results.slice(1)) {
      result.forEach((row, i) => assertEquals(difference(results[0]![i]!, row), "", `row ${i}`));
    }
  }
});

Deno.test(`operations recorded together give what they give one by one (seed ${SEED})`, () => {
  const rows = [0, 1, 2];
  const scenes = [true, false].map((together) => {
    const scene = new Scene(SEED), step = new Step(), words: number[] = [];
    const record = () => {
      for (const name of OPERATION_NAMES) {
        for (const test of CASES[name].slice(0, 4)) {
          const first = step.count, { inputs } = test.record(step, scene, rows);
          moveInputs(step, first, words.length);
          words.push(...inputs);
        }
      }
    };
    if (together) step.together(record);
    else record();
    return { scene, step, inputs: Int32Array.from(words) };
  });
  const [one, other] = scenes.map(({ scene, step, inputs }) =>
    [1, 4].map((threads) => scene.run(poolOf(best, threads), step, inputs))
  );
  for (const bytes of [...one!, other![1]!]) assertEquals(difference(other![0]!, bytes), "");
});

/** Lets operations from `first` on find their inputs `words` words later. */
function moveInputs(step: Step, first: number, words: number): void {
  for (let op = first; op < step.count; op++) {
    for (let slot = 0; slot < 8; slot++) {
      const at = op * OP_WORDS.size + OP_WORDS.operands + 4 * slot;
      if (step.words[at] === INPUTS.handle) step.words[at + 2]! += 4 * words;
    }
  }
}

Deno.test("canary: one wrong bit is a difference, one NaN for another is none", () => {
  const [a, b] = [Float32Array.of(1, NaN), Float32Array.of(1, NaN)];
  const bytes = (x: Float32Array<ArrayBuffer>) => new Uint8Array(x.buffer);
  new Uint32Array(b.buffer)[1]! ^= 0x80000001;
  assertEquals(difference(bytes(a), bytes(b)), "");
  new Uint32Array(b.buffer)[0]! ^= 1;
  assertNotEquals(difference(bytes(a), bytes(b)), "");
});
