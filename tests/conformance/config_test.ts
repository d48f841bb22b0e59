/** Configs of the conformance models, beside what their config.json says. @module */

import { assertEquals } from "@std/assert";
import { openGguf } from "../../src/format/gguf.ts";
import type { ModelFile } from "../../src/format/file.ts";
import { type ModelConfig, readConfig } from "../../src/model/config.ts";
import { sharedTest } from "../support.ts";

/** The fields of a config.json that are looked at. */
interface Original {
  model_type: string;
  hidden_size: number;
  num_attention_heads: number;
  num_key_value_heads: number;
  intermediate_size: number;
  vocab_size: number;
  num_hidden_layers: number;
  max_position_embeddings: number;
  tie_word_embeddings: boolean;
  rms_norm_eps: number;
  rope_theta?: number;
  rope_parameters?: { rope_theta: number };
  sliding_window?: number | null;
}

/** Reads a small tensor of floats. */
function floats(file: ModelFile, name: string): Float32Array {
  const { path, offset, bytes } = file.tensor(name);
  return new Float32Array(Deno.readFileSync(path).slice(offset, offset + bytes).buffer);
}

async function configOf(path: string): Promise<ModelConfig> {
  using file = await openGguf(path);
  return readConfig(file, (name) => floats(file, name));
}

const MODELS = [
  "llama-mha",
  "llama-gqa-tied",
  "llama-gqa-500k-sharded",
  "llama-rope-linear",
  "llama-rope-yarn",
  "llama-rope-llama3",
  "llama-bf16",
  "mistral-swa",
  "mixtral-moe",
  "qwen2-bias-tied",
  "qwen3-qknorm",
];

for (const name of MODELS) {
  sharedTest(`config of ${name}`, `conformance/models/${name}`, async (folder) => {
    const original: Original = JSON.parse(Deno.readTextFileSync(`${folder}/config.json`));
    const config = await configOf(`${folder}/${name}.gguf`);
    assertEquals(
      [
        config.layerCount,
        config.dim,
        config.headCount,
        config.kvHeadCount,
        config.feedForwardDim,
        config.vocabularySize,
        config.contextLength,
        config.tied,
        config.rope.base,
        config.normEpsilon,
        config.slidingWindow,
      ],
      [
        original.num_hidden_layers,
        original.hidden_size,
        original.num_attention_heads,
        original.num_key_value_heads,
        original.intermediate_size,
        original.vocab_size,
        original.max_position_embeddings,
        original.tie_word_embeddings,
        original.rope_theta ?? original.rope_parameters?.rope_theta,
        Math.fround(original.rms_norm_eps),
        original.sliding_window ?? undefined,
      ],
    );
    assertEquals(config.qkvBias, original.model_type === "qwen2");
    assertEquals(config.qkNorm, original.model_type === "qwen3");
  });
}

sharedTest("rope scaling is read", "conformance/models", async (folder) => {
  const rope = async (name: string) => (await configOf(`${folder}/${name}/${name}.gguf`)).rope;
  assertEquals((await rope("llama-rope-linear")).scaling, { kind: "linear", factor: 4 });
  const { scaling } = await rope("llama-rope-yarn");
  assertEquals(scaling.kind === "yarn" && [scaling.factor, scaling.originalContext], [4, 64]);
  const { factors, dims } = await rope("llama-rope-llama3");
  assertEquals([factors?.length, factors?.[0], factors?.at(-1)], [dims / 2, 1, 8]);
});

sharedTest("experts are counted", "conformance/models", async (folder) => {
  const { experts } = await configOf(`${folder}/mixtral-moe/mixtral-moe.gguf`);
  assertEquals(experts, { count: 4, used: 2, normalised: true });
});
