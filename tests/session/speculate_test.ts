/** Speculation changes how many steps it takes, and no token. @module */

import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import {
  type GenerateOptions,
  Model,
  Sampler,
  type SamplerOptions,
  type Session,
} from "../../mod.ts";
import { ArgumentError } from "../../src/errors.ts";
import { GuessCount, lookUp } from "../../src/session/speculate.ts";
import { SMOLLM2 } from "../conformance/pack.ts";
import { SEED } from "../kernel_support.ts";
import { randomModelTest, someTokens, writeRandomModel } from "../model/random_model.ts";
import { sharedTest } from "../support.ts";

Deno.test("looking up gives what followed the last time", () => {
  assertEquals(lookUp([1, 2, 3, 9, 1, 2, 3], 3), [9, 1, 2]);
  assertEquals(lookUp([1, 2, 3, 8, 0, 2, 3, 9, 1, 2, 3], 1), [8]); // the longest beginning counts
  assertEquals(lookUp([5, 5, 7, 5, 5, 8, 5, 5], 1), [8]); // then the latest
  assertEquals(lookUp([3, 1, 2, 3], 3), []); // one token alone says too little
  assertEquals(lookUp([4, 4, 4], 2), [4]);
  assertEquals(lookUp([], 3), []);
});

Deno.test("right guesses make for more of them, wrong ones for fewer", () => {
  const count = new GuessCount(), most: number[] = [];
  for (const right of [3, 6, 12, 15, 15, 0, 2, 3]) {
    count.learn(count.most, right);
    most.push(count.most);
  }
  assertEquals(most, [6, 12, 15, 15, 15, 3, 3, 6]);
  assertEquals([count.guessed, count.accepted], [3 + 6 + 12 + 15 + 15 + 15 + 3 + 3, 56]);
});

/** Tokens of a generation, what it guessed, and what another generation then goes on with. */
async function generated(session: Session, prompt: readonly number[], options: GenerateOptions) {
  const { tokens, speculation, finishReason } = await session.generate(prompt, options).result;
  const past = session.tokens, room = past.length + 2 <= session.capacity;
  const next = room && (await session.extend([3], { ...options, maxTokens: 5 }).result).tokens;
  return { all: [tokens, finishReason, past, next], speculation };
}

/** Without dice, with them, and with samplers that remember. */
const SAMPLINGS: readonly GenerateOptions[] = [
  { temperature: 0 },
  { temperature: 0.8, seed: 5, repeatPenalty: 1.1, xtcProbability: 0.3 },
  { seed: 5, mirostat: 2, mirostatTau: 2, mirostatEta: 0.5, dryMultiplier: 1 },
];

/** Every kind of speculation and sampling gives the tokens of plain decoding. */
async function compare(
  model: Model,
  draft: Model,
  prompt: readonly number[],
  maxTokens: number,
  samplings = SAMPLINGS,
) {
  let accepted = 0;
  for (const sampling of samplings) {
    const options = { ...sampling, maxTokens, ignoreEos: true };
    using plain = model.session();
    const expected = await generated(plain, prompt, options);
    for (const speculate of ["lookup", draft, model] as const) {
      using session = model.session();
      const { all, speculation } = await generated(session, prompt, { ...options, speculate });
      assertEquals(all, expected.all);
      assert(speculation && speculation.accepted <= speculation.guessed);
      accepted += speculation.accepted;
      if (speculate === model && sampling.temperature === 0) {
        assertLess(0.9 * speculation.guessed, speculation.accepted); // it guesses itself
      }
    }
  }
  return accepted;
}

randomModelTest("speculation gives the tokens of plain decoding", async (path) => {
  const other = writeRandomModel("Q4_0");
  try {
    using model = await Model.load(path, { threads: 2, context: 200 });
    using draft = await Model.load(other, { threads: 1, context: 150 });
    const prompt = [...someTokens(30), ...someTokens(30), ...someTokens(20)];
    assert(await compare(model, draft, prompt, 60) > 0);
    assertEquals(model.memory().kvBytes, 0);
    assertEquals(draft.memory().kvBytes, 0);
    await compare(model, draft, prompt, 200); // to the end of both contexts
  } finally {
    Deno.removeSync(other);
  }
});

sharedTest("the same with SmolLM2, which is often right", SMOLLM2, async (path) => {
  using model = await Model.load(path, { threads: 2, context: 300 });
  const prompt = model.tokenizer.encode("One, two, three, one, two, three, one, two");
  assert(await compare(model, model, prompt, 60, SAMPLINGS.slice(0, 2)) > 60);
});

randomModelTest("shifting and speculating go together", async (path) => {
  using model = await Model.load(path, { threads: 2, context: 70 });
  const options = { temperature: 0, maxTokens: 150, ignoreEos: true, onOverflow: "shift" } as const;
  using plain = model.session(), guessing = model.session();
  const expected = (await plain.generate(someTokens(40), options).result).tokens;
  const found = guessing.generate(someTokens(40), { ...options, speculate: model });
  assertEquals((await found.result).tokens, expected);
});

randomModelTest("a draft whose cache is full guesses nothing", async (path) => {
  using model = await Model.load(path, { threads: 1, context: 200 });
  using draft = await Model.load(path, { threads: 1, context: 200, cacheBytes: 1 << 20 });
  const { freePages } = draft.cacheStatistics(), others: Session[] = [];
  for (let shift = 0; shift < freePages; shift++) {
    const other = draft.session();
    others.push(other);
    await other.generate([1 + shift], { maxTokens: 1 }).text(); // a page
  }
  assertEquals(draft.cacheStatistics().freePages, 0);
  const options = { temperature: 0, maxTokens: 9, ignoreEos: true };
  using plain = model.session(), guessing = model.session();
  const expected = (await plain.generate([5, 6, 7], options).result).tokens;
  const found = await guessing.generate([5, 6, 7], { ...options, speculate: draft }).result;
  assertEquals([found.tokens, found.speculation], [expected, { guessed: 0, accepted: 0 }]);
  for (const other of others) other[Symbol.dispose]();
});

randomModelTest("a draft of another vocabulary is refused", async (path) => {
  using model = await Model.load(path, { threads: 1 });
  using draft = await Model.load(new URL("../../models/story.gguf", import.meta.url).pathname);
  using session = model.session();
  assertThrows(() => session.generate("a", { speculate: draft }), ArgumentError, "token 320");
});

/** Every pair of first tokens and its probability, as a sampler has it after the model's logits. */
async function pairsOf(model: Model, prompt: readonly number[], sampling: SamplerOptions) {
  const sampler = new Sampler(sampling), { vocabularySize: size } = model.config;
  const after = async (tokens: readonly number[]) => {
    const logits = (await model.logits(tokens)).subarray((tokens.length - 1) * size);
    const { tokens: ids, probabilities } = sampler.distribution(logits, tokens);
    return Array.from(ids, (id, i) => [id, probabilities[i]!] as const);
  };
  const pairs = new Map<string, number>();
  for (const [first, share] of await after(prompt)) {
    for (const [next, part] of await after([...prompt, first])) {
      pairs.set(`${first} ${next}`, share * part);
    }
  }
  return pairs;
}

randomModelTest(`sampled with guesses: the model's distribution (seed ${SEED})`, async (path) => {
  const other = writeRandomModel("Q4_0"), runs = 600;
  try {
    using model = await Model.load(path, { threads: 2, context: 100 });
    using draft = await Model.load(other, { threads: 1, context: 100 });
    const sampling = { temperature: 1.5, topK: 3 }, prompt = someTokens(20);
    const expected = await pairsOf(model, prompt, sampling), seen = new Map<string, number>();
    let guessed = 0, accepted = 0;
    for (let run = 0; run < runs; run++) {
      using session = model.session({ ...sampling, seed: SEED * runs + run });
      const options = { maxTokens: 4, ignoreEos: true, speculate: draft };
      const { tokens, speculation } = await session.generate(prompt, options).result;
      const pair = tokens.slice(0, 2).join(" ");
      seen.set(pair, (seen.get(pair) ?? 0) + 1);
      guessed += speculation!.guessed, accepted += speculation!.accepted;
    }
    assert(accepted > runs / 10 && accepted < guessed - runs / 10, `${accepted} of ${guessed}`);
    for (const pair of seen.keys()) assert(expected.has(pair), pair);
    const chiSquare = [...expected].reduce((sum, [pair, share]) => {
      return sum + ((seen.get(pair) ?? 0) - share * runs) ** 2 / (share * runs);
    }, 0);
    // 9 pairs: 8 degrees of freedom; beyond 49 once in 16 million runs of this test
    assert(expected.size === 9 && chiSquare < 49, `chi-square ${chiSquare}`);
  } finally {
    Deno.removeSync(other);
  }
});
