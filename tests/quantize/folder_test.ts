/** Folders in Hugging Face layout as the GGUF files that `quantizeFile` writes of them. @module */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Model, ModelError } from "../../mod.ts";
import { openGguf } from "../../src/format/gguf.ts";
import { openSafetensors } from "../../src/format/safetensors.ts";
import { readConfig } from "../../src/model/config.ts";
import { modelSource } from "../../src/model/hf_names.ts";
import { readSmallTensor } from "../../src/model/model_tensor.ts";
import { quantizeFile, type QuantizeOptions } from "../../src/quantize/quantize.ts";
import { folderModels, openFolder } from "../conformance/folders.ts";
import { distance } from "../conformance/pack.ts";
import type { ModelFile } from "../../src/format/file.ts";

/** The numbers and flags of a file; how rotations are said differs between the formats. */
function configOf(file: ModelFile) {
  const source = modelSource(file);
  const config = readConfig(source, (name) => readSmallTensor(source.tensors.get(name)!));
  const { rope: { base, dims }, localRope, ...rest } = config;
  return { ...rest, base, dims, localBase: localRope?.base };
}

for (const { name, weights, configs: { new: config }, texts } of folderModels) {
  Deno.test(`${name}: a folder and its GGUF are the same model`, async () => {
    for (const weight of weights) {
      await using folder = await openFolder(weight, config);
      const logitsOf = async (path: string, options: Parameters<typeof Model.load>[1] = {}) => {
        const all: Float32Array[] = [];
        for (const { tokens, context } of texts) {
          using model = await Model.load(path, { threads: 2, context, ...options });
          all.push(await model.logits(tokens));
        }
        return all;
      };
      const write = async (type: string, options: Partial<QuantizeOptions> = {}) => {
        const path = `${folder.path}/${type}.gguf`;
        await quantizeFile(folder.path, path, { type, workers: 1, ...options });
        return path;
      };
      const exact = await logitsOf(folder.path);
      using before = await openSafetensors(folder.path);
      using after = await openGguf(await write("BF16"));
      assertEquals(configOf(after), configOf(before));
      // rows in another order add up in another order
      const isTurned = configOf(after).architecture === "llama";
      const same = (found: Float32Array[], expected: Float32Array[]) =>
        found.forEach((logits, i) => {
          if (!isTurned) assertEquals(logits, expected[i]);
          else assert(distance(logits, expected[i]!, config.vocab_size).maxAbs < 2e-5);
        });
      same(await logitsOf(after.path), exact);
      same(await logitsOf(await write("F32")), exact);
      if (isTurned) continue; // nor do they round alike
      for (const quantize of ["Q8_0", "int8"] as const) {
        same(await logitsOf(await write(quantize)), await logitsOf(folder.path, { quantize }));
      }
    }
  });
}

Deno.test("whole matrices of experts share a scale in int8", async () => {
  const { weights, configs } = folderModels.find(({ name }) => name === "qwen3moe")!;
  const sizes = new Set<string>();
  for (const weight of weights) {
    await using folder = await openFolder(weight, configs.new);
    const path = `${folder.path}/out.gguf`, options = { type: "int8", workers: 1 };
    await quantizeFile(folder.path, path, { ...options, scope: "tensor", clipping: "mse" });
    using file = await openGguf(path);
    sizes.add((await file.tensor("blk.1.ffn_up_exps.weight").read()).join());
  }
  assertEquals(sizes.size, 1);
});

Deno.test("what GGUF cannot say is refused, and nothing is written", async () => {
  const { weights: [weight], configs } = folderModels.find(({ name }) => name === "qwen2")!;
  const rope_parameters = { rope_type: "dynamic", factor: 2, rope_theta: 10000 };
  await using folder = await openFolder(weight!, { ...configs.new, rope_parameters });
  const refuses = async (says: string) => {
    const out = `${folder.path}/out.gguf`;
    await assertRejects(() => quantizeFile(folder.path, out, { type: "F16" }), ModelError, says);
    await assertRejects(() => Deno.stat(out), Deno.errors.NotFound);
  };
  await refuses("no dynamic scaling");
  await Deno.writeTextFile(`${folder.path}/config.json`, JSON.stringify(configs.new));
  const model = { type: "Unigram", vocab: [["a", 0]], unk_id: 0 };
  await Deno.writeTextFile(`${folder.path}/tokenizer.json`, JSON.stringify({ model }));
  await refuses('cria writes no model "Unigram"');
  await Deno.remove(`${folder.path}/tokenizer.json`);
  await refuses('there is no "tokenizer.json"');
});

Deno.test("a folder may be stopped while it is written", async () => {
  const { weights: [weight], configs } = folderModels.find(({ name }) => name === "mixtral")!;
  await using folder = await openFolder(weight!, configs.new);
  const stop = new AbortController(), out = `${folder.path}/out.gguf`;
  const onProgress = (done: number) => done > 30000 && stop.abort(new Error("stopped"));
  const options = { type: "Q8_0", workers: 1, signal: stop.signal, onProgress };
  await assertRejects(() => quantizeFile(folder.path, out, options), Error, "stopped");
  const names = Array.from(Deno.readDirSync(folder.path), ({ name }) => name).sort();
  assertEquals(names, ["config.json", "model.safetensors", "tokenizer.json"]);
});
