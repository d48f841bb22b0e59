/** Weights out of safetensors: what is mapped, what is converted, what is refused. @module */

import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { FormatError, Model, ModelError } from "../../mod.ts";
import {
  folderOf,
  safetensorsBytes,
  type StTensor,
  tensorsOf,
} from "../format/safetensors_bytes.ts";
import { sharedTest } from "../support.ts";

const TINY = "conformance/models/llama-gqa-tied";
const TOKENS = [1, 5, 9, 200, 17, 3];

/** The logits of a model with these weights; what is mapped and what was converted. */
async function logitsOf(folder: string, weights: Uint8Array, config: object = {}) {
  const original = JSON.parse(await Deno.readTextFile(`${folder}/config.json`));
  await using copy = await folderOf({
    "config.json": { ...original, ...config },
    "tokenizer.json": await Deno.readFile(`${folder}/tokenizer.json`),
    "model.safetensors": weights,
  });
  using model = await Model.load(copy.path, { threads: 2 });
  return { logits: await model.logits(TOKENS), ...model.memory() };
}

/** The matrices of a model as other types; vectors stay. */
function withMatrices(
  tensors: readonly StTensor[],
  dtype: string,
  encode: (value: number) => readonly number[],
): StTensor[] {
  return tensors.map((tensor) => {
    if (tensor.shape.length === 1) return tensor;
    const values = Array.from(new Float32Array(tensor.data.slice().buffer));
    return { ...tensor, dtype, data: Uint8Array.from(values.flatMap(encode)) };
  });
}

const half = new DataView(new ArrayBuffer(2));

/** The upper byte of a half, which is an E5M2. */
function upperByte(value: number): number {
  half.setFloat16(0, value);
  return half.getUint8(0);
}

sharedTest(
  "aligned floats are mapped; askew, they are copied, with the same bits",
  TINY,
  async (folder) => {
    const file = await Deno.readFile(`${folder}/model.safetensors`), tensors = tensorsOf(file);
    const mapped = await logitsOf(folder, file);
    const askew = await logitsOf(folder, safetensorsBytes(tensors, { skew: true }));
    assertEquals(mapped.logits, askew.logits);
    assertEquals([mapped.mappedBytes, mapped.convertedBytes], [file.length, 0]);
    assertEquals(askew.mappedBytes, 0);
    assert(askew.convertedBytes >= file.length * 0.98);
  },
);

sharedTest("8-bit floats compute as the halves that they are", TINY, async (folder) => {
  const tensors = tensorsOf(await Deno.readFile(`${folder}/model.safetensors`));
  const bytes = withMatrices(tensors, "F8_E5M2", (value) => [upperByte(value)]);
  const halves = withMatrices(tensors, "F16", (value) => [0, upperByte(value)]);
  const found = await logitsOf(folder, safetensorsBytes(bytes));
  assertEquals(found.logits, (await logitsOf(folder, safetensorsBytes(halves))).logits);
  assertEquals(found.logits.some(Number.isNaN), false);
});

sharedTest(
  "of a tied model either matrix will do, and the embedding counts",
  TINY,
  async (folder) => {
    const tensors = tensorsOf(await Deno.readFile(`${folder}/model.safetensors`));
    const embedding = tensors.find(({ name }) => name === "model.embed_tokens.weight")!;
    const output = { ...embedding, name: "lm_head.weight" };
    const rest = tensors.filter((one) => one !== embedding);
    const { logits } = await logitsOf(folder, safetensorsBytes(tensors));
    const onlyOutput = await logitsOf(folder, safetensorsBytes([...rest, output]));
    assertEquals(onlyOutput.logits, logits);
    const other = { ...output, data: output.data.map((_, i) => i % 4 === 3 ? 0x3f : 0) };
    const both = safetensorsBytes([...tensors, other]);
    assertEquals((await logitsOf(folder, both)).logits, logits);
    const untied = await logitsOf(folder, both, { tie_word_embeddings: false });
    assertNotEquals(untied.logits, logits);
  },
);

sharedTest("integers are no weights, whatever their width", TINY, async (folder) => {
  const tensors = tensorsOf(await Deno.readFile(`${folder}/model.safetensors`));
  for (const dtype of ["I8", "U8", "F8_E8M0"]) {
    const file = safetensorsBytes(withMatrices(tensors, dtype, () => [1]));
    const error = await assertRejects(() => logitsOf(folder, file), ModelError, `type is ${dtype}`);
    assert(/tensor "(model|lm_head)\./.test(error.message), error.message);
  }
});

sharedTest("what the config names and cria does not know is refused", TINY, async (folder) => {
  const file = await Deno.readFile(`${folder}/model.safetensors`);
  for (
    const [config, says] of [
      [{ model_type: "mamba" }, 'architecture "mamba": supported are llama'],
      [{ hidden_act: "relu" }, '"relu" is not the silu'],
      [{ rope_scaling: { rope_type: "exotic", factor: 2 } }, '"exotic" is not none'],
      [{ num_hidden_layers: 1 }, 'tensor "blk.1.attn_norm.weight" has no use'],
      [{ num_hidden_layers: 3 }, 'tensor "blk.2.attn_norm.weight"'],
    ] as const
  ) await assertRejects(() => logitsOf(folder, file, config), ModelError, says);
});

const QWEN = "conformance/models/qwen3-qknorm";

sharedTest("an embedding model has no head, and a pooling of its own", QWEN, async (folder) => {
  const read = (name: string) => Deno.readFile(`${folder}/${name}`);
  const tensors = tensorsOf(await read("model.safetensors"));
  const headless = tensors.map((tensor) => ({
    ...tensor,
    name: tensor.name.replace("model.", ""),
  }));
  const files = {
    "config.json": await read("config.json"),
    "tokenizer.json": await read("tokenizer.json"),
    "model.safetensors": safetensorsBytes(headless),
  };
  await using copy = await folderOf(files);
  const options = { threads: 2 }, texts = [TOKENS];
  using whole = await Model.load(folder, options);
  using plain = await Model.load(copy.path, options);
  assertEquals(await plain.logits(TOKENS), await whole.logits(TOKENS));
  const pooled = async (pooling: object) => {
    await Deno.mkdir(`${copy.path}/1_Pooling`, { recursive: true });
    await Deno.writeTextFile(`${copy.path}/1_Pooling/config.json`, JSON.stringify(pooling));
    using model = await Model.load(copy.path, options);
    return await model.embed(texts);
  };
  const all = { pooling_mode_cls_token: false, pooling_mode_mean_tokens: false };
  const last = await pooled({ ...all, pooling_mode_lasttoken: true, include_prompt: true });
  assertEquals(last, await whole.embed(texts, { pooling: "last" }));
  const first = await pooled({ ...all, pooling_mode_cls_token: true });
  assertEquals(first, await whole.embed(texts, { pooling: "cls" }));
  assertEquals(await pooled(all), await whole.embed(texts, { pooling: "mean" }));
  await assertRejects(
    () => pooled({ pooling_mode_max_tokens: true }),
    ModelError,
    'Cannot use "qwen3.pooling_type": "max_tokens" is not a whole number from 0 to 4',
  );
  await assertRejects(() => pooled([]), FormatError, "it is no JSON object");
});
