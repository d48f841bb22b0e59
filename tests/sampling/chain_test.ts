/** Tests of whole chains: functions, forced and banned tokens, dice, odd logits. @module */

import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { ArgumentError, CriaError } from "../../src/errors.ts";
import { SAMPLERS } from "../../src/sampling/chain.ts";
import { decay } from "../../src/sampling/decay.ts";
import { Random } from "../../src/sampling/random.ts";
import { type CustomSampler, Sampler, type SamplerOptions } from "../../src/sampling/sampler.ts";

const OFF: SamplerOptions = { temperature: 1, topK: 0, topP: 1, minP: 0, seed: 1 };
const LOGITS = Float32Array.from({ length: 500 }, (_, at) => 5 * Math.sin(at * at));
const best = LOGITS.indexOf(Math.max(...LOGITS));

Deno.test("the table of exponentials is as good as Math.exp", () => {
  for (let depth = 0; depth < 64; depth += 0.000137 + depth / 1000) {
    const exact = Math.exp(-depth);
    assert(Math.abs(decay(depth) - exact) <= 1e-12 * exact, `at ${depth}`);
  }
  assertEquals([0, 64, 1e300, Infinity, NaN].map(decay), [1, 0, 0, 0, 0]);
});

Deno.test("what one is asked to keep at temperature 0 is kept for the samplers behind", () => {
  // Typical sampling would leave the second token alone; of one token it leaves that.
  const logits = Float32Array.of(...[0, 1, 2, 3].map((power) => power * Math.log(2)));
  const options = { ...OFF, temperature: 0, typicalP: 0.2 };
  assertEquals(new Sampler(options).sample(logits), 2);
  assertEquals(new Sampler({ ...options, topK: 1 }).sample(logits), 3);
  const late: SamplerOptions = {
    topK: 1,
    repeatPenalty: 9,
    order: ["topK", "penalties", "temperature"],
  };
  assertEquals(new Sampler({ ...options, ...late }).sample(logits, [3]), 3);
});

Deno.test("a temperature next to nothing takes the best, not the first of all above 0", () => {
  for (const temperature of [1e-5, 1e-30, 1e-60, 1e-310]) {
    assertEquals(new Sampler({ ...OFF, temperature }).sample(LOGITS), best);
  }
});

Deno.test("several infinite logits share evenly, whatever the chain", () => {
  const logits = LOGITS.slice();
  for (const token of [3, 77, 300]) logits[token] = Infinity;
  for (
    const options of [
      OFF,
      { seed: 1 },
      { ...OFF, topP: 0.9999 },
      { ...OFF, typicalP: 0.999 },
      {
        ...{ ...OFF, topNSigma: 1, dynatempRange: 0.5, mirostat: 2 },
      },
      { ...OFF, mirostat: 1 },
      { ...OFF, topK: 200, temperature: 2 },
    ]
  ) {
    const { tokens, probabilities } = new Sampler(options).distribution(logits);
    assertEquals([...tokens.slice(0, 3)], [3, 77, 300], JSON.stringify(options));
    for (const p of probabilities.slice(0, 3)) assertAlmostEquals(p, 1 / 3, 1e-6);
    const sampler = new Sampler(options);
    const seen = new Set(Array.from({ length: 60 }, () => sampler.sample(logits)));
    assertEquals([...seen].sort((a, b) => a - b), [3, 77, 300]);
  }
});

/** What switches each sampler on, as strongly as may be. */
const STRONG: Readonly<Record<string, SamplerOptions>> = {
  penalties: { repeatPenalty: 1e300, presencePenalty: 1e300, frequencyPenalty: -1e300 },
  dry: { dryMultiplier: 1e300, dryBase: 1e300, dryAllowedLength: 0 },
  topNSigma: { topNSigma: 1e-300 },
  topK: { topK: 1 },
  typicalP: { typicalP: 0 },
  topP: { topP: 0 },
  minP: { minP: 1 },
  xtc: { xtcProbability: 1, xtcThreshold: 0 },
  temperature: { temperature: 1e300, dynatempRange: 1e300, dynatempExponent: 1e300 },
  mirostat: { mirostat: 1, mirostatTau: 0, mirostatEta: 1e300 },
};

Deno.test("every sampler leaves something, of anything, at its extreme", () => {
  const odd = [NaN, Infinity, -Infinity, 0, -0, 3.4e38, -3.4e38, 1e-45, 7];
  const random = new Random(1);
  for (const { name } of SAMPLERS) {
    for (const more of [{}, { mirostat: 2 }, { minKeep: 5 }, { dynatempRange: 1e-300 }]) {
      const sampler = new Sampler({ ...OFF, ...STRONG[name]!, ...name === "mirostat" ? {} : more });
      for (let round = 0; round < 100; round++) {
        const logits = Float32Array.from({ length: 1 + round % 40 }, () => {
          return odd[Math.floor(random.next() * (round < 50 ? 9 : 5))]!;
        });
        logits[0] = round % 2 ? 1 : Infinity;
        const token = sampler.sample(logits, [0, 1, 0, 1, 0, 1, 2, 1e9, -1, NaN]);
        assert(logits[token]! > -Infinity, `${name}: ${token} of ${logits}`);
      }
    }
  }
});

Deno.test("XTC acts as often as it should, and a look shows what it will do", () => {
  const sampler = new Sampler({ ...OFF, seed: 3, xtcProbability: 0.25, xtcThreshold: 0.01 });
  let acted = 0;
  for (let at = 0; at < 4000; at++) {
    const { tokens } = sampler.distribution(LOGITS);
    if (!tokens.includes(best)) acted++;
    assert(tokens.includes(sampler.sample(LOGITS)));
  }
  assertAlmostEquals(acted / 4000, 0.25, 0.03);
});

Deno.test("XTC takes a probability at the threshold for a top choice, at any height", () => {
  const options = { ...OFF, xtcProbability: 1, xtcThreshold: 0.5 };
  for (const logit of [0, 1e9, -1e9]) {
    const logits = Float32Array.of(-Infinity, logit, logit);
    assertEquals([...new Sampler(options).distribution(logits).tokens], [2]);
  }
});

Deno.test("banned tokens are never chosen, forced ones are, in their order", () => {
  const options = { ...OFF, temperature: 0, bannedTokens: [best], forcedTokens: [499, 7, 7] };
  const sampler = new Sampler(options);
  const chosen = Array.from({ length: 5 }, () => sampler.sample(LOGITS));
  const masked = LOGITS.map((logit, token) => token === best ? -Infinity : logit);
  const second = masked.indexOf(Math.max(...masked));
  assertEquals(chosen, [499, 7, 7, second, second]);
  const looked = new Sampler(options).distribution(LOGITS);
  assertEquals([[...looked.tokens], [...looked.probabilities]], [[499], [1]]);
  const allowed = new Uint32Array(16).fill(0xffffffff).fill(0, 15);
  const forced = new Sampler(options);
  assertThrows(() => forced.sample(LOGITS, [], allowed), CriaError, "token 499: it is not allowed");
  assertThrows(() => forced.sample(new Float32Array(9)), CriaError, "token 499: there are 9");
  const beyond = new Sampler({ bannedTokens: [9] });
  assertThrows(() => beyond.sample(new Float32Array(9)), ArgumentError, '"bannedTokens": 9 is');
});

Deno.test("a function in the order gets what is left, and its answer counts", () => {
  let seen: [number, number, number] | undefined;
  const odd: CustomSampler = ({ tokens, logits }, { options, previousTokens, logits: all }) => {
    seen = [tokens.length, options.topK, previousTokens.length];
    logits.forEach((logit, at) => assertEquals(logit, all[tokens[at]!]));
    const places = [...tokens.keys()].filter((at) => tokens[at]! % 2 === 1);
    return {
      tokens: Uint32Array.from(places, (at) => tokens[at]!),
      logits: Float32Array.from(places, (at) => logits[at]!),
    };
  };
  const sampler = new Sampler({ ...OFF, topK: 50, order: ["topK", odd, "temperature"] });
  const { tokens } = sampler.distribution(LOGITS, [1, 2, 3]);
  assertEquals(seen, [50, 50, 3]);
  assert(tokens.length > 5 && tokens.every((token) => token % 2 === 1));
});

Deno.test("a function may change what it gets, and throw its own dice", () => {
  const before = LOGITS.slice();
  const shuffle: CustomSampler = (left, { random }) => {
    for (let at = 0; at < left.logits.length; at++) left.logits[at] = random();
    return left;
  };
  const choose = () => {
    const sampler = new Sampler({ ...OFF, seed: 5, order: [shuffle] });
    return Array.from({ length: 5 }, () => sampler.sample(LOGITS));
  };
  assertEquals(choose(), choose());
  assertEquals(LOGITS, before);
});

const ONE = { tokens: Uint32Array.of(1), logits: Float32Array.of(1) };
const BAD: readonly [unknown, string][] = [
  [undefined, "returned no tokens"],
  [{ tokens: [1], logits: [1] }, "returned no tokens"],
  [{ ...ONE, tokens: Uint32Array.of(1, 2) }, "returned 2 tokens and 1 logits"],
  [{ tokens: new Uint32Array(0), logits: new Float32Array(0) }, "left none of 500"],
  [{ ...ONE, logits: Float32Array.of(NaN) }, "left none of 500"],
  [{ ...ONE, tokens: Uint32Array.of(500) }, "returned token 500"],
  [{ tokens: Uint32Array.of(1, 1), logits: new Float32Array(2) }, "returned token 1"],
];

for (const [answer, mention] of BAD) {
  Deno.test(`a function of the order is refused that ${mention}`, () => {
    const order = ["topK" as const, (() => answer) as CustomSampler];
    const sampler = new Sampler({ ...OFF, order });
    assertThrows(() => sampler.sample(LOGITS), CriaError, `the function at place 1 ${mention}`);
  });
}

Deno.test("a function cannot bring back what is not allowed", () => {
  const back: CustomSampler = () => ({ tokens: Uint32Array.of(5), logits: Float32Array.of(0) });
  const sampler = new Sampler({ ...OFF, order: [back] });
  assertEquals(sampler.sample(LOGITS), 5);
  assertThrows(() => sampler.sample(LOGITS, [], Uint32Array.of(1)), CriaError, "token 5");
});
