/** Samplers against llama.cpp's own: what they leave, and what mirostat learns. @module */

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { openGguf } from "../../src/format/gguf.ts";
import type { SamplerName } from "../../src/sampling/chain.ts";
import { nextMu } from "../../src/sampling/mirostat.ts";
import { Sampler, type SamplerOptions } from "../../src/sampling/sampler.ts";
import { spellingsOf } from "../../src/session/breakers.ts";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { isThere, ROOT, skip } from "../support.ts";
import golden from "./golden.json" with { type: "json" };

const SIZE = 120;
const OFF: SamplerOptions = { temperature: 1, topK: 0, topP: 1, minP: 0, seed: 1 };
const MODEL = `${ROOT}/models/story.gguf`;

/** Numbers between spaces. */
function numbersOf(text: string): number[] {
  return text === "" ? [] : text.split(" ").map(Number);
}

/** The same numbers as in make_golden.py. */
function logitsOf(seed: number): Float32Array {
  let state = seed;
  const next = () => (state = state * 48271 % 0x7fffffff) / 0x7fffffff;
  return Float32Array.from({ length: SIZE }, (_, at) => {
    const logit = 12 * (next() + next() + next() - 1.5);
    return at % 9 === 0 ? Math.round(logit) : logit;
  });
}

for (const { seed, options, ...left } of golden.chains) {
  const { order, ...numbers } = options;
  const text = Object.entries(numbers).map((pair) => pair.join(" ")).join(", ");
  Deno.test(`llama.cpp leaves the same: ${text}`, () => {
    const sampler = new Sampler({ ...OFF, ...numbers, order: order as SamplerName[] });
    const { tokens: ids, probabilities: shares } = sampler.distribution(logitsOf(seed));
    const found = new Map([...ids].map((token, at) => [token, shares[at]!]));
    const [tokens, probabilities] = [numbersOf(left.tokens), numbersOf(left.probabilities)];
    assertEquals([...found.keys()].sort((a, b) => a - b), tokens);
    tokens.forEach((token, at) =>
      assertAlmostEquals(found.get(token)!, probabilities[at]!, 2e-6, `token ${token}`)
    );
  });
}

for (const { seed, options, steps } of golden.mirostat) {
  Deno.test(`llama.cpp learns the same: ${JSON.stringify(options)}`, () => {
    let mu = 2 * options.mirostatTau;
    steps.forEach((step, at) => {
      const [left, token, likely, after] = numbersOf(step);
      // A sampler of the same mu: it starts at 2 tau, which the rest of its options do not change.
      const sampler = new Sampler({ ...OFF, ...options, mirostatTau: mu / 2 });
      const { tokens, probabilities } = sampler.distribution(logitsOf(seed + at));
      assertEquals(tokens.length, left, `token ${at} at mu ${mu}`);
      const p = probabilities[tokens.indexOf(token!)]!;
      assertAlmostEquals(p, likely!, 2e-6);
      mu = nextMu(mu, p, options);
      assertAlmostEquals(mu, after!, 1e-5);
      mu = after!;
    });
  });
}

for (const version of [1, 2]) {
  Deno.test(`mirostat ${version} learns from each token that it chooses, and from no look`, () => {
    const options = { ...OFF, mirostat: version, mirostatTau: 3, mirostatEta: 0.3 };
    const sampler = new Sampler(options);
    let mu = 6;
    for (let at = 0; at < 40; at++) {
      const logits = logitsOf(100 + at);
      const { tokens, probabilities } = sampler.distribution(logits);
      const token = sampler.sample(logits);
      mu = nextMu(mu, probabilities[tokens.indexOf(token)]!, options);
      assertAlmostEquals(sampler.mu, mu, 1e-5);
    }
  });
}

if (!isThere(MODEL)) skip("DRY", "there is no embedded model");
else {
  using file = await openGguf(MODEL);
  const tokenizer = Tokenizer.from(file);
  for (const { breakers, runs, ...rest } of golden.dry) {
    const text = numbersOf(rest.text);
    const title = `${text.length} tokens, ${JSON.stringify(breakers)}`;
    Deno.test(`llama.cpp minds the same repetitions: ${title}`, () => {
      for (const { options, lost } of runs) {
        const all = { ...OFF, ...options, drySequenceBreakers: breakers };
        const found = lostBy(new Sampler(all, spellingsOf(tokenizer)), tokenizer, text);
        const expected = numbersOf(lost);
        assertEquals(found.map(([token]) => token), expected.filter((_, at) => at % 2 === 0));
        found.forEach(([, penalty], at) => {
          const most = expected[2 * at + 1]!;
          if (most < 80) assertAlmostEquals(penalty, most, 2e-4);
          else assert(penalty > 80); // what is lost beyond that leaves no share
        });
      }
    });
  }
}

/** Tokens that are less likely than others behind a text, and by how many nats. */
function lostBy(sampler: Sampler, { vocabularySize }: Tokenizer, text: number[]) {
  const { tokens, probabilities } = sampler.distribution(new Float32Array(vocabularySize), text);
  const lost = [...tokens].map((token, at) => {
    return [token, Math.log(probabilities[0]! / probabilities[at]!)] as const;
  });
  return lost.filter(([, nats]) => nats > 0.001).sort(([a], [b]) => a - b);
}
