/** Profiles: every operation of every step is counted, under the names of its tensors. @module */

import { assert, assertAlmostEquals, assertEquals, assertGreater } from "@std/assert";
import { Model, type Profile } from "../../mod.ts";
import { randomModelTest, someTokens } from "../model/random_model.ts";

/** The bytes of the matrices that a token's pass reads. */
function weightBytes(model: Model): number {
  return [...model.file.tensors.values()].filter(({ shape }) => shape.length === 2)
    .reduce((sum, { bytes }) => sum + bytes, 0);
}

function named(profile: Profile, name: string) {
  const found = profile.operations.find((one) => one.name === name);
  assert(found, `${name} is not among ${profile.operations.map((one) => one.name).join("; ")}`);
  return found;
}

randomModelTest("profile: a decode reads every weight once", async (path) => {
  using model = await Model.load(path, { threads: 2, context: 64 });
  using sequence = model.createSequence();
  const tokens = someTokens(10);
  const profile = await model.profile(async () => {
    for (const token of tokens) await sequence.evaluate([token]);
  });
  assertEquals(profile.steps, tokens.length);
  const { operations, ms } = profile;
  assertAlmostEquals(operations.reduce((sum, one) => sum + one.share, 0), 1, 1e-9);
  assertAlmostEquals(operations.reduce((sum, one) => sum + one.ms, 0), ms, 1e-9);
  assertEquals(operations, operations.toSorted((a, b) => b.ms - a.ms));
  const products = operations.filter(({ types }) => types.length > 0);
  assertEquals([...new Set(products.flatMap(({ types }) => types))], ["Q8_0"]);
  const read = products.reduce((sum, { bytes }) => sum + bytes, 0);
  assertGreater(read, weightBytes(model));
  const activations = products.reduce((sum, { calls }) => sum + calls * 4 * 4 * 320, 0);
  assertGreater(weightBytes(model) + activations, read);
  assertEquals(named(profile, "matmul ffn_down").calls, 2);
  const queries = named(profile, "matmul attn_q, attn_k, attn_v");
  assertEquals(queries.operations, 2 * 2 * (64 + 32 + 32) * 64); // both blocks
  const positions = (1 + tokens.length) / 2; // in the mean
  assertAlmostEquals(named(profile, "attend").operations, 2 * 4 * positions * 64, 1e-6);
});

randomModelTest("profile: only while it watches, and beside another", async (path) => {
  using model = await Model.load(path, { threads: 2, context: 64 });
  using sequence = model.createSequence();
  await sequence.evaluate([1]);
  const nothing = await model.profile(() => {});
  assertEquals(nothing, { steps: 0, ms: 0, operations: [] });
  let inner: Profile | undefined;
  const outer = await model.profile(async () => {
    await sequence.evaluate([2]);
    inner = await model.profile(() => sequence.evaluate(someTokens(20)));
  });
  await sequence.evaluate([3]);
  assertEquals([inner?.steps, outer.steps], [1, 2]);
  assertEquals(named(inner!, "matmul ffn_down").operations, 20 * 2 * 2 * 64 * 128);
});
