/** Quantising files: which tensors become what, what is refused, whole files only. @module */

import { assert, assertEquals, assertGreater, assertLess, assertRejects } from "@std/assert";
import { Model } from "../../mod.ts";
import { ArgumentError, CriaError, ModelError } from "../../src/errors.ts";
import { openGguf } from "../../src/format/gguf.ts";
import { writeGguf } from "../../src/format/write.ts";
import { quantizeFile, type QuantizeOptions } from "../../src/quantize/quantize.ts";
import { TARGETS } from "../../src/quantize/plan.ts";
import { distance, packFloats, packJson } from "../conformance/pack.ts";
import { folderTest } from "../format/folder.ts";
import { randomModelTest } from "../model/random_model.ts";
import { sharedTest } from "../support.ts";

/** Quantises into a temporary file for as long as `use` runs. */
async function quantized<T>(
  input: string,
  options: QuantizeOptions,
  use: (path: string, result: Awaited<ReturnType<typeof quantizeFile>>) => Promise<T>,
): Promise<T> {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/out.gguf`;
    return await use(path, await quantizeFile(input, path, { workers: 2, ...options }));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const PACK = "conformance/quant/quant-gqa";
interface Expected {
  readonly tokens: number[];
  readonly vocab: number;
}

for (const type of ["Q8_0", "Q4_0", "Q4_1", "Q6_K"]) {
  sharedTest(`${type} moves the logits no further than llama-quantize's`, PACK, async (folder) => {
    const { tokens, vocab } = packJson<Expected>("quant/quant-gqa/F16.expected.json");
    const exact = packFloats("quant/quant-gqa/F16.logits_exact.f32");
    const theirs = packFloats(`quant/quant-gqa/${type}.logits_llamacpp.f32`);
    await quantized(`${folder}/quant-gqa.F16.gguf`, { type }, async (path) => {
      using model = await Model.load(path, { threads: 2 });
      const own = distance(await model.logits(tokens), exact, vocab);
      const other = distance(theirs, exact, vocab);
      assertLess(own.meanKl, 1.2 * other.meanKl);
      assertLess(1 - own.minCos, 1.3 * (1 - other.minCos));
    });
  });
}

sharedTest("tensors get llama-quantize's types and file type", PACK, async (folder) => {
  for (const type of ["Q8_0", "Q4_0", "Q4_1", "Q6_K"]) {
    await quantized(`${folder}/quant-gqa.F16.gguf`, { type }, async (path, { tensors }) => {
      using own = await openGguf(path), other = await openGguf(`${folder}/quant-gqa.${type}.gguf`);
      for (const { name, type } of other.tensors.values()) {
        assertEquals(own.tensor(name).type, type, name);
        assertEquals(tensors.find((tensor) => tensor.name === name)?.type, type);
      }
      for (const key of ["general.file_type", "general.quantization_version"]) {
        assertEquals(own.metadata.get(key), other.metadata.get(key), key);
      }
    });
  }
});

for (const { name: type } of TARGETS) {
  randomModelTest(`a model as ${type} runs, and says what was lost`, async (input) => {
    await quantized(input, { type }, async (path, { tensors, outBytes, inBytes }) => {
      assertEquals([inBytes, outBytes], [Deno.statSync(input).size, Deno.statSync(path).size]);
      for (const { name, sqnrDb, maxError } of tensors) {
        const isExact = name.includes("norm") || type === "F32";
        assertEquals([sqnrDb === null, maxError === 0], [isExact, isExact], name);
        if (sqnrDb !== null) assertGreater(sqnrDb, 20, name); // 4 bits of even values: 20 to 22
      }
      using model = await Model.load(path, { threads: 1, context: 32 });
      const logits = await model.logits([1, 2, 3]);
      assert(logits.every(Number.isFinite));
      using before = await Model.load(input, { threads: 1, context: 32 });
      const exact = await before.logits([1, 2, 3]);
      assertGreater(distance(logits, exact, model.config.vocabularySize).minCos, 0.9);
    });
  }, "F32");
}

randomModelTest("rows that are no whole blocks get another type, and it is said", async (input) => {
  await quantized(input, { type: "Q4_K" }, (_, { tensors }) => { // rows of 64 and 128
    const { type, instead } = tensors.find(({ name }) => name === "blk.0.attn_q.weight")!;
    assertEquals([type, instead], ["Q5_0", "Q4_K"]);
    const output = tensors.find(({ name }) => name === "token_embd.weight")!;
    assertEquals([output.type, output.instead], ["Q8_0", "Q6_K"]);
    return Promise.resolve();
  });
}, "F32");

randomModelTest("workers and their number do not change a byte", async (input) => {
  const bytes = (workers: number) =>
    quantized(input, { type: "Q4_1", workers }, (path) => Deno.readFile(path));
  assertEquals(await bytes(1), await bytes(3));
}, "F16");

randomModelTest("a second coarse rounding is refused, unless it is wanted", async (input) => {
  const to = (type: string, requantize = false) =>
    quantized(input, { type, requantize }, (path) => openGguf(path));
  await assertRejects(() => to("Q5_0"), ModelError, "it is Q4_0 already");
  assertEquals((await to("Q5_0", true)).tensor("blk.1.ffn_up.weight").type, "Q5_0");
  assertEquals((await to("Q8_0")).tensor("blk.1.ffn_up.weight").type, "Q8_0");
  await assertRejects(() => to("Q9_9"), ArgumentError, 'to "Q9_9": it is none of Q8_0');
}, "Q4_0");

folderTest("the input is never written over, by whatever name", async (at, names) => {
  const tensors = [{ name: "a.weight", type: "F32", shape: [1, 32] }];
  const data = async function* () {
    yield await Promise.resolve(new Uint8Array(new Float32Array(32).fill(NaN).buffer));
  };
  await writeGguf(at("in"), { metadata: new Map(), tensors }, data());
  await Deno.symlink(at("in"), at("soft"));
  await Deno.link(at("in"), at("hard"));
  const before = await Deno.readFile(at("in"));
  const options = { type: "Q8_0", overwrite: true, workers: 1 };
  for (const name of ["in", "soft", "hard"]) {
    await assertRejects(
      () => quantizeFile(at("in"), at(name), options),
      ArgumentError,
      "it is the input",
    );
  }
  const message = `Cannot quantize "a.weight" of "${at("in")}": value 0 is NaN`;
  await assertRejects(() => quantizeFile(at("in"), at("out"), options), CriaError, message);
  assertEquals(names(), ["hard", "in", "soft"]);
  assertEquals(await Deno.readFile(at("in")), before);
});

randomModelTest("an abort at any moment leaves nothing", async (input) => {
  const folder = await Deno.makeTempDir();
  try {
    for (let moment = 0; moment < 20; moment += 4) {
      const controller = new AbortController(), { signal } = controller;
      let calls = 0;
      const onProgress = () => {
        if (calls++ === moment) controller.abort(new Error("enough"));
      };
      const options = { type: "Q4_1", workers: 1, signal, onProgress };
      await assertRejects(() => quantizeFile(input, `${folder}/a`, options), Error, "enough");
      assertEquals([...Deno.readDirSync(folder)], []);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}, "F32");
