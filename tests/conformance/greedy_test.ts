/** What SmolLM2 goes on with, beside exact math on its weights. @module */

import { assert, assertEquals } from "@std/assert";
import { Model } from "../../mod.ts";
import { sharedTest } from "../support.ts";
import { packCases, packJson, SMOLLM2, strays } from "./pack.ts";

interface GreedyCase {
  kind: "greedy";
  id: string;
  index: number;
  mode: "raw" | "chat";
  tol: { near_tie_margin: number };
}

interface Expected {
  prompt: string;
  text: string;
  ids: number[];
  greedy_exact: number[];
  margin_exact: number[];
  greedy_llamacpp: number[];
  margin_llamacpp: number[];
}

sharedTest("conformance: greedy, q8_activations", SMOLLM2, async (path, t) => {
  using model = await Model.load(path, { context: 256, threads: 2 });
  for (const { id, index, mode, tol } of packCases<GreedyCase>("greedy")) {
    await t.step(`${id}, ${mode}`, async () => {
      const expected = packJson<Expected[]>("smollm2/greedy.json")[index]!;
      using session = model.session({ temperature: 0 });
      const options = { maxTokens: 64, ignoreEos: true };
      const generation = mode === "raw"
        ? session.generate(expected.prompt, options)
        : session.chat([{ role: "user", content: expected.prompt }], options);
      const { promptTokens, tokens, rendered, finishReason } = await generation.result;
      assertEquals(promptTokens, expected.ids);
      if (mode === "chat") assertEquals(rendered, expected.text);
      assertEquals(finishReason, "length");
      const { greedy_exact, margin_exact, greedy_llamacpp, margin_llamacpp } = expected;
      const wrong = [
        strays(tokens, { tokens: greedy_exact, margins: margin_exact }, tol.near_tie_margin),
        strays(tokens, { tokens: greedy_llamacpp, margins: margin_llamacpp }, tol.near_tie_margin),
      ];
      assert(wrong.includes(undefined), wrong.join("; beside llama.cpp: "));
    });
  }
});
