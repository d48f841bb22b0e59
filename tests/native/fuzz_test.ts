/** Damaged steps run or throw a KernelError; nothing beside a region is touched. @module */

import { assert, assertGreater } from "@std/assert";
import { KernelError } from "../../src/errors.ts";
import { Region } from "../../src/native/memory.ts";
import {
  ELEMENT,
  OP_WORDS,
  OPERATION_NAMES,
  type OperationName,
  OPERATIONS,
} from "../../src/native/operations.ts";
import { Step } from "../../src/step/step.ts";
import { kernels, poolOf, QUANT_IDS, Random, Scene, SEED } from "../kernel_support.ts";
import { CASES } from "../step/cases.ts";

const RUNS = 12000;
const BYTES = 1 << 22; // whole huge pages: the system often puts such mappings side by side
const ODD = [0, 1, 2, 3, 15, 16, 17, 255, 256, 257, 65536, 1 << 24, 1 << 30, -1, -2, 1 << 31];

interface Recorded {
  readonly words: Int32Array<ArrayBuffer>;
  readonly inputs: Int32Array<ArrayBuffer>;
}

/** Valid steps, over another region: some cases of every operation. */
function validSteps(region: Region): Recorded[] {
  return OPERATION_NAMES.flatMap((name) =>
    CASES[name].map((test, index) => {
      const step = new Step(), rows = index % 2 ? [0, 1, 2] : [0, 1, 2, 3, 4, 5, 6];
      const scene = new Scene(SEED), { inputs } = test.record(step, scene, rows);
      assertGreater(BYTES, scene.bytes.length);
      const words = step.words.slice();
      for (let at = OP_WORDS.operands; at < OP_WORDS.size; at += 4) {
        if (words[at] === Scene.region.handle && at < operandsEnd(name)) words[at] = region.handle;
      }
      return { words, inputs };
    })
  );
}

function operandsEnd(name: OperationName): number {
  return OP_WORDS.operands + 4 * OPERATIONS[name].operands.length;
}

/** A region between two mappings of a file that is empty by now: touching one ends the process. */
class Trapped implements Disposable {
  readonly #traps: Region[] = [];
  readonly region: Region;

  constructor() {
    const path = Deno.makeTempFileSync({ prefix: "cria-test-" });
    Deno.truncateSync(path, BYTES);
    const trap = () => this.#traps.push(Region.map(kernels, path, BYTES, null));
    trap();
    this.region = Region.alloc(kernels, BYTES);
    trap();
    Deno.truncateSync(path, 0);
    Deno.removeSync(path);
  }

  /** Takes an operation away from the traps, which C would let it read. */
  avoid(words: Int32Array): void {
    const handles = this.#traps.map(({ handle }) => handle);
    for (let at = OP_WORDS.operands; at < OP_WORDS.size; at += 4) {
      if (handles.includes(words[at]!)) words[at] = this.region.handle;
    }
  }

  [Symbol.dispose](): void {
    for (const region of [this.region, ...this.#traps]) region[Symbol.dispose]();
  }
}

/** Another value for a word: near the old one, odd, or anything. */
function mutated(random: Random, old: number): number {
  switch (random.below(5)) {
    case 0:
      return old + random.pick([-64, -4, -1, 1, 4, 64]);
    case 1:
      return old ^ 1 << random.below(32);
    case 2:
      return random.pick([...QUANT_IDS, 26, 200, 201, 255]);
    case 3:
      return random.next() * 2 ** 32;
    default:
      return random.pick(ODD);
  }
}

/** Changes a few words of the first operation, or all that it has. */
function damage(random: Random, { words, inputs }: Recorded): void {
  const changes = random.below(50) === 0 ? OP_WORDS.size : random.below(4);
  for (let i = 0; i < changes; i++) {
    const at = random.below(random.below(3) ? 16 : OP_WORDS.size); // sizes matter most
    words[at] = mutated(random, words[at]!);
  }
  for (let i = random.below(3); i > 0 && inputs.length > 0; i--) {
    const at = random.below(inputs.length);
    inputs[at] = mutated(random, inputs[at]!);
  }
}

Deno.test(`damaged steps run or are refused: ${RUNS} of them (seed ${SEED})`, () => {
  using trapped = new Trapped();
  const random = new Random(SEED), valid = validSteps(trapped.region);
  let ran = 0, refused = 0;
  for (let run = 0; run < RUNS; run++) {
    const source = random.pick(valid), count = 1 + random.below(3); // the same, damaged thrice
    const step = { words: new Int32Array(count * OP_WORDS.size), count };
    const changed = source.inputs.slice();
    for (let op = 0; op < count; op++) {
      const words = step.words.subarray(op * OP_WORDS.size, (op + 1) * OP_WORDS.size);
      words.set(source.words);
      damage(random, { words, inputs: changed });
      trapped.avoid(words);
    }
    const inputs = random.below(9) ? changed : changed.slice(random.below(4));
    try {
      poolOf(random.pick(kernels.isas), 1 + random.below(3)).run(step, inputs);
      ran++;
    } catch (error) {
      assert(error instanceof KernelError, `run ${run}: ${error}`);
      refused++;
    }
  }
  assertGreater(ran, RUNS / 20, "the damage is so great that nothing runs");
  assertGreater(refused, RUNS / 20, "the damage is so small that nothing is refused");
});

/** What C asks of an operand's offset. */
function alignOf(operand: string, type: number): number {
  if (["keys", "values"].includes(operand) || type >= ELEMENT.ACT32) return 64;
  return type === ELEMENT.F32 || type === ELEMENT.I32 ? 4 : 2;
}

/** Moves the operand whose words begin at `at` as high as C accepts: it ends with its region. */
function moveToEnd({ words, inputs }: Recorded, at: number, align: number): void {
  const accepted = (offset: number) => {
    words[at + 2] = offset;
    try {
      poolOf(kernels.isas[0]!).run({ words, count: 1 }, inputs);
      return true;
    } catch (error) {
      if (error instanceof KernelError && kernels.errorName(error.code) === "BAD_RANGE") {
        return false;
      }
      throw error;
    }
  };
  let low = 0, high = BYTES; // the first is accepted, the second is not
  while (high - low > align) {
    const middle = low + Math.floor((high - low) / 2 / align) * align;
    if (accepted(middle)) low = middle;
    else high = middle;
  }
  words[at + 2] = low;
}

Deno.test(`nothing beyond the ends of a region is read or written (seed ${SEED})`, () => {
  using trapped = new Trapped();
  for (const { words, inputs } of validSteps(trapped.region)) {
    const name = OPERATION_NAMES[words[0]!]!;
    OPERATIONS[name].operands.forEach((operand, slot) => {
      const at = OP_WORDS.operands + 4 * slot;
      if (words[at] !== trapped.region.handle || words[at + 1] === ELEMENT.NONE) return;
      const moved = { words: words.slice(), inputs };
      moveToEnd(moved, at, alignOf(operand, words[at + 1]!));
      const atEnd = moved.words[at + 2]!;
      for (const offset of [0, atEnd]) {
        moved.words[at + 2] = offset;
        for (const isa of kernels.isas) poolOf(isa, 2).run({ ...moved, count: 1 }, inputs);
      }
    });
  }
});
