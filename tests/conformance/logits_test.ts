/** Logits of the pack's random models: exact weights, float activations. @module */

import { assert, assertEquals, assertLess } from "@std/assert";
import { Model } from "../../mod.ts";
import { skip } from "../support.ts";
import { distance, packCases, packFloats, packJson, packPath, strays } from "./pack.ts";

interface LogitsCase {
  kind: "logits";
  id: string;
  arch: string;
  dir: string;
  gguf: string;
  safetensors: string;
  expected: string;
  tol: { max_abs: number; min_cos: number; near_tie_margin: number };
}

interface Greedy {
  greedy: number[];
  greedy_margin: number[];
}

interface Expected extends Greedy {
  tokens: number[];
  vocab: number;
  full_attention?: Greedy & { logits: string };
}

/** A model and what it is held to. */
export async function checkModel(
  { dir, expected: path, tol }: LogitsCase,
  file: string,
  load: typeof Model.load = Model.load,
): Promise<void> {
  const expected = packJson<Expected>(path), { tokens, vocab } = expected;
  using model = await load(packPath(file), { threads: 2 });
  assertEquals(model.kv, "f32"); // the cache is as exact as the weights
  const found = await model.logits(tokens);
  const { maxAbs, minCos } = distance(found, packFloats(`${dir}/logits.f32`), vocab);
  assert(maxAbs <= tol.max_abs, `a logit is off by ${maxAbs}, at most ${tol.max_abs}`);
  assert(minCos >= tol.min_cos, `a cosine is ${minCos}, at least ${tol.min_cos}`);
  const reference = { tokens: expected.greedy, margins: expected.greedy_margin };
  assertEquals(
    strays(await greedyTokens(model, tokens), reference, tol.near_tie_margin),
    undefined,
  );
}

/** What a model goes on with; the end of a text does not stop it. */
async function greedyTokens(model: Model, tokens: readonly number[]): Promise<readonly number[]> {
  using session = model.session({ temperature: 0 });
  const options = { maxTokens: 32, ignoreEos: true };
  return (await session.generate(tokens, options).result).tokens;
}

const cases = packCases<LogitsCase>("logits");
if (cases.length === 0) skip("conformance: logits", "there is no pack in CRIA_SHARED");

for (const one of cases) {
  Deno.test(`conformance: ${one.id}, f32_activations`, () => checkModel(one, one.gguf));
  Deno.test(`conformance: ${one.id}, safetensors`, () => checkModel(one, one.safetensors));
}

Deno.test({
  name: "conformance: the measure of logits finds a window that is one position wrong",
  ignore: cases.length === 0,
  fn: () => {
    const windowed = packFloats("models/mistral-swa/logits.f32");
    const full = packFloats("models/mistral-swa/logits_full_attention.f32");
    const { maxAbs, minCos } = distance(windowed, full, 320);
    assertLess(1, maxAbs);
    assertLess(minCos, 0.9);
    const reference = { tokens: [1, 2, 3], margins: [1, 0.1, 1] };
    assertEquals(strays([1, 9, 9], reference, 0.2), undefined);
    assert(strays([9, 2, 3], reference, 0.2));
    assert(strays([1, 2], reference, 0.2));
  },
});
