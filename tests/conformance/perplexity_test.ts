/** How near SmolLM2 comes to exact math on its weights: perplexity, and divergence. @module */

import { assert, assertEquals, assertLess } from "@std/assert";
import { dequantize, Model } from "../../mod.ts";
import { sharedTest } from "../support.ts";
import { distance, logSumExp, packCases, packJson, SMOLLM2 } from "./pack.ts";

interface PerplexityCase {
  kind: "perplexity";
  id: string;
  expected: string;
  tol: { rel_mean_nll: number };
}

interface Expected {
  ids: number[];
  chunks: {
    start: number;
    n_tokens: number;
    nll_exact: number[];
    per_token_abs_diff_llamacpp_vs_exact: { mean: number };
  }[];
  mean_nll_exact: number;
}

interface Greedy {
  ids: number[];
  greedy_exact: number[];
  teacher_forced: { llamacpp_vs_exact: { mean_kl: number } };
}

/** -ln p of each token of a text but the first, in an empty context. */
async function surprises(model: Model, tokens: readonly number[]): Promise<number[]> {
  const { vocabularySize } = model.config, found: number[] = [];
  for await (const { first, rows, logits } of model.logitRows(tokens)) {
    for (let row = 0; row < rows && first + row + 1 < tokens.length; row++) {
      const one = logits.subarray(row * vocabularySize, (row + 1) * vocabularySize);
      found.push(logSumExp(one) - one[tokens[first + row + 1]!]!);
    }
  }
  return found;
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length;

sharedTest("conformance: perplexity, q8_activations", SMOLLM2, async (path, t) => {
  using model = await Model.load(path, { threads: 2 });
  for (const { id, expected: file, tol } of packCases<PerplexityCase>("perplexity")) {
    await t.step(id, async () => {
      const { ids, chunks, mean_nll_exact } = packJson<Expected>(file);
      const found: number[] = [], distances: number[] = [], theirs: number[] = [];
      for (const { start, n_tokens, nll_exact, ...chunk } of chunks) {
        const nll = await surprises(model, ids.slice(start, start + n_tokens));
        assertEquals(nll.length, nll_exact.length);
        found.push(...nll);
        distances.push(...nll.map((value, index) => Math.abs(value - nll_exact[index]!)));
        theirs.push(chunk.per_token_abs_diff_llamacpp_vs_exact.mean);
      }
      const off = Math.abs(mean(found) / mean_nll_exact - 1);
      assert(off <= tol.rel_mean_nll, `the mean is off by ${off}, at most ${tol.rel_mean_nll}`);
      // Token by token, 8-bit activations cost what they cost llama.cpp.
      assertLess(mean(distances), 1.1 * mean(theirs));
    });
  }
});

/** The exact logits of the first greedy case: stored hidden states times the output matrix. */
function exactLogits(model: Model, greedy: Greedy): Float64Array {
  const source = new URL("exact.json", import.meta.url);
  const { rows, dim, hidden } = JSON.parse(Deno.readTextFileSync(source));
  const h = new Float32Array(Uint8Array.fromBase64(hidden).buffer); // [rows, dim]
  const { path, offset, bytes, type } = model.file.tensor("token_embd.weight"); // tied
  using handle = Deno.openSync(path);
  handle.seekSync(offset, Deno.SeekMode.Start);
  const data = new Uint8Array(bytes);
  assertEquals(handle.readSync(data), bytes);
  const weights = dequantize(type, data), vocabulary = weights.length / dim;
  const logits = new Float64Array(rows * vocabulary);
  for (let token = 0; token < vocabulary; token++) {
    const weight = weights.subarray(token * dim, (token + 1) * dim);
    for (let row = 0; row < rows; row++) {
      let sum = 0;
      for (let i = 0; i < dim; i++) sum += weight[i]! * h[row * dim + i]!;
      logits[row * vocabulary + token] = sum;
    }
  }
  assertEquals(rows, greedy.greedy_exact.length);
  return logits;
}

sharedTest("conformance: divergence from exact math, q8_activations", SMOLLM2, async (path) => {
  using model = await Model.load(path, { context: 256, threads: 2 });
  const greedy = packJson<Greedy[]>("smollm2/greedy.json")[0]!;
  const { ids, greedy_exact, teacher_forced: { llamacpp_vs_exact: theirs } } = greedy;
  const exact = exactLogits(model, greedy), { vocabularySize } = model.config;
  for (const [row, token] of greedy_exact.entries()) { // the golden data are what they should be
    const logits = exact.subarray(row * vocabularySize, (row + 1) * vocabularySize);
    assertEquals(logits.reduce((best, x, i) => x > logits[best]! ? i : best, 0), token);
  }
  const found = await model.logits([...ids, ...greedy_exact.slice(0, -1)]);
  const { meanKl } = distance(found.subarray(-exact.length), exact, vocabularySize);
  assertLess(meanKl, theirs.mean_kl);
});
