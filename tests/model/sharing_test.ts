/** Several sessions, several models, and the event loop beside them. @module */

import { assertEquals } from "@std/assert";
import { Model, type Session } from "../../mod.ts";
import { randomModelTest, someTokens } from "./random_model.ts";

const OPTIONS = { threads: 2, context: 400 };

/** A sampled generation, as token ids. */
async function sampled(session: Session, seed: number): Promise<readonly number[]> {
  const options = { maxTokens: 60, ignoreEos: true, temperature: 1, seed };
  const prompt = someTokens(40 * seed).slice(-30 * seed);
  return (await session.generate(prompt, options).result).tokens;
}

/** Runs every seed in a session of its own: one after the other, or all at once. */
async function runSeeds(models: readonly Model[], together: boolean) {
  using stack = new DisposableStack();
  const seeds = [1, 2, 3, 4, 5];
  const calls = seeds.map((seed, index) => () =>
    sampled(stack.use(models[index % models.length]!.session()), seed)
  );
  if (together) return await Promise.all(calls.map((call) => call()));
  const found = [];
  for (const call of calls) found.push(await call());
  return found;
}

randomModelTest("sessions of one model at once give what they give alone", async (path) => {
  using model = await Model.load(path, { ...OPTIONS, chunkRows: 16 });
  const alone = await runSeeds([model], false);
  assertEquals(new Set(alone.map(String)).size, alone.length); // five different texts
  model.clearCache();
  assertEquals(await runSeeds([model], true), alone);
});

randomModelTest(
  "models side by side, of the same file too, give what they give alone",
  async (path) => {
    using a = await Model.load(path, OPTIONS);
    const alone = await runSeeds([a], false);
    const [b, c] = await Promise.all([
      Model.load(path, { ...OPTIONS, threads: 3 }),
      Model.load(path, { ...OPTIONS, threads: 1, chunkRows: 7 }),
    ]);
    assertEquals(await runSeeds([a, b, c], true), alone);
    b[Symbol.dispose]();
    assertEquals(await runSeeds([a, c], true), alone);
    c[Symbol.dispose]();
  },
);

randomModelTest("a hundred models leave nothing behind", async (path) => {
  for (let i = 0; i < 100; i++) {
    using model = await Model.load(path, OPTIONS);
    using session = model.session();
    if (i % 10 === 0) assertEquals((await sampled(session, 1)).length, 60);
  }
});

randomModelTest("memory counts what is in use", async (path) => {
  using model = await Model.load(path, OPTIONS);
  const pageBytes = 2 * 2 * 32 * 64 * 2; // layers, keys and values, dimensions, positions, f16
  assertEquals(model.memory().kvBytes, 0);
  assertEquals(model.memory().mappedBytes, Deno.statSync(path).size);
  {
    using a = model.createSequence(), b = model.createSequence();
    await a.evaluate(someTokens(65));
    await b.evaluate(someTokens(1));
    assertEquals(model.memory().kvBytes, 3 * pageBytes);
    a.rewind(64);
    assertEquals(model.memory().kvBytes, 2 * pageBytes);
  }
  assertEquals(model.memory().kvBytes, 0);
});

/** How often a file is mapped into this process. */
function mappings(path: string): number {
  return Deno.readTextFileSync("/proc/self/maps").split("\n").filter((line) => line.endsWith(path))
    .length;
}

randomModelTest("a file that is loaded twice is mapped once", async (path) => {
  const real = Deno.realPathSync(path);
  const models = await Promise.all([1, 2, 3].map(() => Model.load(path, OPTIONS)));
  const run = (model: Model) => model.logits(someTokens(20));
  const expected = await run(models[0]!);
  if (Deno.build.os === "linux") assertEquals(mappings(real), 1);
  models[0]![Symbol.dispose](); // whoever was first
  assertEquals(await run(models[2]!), expected);
  models[2]![Symbol.dispose]();
  assertEquals(await run(models[1]!), expected);
  models[1]![Symbol.dispose]();
  if (Deno.build.os === "linux") assertEquals(mappings(real), 0);
});

const WORKER = `
import { Model } from "${import.meta.resolve("../../mod.ts")}";
self.onmessage = async ({ data: { path, options, tokens } }) => {
  await using model = await Model.load(path, options);
  const logits = [];
  for (let i = 0; i < 5; i++) logits.push(await model.logits(tokens));
  self.postMessage(logits);
};`;

randomModelTest("Workers run models of their own, beside this thread", async (path) => {
  using model = await Model.load(path, OPTIONS);
  const tokens = someTokens(100), expected = await model.logits(tokens);
  const url = URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" }));
  const workers = [1, 2].map(() => new Worker(url, { type: "module" }));
  const replies = workers.map((worker) => {
    const { promise, resolve, reject } = Promise.withResolvers<Float32Array[]>();
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => reject(new Error(event.message));
    worker.postMessage({ path, options: OPTIONS, tokens });
    return promise;
  });
  for (let i = 0; i < 5; i++) assertEquals(await model.logits(tokens), expected);
  for (const logits of (await Promise.all(replies)).flat()) assertEquals(logits, expected);
  for (const worker of workers) worker.terminate();
  URL.revokeObjectURL(url);
  assertEquals(await model.logits(tokens), expected); // the others have ended
});
