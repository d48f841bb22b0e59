/** Tests of the bit set of allowed tokens: against logits that are -Infinity elsewhere. @module */

import { assertEquals, assertThrows } from "@std/assert";
import { CriaError } from "../../src/errors.ts";
import { countAllowed } from "../../src/sampling/allowed.ts";
import { Random } from "../../src/sampling/random.ts";
import { Sampler, type SamplerOptions } from "../../src/sampling/sampler.ts";

const OFF: SamplerOptions = { temperature: 1, topK: 0, topP: 1, minP: 0 };

function setOf(tokens: Iterable<number>, size: number): Uint32Array {
  const set = new Uint32Array(Math.ceil(size / 32));
  for (const token of tokens) set[token >> 5]! |= 1 << (token & 31);
  return set;
}

const CHAINS: readonly SamplerOptions[] = [
  {},
  OFF,
  { temperature: 0 },
  { ...OFF, topP: 0.9 },
  { ...OFF, minP: 0.01, repeatPenalty: 1.3 },
  { ...OFF, typicalP: 0.8, presencePenalty: 1 },
  { topK: 300, frequencyPenalty: 0.5, logitBias: { 3: 4, 31: -Infinity, 32: 2, 96: 1, 999: 3 } },
];

for (const share of [0.001, 0.01, 0.05, 0.2, 0.5, 0.99, 1]) {
  Deno.test(`a set of ${share} of the vocabulary is as good as -Infinity elsewhere`, () => {
    const random = new Random(Math.round(share * 1000));
    for (const size of [1000, 1024, 1025, 1031]) {
      const logits = Float32Array.from({ length: size }, () => 12 * random.next() - 6);
      const is = logits.map((_, token) => Number(token === 7 || random.next() < share));
      const allowed = setOf([...logits.keys()].filter((token) => is[token]), size);
      const masked = logits.map((logit, token) => is[token] ? logit : -Infinity);
      assertEquals(countAllowed(allowed, size), is.reduce((sum, one) => sum + one));
      for (const options of CHAINS) {
        const previous = [7, 7, 500, 999];
        const sampler = () => new Sampler({ ...options, seed: 2 });
        assertEquals(
          sampler().distribution(logits, previous, allowed),
          sampler().distribution(masked, previous),
        );
        const token = sampler().sample(logits, previous, allowed);
        assertEquals(token, sampler().sample(masked, previous));
        assertEquals(is[token], 1);
      }
    }
  });
}

Deno.test("a set may end before the vocabulary does, or behind it", () => {
  const logits = Float32Array.from({ length: 70 }, (_, token) => token);
  const sample = (...words: number[]) =>
    new Sampler({ temperature: 0 }).sample(logits, [], Uint32Array.from(words));
  assertEquals(sample(0xffffffff), 31);
  assertEquals(sample(1), 0);
  assertEquals(sample(0x80000001), 31);
  assertEquals(sample(0xffffffff, 0xffffffff), 63);
  assertEquals(sample(0, 0, 0xffffffff, 0xffffffff), 69); // bits without a token are no tokens
});

Deno.test("where nothing is allowed, or nothing that can be, the error says so", () => {
  const sampler = new Sampler();
  const logits = Float32Array.of(1, NaN, -Infinity);
  for (const allowed of [new Uint32Array(1), new Uint32Array(0), Uint32Array.of(0b11111000)]) {
    assertThrows(() => sampler.sample(logits, [], allowed), CriaError, "none of 3 is allowed");
    assertThrows(() => sampler.distribution(logits, [], allowed), CriaError, "none of 3");
  }
  assertThrows(() => sampler.sample(logits, [], Uint32Array.of(6)), CriaError, "none of 2 logits");
});

Deno.test("logits stay as they are under a set", () => {
  const logits = Float32Array.from({ length: 64 }, (_, token) => token);
  const before = logits.slice();
  const sampler = new Sampler({ ...OFF, logitBias: { 3: 1 }, repeatPenalty: 2, seed: 1 });
  for (const word of [0x10, 0xfffffff0]) sampler.sample(logits, [4], Uint32Array.of(word, word));
  assertEquals(logits, before);
});
