/** What happens to calls when something is disposed of, or a signal aborts. @module */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ContextError, DisposedError, Model } from "../../mod.ts";
import { Region } from "../../src/native/memory.ts";
import { kernels } from "../kernel_support.ts";
import { randomModelTest, someTokens } from "./random_model.ts";

const OPTIONS = { threads: 2, context: 600 };
const greedy = { maxTokens: 8, ignoreEos: true, temperature: 0 };

randomModelTest("a model that was disposed of refuses everything", async (path) => {
  const model = await Model.load(path, OPTIONS);
  const session = model.session(), sequence = model.createSequence();
  await sequence.evaluate([1, 2]);
  const rows = model.logitRows(someTokens(100));
  await rows.next();
  const started = session.generate([1], greedy)[Symbol.asyncIterator]();
  await started.next();
  model[Symbol.dispose]();
  model[Symbol.dispose]();

  assertThrows(() => model.session(), DisposedError);
  assertThrows(() => model.createSequence(), DisposedError);
  await assertRejects(() => model.logits([1]), DisposedError);
  await assertRejects(() => rows.next(), DisposedError);
  assertThrows(() => sequence.evaluate([1]), DisposedError);
  assertThrows(() => sequence.rewind(0), DisposedError);
  await assertRejects(() => started.next(), DisposedError);
  await assertRejects(() => session.generate([1], greedy).text(), DisposedError);
  assertThrows(() => model.cacheStatistics(), DisposedError);
  session[Symbol.dispose]();
  session[Symbol.dispose]();
  sequence[Symbol.dispose]();
});

randomModelTest("a model that was disposed of holds nothing", async (path) => {
  const model = await Model.load(path, { ...OPTIONS, quantize: "Q8_0" });
  using session = model.session();
  await session.generate(someTokens(200), greedy).text(); // whole pages stay for later
  await model[Symbol.asyncDispose]();
  const { rssBytes: _, peakRssBytes: __, ...held } = model.memory();
  assertEquals([...new Set(Object.values(held))], [0]);
});

randomModelTest(
  "a session that was disposed of refuses everything, its model goes on",
  async (path) => {
    using model = await Model.load(path, OPTIONS);
    const session = model.session();
    const prepared = session.generate([1], greedy);
    session[Symbol.dispose]();
    session[Symbol.dispose]();
    assertThrows(() => session.generate([1]), DisposedError);
    assertThrows(() => session.extend(), DisposedError);
    assertThrows(() => session.chat([{ role: "user", content: "x" }]), DisposedError);
    assertThrows(() => session.reset(), DisposedError);
    await assertRejects(() => prepared.text(), DisposedError);
    using other = model.session();
    assertEquals((await other.generate([1], greedy).result).tokens.length, 8);
  },
);

randomModelTest("disposal waits for the call in flight", async (path) => {
  for (const what of ["model", "sequence", "both"]) {
    const model = await Model.load(path, { ...OPTIONS, chunkRows: 512 });
    const sequence = model.createSequence();
    const expected = (await model.logits(someTokens(500))).slice(-model.config.vocabularySize);
    const flight = sequence.evaluate(someTokens(500));
    assert(flight instanceof Promise);
    if (what !== "sequence") model[Symbol.dispose]();
    if (what !== "model") sequence[Symbol.dispose]();
    assertEquals(await flight, expected); // one chunk: it was under way and comes to its end
    assertThrows(() => sequence.evaluate([1]), DisposedError);
    assertEquals(model.memory().kvBytes, 0);
    model[Symbol.dispose]();
  }
});

randomModelTest("disposal between two chunks ends the evaluation", async (path) => {
  for (const what of ["model", "sequence"]) {
    const model = await Model.load(path, { ...OPTIONS, chunkRows: 50 });
    const sequence = model.createSequence(), done: number[] = [];
    const onProgress = (count: number) => {
      done.push(count);
      if (count === 100) (what === "model" ? model : sequence)[Symbol.dispose]();
    };
    await assertRejects(
      async () => await sequence.evaluate(someTokens(500), { onProgress }),
      DisposedError,
    );
    assertEquals(done, [50, 100]);
    model[Symbol.dispose]();
  }
});

randomModelTest("those who wait for their turn hear of the end", async (path) => {
  const model = await Model.load(path, { ...OPTIONS, chunkRows: 50 });
  const sequences = Array.from({ length: 3 }, () => model.createSequence());
  const flights = sequences.map((one) => Promise.resolve(one.evaluate(someTokens(500))));
  const settled = Promise.allSettled(flights);
  model[Symbol.dispose]();
  for (const one of await settled) {
    assert(one.status === "rejected" && one.reason instanceof DisposedError, JSON.stringify(one));
  }
});

randomModelTest("a generation ends when its session or model does", async (path) => {
  for (const what of ["model", "session"]) {
    const model = await Model.load(path, OPTIONS), session = model.session();
    const generation = session.generate(someTokens(10), { ...greedy, maxTokens: 100 });
    let count = 0;
    await assertRejects(async () => {
      for await (const _ of generation) {
        if (++count === 5) (what === "model" ? model : session)[Symbol.dispose]();
      }
    }, DisposedError);
    assertEquals(count, 5);
    await assertRejects(() => generation.result, DisposedError);
    session[Symbol.dispose]();
    model[Symbol.dispose]();
  }
});

randomModelTest("a sequence runs one evaluation at a time", async (path) => {
  using model = await Model.load(path, OPTIONS);
  using sequence = model.createSequence(), other = model.createSequence();
  const tokens = someTokens(300);
  const expected = (await other.evaluate(tokens)).slice();
  const flight = sequence.evaluate(tokens);
  assertThrows(() => sequence.evaluate([1]), Error, "is running");
  assertThrows(() => sequence.rewind(0), Error, "is running");
  assertEquals(await flight, expected);
  assertEquals(sequence.position, 300);
});

randomModelTest(
  "a signal stops a prefill between chunks and leaves a usable session",
  async (path) => {
    using model = await Model.load(path, { ...OPTIONS, chunkRows: 20 });
    const tokens = someTokens(500);
    const generateAnew = async () => {
      using fresh = model.session();
      return (await fresh.generate(tokens, greedy).result).tokens;
    };
    const expected = await generateAnew();
    model.clearCache();
    using session = model.session();
    const control = new AbortController(), reason = new Error("enough");
    const done: number[] = [];
    const generation = session.generate(tokens, {
      ...greedy,
      signal: control.signal,
      onPromptProgress: (count) => {
        done.push(count);
        if (count === 100) control.abort(reason);
      },
    });
    assertEquals(await assertRejects(() => generation.text()), reason);
    const { finishReason, tokens: none } = await generation.result;
    assertEquals([finishReason, none, done], ["abort", [], [20, 40, 60, 80, 100]]);
    assertEquals((await session.generate(tokens, greedy).result).tokens, expected);
  },
);

randomModelTest("a signal stops a generation between tokens", async (path) => {
  using model = await Model.load(path, OPTIONS);
  using session = model.session();
  const control = new AbortController();
  const options = { ...greedy, maxTokens: 100, signal: control.signal };
  const generation = session.generate(someTokens(10), options);
  await assertRejects(async () => {
    let count = 0;
    for await (const _ of generation) if (++count === 5) control.abort();
  }, DOMException);
  const { finishReason, tokens } = await generation.result;
  assertEquals([finishReason, tokens.length], ["abort", 5]);
});

randomModelTest("a signal stops logits and an evaluation", async (path) => {
  using model = await Model.load(path, { ...OPTIONS, chunkRows: 64 });
  using sequence = model.createSequence();
  const evaluations = [
    (options: object) => model.logits(someTokens(500), options),
    async (options: object) => await sequence.evaluate(someTokens(500), options),
  ];
  for (const evaluate of evaluations) {
    const control = new AbortController(), reason = new Error("enough");
    const onProgress = (done: number) => done === 128 && control.abort(reason);
    const call = () => evaluate({ signal: control.signal, onProgress });
    assertEquals(await assertRejects(call), reason);
  }
  assertEquals(sequence.position, 128);
  const signal = AbortSignal.abort(new Error("before"));
  await assertRejects(async () => await sequence.evaluate([1], { signal }), Error, "before");
  assertEquals(sequence.position, 128);
});

randomModelTest("a signal stops loading", async (path) => {
  const reason = new Error("no model today");
  const load = (signal: AbortSignal) => Model.load(path, { ...OPTIONS, signal });
  assertEquals(await assertRejects(() => load(AbortSignal.abort(reason))), reason);
  const control = new AbortController(), loading = load(control.signal);
  control.abort(reason);
  assertEquals(await assertRejects(() => loading), reason);
  const late = new AbortController();
  using model = await load(late.signal);
  late.abort(reason); // too late to matter
  assertEquals((await model.logits([1])).length, model.config.vocabularySize);
});

randomModelTest("a prompt that does not fit changes nothing", async (path) => {
  using model = await Model.load(path, { ...OPTIONS, context: 100 });
  using session = model.session(), sequence = model.createSequence();
  const first = (await session.generate([1, 2, 3], greedy).result).tokens;
  const error = await assertRejects(
    () => session.generate(someTokens(100), greedy).text(),
    ContextError,
  );
  assertEquals([error.needed, error.available], [101, 100]);
  await assertRejects(() => session.extend(someTokens(90), greedy).text(), ContextError);
  assertEquals(session.position, 3 + first.length);
  const { tokens, finishReason } = await session.generate(someTokens(95), {
    ...greedy,
    maxTokens: 50,
  }).result;
  assertEquals([tokens.length, finishReason, session.position], [5, "length", 100]);
  const whole = await session.generate(someTokens(100), { ...greedy, maxTokens: 0 }).result;
  assertEquals(whole.tokens, []);

  await sequence.evaluate(someTokens(60));
  assertThrows(() => sequence.evaluate(someTokens(41)), ContextError, "101 tokens");
  await sequence.evaluate(someTokens(40));
  assertThrows(() => sequence.evaluate([1]), ContextError);
  assertEquals(sequence.position, 100);
});

randomModelTest("a session is saved to its end when its model is disposed of", async (path) => {
  const folder = await Deno.makeTempDir(), file = `${folder}/s.cria`;
  const model = await Model.load(path, OPTIONS), session = model.session();
  const { tokens } = await session.generate(someTokens(200), greedy).result;
  const saving = session.save(file);
  model[Symbol.dispose]();
  await saving;
  assertThrows(() => session.fork(), DisposedError);
  using other = await Model.load(path, OPTIONS);
  using restored = await other.restore(file);
  assertEquals(restored.tokens, [...someTokens(200), ...tokens]);
  await Deno.remove(folder, { recursive: true });
});

randomModelTest("a model that is disposed of makes no cache any more", async (path) => {
  const folder = await Deno.makeTempDir(), file = `${folder}/s.cria`;
  {
    using model = await Model.load(path, OPTIONS), session = model.session();
    await session.save(file);
  }
  const model = await Model.load(path, OPTIONS);
  const free = () => Region.alloc(kernels, 64);
  const restoring = model.restore(file);
  model[Symbol.dispose]();
  using before = free();
  await assertRejects(() => restoring, DisposedError);
  assertThrows(() => model.cacheStatistics(), DisposedError);
  using after = free();
  assertEquals(after.handle, before.handle + 1); // nothing has taken a place between
  await Deno.remove(folder, { recursive: true });
});
