/** The story model of the pack, quantised, beside exact math on its weights. @module */

import { assert, assertEquals } from "@std/assert";
import { Model } from "../../mod.ts";
import { skip } from "../support.ts";
import { distance, packCases, packFloats, packJson, packPath, strays } from "./pack.ts";

interface StoryCase {
  kind: "story";
  id: string;
  gguf: string;
  expected: string;
  index: number;
  tol: { gguf_q8_activations: { min_cos: number; max_abs: number } };
}

interface Expected {
  prompt: string;
  ids: number[];
  vocab: number;
  gguf: { logits_exact: string; greedy_exact: number[]; greedy_exact_margin: number[] };
}

const cases = packCases<StoryCase>("story");
if (cases.length === 0) skip("conformance: story", "there is no pack in CRIA_SHARED");

for (const { id, gguf, expected: path, index, tol } of cases) {
  Deno.test(`conformance: ${id}, q8_activations`, async () => {
    const { prompt, ids, vocab, gguf: expected } = packJson<Expected[]>(path)[index]!;
    using model = await Model.load(packPath(gguf), { threads: 2, context: 256 });
    using session = model.session({ temperature: 0 });
    const exact = packFloats(`story/${expected.logits_exact}`);
    const { maxAbs, minCos } = distance(await model.logits(ids), exact, vocab);
    const { max_abs, min_cos } = tol.gguf_q8_activations;
    assert(maxAbs <= max_abs, `a logit is off by ${maxAbs}, at most ${max_abs}`);
    assert(minCos >= min_cos, `a cosine is ${minCos}, at least ${min_cos}`);

    const options = { maxTokens: expected.greedy_exact.length, ignoreEos: true };
    const { tokens, promptTokens } = await session.generate(prompt, options).result;
    assertEquals(promptTokens, ids);
    const reference = { tokens: expected.greedy_exact, margins: expected.greedy_exact_margin };
    assertEquals(strays(tokens, reference, max_abs), undefined); // no margin is given for the GGUF
  });
}
