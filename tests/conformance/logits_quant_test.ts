/** Logits of one random model in each usual quantisation, beside exact math. @module */

import { assert, assertEquals } from "@std/assert";
import { Model } from "../../mod.ts";
import { skip } from "../support.ts";
import { distance, packCases, packFloats, packJson, packPath, strays } from "./pack.ts";

interface Bounds {
  max_abs: number;
  min_cos: number;
  mean_kl?: number;
}

interface QuantCase {
  kind: "logits_quant";
  id: string;
  type: string;
  gguf: string;
  expected: string;
  tol: { f32_activations: Bounds; q8_activations: Bounds; near_tie_margin: number };
}

interface Expected {
  tokens: number[];
  vocab: number;
  logits_exact: string;
  greedy_exact: number[];
  greedy_exact_margin: number[];
}

/** Weights of these types meet float activations; all others meet activations of 8 bits. */
const FLOATS = new Set(["F32", "F16", "BF16"]);

const cases = packCases<QuantCase>("logits_quant");
if (cases.length === 0) skip("conformance: logits_quant", "there is no pack in CRIA_SHARED");

for (const { id, type, gguf, expected: path, tol } of cases) {
  const activations = FLOATS.has(type) ? "f32_activations" : "q8_activations";
  Deno.test(`conformance: ${id}, ${activations}`, async () => {
    const expected = packJson<Expected>(path), { tokens, vocab } = expected;
    using model = await Model.load(packPath(gguf), { threads: 2 });
    const exact = packFloats(`${path.slice(0, path.lastIndexOf("/"))}/${expected.logits_exact}`);
    const { maxAbs, minCos, meanKl } = distance(await model.logits(tokens), exact, vocab);
    const { max_abs, min_cos, mean_kl = Infinity } = tol[activations];
    assert(maxAbs <= max_abs, `a logit is off by ${maxAbs}, at most ${max_abs}`);
    assert(minCos >= min_cos, `a cosine is ${minCos}, at least ${min_cos}`);
    assert(meanKl <= mean_kl, `the mean divergence is ${meanKl}, at most ${mean_kl}`);

    using session = model.session({ temperature: 0 });
    const { tokens: greedy } = await session.generate(tokens, { maxTokens: 32, ignoreEos: true })
      .result;
    const reference = { tokens: expected.greedy_exact, margins: expected.greedy_exact_margin };
    assertEquals(strays(greedy, reference, tol.near_tie_margin), undefined);
  });
}
