/** Rows of many sequences in one step: who gets how many, and that nobody notices. @module */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Model } from "../../mod.ts";
import { CacheFullError, QueueFullError } from "../../src/errors.ts";
import { type Demand, planStep } from "../../src/model/plan.ts";
import type { EvaluateOptions, Sequence } from "../../src/session/engine.ts";
import { SMOLLM2 } from "../conformance/pack.ts";
import { Random, SEED } from "../kernel_support.ts";
import { sharedTest } from "../support.ts";
import { randomModelTest, someTokens } from "./random_model.ts";

const LIMITS = { rows: 256, logitRows: 64 };
const demand = (left: number, logitRows = 1, priority = 0): Demand => ({
  ...{ left, logitRows, priority },
});
/** Rows and rows with logits of each demand, in their order. */
const shared = (demands: readonly Demand[]) => {
  const shares = planStep(demands, LIMITS);
  return demands.map((it) => {
    const share = shares.find(({ demand }) => demand === it);
    return share ? [share.rows, share.logitRows] : [0, 0];
  });
};

Deno.test("a prompt alone gets the whole step, and logits at its end", () => {
  assertEquals(shared([demand(1000)]), [[256, 0]]);
  assertEquals(shared([demand(256)]), [[256, 1]]);
  assertEquals(shared([demand(200)]), [[200, 1]]);
  assertEquals(shared([demand(100, 100)]), [[64, 64]]); // all logits are wanted
  assertEquals(shared([demand(100, 80)]), [[84, 64]]);
});

Deno.test("decodes come first; prompts beside them are short, and share alike", () => {
  assertEquals(shared([demand(1000), demand(1), demand(5, 5)]), [[64, 0], [1, 1], [5, 5]]);
  assertEquals(shared([demand(1000), demand(1000), demand(1)]), [[32, 0], [32, 0], [1, 1]]);
  assertEquals(shared([demand(1000), demand(1000)]), [[128, 0], [128, 0]]);
  assertEquals(shared([demand(40), demand(1000)]), [[40, 1], [128, 0]]);
  const many = shared(Array.from({ length: 80 }, () => demand(1)));
  assertEquals(many.filter(([rows]) => rows === 1).length, 64);
});

Deno.test("a higher priority is served first", () => {
  assertEquals(shared([demand(1000), demand(1000, 1, 2)]), [[0, 0], [256, 0]]);
  assertEquals(shared([demand(1000), demand(100, 1, 2)]), [[156, 0], [100, 1]]);
});

Deno.test(`plans keep to their limits, and somebody always goes on (seed ${SEED})`, () => {
  const random = new Random(SEED);
  for (let round = 0; round < 2000; round++) {
    const demands = Array.from({ length: 1 + random.below(90) }, () => {
      const left = 1 + random.below(random.pick([2, 20, 900]));
      return demand(left, 1 + random.below(left), random.below(3));
    });
    const limits = { rows: 1 + random.below(512), logitRows: 1 + random.below(64) };
    const shares = planStep(demands, limits);
    assert(shares.length > 0);
    assertEquals(new Set(shares.map(({ demand }) => demand)).size, shares.length);
    let rows = 0, logitRows = 0;
    for (const share of shares) {
      const { left, logitRows: wanted } = share.demand;
      assert(share.rows >= 1 && share.rows <= left);
      assertEquals(share.logitRows, Math.max(0, share.rows - (left - wanted)));
      rows += share.rows, logitRows += share.logitRows;
    }
    assert(rows <= limits.rows && logitRows <= limits.logitRows);
  }
});

/** Texts evaluated in random pieces, all at once or one after the other; the bits of all logits. */
async function evaluated(
  model: Model,
  texts: readonly (readonly number[])[],
  together: boolean,
): Promise<Uint32Array[][]> {
  const one = async (text: readonly number[], index: number) => {
    const random = new Random(SEED + index), found: Uint32Array[] = [];
    using sequence = model.createSequence();
    for (let at = 0; at < text.length;) {
      const end = at + 1 + random.below(random.pick([1, 3, 100]));
      const logits = await sequence.evaluate(text.slice(at, end), { priority: random.below(2) });
      found.push(new Uint32Array(new Float32Array(logits).buffer));
      at = end;
    }
    return found;
  };
  if (together) return await Promise.all(texts.map(one));
  const all = [];
  for (const [index, text] of texts.entries()) all.push(await one(text, index));
  return all;
}

/** Compares without the long report of a difference. */
function assertSame(actual: readonly Uint32Array[][], expected: readonly Uint32Array[][]): void {
  assertEquals(actual.map(({ length }) => length), expected.map(({ length }) => length));
  const same = actual.every((list, i) =>
    list.every((logits, j) => logits.every((bit, at) => bit === expected[i]![j]![at]))
  );
  assert(same, `other logits, seed ${SEED}`);
}

randomModelTest(`any mixture gives what each gives alone (seed ${SEED})`, async (path) => {
  const options = { threads: 3, context: 400 };
  using model = await Model.load(path, { ...options, chunkRows: 40 });
  using plain = await Model.load(path, options);
  const lengths = [1, 7, 64, 65, 150, 200, 300, 333, 399, 20, 20, 20];
  const texts = lengths.map((length, i) => someTokens(length + i).slice(i));
  const alone = await evaluated(plain, texts, false);
  for (let round = 0; round < 3; round++) {
    assertSame(await evaluated(model, texts, true), alone);
    assertEquals(model.memory().kvBytes, 0);
  }
});

sharedTest(`the same with SmolLM2 (seed ${SEED})`, SMOLLM2, async (path) => {
  using model = await Model.load(path, { threads: 2, context: 200 });
  const texts = [3, 40, 70, 130].map((length) => someTokens(length + 1, 49152).slice(1));
  const alone = await evaluated(model, texts, false);
  model.clearCache();
  assertSame(await evaluated(model, texts, true), alone);
});

sharedTest("a signal stops in the middle of a step, and others go on", SMOLLM2, async (path) => {
  using model = await Model.load(path, { threads: 2, context: 600, chunkRows: 512 });
  using long = model.createSequence(), other = model.createSequence();
  using alone = model.createSequence();
  const text = someTokens(30, 49152), expected = new Float32Array(await alone.evaluate(text));
  const control = new AbortController(), reason = new Error("enough");
  const options: EvaluateOptions = { signal: control.signal };
  const stopped = assertRejects(
    async () => await long.evaluate(someTokens(512, 49152), options),
    Error,
    "enough",
  );
  const going = other.evaluate(text);
  setTimeout(() => control.abort(reason), 5);
  await stopped;
  assertEquals(long.position, 0); // not even the step that it was in
  assertEquals(await going, expected);
  assertEquals(new Float32Array(await long.evaluate(text)), expected); // it can be used again
});

randomModelTest(`signals at random times disturb nobody (seed ${SEED})`, async (path) => {
  using model = await Model.load(path, { threads: 2, context: 400 });
  const random = new Random(SEED), text = someTokens(350);
  const steady = model.createSequence(), fresh = model.createSequence();
  const expected = new Float32Array(await fresh.evaluate(text));

  const disturb = async (sequence: Sequence) => {
    for (let round = 0; round < 20; round++) {
      const signal = AbortSignal.timeout(random.below(4));
      try {
        await sequence.evaluate(someTokens(50 + random.below(300)), { signal });
      } catch (error) {
        assert(error instanceof DOMException && error.name === "TimeoutError");
      }
      sequence.rewind(0);
    }
    sequence[Symbol.dispose]();
  };
  const others = Array.from({ length: 5 }, () => disturb(model.createSequence()));
  for (let round = 0; round < 10; round++) {
    assertEquals(new Float32Array(await steady.evaluate(text)), expected);
    steady.rewind(0);
  }
  await Promise.all(others);
  steady[Symbol.dispose](), fresh[Symbol.dispose]();
  assertEquals(model.memory().kvBytes, 0);
});

randomModelTest("where the cache is full, the later one waits, or gives way", async (path) => {
  using small = await Model.load(path, { threads: 2, context: 128 });
  const { pageBytes } = small.cacheStatistics();
  using model = await Model.load(path, { threads: 2, context: 128, cacheBytes: 3 * pageBytes });
  const texts = [1, 2].map((i) => someTokens(100 + i).slice(i)); // two pages of three, each
  for (const leaves of [true, false]) {
    using a = model.createSequence(), b = model.createSequence();
    const first = Promise.resolve(a.evaluate(texts[0]!)).then(() => leaves && a[Symbol.dispose]());
    const second = Promise.resolve(b.evaluate(texts[1]!));
    const ends = await Promise.allSettled([first, second]);
    assertEquals(ends[0]!.status, "fulfilled");
    if (leaves) assertEquals(b.position, 100);
    else await assertRejects(() => second, CacheFullError, "all 3 pages");
  }
  assertEquals(model.memory().kvBytes, 0);
});

randomModelTest("as many may wait as are allowed, and one more is refused", async (path) => {
  using model = await Model.load(path, { threads: 2, context: 200, maxQueue: 2 });
  using a = model.createSequence(), b = model.createSequence(), c = model.createSequence();
  const text = someTokens(100);
  const running = [a, b].map((sequence) => sequence.evaluate(text));
  const error = await assertRejects(async () => await c.evaluate(text), QueueFullError);
  assertEquals(error.limit, 2);
  await Promise.all(running);
  await c.evaluate(text); // it is as it was
  assertEquals(c.position, 100);
});

randomModelTest("a session of a higher priority reads its prompt first", async (path) => {
  using model = await Model.load(path, { threads: 2, context: 1000, chunkRows: 16 });
  const ends: string[] = [];
  const run = async (name: string, priority: number, shift: number) => {
    using session = model.session();
    const prompt = someTokens(500 + shift).slice(shift);
    await session.generate(prompt, { maxTokens: 1, priority }).text();
    ends.push(name);
  };
  await Promise.all([run("low", 0, 0), run("normal", 1, 1), run("high", 2, 2)]);
  assertEquals(ends, ["high", "normal", "low"]);
});
