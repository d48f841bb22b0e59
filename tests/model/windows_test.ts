/** Layers that see a window keep only that: memory stays flat, and no result changes. @module */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Model } from "../../mod.ts";
import { ArgumentError, ModelError } from "../../src/errors.ts";
import { FlatModel } from "./flat.ts";
import { randomModelTest, someTokens, type Windows, writeRandomModel } from "./random_model.ts";

const ALL: Windows = { window: 100, fullEvery: 0 }, HALF: Windows = { window: 100, fullEvery: 2 };
const greedy = { ignoreEos: true, temperature: 0 };
const bits = (logits: Float32Array) => new Uint32Array(new Float32Array(logits).buffer);

/** A test for models whose layers all see windows, and those of which half do. */
function windowsTest(name: string, fn: (path: string, windows: Windows) => Promise<void>): void {
  for (const windows of [ALL, HALF]) {
    const of = windows.fullEvery === 0 ? "all layers" : "half of the layers";
    randomModelTest(`${name}: ${of}`, (path) => fn(path, windows), "Q8_0", windows);
  }
}

randomModelTest(
  "a long text takes no more pages than a window",
  async (path) => {
    using model = await Model.load(path, { threads: 2, context: 2000, chunkRows: 64 });
    const { pageBytes, pageCount } = model.cacheStatistics();
    assert(pageCount > 100);
    using session = model.session(greedy);
    const held: number[] = [];
    for await (const _ of session.generate(someTokens(700), { maxTokens: 1300 })) {
      held.push(model.memory().kvBytes / pageBytes);
    }
    assertEquals([held.length, session.position], [1300, 2000]);
    // 100 positions that are seen, 63 and more to spare: they lie in 3 pages or 4
    assertEquals([Math.min(...held), Math.max(...held)], [3, 4]);
  },
  "Q8_0",
  ALL,
);

windowsTest("a cache for one context is enough for one", async (path) => {
  const options = { threads: 2, context: 1500, chunkRows: 64 };
  const least = async (cacheBytes: number) => {
    using model = await Model.load(path, { ...options, cacheBytes });
    const error = assertThrows(() => model.cacheStatistics(), ArgumentError);
    return Number(/needs (\d+)/.exec(error.message)![1]);
  };
  using model = await Model.load(path, { ...options, cacheBytes: await least(1) });
  using roomy = await Model.load(path, { ...options, chunkRows: 512 });
  using session = model.session(greedy), other = roomy.session(greedy);
  const prompt = someTokens(900), limit = { maxTokens: 600 };
  const { tokens } = await session.generate(prompt, limit).result;
  assertEquals((await other.generate(prompt, limit).result).tokens, tokens);
  const text = [...prompt, ...tokens].slice(0, -1);
  using flat = await FlatModel.load(path, model.kv, 1500);
  assertEquals(bits((await model.logits(text)).slice(-320)), await flat.bits(text));
  assertEquals(session.tokens, [...prompt, ...tokens]);
});

windowsTest("going back to where pages are gone computes them anew", async (path) => {
  using model = await Model.load(path, { threads: 2, context: 1000, chunkRows: 64 });
  using flat = await FlatModel.load(path, model.kv, 1000);
  using sequence = model.createSequence();
  const text = someTokens(900), next = someTokens(3);
  await sequence.evaluate(text);
  for (const [to, stays] of [[880, 880], [840, 840], [500, 448], [70, 64], [10, 0]] as const) {
    sequence.rewind(to);
    assertEquals(sequence.position, stays); // as far as the tree has pages
    const logits = bits(await sequence.evaluate([...text.slice(stays, to), ...next]));
    assertEquals(logits, await flat.bits([...text.slice(0, to), ...next]));
    sequence.rewind(to);
    await sequence.evaluate(text.slice(sequence.position));
  }
  model.clearCache(); // nothing but what the sequence itself holds
  sequence.rewind(840);
  assertEquals(sequence.position, 840);
  sequence.rewind(500);
  assertEquals(sequence.position, 0);
});

windowsTest("sessions go back, fork, and are saved as they would be without", async (path) => {
  const folder = await Deno.makeTempDir(), file = `${folder}/s.cria`;
  const options = { threads: 2, context: 1000, chunkRows: 64 };
  using model = await Model.load(path, options), other = await Model.load(path, options);
  using session = model.session(greedy);
  const prompt = someTokens(600), limit = { maxTokens: 40 };
  const first = (await session.generate(prompt, limit).result).tokens;
  await session.save(file);
  using restored = await other.restore(file), fork = session.fork();
  const expected = (await session.extend([7], limit).result).tokens;
  const again = await restored.extend([7], limit).result;
  assertEquals([again.tokens, again.timings.cachedTokens], [expected, 639]);
  assertEquals((await fork.extend([7], limit).result).tokens, expected);

  model.clearCache();
  fork.rewind(600); // its pages are gone by now
  await fork.save(file);
  using early = await other.restore(file);
  assertEquals(early.tokens, prompt);
  for (const one of [fork, early]) assertEquals((await one.extend([], limit).result).tokens, first);
  await Deno.remove(folder, { recursive: true });
});

windowsTest("a saved session is as large as what it needs", async (path, { fullEvery }) => {
  const folder = await Deno.makeTempDir(), file = `${folder}/s.cria`;
  using model = await Model.load(path, { threads: 2, context: 1000 });
  using session = model.session(greedy);
  await session.generate(someTokens(640), { maxTokens: 1 }).text();
  await session.save(file);
  const { pageBytes } = model.cacheStatistics(), { size } = await Deno.stat(file);
  const pages = fullEvery === 0 ? 2 : (10 + 2) / 2; // of both layers; 640 positions, 99 of them
  assert(size > pages * pageBytes && size < (pages + 0.5) * pageBytes, `${size / pageBytes}`);
  using plain = await Model.load(path, { threads: 2, context: 1000, kv: "f32" });
  await assertRejects(() => plain.restore(file), ModelError, "its layout");
  await Deno.remove(folder, { recursive: true });
});

windowsTest("guesses that are taken back leave what the window sees", async (path) => {
  using model = await Model.load(path, { threads: 2, context: 1200 });
  const prompt = [...someTokens(200), ...someTokens(200), ...someTokens(90)];
  const run = async (options: { speculate?: "lookup" }) => {
    model.clearCache();
    using session = model.session(greedy);
    return (await session.generate(prompt, { ...options, maxTokens: 300 }).result).tokens;
  };
  assertEquals(await run({ speculate: "lookup" }), await run({}));
});

Deno.test("what windows spare is not asked of the machine", async () => {
  const paths = [undefined, HALF, ALL].map((windows) => writeRandomModel("Q8_0", windows));
  const needs: number[] = [];
  for (const path of paths) {
    using model = await Model.load(path, { threads: 1, context: 2048, cacheBytes: 1 });
    const { message } = assertThrows(() => model.cacheStatistics(), ArgumentError);
    needs.push(Number(/needs (\d+)/.exec(message)![1]));
    Deno.removeSync(path);
  }
  const page = needs[0]! / 32 / 2, windowed = 8; // (100 + 63 + 256) positions
  assertEquals(needs, [64, 32 + windowed, 2 * windowed].map((pages) => pages * page));
});
