/** Embeddings: the same bits in any company, and what is refused or stopped. @module */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  ArgumentError,
  ContextError,
  DisposedError,
  Model,
  ModelError,
  type Pooling,
} from "../../mod.ts";
import { defaultPooling } from "../../src/session/embed.ts";
import { kernels } from "../kernel_support.ts";
import { randomModelTest, someTokens } from "../model/random_model.ts";

const POOLINGS: readonly Pooling[] = ["mean", "last", "cls"];
/** Borders of pages, of steps and of short texts. */
const LENGTHS = [1, 2, 15, 16, 17, 63, 64, 65, 255, 256, 257, 300, 3, 3, 3];
const TEXTS = LENGTHS.map((length, i) => someTokens(length + i).slice(i));

/** Each alone, in steps of one row each: the definition. */
async function alone(path: string, pooling: Pooling): Promise<Float32Array[]> {
  using model = await Model.load(path, { threads: 1, context: 300, chunkRows: 1 });
  const found: Float32Array[] = [];
  for (const text of TEXTS) found.push(...await model.embed([text], { pooling }));
  return found;
}

randomModelTest("embed: together as alone, on every instruction set", async (path) => {
  for (const pooling of POOLINGS) {
    const expected = await alone(path, pooling);
    for (const isa of kernels.isas) {
      for (const [threads, chunkRows] of [[1, 512], [3, 256], [2, 7]] as const) {
        using model = await Model.load(path, { isa, threads, chunkRows, context: 300 });
        assertEquals(await model.embed(TEXTS, { pooling }), expected, `${isa}, ${threads}`);
        assertEquals(model.memory().kvBytes + model.memory().cachedBytes, 0);
      }
    }
  }
});

randomModelTest("embed: in a cache of one text, with a queue of one", async (path) => {
  using roomy = await Model.load(path, { threads: 2, context: 300 });
  const { pageBytes } = roomy.cacheStatistics();
  using tight = await Model.load(path, { threads: 2, context: 300, cacheBytes: 5 * pageBytes });
  using single = await Model.load(path, { threads: 2, context: 300, maxQueue: 1 });
  const expected = await roomy.embed(TEXTS);
  assertEquals(await tight.embed(TEXTS), expected);
  assertEquals(await single.embed(TEXTS), expected);
});

randomModelTest("embed: beside generations, in the same steps", async (path) => {
  using model = await Model.load(path, { threads: 2, context: 300 });
  const write = async (seed: number) => {
    using session = model.session({ seed, temperature: 1 });
    const options = { maxTokens: 40, ignoreEos: true };
    return (await session.generate([1, 5 + seed], options).result).tokens;
  };
  const expected = [await model.embed(TEXTS), await write(1), await write(2)];
  assertEquals(await Promise.all([model.embed(TEXTS), write(1), write(2)]), expected);
});

randomModelTest("embed: vectors have the length 1, or their own", async (path) => {
  using model = await Model.load(path, { threads: 2, context: 64 });
  for (const pooling of POOLINGS) {
    const [own] = await model.embed([[5, 6, 7]], { pooling, normalize: false });
    const [unit] = await model.embed([[5, 6, 7]], { pooling });
    const length = Math.hypot(...own!);
    assert(Math.abs(length - 1) > 0.01);
    own!.forEach((x, i) => assert(Math.abs(x / length - unit![i]!) < 1e-6));
  }
  assertEquals(await model.embed([]), []);
});

randomModelTest(
  "embed: one token is the same to every pooling; bos counts as one",
  async (path) => {
    using model = await Model.load(path, { threads: 1, context: 64 });
    const one = await Promise.all(POOLINGS.map((pooling) => model.embed([[9]], { pooling })));
    for (const other of one) assertEquals(other, one[0]);
    const tokens = model.tokenizer.encode("w1 </s>"); // the end of text is spelt, not meant
    assertEquals(tokens[0], model.tokenizer.bosToken);
    assertEquals(await model.embed(["w1 </s>"]), await model.embed([tokens]));
    assertEquals((await model.embed([""])).length, 1); // the token before a text is there
  },
);

randomModelTest("embed: what it refuses", async (path) => {
  using model = await Model.load(path, { threads: 1, context: 8 });
  type Kind = typeof ArgumentError | typeof ContextError;
  const refused: readonly [work: () => Promise<unknown>, kind: Kind, says: string][] = [
    [() => model.embed([[1], []]), ArgumentError, "Cannot embed text 2: it has no tokens"],
    [
      () => model.embed([[1], someTokens(9)]),
      ContextError,
      "Cannot embed text 2: 9 tokens do not fit a context of 8",
    ],
    [() => model.embed([[1], null!]), ArgumentError, "Cannot embed text 2: it is object"],
    [() => model.embed("text" as unknown as string[]), ArgumentError, "a list of texts"],
    [() => model.embed([[1]], { pooling: "toString" as Pooling }), ArgumentError, "mean, last"],
    [() => model.embed([[1], [-1]]), ArgumentError, "token -1"],
    [() => model.embed([[1], [0.5], [2]]), ArgumentError, "token 0.5"],
  ];
  for (const [work, kind, says] of refused) {
    await assertRejects(work, kind as typeof ArgumentError, says);
  }
  assertEquals(model.memory().kvBytes, 0);
  assertEquals((await model.embed([someTokens(8)])).length, 1);
});

randomModelTest("embed: a signal stops it, and everything is given back", async (path) => {
  using model = await Model.load(path, { threads: 2, context: 300 });
  const reason = new Error("enough"), calls: [done: number, total: number][] = [];
  const total = LENGTHS.reduce((a, b) => a + b);
  await assertRejects(
    () => model.embed(TEXTS, { signal: AbortSignal.abort(reason) }),
    Error,
    "enough",
  );
  const control = new AbortController();
  await assertRejects(
    () =>
      model.embed(TEXTS, {
        signal: control.signal,
        onProgress: (done) => void (done > 300 && control.abort(reason)),
      }),
    Error,
    "enough",
  );
  assertEquals(model.memory().kvBytes, 0);
  await assertRejects(
    () =>
      model.embed(TEXTS, {
        onProgress: () => {
          throw reason;
        },
      }),
    Error,
    "enough",
  );
  await model.embed(TEXTS, { onProgress: (done, all) => void calls.push([done, all]) });
  assertEquals(calls.at(-1), [total, total]);
  assert(calls.every(([done], i) => done > (calls[i - 1]?.[0] ?? 0)));
  assertEquals(model.memory().kvBytes, 0);
});

randomModelTest(
  "embed: a model that is disposed of refuses what is not in flight",
  async (path) => {
    using model = await Model.load(path, { threads: 2, context: 300 });
    await assertRejects(
      () => model.embed(TEXTS, { onProgress: () => model[Symbol.dispose]() }),
      DisposedError,
    );
    await assertRejects(() => model.embed([[1]]), DisposedError);
  },
);

Deno.test("embed: the file's own pooling is the default; unknown ones are refused", () => {
  const of = (type: unknown) => defaultPooling(new Map([["x.pooling_type", type]]), "x");
  assertEquals([0, 1, 2, 3, 4].map(of), ["mean", "mean", "cls", "last", "last"]);
  assertEquals(defaultPooling(new Map([["y.pooling_type", 3]]), "x"), "mean");
  for (const type of [5, -1, 1.5, "1", NaN, [1]]) {
    assertThrows(() => of(type), ModelError, 'Cannot use "x.pooling_type"');
  }
});
