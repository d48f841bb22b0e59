/** Sequences that decode together give what each gives alone, to the bit. @module */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ArgumentError, CriaError, DisposedError, Model } from "../../mod.ts";
import { KV_TYPES } from "../../src/cache/pages.ts";
import { SMOLLM2 } from "../conformance/pack.ts";
import { kernels } from "../kernel_support.ts";
import { sharedTest } from "../support.ts";
import { randomModelTest, someTokens, VOCABULARY } from "./random_model.ts";

/** Positions before the first common step: borders of pages and chunks, and none at all. */
const DEPTHS = [0, 1, 63, 64, 65, 255, 256, 300, 511];
const STEPS = 4;

/** The past of each sequence, and the tokens that it is then extended by. */
function scripts(depths: readonly number[], vocabulary = VOCABULARY): number[][] {
  const all = someTokens(2000, vocabulary);
  return depths.map((depth, index) => all.slice(7 * index, 7 * index + depth + STEPS));
}

/** Logits of each sequence and step, computed alone, [sequence][step]. */
async function alone(model: Model, depths: readonly number[]): Promise<Float32Array[][]> {
  const found: Float32Array[][] = [];
  const tokens = scripts(depths, model.config.vocabularySize);
  for (const [index, depth] of depths.entries()) {
    using sequence = model.createSequence();
    const script = tokens[index]!, logits: Float32Array[] = [];
    if (depth > 0) await sequence.evaluate(script.slice(0, depth));
    for (const token of script.slice(depth)) {
      logits.push((await sequence.evaluate([token])).slice());
    }
    found.push(logits);
  }
  return found;
}

/** The same, `width` sequences in a step, which take their turns. */
async function together(model: Model, depths: readonly number[], width: number) {
  using batch = model.createBatch(depths.length);
  const tokens = scripts(depths, model.config.vocabularySize);
  for (const [index, depth] of depths.entries()) {
    if (depth > 0) await batch.sequences[index]!.evaluate(tokens[index]!.slice(0, depth));
  }
  const found: Float32Array[][] = depths.map(() => []);
  for (let step = 0; step < STEPS; step++) {
    for (let first = 0; first < depths.length; first += width) {
      const members = depths.map((_, index) => index).slice(first, first + width).reverse();
      const logits = await batch.decode(members.map((sequence) => {
        return { sequence, token: tokens[sequence]![depths[sequence]! + step]! };
      }));
      members.forEach((sequence, row) => found[sequence]!.push(logits[row]!.slice()));
    }
  }
  for (const [index, depth] of depths.entries()) {
    assertEquals(batch.sequences[index]!.position, depth + STEPS);
  }
  return found;
}

for (const kv of KV_TYPES) {
  for (const type of ["Q8_0", "F32"]) {
    randomModelTest(`batch: together as alone, ${type}, ${kv}`, async (path) => {
      for (const isa of kernels.isas) {
        using model = await Model.load(path, { threads: 3, kv, isa, context: 600 });
        const expected = await alone(model, DEPTHS);
        for (const width of [1, 2, 5, DEPTHS.length]) {
          assertEquals(await together(model, DEPTHS, width), expected, `${isa}, ${width}`);
        }
      }
    }, type);
  }
}

sharedTest("batch: together as alone, SmolLM2", SMOLLM2, async (path) => {
  using model = await Model.load(path, { threads: 2, context: 80 });
  const depths = [0, 3, 17, 64, 70];
  assertEquals(await together(model, depths, depths.length), await alone(model, depths));
});

randomModelTest("batch: the widest one, and one too wide", async (path) => {
  using model = await Model.load(path, { threads: 2, context: 8 });
  using batch = model.createBatch(64), single = model.createSequence();
  const expected = await single.evaluate([5]);
  const rows = batch.sequences.map((_, sequence) => ({ sequence, token: 5 }));
  for (const logits of await batch.decode(rows)) assertEquals(logits, expected);
  for (const count of [0, 65, 1.5]) assertThrows(() => model.createBatch(count), ArgumentError);
});

randomModelTest("batch: what it refuses leaves its sequences as they were", async (path) => {
  using model = await Model.load(path, { threads: 2, context: 4 });
  using batch = model.createBatch(2);
  const [a, b] = batch.sequences;
  await b!.evaluate([1, 2, 3, 4]);
  const refused: readonly (readonly [rows: [sequence: number, token: number][], says: string])[] = [
    [[], "an empty list"],
    [[[0, 1], [2, 1]], "Cannot decode sequence 2: the batch has 2"],
    [[[0, 1], [0, 1]], "another call on it is running"],
    [[[0, VOCABULARY]], `Cannot evaluate token ${VOCABULARY}`],
    [[[0, 1], [1, 1]], "5 tokens do not fit a context of 4"],
  ];
  for (const [pairs, says] of refused) {
    const rows = pairs.map(([sequence, token]) => ({ sequence, token }));
    await assertRejects(() => batch.decode(rows), CriaError, says);
    assertEquals([a!.position, b!.position], [0, 4]);
  }
  const running = batch.decode([{ sequence: 0, token: 1 }]);
  assertThrows(() => a!.evaluate([1]), CriaError, "another call");
  await assertRejects(() => batch.decode([{ sequence: 0, token: 1 }]), CriaError, "another call");
  await running;
  assertEquals(a!.position, 1);
});

randomModelTest("batch: memory is given back, after the call in flight", async (path) => {
  using model = await Model.load(path, { threads: 2, context: 100 });
  const batch = model.createBatch(3);
  for (const [i, sequence] of batch.sequences.entries()) {
    await sequence.evaluate(someTokens(65 + i).slice(i)); // pages of their own
  }
  const six = model.memory().kvBytes;
  batch.sequences[0]![Symbol.dispose]();
  assertEquals(model.memory().kvBytes, six / 3 * 2);
  const running = batch.decode([{ sequence: 1, token: 1 }, { sequence: 2, token: 2 }]);
  batch[Symbol.dispose]();
  assertEquals((await running).length, 2);
  assertEquals(model.memory().kvBytes, 0);
  await assertRejects(() => batch.decode([{ sequence: 1, token: 1 }]), DisposedError);
  const other = model.createBatch(2), ends = other.decode([{ sequence: 0, token: 1 }]);
  model[Symbol.dispose]();
  assert((await ends)[0]!.every(Number.isFinite));
});
