/** Logits are the same to the bit, however they are computed. @module */

import { assert, assertEquals } from "@std/assert";
import { type LoadOptions, Model } from "../../mod.ts";
import { KV_TYPES } from "../../src/cache/pages.ts";
import { SMOLLM2 } from "../conformance/pack.ts";
import { kernels } from "../kernel_support.ts";
import { sharedTest } from "../support.ts";
import { randomModelTest, someTokens } from "./random_model.ts";

/** Chunk rows beside threads: each of 1, 3, 32 and all once, and each count of threads. */
const MIXED: readonly LoadOptions[] = [
  { threads: 1, chunkRows: 1 },
  { threads: 2, chunkRows: 3 },
  { threads: 3, chunkRows: 32 },
  { threads: 4 },
];
const VARIED: readonly LoadOptions[] = [
  ...MIXED,
  { threads: 1 },
  { threads: 2 },
  { threads: 3 },
  { threads: 1, chunkRows: 3 },
  { threads: 1, chunkRows: 32 },
];
const FEW: readonly LoadOptions[] = [{ threads: 1 }, { threads: 4, chunkRows: 32 }];

/** Settings for every instruction set of this machine. */
function settings(slow: readonly LoadOptions[]): readonly LoadOptions[] {
  return kernels.isas.flatMap((isa) =>
    (isa === "scalar" ? slow : VARIED).map((options) => ({ isa, ...options }))
  );
}

/** The first 64 bits of the SHA-256 of some logits. */
async function hash(logits: readonly Float32Array[]): Promise<string> {
  const all = new Float32Array(await new Blob(logits.map((one) => one.slice())).arrayBuffer());
  assert(all.every(Number.isFinite));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", all)).subarray(0, 8).toHex();
}

/** Row `row` of logits. */
function rowOf(logits: Float32Array, row: number, vocabulary: number): Float32Array {
  return logits.subarray(row * vocabulary, (row + 1) * vocabulary);
}

/**
 * A prefill of all tokens but the last `single`, then those one by one.
 * @returns a hash of the logits that the prefill ends on, and of those of each single token
 */
async function prefillThenDecode(model: Model, tokens: readonly number[], single: number) {
  using sequence = model.createSequence();
  const split = tokens.length - single;
  const found = [(await sequence.evaluate(tokens.slice(0, split))).slice()];
  for (const token of tokens.slice(split)) found.push((await sequence.evaluate([token])).slice());
  return await hash(found);
}

/** The same logits by one call for all of them. */
async function teacherForced(model: Model, tokens: readonly number[], single: number) {
  const logits = await model.logits(tokens), { vocabularySize } = model.config;
  return await hash([logits.subarray((tokens.length - single - 1) * vocabularySize)]);
}

/**
 * Every setting gives the logits of the first one.
 * @param single how many tokens are evaluated one by one at the end
 * @param slow settings of the instruction set that is slow
 */
async function checkSettings(
  path: string,
  tokens: readonly number[],
  single: number,
  slow = MIXED,
): Promise<void> {
  let expected: string | undefined;
  for (const options of settings(slow)) {
    using model = await Model.load(path, { ...options, context: tokens.length });
    const found = await prefillThenDecode(model, tokens, single);
    assertEquals(found, expected ??= found, JSON.stringify(options));
    if (slow === FEW && options.isa === "scalar") continue;
    assertEquals(await teacherForced(model, tokens, single), expected, JSON.stringify(options));
  }
}

sharedTest("identity: SmolLM2, threads, chunks and instruction sets", SMOLLM2, async (path) => {
  await checkSettings(path, someTokens(40, 49152), 4, FEW);
});

const CROSSING = 600; // positions 256 and 512 lie within

for (const type of ["F32", "F16", "Q8_0"]) {
  randomModelTest(`identity: a random model of ${type}, ${CROSSING} positions`, async (path) => {
    await checkSettings(path, someTokens(CROSSING), 5);
  }, type);
}

const TINY = [
  "quant/quant-gqa/quant-gqa.Q4_K_M.gguf",
  "models/mistral-swa/mistral-swa.gguf",
  "models/qwen3-qknorm/qwen3-qknorm.gguf",
];

for (const name of TINY) {
  const title = `identity: ${name.split("/").at(-1)}, ${CROSSING} positions`;
  sharedTest(title, `conformance/${name}`, async (path) => {
    await checkSettings(path, someTokens(CROSSING), 5);
  });
}

for (const kv of KV_TYPES) {
  randomModelTest(`identity: one by one is what a prefill gives, ${kv}`, async (path) => {
    const tokens = someTokens(CROSSING);
    using model = await Model.load(path, { threads: 2, kv, context: CROSSING });
    const all = await model.logits(tokens), { vocabularySize } = model.config;
    using sequence = model.createSequence();
    for (const [index, token] of tokens.entries()) {
      const found = await sequence.evaluate([token]);
      assertEquals(found, rowOf(all, index, vocabularySize), `position ${index}`);
    }
  });
}

randomModelTest("identity: what was rewound leaves no trace", async (path) => {
  const tokens = someTokens(CROSSING), other = someTokens(CROSSING).reverse();
  using model = await Model.load(path, { threads: 2, context: CROSSING });
  const all = await model.logits(tokens), { vocabularySize } = model.config;
  using sequence = model.createSequence();
  const lastOf = (count: number) => rowOf(all, count - 1, vocabularySize);
  await sequence.evaluate(other);
  for (const kept of [0, 1, 63, 64, 65, 255, 256, 400, 512, 599]) {
    sequence.rewind(0);
    const junk = [...tokens.slice(0, kept), ...other.slice(kept)];
    await sequence.evaluate(junk);
    sequence.rewind(kept);
    assertEquals(sequence.position, kept);
    const upTo = Math.min(kept + 90, CROSSING);
    assertEquals(await sequence.evaluate(tokens.slice(kept, upTo)), lastOf(upTo), `from ${kept}`);
  }
});

randomModelTest("identity: a session repeats itself after reset and rewind", async (path) => {
  using model = await Model.load(path, { threads: 2, context: 400 });
  using session = model.session({ temperature: 1, seed: 5 });
  const prompt = someTokens(100), options = { maxTokens: 200, ignoreEos: true };
  const tokensOf = async (text: readonly number[]) =>
    (await session.generate(text, options).result).tokens;
  const first = await tokensOf(prompt);
  assertEquals(await tokensOf(prompt), first); // from the cache
  session.reset();
  assertEquals(session.position, 0);
  assertEquals(await tokensOf(prompt), first);
  session.rewind(70);
  assertEquals((await session.extend(prompt.slice(70), options).result).tokens, first);
  await tokensOf(prompt.toReversed());
  assertEquals(await tokensOf(prompt), first);
  using fresh = model.session({ temperature: 1, seed: 5 });
  assertEquals((await fresh.generate(prompt, options).result).tokens, first);
});

randomModelTest("identity: the comparison sees one bit", async (path) => {
  using model = await Model.load(path, { threads: 1 });
  const logits = await model.logits(someTokens(3)), before = await hash([logits]);
  new Uint32Array(logits.buffer)[500]! ^= 1;
  assert(await hash([logits]) !== before);
});
