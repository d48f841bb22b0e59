/** Sampling in sessions: log-probabilities, odd logits, samplers with a state. @module */

import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { Model, type Piece, type Session } from "../../mod.ts";
import { ArgumentError } from "../../src/errors.ts";
import type { Sequence } from "../../src/session/engine.ts";
import type { GenerateOptions } from "../../src/session/generate.ts";
import { Session as PlainSession } from "../../src/session/session.ts";
import { randomModelTest, someTokens } from "../model/random_model.ts";
import { END, FakeEngine } from "./fake.ts";

/** A fake whose logits are what a function makes of them. */
class OddEngine extends FakeEngine {
  constructor(readonly change: (logits: Float32Array) => Float32Array) {
    super({ next: () => 65 });
  }

  override createSequence(): Sequence {
    const sequence = super.createSequence(), { change } = this;
    const evaluate = sequence.evaluate.bind(sequence);
    sequence.evaluate = (tokens, options) => change(evaluate(tokens, options) as Float32Array);
    return sequence;
  }
}

async function pieces(engine: FakeEngine, options: GenerateOptions): Promise<Piece[]> {
  using session = new PlainSession(engine);
  return await Array.fromAsync(session.generate("a", { maxTokens: 2, seed: 1, ...options }));
}

/** Logits 0, but for A (ln 4), B (ln 2), and the end of text (ln 2). */
const few = new OddEngine((logits) => {
  logits.fill(-Infinity);
  [[65, 4], [66, 2], [END, 2]].forEach(([token, share]) => logits[token!] = Math.log(share!));
  return logits;
});

Deno.test("logprobs: the likeliest tokens before the samplers and after them", async () => {
  const options = { logprobs: 3, topK: 1, bannedTokens: [65], temperature: 1 };
  const [piece] = await pieces(few, { ...options, ignoreEos: true });
  const { token, text, logprob, topLogprobs, logprobAfter, topLogprobsAfter } = piece!;
  assertEquals([token, text], [66, "B"]);
  assertAlmostEquals(logprob!, Math.log(1 / 4), 1e-6);
  assertEquals(logprobAfter, 0);
  assertEquals(topLogprobs!.map(({ token, text }) => [token, text]), [
    [65, "A"],
    [66, "B"],
    [END, "<|end|>"],
  ]);
  [1 / 2, 1 / 4, 1 / 4].forEach((p, at) =>
    assertAlmostEquals(topLogprobs![at]!.logprob, Math.log(p), 1e-6)
  );
  assertEquals(topLogprobsAfter, [{ token: 66, text: "B", logprob: 0 }]);
});

Deno.test("logprobs: of the token alone, or not at all", async () => {
  for (const logprobs of [true, 0]) {
    const [piece] = await pieces(few, { logprobs, forcedTokens: [66], topK: 0 });
    assertAlmostEquals(piece!.logprob!, Math.log(1 / 4), 1e-6);
    assertEquals(piece!.logprobAfter, 0); // it was forced
    assertEquals(piece!.topLogprobs?.length, logprobs === true ? undefined : 0);
  }
  for (const logprobs of [undefined, false]) {
    for (const piece of await pieces(few, { logprobs })) assert(!("logprob" in piece));
  }
  using session = new PlainSession(few);
  for (const logprobs of [-1, 0.5, NaN]) {
    assertThrows(() => session.generate("a", { logprobs }), ArgumentError, "logprobs");
  }
  const options = { logprobs: 1, maxTokens: 3, forcedTokens: [66, 65, 66] };
  const { logprobs, tokens } = await session.generate("a", options).result;
  assertEquals(logprobs!.map(({ token }) => token), tokens);
  assertEquals(logprobs![0]!.topLogprobs![0]!.token, 65);
});

Deno.test("logprobs and forced tokens under a grammar that leaves one token", async () => {
  const grammar = ["BAB", "BAA"], options = { grammar, logprobs: 2, maxTokens: 5 };
  using session = new PlainSession(few);
  const { text, logprobs } = await session.generate("a", { ...options, temperature: 0 }).result;
  assertEquals(text, "BAA");
  assertAlmostEquals(logprobs![0]!.logprob!, Math.log(1 / 4), 1e-6);
  assertEquals(logprobs!.map(({ logprobAfter }) => logprobAfter), [0, 0, 0]);
  assertEquals(logprobs!.map(({ topLogprobs }) => topLogprobs!.length), [2, 2, 2]);
  const forced = session.generate("a", { ...options, forcedTokens: [66, 65, 66] });
  assertEquals(await forced.text(), "BAB");
  const other = session.generate("a", { ...options, forcedTokens: [65] });
  const error = await other.text().catch((error) => error);
  assertEquals(error.message, "Cannot force token 65: only 66 is allowed here");
});

Deno.test("DRY stops a repetition, unless what breaks it stands there", async () => {
  using session = new PlainSession(new FakeEngine({ next: () => 65 }));
  const options = { temperature: 0, maxTokens: 8, dryMultiplier: 30 };
  const write = async (drySequenceBreakers?: (string | number[])[]) =>
    await session.generate("a", { ...options, drySequenceBreakers }).text();
  const stopped = await write();
  assertEquals(stopped.slice(0, 5), "AAAA\0"); // AAA twice: 30 times 1.75 is more than 50
  for (const breakers of [["A"], ["AA"], [[65]], ["x", "A"]]) {
    assertEquals(await write(breakers), "AAAAAAAA");
  }
  assertEquals(await write(["x"]), stopped);
  assertThrows(() => session.generate("a", { ...options, drySequenceBreakers: [""] }));
});

Deno.test("logits that are not finite are counted, on pieces and in the result", async () => {
  const broken = new OddEngine((logits) => {
    [logits[3], logits[4], logits[5]] = [NaN, NaN, -Infinity];
    return logits;
  });
  for (const { token, nonFinite } of await pieces(broken, {})) {
    assertEquals([token, nonFinite], [65, 3]);
  }
  using session = new PlainSession(broken);
  assertEquals((await session.generate("a", { maxTokens: 4 }).result).nonFinite, 12);
  using sound = new PlainSession(new FakeEngine({ next: () => 65 }));
  assert(!("nonFinite" in await sound.generate("a", { maxTokens: 4 }).result));
  const nothing = new OddEngine((logits) => logits.fill(NaN));
  using none = new PlainSession(nothing);
  const error = await none.generate("a").text().catch((error) => error);
  assertEquals(
    error.message,
    "Cannot choose a token: none of 140 logits is above -Infinity; " +
      "the model gave NaN for 140 of 140",
  );
});

/** Tokens of samplers that remember what they chose. */
async function remembered(session: Session): Promise<readonly number[]> {
  const options = { mirostatTau: 3, mirostatEta: 0.4, seed: 4, maxTokens: 25, ignoreEos: true };
  return (await session.extend([3], { ...options, mirostat: 2, dryMultiplier: 1 }).result).tokens;
}

randomModelTest(
  "samplers with a state: forks at work together choose as one alone",
  async (path) => {
    using model = await Model.load(path, { threads: 2, context: 200 });
    using alone = model.session();
    await alone.generate(someTokens(20), { maxTokens: 1, seed: 1 }).text();
    using first = alone.fork();
    using second = alone.fork();
    const expected = await remembered(alone);
    assertEquals(await Promise.all([first, second].map(remembered)), [expected, expected]);
    assert(new Set(expected).size > 5);
  },
);
