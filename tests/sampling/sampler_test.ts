/** Tests of samplers: what is kept, chosen, refused, and how odd logits are survived. @module */

import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { ArgumentError, CriaError } from "../../src/errors.ts";
import { type SamplerName, SAMPLERS } from "../../src/sampling/chain.ts";
import { Sampler, type SamplerOptions } from "../../src/sampling/sampler.ts";

const OFF: SamplerOptions = { temperature: 1, topK: 0, topP: 1, minP: 0 };
const kept = (options: SamplerOptions, logits: number[], previous: number[] = []) => [
  ...new Sampler({ ...OFF, ...options }).distribution(Float32Array.from(logits), previous).tokens,
];

/** Logits like a model's: a few high ones in a wide, flat crowd. */
function crowd(count: number, seed = 1): Float32Array {
  let state = seed;
  const uniform = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  return Float32Array.from(
    { length: count },
    () => 3 * Math.sqrt(-2 * Math.log(uniform() + 1e-9)) * Math.cos(2 * Math.PI * uniform()),
  );
}

/** The same, done the slow way. */
function slowOrder(logits: Float32Array): number[] {
  return [...logits.keys()].sort((a, b) => logits[b]! - logits[a]! || a - b);
}

Deno.test("temperature 0 chooses the first of the best", () => {
  const sampler = new Sampler({ temperature: 0 });
  assertEquals(sampler.sample(Float32Array.of(1, 3, 3, -2)), 1);
  assertEquals([...sampler.distribution(Float32Array.of(1, 3, 3, -2)).tokens], [1]);
});

Deno.test("temperature 0 obeys penalties and bias", () => {
  const logits = Float32Array.of(1, 3, 2.9);
  assertEquals(new Sampler({ temperature: 0, repeatPenalty: 2 }).sample(logits, [1]), 2);
  const logitBias = { 1: -Infinity, 2: -5 };
  assertEquals(new Sampler({ temperature: 0, logitBias }).sample(logits), 0);
  assertEquals(new Sampler({ temperature: 0, logitBias: new Map([[0, 9]]) }).sample(logits), 0);
  assertEquals(logits, Float32Array.of(1, 3, 2.9)); // untouched
});

Deno.test("each sampler keeps what it should", () => {
  const logits = [0, 1, 2, 3].map((power) => power * Math.log(2)); // 1, 2, 4, 8 of 15
  assertEquals(kept({ topK: 2 }, logits), [3, 2]);
  assertEquals(kept({ topP: 8 / 15 - 1e-6 }, logits), [3]);
  assertEquals(kept({ topP: 8 / 15 + 1e-6 }, logits), [3, 2]);
  assertEquals(kept({ topP: 0 }, logits), [3]);
  assertEquals(kept({ minP: 0.25 - 1e-6 }, logits), [3, 2, 1]);
  assertEquals(kept({ minP: 1 }, logits), [3]);
  // Surprise 0.63, 1.32, 2.01, 2.71 against an entropy of 1.14: 4/15 is nearest, then 8/15.
  assertEquals(kept({ typicalP: 0.2 }, logits), [2]);
  assertEquals(kept({ typicalP: 0.5 }, logits), [3, 2]);
  assertEquals(kept({ topK: -1 }, logits), [3, 2, 1, 0]);
});

Deno.test("penalties look at the last tokens only", () => {
  const logits = [1, 1, -1, 0];
  const previous = [0, 1, 1, 2];
  const probabilities = (options: SamplerOptions) => {
    const sampler = new Sampler({ ...OFF, ...options });
    const { tokens, probabilities } = sampler.distribution(Float32Array.from(logits), previous);
    return [...tokens].map((token, at) => [token, Math.log(probabilities[at]!)] as const)
      .sort(([a], [b]) => a - b).map(([, logarithm]) => logarithm);
  };
  const frequent = probabilities({ frequencyPenalty: 0.5, presencePenalty: 0.25 });
  assertAlmostEquals(frequent[0]! - frequent[3]!, 1 - 0.75, 1e-6);
  assertAlmostEquals(frequent[1]! - frequent[3]!, 1 - 1.25, 1e-6);
  const last = probabilities({ repeatPenalty: 2, penaltyLastN: 2 });
  assertAlmostEquals(last[0]! - last[3]!, 1, 1e-6);
  assertAlmostEquals(last[1]! - last[3]!, 0.5, 1e-6);
  assertAlmostEquals(last[2]! - last[3]!, -2, 1e-6);
  const all = probabilities({ repeatPenalty: 2, penaltyLastN: -1 });
  assertAlmostEquals(all[0]! - all[3]!, 0.5, 1e-6);
});

for (const count of [1, 7, 8, 40, 128, 129, 1000, 5000]) {
  Deno.test(`the ${count} best of 5000 are those of a full sort`, () => {
    const logits = crowd(5000, count);
    for (let at = 0; at < 5000; at += 3) logits[at] = Math.round(logits[at]!); // equals
    const { tokens } = new Sampler({ ...OFF, topK: count }).distribution(logits);
    assertEquals([...tokens], slowOrder(logits).slice(0, count));
  });
}

for (const topP of [0.1, 0.5, 0.9, 0.99, 0.9999]) {
  Deno.test(`top-p ${topP} without top-k is that of a full sort`, () => {
    const logits = crowd(5000);
    const order = slowOrder(logits);
    const weights = order.map((token) => Math.exp(logits[token]! - logits[order[0]!]!));
    const sum = weights.reduce((a, b) => a + b);
    let reached = 0;
    const cut = weights.findIndex((weight) => (reached += weight) >= topP * sum);
    const { tokens } = new Sampler({ ...OFF, topP }).distribution(logits);
    assertEquals([...tokens], order.slice(0, cut + 1));
  });
}

for (const typicalP of [0, 0.1, 0.5, 0.9, 0.99, 0.999999]) {
  Deno.test(`typical ${typicalP} without top-k is that of a full sort`, () => {
    const logits = crowd(5000);
    const sum = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
    const p = Float64Array.from(logits, (logit) => Math.exp(logit) / sum);
    const entropy = p.reduce((sum, p) => sum - p * Math.log(p), 0);
    const distance = p.map((p) => Math.abs(-Math.log(p) - entropy));
    const order = [...p.keys()].sort((a, b) => distance[a]! - distance[b]!);
    let reached = 0;
    const cut = order.findIndex((token) => (reached += p[token]!) > typicalP);
    const { tokens } = new Sampler({ ...OFF, typicalP }).distribution(logits);
    assertEquals([...tokens].sort(), order.slice(0, cut + 1).sort());
  });
}

Deno.test("top-nσ measures finite logits only", () => {
  const logits = crowd(5001).fill(-Infinity, 100, 200).fill(NaN, 300, 310);
  const finite = [...logits].filter(Number.isFinite);
  const mean = finite.reduce((a, b) => a + b) / finite.length;
  const variance = finite.reduce((sum, logit) => sum + (logit - mean) ** 2, 0) / finite.length;
  for (const topNSigma of [0.1, 0.7, 2]) {
    const floor = Math.max(...finite) - topNSigma * Math.sqrt(variance);
    const { tokens } = new Sampler({ ...OFF, topNSigma }).distribution(logits);
    assertEquals([...tokens], slowOrder(logits).filter((token) => logits[token]! >= floor));
    const large = logits.map((logit) => logit + 65536); // rounded, and far from 0
    const moved = new Sampler({ ...OFF, topNSigma }).distribution(large).tokens;
    assert(Math.abs(moved.length - tokens.length) <= 2 + tokens.length / 50);
  }
});

Deno.test("the same seed chooses the same tokens; the sequence never changes", () => {
  const logits = crowd(1000);
  const choose = (seed: number) => {
    const sampler = new Sampler({ seed });
    return Array.from({ length: 8 }, () => sampler.sample(logits));
  };
  assertEquals(choose(7), choose(7));
  assert(choose(7).join() !== choose(8).join());
  const random = new Sampler();
  const repeated = new Sampler({ seed: random.seed });
  for (let i = 0; i < 8; i++) assertEquals(random.sample(logits), repeated.sample(logits));
});

Deno.test("tokens are chosen as often as they are likely", () => {
  const logits = Float32Array.of(0, Math.log(2), Math.log(5));
  const sampler = new Sampler({ ...OFF, seed: 1 });
  const counts = new Uint32Array(3);
  for (let i = 0; i < 80_000; i++) counts[sampler.sample(logits)]!++;
  [1 / 8, 2 / 8, 5 / 8].forEach((share, token) =>
    assertAlmostEquals(counts[token]! / 80_000, share, 0.01)
  );
});

Deno.test("the order is llama.cpp's, and can be given", () => {
  assertEquals(
    SAMPLERS.map((row) => row.name).join(" "),
    "penalties dry topNSigma topK typicalP topP minP xtc temperature mirostat",
  );
  const logits = [0, 1, 2, 3];
  const options = { temperature: 10, minP: 0.5 };
  assertEquals(kept(options, logits), [3]);
  assertEquals(kept({ ...options, order: ["temperature", "minP"] }, logits), [3, 2, 1, 0]);
  assertEquals(kept({ topK: 1, order: [] }, logits), [3, 2, 1, 0]);
  // Penalties after top-k change the order among those kept.
  const late = { topK: 2, repeatPenalty: 10, order: ["topK", "penalties"] as SamplerName[] };
  assertEquals(kept(late, logits, [3]), [2, 3]);
});

for (
  const [name, options] of Object.entries({
    greedy: { temperature: 0 },
    default: {},
    all: OFF,
    topP: { ...OFF, topP: 0.9 },
    typical: { ...OFF, typicalP: 0.9 },
    topK: { ...OFF, topK: 500 },
    hot: { ...OFF, temperature: 2 },
  })
) {
  Deno.test(`odd logits are survived: ${name}`, () => {
    const sampler = new Sampler({ ...options, seed: 1 });
    for (let i = 0; i < 20; i++) {
      assertEquals(sampler.sample(Float32Array.of(NaN, -Infinity, 1, NaN)), 2);
      assertEquals(sampler.sample(Float32Array.of(NaN, 5, Infinity, -Infinity)), 2);
    }
    const nothing = Float32Array.of(NaN, -Infinity);
    assertThrows(() => sampler.sample(nothing), CriaError, "none of 2 logits");
    assertThrows(() => sampler.distribution(nothing), CriaError, "none of 2 logits");
  });
}

Deno.test("probabilities add up to 1 and fall", () => {
  for (const options of [{}, OFF, { ...OFF, minP: 0.01 }]) {
    const { probabilities } = new Sampler(options).distribution(crowd(3000));
    assertAlmostEquals(probabilities.reduce((a, b) => a + b), 1, 1e-4);
    assert(probabilities.every((p, at) => at === 0 || p <= probabilities[at - 1]!));
  }
});

const REFUSED: [SamplerOptions, string][] = [
  [{ temperature: NaN }, "temperature"],
  [{ topK: -2 }, "topK"],
  [{ topK: 1.5 }, "topK"],
  [{ topP: 1.1 }, "topP"],
  [{ minP: -0.1 }, "minP"],
  [{ typicalP: 2 }, "typicalP"],
  [{ repeatPenalty: 0 }, "repeatPenalty"],
  [{ presencePenalty: Infinity }, "presencePenalty"],
  [{ frequencyPenalty: NaN }, "frequencyPenalty"],
  [{ penaltyLastN: -2 }, "penaltyLastN"],
  [{ seed: -1 }, "seed"],
  [{ seed: 0.5 }, "seed"],
  [{ logitBias: { 3: Infinity } }, "logitBias"],
  [{ logitBias: { [-3]: 1 } }, "logitBias"],
  [{ logitBias: { 3: null as unknown as number } }, "logitBias"],
  [{ topP: "0.5" as unknown as number }, "topP"],
  [{ dynatempRange: -1 }, "dynatempRange"],
  [{ dynatempExponent: 0 }, "dynatempExponent"],
  [{ topNSigma: NaN }, "topNSigma"],
  [{ xtcProbability: 1.5 }, "xtcProbability"],
  [{ xtcThreshold: -0.1 }, "xtcThreshold"],
  [{ minKeep: -1 }, "minKeep"],
  [{ dryMultiplier: -1 }, "dryMultiplier"],
  [{ dryBase: 0 }, "dryBase"],
  [{ dryAllowedLength: 0.5 }, "dryAllowedLength"],
  [{ dryPenaltyLastN: -2 }, "dryPenaltyLastN"],
  [{ dryMultiplier: 1, drySequenceBreakers: [[]] }, "drySequenceBreakers"],
  [{ dryMultiplier: 1, drySequenceBreakers: [[1, -1]] }, "drySequenceBreakers"],
  [{ dryMultiplier: 1, drySequenceBreakers: ["a"] }, "there is no tokenizer"],
  [{ dryMultiplier: 1, drySequenceBreakers: [""] }, "a text of 1 to 100"],
  [{ dryMultiplier: 1, drySequenceBreakers: ["a".repeat(101)] }, "a text of 1 to 100"],
  [{ mirostat: 3 }, "mirostat"],
  [{ mirostatTau: -1 }, "mirostatTau"],
  [{ mirostatEta: Infinity }, "mirostatEta"],
  [{ mirostat: 2, order: ["mirostat", "temperature"] }, "one that ends on mirostat"],
  [{ mirostat: 1, order: ["topK"] }, "one that ends on mirostat"],
  [{ bannedTokens: [-1] }, "bannedTokens"],
  [{ forcedTokens: [0.5] }, "forcedTokens"],
  [{ forcedTokens: [4], bannedTokens: [4] }, "forcedTokens"],
  [{ order: ["topK", "topK"] }, "order"],
  [{ bannedTokens: "1" as unknown as [] }, '"bannedTokens": 1 is not a list of token ids'],
  [{ order: "topK" as unknown as [] }, '"order": topK is not a list'],
  [{ order: ["topQ" as SamplerName] }, "a function, or one of penalties, dry"],
];

for (const [options, mention] of REFUSED) {
  Deno.test(`refused: ${Object.entries(options).join(" ")}`, () => {
    assertThrows(() => new Sampler(options), ArgumentError, mention);
  });
}

Deno.test("a bias beyond the vocabulary is refused", () => {
  const sampler = new Sampler({ logitBias: { 9: 1 } });
  assertThrows(() => sampler.sample(new Float32Array(3)), ArgumentError, "below 3");
});
