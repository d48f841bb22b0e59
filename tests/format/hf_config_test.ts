/** `config.json` in both spellings, and what stands beside it, as GGUF's keys. @module */

import { assertAlmostEquals, assertEquals } from "@std/assert";
import { openGguf } from "../../src/format/gguf.ts";
import { openSafetensors } from "../../src/format/safetensors.ts";
import { readConfig } from "../../src/model/config.ts";
import { modelSource } from "../../src/model/hf_names.ts";
import { ropeFrequencies, RopeTable } from "../../src/model/rope.ts";
import { readSmallTensor } from "../../src/model/model_tensor.ts";
import { sharedTest } from "../support.ts";
import { folderOf, safetensorsBytes } from "./safetensors_bytes.ts";

/** The metadata of a folder with these files and no tensors. */
async function metadataOf(files: Record<string, string | object>) {
  await using folder = await folderOf({ ...files, "model.safetensors": safetensorsBytes([]) });
  using file = await openSafetensors(folder.path);
  return file.metadata;
}

const BASE = { model_type: "llama", hidden_size: 64, num_attention_heads: 4 };

Deno.test("config.json: the old and the new spelling of RoPE say the same", async () => {
  const yarn = { factor: 4, original_max_position_embeddings: 64, beta_fast: 16 };
  const old = { ...BASE, rope_theta: 5e5, rope_scaling: { type: "yarn", ...yarn } };
  const late = { ...BASE, rope_parameters: { rope_theta: 5e5, rope_type: "yarn", ...yarn } };
  const found = await metadataOf({ "config.json": old });
  assertEquals(found, await metadataOf({ "config.json": late }));
  assertEquals(found.get("llama.rope.freq_base"), 5e5);
  assertEquals(found.get("llama.rope.scaling.type"), "yarn");
  assertEquals(found.get("llama.rope.scaling.yarn_beta_fast"), 16);
});

Deno.test("config.json: yarn's attention factor is the one that transformers takes", async () => {
  const factorOf = async (more: object) => {
    const rope_scaling = { rope_type: "yarn", factor: 4, ...more };
    const found = await metadataOf({ "config.json": { ...BASE, rope_scaling } });
    return Number(found.get("llama.rope.scaling.attn_factor")) * (1 + 0.1 * Math.log(4));
  };
  assertAlmostEquals(await factorOf({ attention_factor: 1.5 }), 1.5, 1e-12);
  const quotient = (1 + 0.1 * 0.7 * Math.log(4)) / (1 + 0.1 * 2 * Math.log(4));
  assertAlmostEquals(await factorOf({ mscale: 0.7, mscale_all_dim: 2 }), quotient, 1e-12);
});

Deno.test("config.json: a window counts unless the config turns it off", async () => {
  const windowOf = async (more: object) => {
    const config = { ...BASE, model_type: "mistral", sliding_window: 8, ...more };
    return (await metadataOf({ "config.json": config })).get("llama.attention.sliding_window");
  };
  assertEquals(await windowOf({}), 8);
  assertEquals(await windowOf({ sliding_window: null }), 0);
  assertEquals(await windowOf({ use_sliding_window: false }), 0);
  assertEquals(await windowOf({ layer_types: ["full_attention"] }), 0);
  assertEquals(await windowOf({ sliding_window: undefined }), undefined);
});

Deno.test("chat templates: one text, several with names, a file of its own", async () => {
  const of = async (chat_template: unknown, files = {}) => {
    const found = await metadataOf({ "tokenizer_config.json": { chat_template }, ...files });
    return ["", ".tool_use"].map((name) => found.get(`tokenizer.chat_template${name}`));
  };
  assertEquals(await of("a"), ["a", undefined]);
  const list = [{ name: "tool_use", template: "t" }, { name: "default", template: "d" }];
  assertEquals(await of(list), ["d", "t"]);
  assertEquals(await of("a", { "chat_template.jinja": "j" }), ["j", undefined]);
  assertEquals(await of(undefined, { "chat_template.json": { chat_template: "p" } }), [
    "p",
    undefined,
  ]);
  const more = { "chat_template.jinja": "j", "additional_chat_templates/tool_use.jinja": "u" };
  assertEquals(await of("a", more), ["j", "u"]);
});

Deno.test("special tokens: as texts, as objects, and ends by generation_config.json", async () => {
  const model = { type: "BPE", vocab: { a: 0, b: 1, c: 2, d: 3 }, merges: [] };
  const found = await metadataOf({
    "tokenizer.json": { model, added_tokens: [{ id: 1, content: "b", special: true }] },
    "tokenizer_config.json": { bos_token: "b", eos_token: { content: "c" }, add_bos_token: true },
    "generation_config.json": { eos_token_id: [2, 3], pad_token_id: 3 },
    "config.json": { ...BASE, vocab_size: 6 },
  });
  const ggml = (key: string) => found.get(`tokenizer.ggml.${key}`);
  assertEquals([ggml("bos_token_id"), ggml("eos_token_id"), ggml("add_bos_token")], [1, 2, true]);
  assertEquals(ggml("eos_token_ids"), Int32Array.of(2, 3));
  assertEquals(ggml("padding_token_id"), 3);
  assertEquals(ggml("tokens"), ["a", "b", "c", "d", "[PAD4]", "[PAD5]"]);
  assertEquals(ggml("token_type"), Int32Array.of(1, 3, 1, 1, 5, 5));
});

const MODELS = ["llama-mha", "llama-rope-linear", "llama-rope-yarn", "llama-rope-llama3"];

for (const name of [...MODELS, "mistral-swa", "qwen2-bias-tied", "qwen3-qknorm", "llama-bf16"]) {
  sharedTest(
    `${name}: config.json says what the GGUF says`,
    `conformance/models/${name}`,
    async (folder) => {
      const configs = await Promise.all(
        [openSafetensors(folder), openGguf(`${folder}/${name}.gguf`)].map(async (opening) => {
          using file = await opening;
          const source = modelSource(file);
          return readConfig(source, (tensor) => readSmallTensor(source.tensors.get(tensor)!));
        }),
      );
      const [{ rope, normEpsilon, ...config }, { rope: ropeThere, ...there }] = configs as [
        typeof configs[0],
        typeof configs[0],
      ];
      assertEquals({ ...config, normEpsilon: Math.fround(normEpsilon) }, there);
      assertEquals(rope.pairs, "halves");
      const found = ropeFrequencies(rope), expected = ropeFrequencies(ropeThere);
      found.forEach((one, i) => assertAlmostEquals(one / expected[i]!, 1, 2e-7)); // factors are f32
      assertAlmostEquals(new RopeTable(rope).magnitude, new RopeTable(ropeThere).magnitude, 1e-7);
    },
  );
}
