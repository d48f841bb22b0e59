/** The story model of the pack, as safetensors and quantised, beside exact math. @module */

import { assert, assertEquals } from "@std/assert";
import { Model, quantizeFile } from "../../mod.ts";
import { openGguf } from "../../src/format/gguf.ts";
import { skip } from "../support.ts";
import { distance, packCases, packFloats, packJson, packPath, strays } from "./pack.ts";

interface Tolerance {
  min_cos: number;
  max_abs: number;
}

interface StoryCase {
  kind: "story";
  id: string;
  gguf: string;
  safetensors: string;
  expected: string;
  index: number;
  tol: Tolerance & { gguf_q8_activations: Tolerance };
}

interface Expected {
  prompt: string;
  ids: number[];
  vocab: number;
  logits: string;
  greedy: number[];
  greedy_text: string;
  gguf: { logits_exact: string; greedy_exact: number[]; greedy_exact_margin: number[] };
}

const cases = packCases<StoryCase>("story");
if (cases.length === 0) skip("conformance: story", "there is no pack in CRIA_SHARED");

for (const { id, gguf, safetensors, expected: path, index, tol } of cases) {
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

  Deno.test(`conformance: ${id}, safetensors`, async () => {
    const { prompt, ids, vocab, ...expected } = packJson<Expected[]>(path)[index]!;
    using model = await Model.load(packPath(safetensors), { threads: 2, context: 256 });
    const exact = packFloats(`story/${expected.logits}`);
    const { maxAbs, minCos } = distance(await model.logits(ids), exact, vocab);
    assert(maxAbs <= tol.max_abs, `a logit is off by ${maxAbs}, at most ${tol.max_abs}`);
    assert(minCos >= tol.min_cos, `a cosine is ${minCos}, at least ${tol.min_cos}`);

    using session = model.session({ temperature: 0 });
    const options = { maxTokens: expected.greedy.length, ignoreEos: true };
    const { tokens, promptTokens, text } = await session.generate(prompt, options).result;
    assertEquals([promptTokens, tokens], [ids, expected.greedy]);
    assertEquals(text.replace(/^ /, ""), expected.greedy_text); // which was decoded by itself
  });
}

if (cases.length > 0) {
  Deno.test("conformance: the story goes on alike after quantising its folder", async () => {
    const folder = await Deno.makeTempDir({ prefix: "cria-test-" });
    try {
      for (const { gguf, safetensors, expected: path, index, tol } of cases) {
        const { prompt, ids, vocab, gguf: expected } = packJson<Expected[]>(path)[index]!;
        const out = `${folder}/${index}.gguf`;
        await quantizeFile(packPath(safetensors), out, { type: "Q8_0", workers: 1 });
        using written = await openGguf(out);
        using theirs = await openGguf(packPath(gguf));
        for (const { name, type } of theirs.tensors.values()) { // permuted rows included
          assertEquals(written.tensor(name).type, type);
          assertEquals(await written.tensor(name).read(), await theirs.tensor(name).read(), name);
        }
        using model = await Model.load(out, { threads: 2, context: 256 });
        const exact = packFloats(`story/${expected.logits_exact}`);
        const { maxAbs } = distance(await model.logits(ids), exact, vocab);
        assert(maxAbs <= tol.gguf_q8_activations.max_abs, `a logit is off by ${maxAbs}`);
        using session = model.session({ temperature: 0 });
        const options = { maxTokens: expected.greedy_exact.length, ignoreEos: true };
        const { tokens, promptTokens } = await session.generate(prompt, options).result;
        assertEquals(promptTokens, ids);
        const reference = { tokens: expected.greedy_exact, margins: expected.greedy_exact_margin };
        assertEquals(strays(tokens, reference, tol.gguf_q8_activations.max_abs), undefined);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
