/**
 * Sequences that share, fork, go back and take over known pages have the logits that a fresh one
 * has, to the bit. @module */

import { assert, assertEquals } from "@std/assert";
import { type LoadOptions, Model } from "../../mod.ts";
import { KV_TYPES, type KvType } from "../../src/cache/pages.ts";
import { CacheFullError } from "../../src/errors.ts";
import type { Sequence } from "../../src/session/engine.ts";
import { SMOLLM2 } from "../conformance/pack.ts";
import { Random, SEED } from "../kernel_support.ts";
import { sharedTest } from "../support.ts";
import { FlatModel } from "./flat.ts";
import { randomModelTest, someTokens, VOCABULARY } from "./random_model.ts";

/** The bits of some logits. */
const bits = (logits: Float32Array) => new Uint32Array(new Float32Array(logits).buffer);

/** Logits of the last of some tokens, computed by themselves in a cache that lies in one piece. */
class Truth {
  readonly #model: FlatModel;
  readonly #known = new Map<string, Uint32Array>();

  constructor(model: FlatModel) {
    this.#model = model;
  }

  async of(tokens: readonly number[]): Promise<Uint32Array> {
    const key = tokens.join(), known = this.#known.get(key);
    if (known) return known;
    const found = await this.#model.bits(tokens);
    this.#known.set(key, found);
    return found;
  }
}

/** One random thing done to one of some sequences. */
function change(all: Sequence[], random: Random, texts: readonly (readonly number[])[]) {
  const at = random.below(all.length), sequence = all[at]!;
  const text = random.pick(texts), end = 2 + random.below(text.length - 1);
  switch (random.below(5)) {
    case 0: // as a session does with a prompt
      return { sequence, tokens: text.slice(sequence.reuse(text.slice(0, end - 1)), end) };
    case 1:
      sequence.rewind(random.below(sequence.position + 1));
      break;
    case 2:
      all.push(sequence.fork());
      break;
    case 3:
      if (all.length > 1) all.splice(at, 1)[0]![Symbol.dispose]();
      return;
  }
  const room = sequence.capacity - sequence.position;
  return room < 1 ? undefined : { sequence, tokens: text.slice(0, 1 + random.below(room)) };
}

async function sizesOf(path: string, options: LoadOptions) {
  using model = await Model.load(path, options);
  return { pageBytes: model.cacheStatistics().pageBytes, kv: model.kv };
}

/** Random schedules over one model, with a cache that is too small for all of it. */
async function schedule(
  path: string,
  { rounds, limit = VOCABULARY, kv }: { rounds: number; limit?: number; kv?: KvType },
): Promise<void> {
  const random = new Random(SEED), options = { threads: 2, context: 300, chunkRows: 48, kv };
  const { pageBytes, kv: type } = await sizesOf(path, options);
  using model = await Model.load(path, { ...options, cacheBytes: 14 * pageBytes });
  using flat = await FlatModel.load(path, type, 300);
  const truth = new Truth(flat);
  const common = someTokens(130, limit), other = someTokens(300, limit).slice(170);
  const texts = [common, other, [...common, ...other], [...common.slice(0, 64), ...other]];
  const all = [model.createSequence()];
  for (let round = 0; round < rounds; round++) {
    const found = change(all, random, texts);
    if (!found) continue;
    const { sequence, tokens } = found;
    try {
      const logits = bits(await sequence.evaluate(tokens));
      const expected = await truth.of(sequence.tokens);
      assert(logits.every((bit, i) => bit === expected[i]), `round ${round}, seed ${SEED}`);
    } catch (error) {
      if (!(error instanceof CacheFullError)) throw error;
      while (all.length > 1) all.pop()![Symbol.dispose](); // makes room
    }
    all.push(...all.length === 0 ? [model.createSequence()] : []);
  }
  for (const sequence of all) sequence[Symbol.dispose]();
  const { usedPages, idlePages } = model.cacheStatistics();
  assertEquals(usedPages, idlePages);
  model.clearCache();
  assertEquals(model.cacheStatistics().usedPages, 0);
}

for (const kv of KV_TYPES) {
  const name = `random schedules give what one flat sequence gives, ${kv} (seed ${SEED})`;
  randomModelTest(name, (path) => schedule(path, { rounds: 150, kv }));
}

sharedTest(`the same with SmolLM2 (seed ${SEED})`, SMOLLM2, async (path) => {
  await schedule(path, { rounds: 25, limit: 49152 });
});

for (const window of [1, 20, 64, 100]) {
  for (const fullEvery of [0, 2]) {
    const name = `the same with windows of ${window}, all in one layer of ${fullEvery}`;
    const run = (path: string) => schedule(path, { rounds: 100 });
    randomModelTest(`${name} (seed ${SEED})`, run, "Q8_0", { window, fullEvery });
  }
}

randomModelTest("a second prompt takes what the first has computed", async (path) => {
  using model = await Model.load(path, { threads: 2, context: 400 });
  const options = { maxTokens: 8, ignoreEos: true, temperature: 0 };
  const prompt = someTokens(200);
  const run = async (tokens: readonly number[]) => {
    using session = model.session();
    const { timings, tokens: made } = await session.generate(tokens, options).result;
    return [timings.cachedTokens, made] as const;
  };
  const [none, made] = await run(prompt);
  assertEquals([none, await run(prompt)], [0, [192, made]]);
  assertEquals((await run([...prompt.slice(0, 150), 1, 2, 3]))[0], 128);
  assertEquals((await run(prompt.slice(0, 65)))[0], 64);
  assertEquals((await run(prompt.slice(0, 64)))[0], 0); // its logits are wanted
  model.clearCache();
  assertEquals(await run(prompt), [0, made]);
});

randomModelTest("a fork goes on as its origin would have", async (path) => {
  using model = await Model.load(path, { threads: 2, context: 400 });
  const options = { maxTokens: 30, ignoreEos: true, temperature: 1, seed: 5 };
  using session = model.session(options);
  await session.generate(someTokens(100), options).text();
  const { kvBytes } = model.memory();
  using fork = session.fork();
  assertEquals([fork.tokens, model.memory().kvBytes], [session.tokens, kvBytes]);
  const expected = (await session.extend("", options).result).tokens;
  assertEquals((await fork.extend("", options).result).tokens, expected);
  assertEquals(fork.tokens, session.tokens);
  fork.rewind(20);
  session[Symbol.dispose]();
  const text = someTokens(90);
  const replay = (await fork.extend(text, options).result).tokens;
  using fresh = model.session(options);
  assertEquals((await fresh.generate(fork.tokens.slice(0, 110), options).result).tokens, replay);
});
