/** Logits of tiny random models in Hugging Face layout, under both spellings of configs. @module */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Model, ModelError } from "../../mod.ts";
import { folderOf, safetensorsBytes, tensorsOf } from "../format/safetensors_bytes.ts";
import { folderBytes, type FolderModel, folderModels, FOLDERS, openFolder } from "./folders.ts";
import { distance } from "./pack.ts";

/** The last logits of a folder, for one of its texts. */
async function logitsOf(
  path: string,
  { vocab_size }: { vocab_size: number },
  { tokens, context, kept }: FolderModel["texts"][number],
  options: Parameters<typeof Model.load>[1] = {},
) {
  using model = await Model.load(path, { threads: 2, context, ...options });
  return { logits: (await model.logits(tokens)).slice(-kept * vocab_size), ...model.memory() };
}

for (const { name, weights, configs, texts } of folderModels) {
  Deno.test(`conformance: ${name} from a folder, in both spellings`, async () => {
    const found = new Set<string>();
    for (const config of Object.values(configs)) {
      for (const file of weights) {
        await using folder = await openFolder(file, config);
        for (const text of texts) {
          const expected = new Float32Array(Deno.readFileSync(`${FOLDERS}/${text.logits}`).buffer);
          const { logits, mappedBytes, convertedBytes } = await logitsOf(
            folder.path,
            config,
            text,
          );
          const { maxAbs, minCos } = distance(logits, expected, config.vocab_size);
          assert(maxAbs <= 2e-4, `a logit of ${file} is off by ${maxAbs}`);
          assert(minCos >= 0.999999, `a cosine of ${file} is ${minCos}`);
          const inChunks = await logitsOf(folder.path, config, text, { chunkRows: 7 });
          assertEquals(inChunks.logits, logits);
          found.add(`${text.logits} ${logits}`);
          assertEquals(mappedBytes, folderBytes(file).length);
          assert(convertedBytes < mappedBytes / 8); // norms and biases: experts lie where they are
        }
      }
    }
    assertEquals(found.size, texts.length); // spellings and kinds of stacks do not matter
  });
}

const named = (name: string) => folderModels.find((one) => one.name === name)!;

for (const quantize of ["Q8_0", "int8", "Q4_0"] as const) {
  Deno.test(`folders may be quantised to ${quantize} while they are loaded`, async () => {
    for (const { name, weights, configs: { new: config }, texts: [text] } of folderModels) {
      const results: Float32Array[] = [];
      for (const file of weights) {
        await using folder = await openFolder(file, config);
        const exact = await logitsOf(folder.path, config, text!);
        const { logits } = await logitsOf(folder.path, config, text!, { quantize });
        const { minCos } = distance(logits, exact.logits, config.vocab_size);
        // four bits are too few for random weights to choose the same experts
        const least = quantize !== "Q4_0" ? 0.98 : weights.length > 1 ? -1 : 0.7;
        assert(minCos >= least, `${name}: a cosine is ${minCos}`);
        results.push(logits);
      }
      for (const other of results) assertEquals(other, results[0]);
    }
  });
}

Deno.test("experts of a block in two files are copied, the others lie where they are", async () => {
  const { weights: [file], configs: { new: config }, texts: [text] } = named("mixtral");
  const tensors = tensorsOf(folderBytes(file!));
  await using whole = await openFolder(file!, config);
  const expected = await logitsOf(whole.path, config, text!);
  const isSecond = ({ name }: { name: string }) =>
    name.includes("layers.1.block_sparse_moe.experts.2");
  const parts = [tensors.filter((one) => !isSecond(one)), tensors.filter(isSecond)];
  const weight_map = Object.fromEntries(
    parts.flatMap((part, i) => part.map(({ name }) => [name, `part${i}.safetensors`])),
  );
  await using folder = await openFolder(new Uint8Array(0), config);
  await Deno.remove(`${folder.path}/model.safetensors`);
  for (const [i, part] of parts.entries()) {
    await Deno.writeFile(`${folder.path}/part${i}.safetensors`, safetensorsBytes(part));
  }
  const index = `${folder.path}/model.safetensors.index.json`;
  await Deno.writeTextFile(index, JSON.stringify({ weight_map }));
  const found = await logitsOf(folder.path, config, text!);
  assertEquals(found.logits, expected.logits);
  const layerBytes = 3 * 3 * 32 * 32 * 2; // of all experts of one block
  assertEquals(found.convertedBytes - expected.convertedBytes, layerBytes);
});

Deno.test("a model of text inside one that sees pictures", async () => {
  const { weights: [file], configs, texts: [text] } = named("gemma3"), { old } = configs;
  const expected = await (async () => {
    await using folder = await openFolder(file!, old);
    return (await logitsOf(folder.path, old, text!)).logits;
  })();
  const tensors = tensorsOf(folderBytes(file!));
  const eye = {
    name: "vision_tower.head.weight",
    dtype: "F32",
    shape: [1],
    data: new Uint8Array(4),
  };
  for (const prefix of ["language_model.model.", "model.language_model."]) {
    const inner = tensors.map((one) => ({ ...one, name: one.name.replace("model.", prefix) }));
    const { model_type: _, ...text_config } = { ...old };
    const config = { model_type: "gemma3", text_config, vision_config: { hidden_size: 8 } };
    const bytes = safetensorsBytes([...inner, eye]);
    await using folder = await openFolder(bytes, { ...config, vocab_size: old.vocab_size });
    assertEquals((await logitsOf(folder.path, old, text!)).logits, expected);
  }
});

Deno.test("experts that do not fit together are refused", async () => {
  const { weights: [file], configs: { new: config } } = named("mixtral");
  const tensors = tensorsOf(folderBytes(file!));
  const at = (part: string) => tensors.findIndex(({ name }) => name.includes(part));
  const w1 = at("layers.1.block_sparse_moe.experts.1.w1.weight"), it = tensors[w1]!;
  const refuses = async (changed: typeof tensors, says: string) => {
    await using folder = await folderOf({
      "config.json": config,
      "model.safetensors": safetensorsBytes(changed),
    });
    await assertRejects(() => Model.load(folder.path), ModelError, says);
  };
  await refuses(tensors.toSpliced(w1, 1), 'cannot stack "blk.1.ffn_gate_exps.weight": expert 1');
  const last = { ...it, name: it.name.replace("experts.1", "experts.3") };
  await refuses([...tensors, last], "[4,32,32] is not the expected [3,32,32]");
  const twice = {
    ...it,
    name: it.name.replace("block_sparse_moe", "mlp").replace("w1", "up_proj"),
  };
  await refuses([...tensors, twice, { ...twice, name: twice.name.replace("up", "gate") }], "twice");
  const halves = { ...it, dtype: "F16" };
  await refuses(tensors.with(w1, halves), "cannot stack tensor");
  const fused = { ...it, name: "model.layers.0.mlp.experts.gate_up_proj", shape: [1, 1, 1024] };
  await refuses([...tensors, fused], "cannot halve");
});
