/** Benches of sampling: each sampler alone and whole chains, at two sizes of vocabulary. @module */

import { Sampler, type SamplerOptions } from "../src/sampling/sampler.ts";
import { figure, pseudoNumbers, TINY } from "./figures.ts";

const SIZES = TINY ? [100, 300] : [49_152, 151_936];
const DEPTH = TINY ? 20 : 4096; // tokens before

const OFF: SamplerOptions = { temperature: 1, topK: 0, topP: 1, minP: 0, seed: 1 };
const DRY: SamplerOptions = { dryMultiplier: 0.8 };
const PENALTIES: SamplerOptions = { repeatPenalty: 1.1, penaltyLastN: 64 };

/** Chains by name; the last word says how much of the vocabulary is allowed. */
const CHAINS: Readonly<Record<string, readonly [options: SamplerOptions, allowed?: number]>> = {
  "default": [{ seed: 1 }],
  "default, greedy": [{ temperature: 0 }],
  "default, penalties": [{ seed: 1, ...PENALTIES }],
  "default, penalties of all": [{ seed: 1, repeatPenalty: 1.1, penaltyLastN: -1 }],
  "default, penalties, DRY": [{ seed: 1, ...PENALTIES, ...DRY }],
  "default, 20 allowed": [{ seed: 1 }, 20 / 150_000],
  "default, half allowed": [{ seed: 1 }, 0.5],
  "default, nearly all allowed": [{ seed: 1 }, 0.999],
  "everything, half allowed": [
    { seed: 1, ...PENALTIES, ...DRY, topNSigma: 2, typicalP: 0.95, xtcProbability: 0.5 },
    0.5,
  ],
  "top-k 40 alone": [{ ...OFF, topK: 40 }],
  "top-k 1000 alone": [{ ...OFF, topK: 1000 }],
  "top-p 0.95 alone": [{ ...OFF, topP: 0.95 }],
  "min-p 0.05 alone": [{ ...OFF, minP: 0.05 }],
  "typical 0.95 alone": [{ ...OFF, typicalP: 0.95 }],
  "top-nσ 1 alone": [{ ...OFF, topNSigma: 1 }],
  "XTC alone": [{ ...OFF, xtcProbability: 1 }],
  "temperature 0.8 alone": [{ ...OFF, temperature: 0.8 }],
  "dynamic temperature alone": [{ ...OFF, dynatempRange: 0.5 }],
  "mirostat 1": [{ ...OFF, mirostat: 1 }],
  "mirostat 2": [{ ...OFF, mirostat: 2 }],
  "nothing": [OFF],
};

/** Logits like SmolLM2's in running text: a bell, and some tokens that stand out. */
function logitsOf(size: number): Float32Array {
  const number = pseudoNumbers(7);
  const logits = Float32Array.from({ length: size }, () => {
    return 3.3 * Math.sqrt(-2 * Math.log(number() + 1e-12)) * Math.cos(2 * Math.PI * number());
  });
  for (let at = 0; at < 30; at++) logits[Math.floor(number() * size)] = 17.5 - at / 4;
  return logits;
}

/** A set of about this share of the vocabulary. */
function allowedOf(size: number, share: number): Uint32Array {
  const number = pseudoNumbers(9), set = new Uint32Array(Math.ceil(size / 32));
  for (let token = 0; token < size; token++) {
    if (number() < share) set[token >> 5]! |= 1 << (token & 31);
  }
  set[0]! |= 1;
  return set;
}

for (const size of SIZES) {
  for (const [name, [options, share]] of Object.entries(CHAINS)) {
    figure({
      group: `sampling of ${size}`,
      name,
      amount: { tokens: 1 },
      baseline: name === "default",
      make: () => {
        const logits = logitsOf(size), number = pseudoNumbers(3);
        const previous = Array.from({ length: DEPTH }, () => Math.floor(number() * size / 50));
        const sampler = new Sampler(options);
        const allowed = share === undefined ? undefined : allowedOf(size, share);
        let token = 0;
        return {
          run: () =>
            void ({ token } = sampler.choose(logits, { previousTokens: previous, allowed })),
          checksum: () => token,
        };
      },
    });
  }
}
