/** Sampling chains against numpy in double precision. @module */

import { assert, assertEquals } from "@std/assert";
import { Sampler, type SamplerOptions } from "../../src/sampling/sampler.ts";
import { sharedFolder, skip } from "../support.ts";
import type { SamplerName } from "../../src/sampling/chain.ts";

const TOLERANCE = 2e-6;

interface Step {
  name: "penalties" | "top_k" | "top_p" | "min_p" | "temp";
  [number: string]: number | string;
}

interface Case {
  id: string;
  logits: string;
  prev_tokens: number[];
  chain: Step[];
  n_kept: number;
  top_ids: number[];
  top_probs: number[];
  full_probs?: string;
}

const NAMES = {
  penalties: "penalties",
  top_k: "topK",
  top_p: "topP",
  min_p: "minP",
  temp: "temperature",
} as const satisfies Record<Step["name"], SamplerName>;

const OFF: SamplerOptions = { temperature: 1, topK: 0, topP: 1, minP: 0 };

function optionsOf(chain: Step[]): SamplerOptions {
  const options: Record<string, number> = {};
  for (const step of chain) {
    const number = (key: string) => Number(step[key]);
    if (step.name === "penalties") {
      options.penaltyLastN = number("last_n");
      options.repeatPenalty = number("repeat");
      options.frequencyPenalty = number("freq");
      options.presencePenalty = number("present");
    } else {
      options[NAMES[step.name]] = number(
        { top_k: "k", top_p: "p", min_p: "p", temp: "t" }[step.name],
      );
    }
  }
  return { ...OFF, ...options, order: chain.map((step) => NAMES[step.name]) };
}

function readFloats(path: string): Float32Array {
  return new Float32Array(Deno.readFileSync(path).buffer);
}

/** Registers the test of one case. */
function testCase(folder: string, entry: Case): void {
  Deno.test(`sampling ${entry.id}: ${JSON.stringify(entry.chain)}`, () => {
    const { tokens, probabilities } = new Sampler(optionsOf(entry.chain)).distribution(
      readFloats(`${folder}/${entry.logits}`),
      entry.prev_tokens,
    );
    assertEquals(tokens.length, entry.n_kept);
    const found = new Map([...tokens].map((token, at) => [token, probabilities[at]!]));
    const check = (token: number, expected: number, otherwise: number) => {
      const difference = Math.abs((found.get(token) ?? otherwise) - expected);
      assert(difference <= TOLERANCE, `token ${token}: off by ${difference}`);
    };
    entry.top_ids.forEach((token, at) => check(token, entry.top_probs[at]!, NaN));
    if (entry.full_probs === undefined) return;
    readFloats(`${folder}/${entry.full_probs}`).forEach((p, token) => check(token, p, 0));
  });
}

const shared = sharedFolder();
if (shared === undefined) skip("sampling", "there is no CRIA_SHARED");
else {
  const folder = `${shared}/conformance`;
  const cases: Case[] = JSON.parse(Deno.readTextFileSync(`${folder}/sampling/cases.json`));
  for (const entry of cases) testCase(folder, entry);
}
