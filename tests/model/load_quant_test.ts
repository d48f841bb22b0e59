/** Matrices that are quantised while they are loaded, beside llama-quantize's file. @module */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { ArgumentError, Model } from "../../mod.ts";
import { openGguf } from "../../src/format/gguf.ts";
import { openSafetensors } from "../../src/format/safetensors.ts";
import { modelSource } from "../../src/model/hf_names.ts";
import { type RequiredTensor, requiredTensors } from "../../src/model/names.ts";
import { WeightStore } from "../../src/model/weight_store.ts";
import { Kernels } from "../../src/native/ffi.ts";
import { findLibrary } from "../../src/native/library.ts";
import { Region } from "../../src/native/memory.ts";
import { sharedFolder, sharedTest } from "../support.ts";

const STORY = "conformance/story";
const PERMUTED = /attn_[qk]\./; // GGUF has the rows of these in another order

/** The tensors that the story model needs. */
async function required(folder: string): Promise<RequiredTensor[]> {
  using model = await Model.load(folder, { threads: 1 });
  return requiredTensors(model.config);
}

sharedTest("Q8_0 while loading has the bytes of llama-quantize's file", STORY, async (folder) => {
  using file = await openSafetensors(folder);
  using theirs = await openGguf(`${folder}/story.Q8_0.gguf`);
  const source = { files: file.files, tensors: modelSource(file).tensors };
  const kernels = new Kernels(await findLibrary());
  const tensors = await required(folder);
  using store = await WeightStore.load(kernels, source, tensors, { quantize: "Q8_0" });
  let compared = 0;
  for (const { name, role } of tensors) {
    const { quant, memory, offset } = store.get(name), there = theirs.tensor(name);
    assertEquals(quant.name, role === "vector" ? "F32" : "Q8_0", name);
    if (role === "vector" || PERMUTED.test(name)) continue;
    assert(memory instanceof Region);
    assertEquals(memory.read(offset, new Uint8Array(there.bytes)), await there.read(), name);
    compared++;
  }
  assertEquals([compared, tensors.length], [11, 20]);
});

sharedTest("--quantize tells the same story as the file of that type", STORY, async (folder) => {
  const tell = async (path: string, quantize?: "Q8_0") => {
    using model = await Model.load(path, { threads: 2, context: 128, quantize });
    using session = model.session({ temperature: 0 });
    const { tokens } = await session.generate("Once upon a time", { maxTokens: 24 }).result;
    return { tokens, kv: model.kv, ...model.memory() };
  };
  const found = await tell(folder, "Q8_0"), theirs = await tell(`${folder}/story.Q8_0.gguf`);
  assertEquals([found.tokens, found.kv], [theirs.tokens, theirs.kv]);
  assert(found.convertedBytes < 749184); // all of the GGUF
});

sharedTest("what is quantised already stays; floats of a GGUF are quantised", STORY, async () => {
  const load = (path: string) => Model.load(path, { threads: 1, quantize: "Q4_0" });
  const pack = `${sharedFolder()}/conformance`;
  using stays = await load(`${pack}/story/story.Q8_0.gguf`);
  assertEquals(stays.memory().convertedBytes, 0);
  using changes = await load(`${pack}/models/llama-mha/llama-mha.gguf`);
  assert(changes.memory().convertedBytes > 0);
  assertEquals(changes.kv, "f16");
});

sharedTest(
  "loading can be stopped while it quantises, and lets timers run",
  STORY,
  async (folder) => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error("stopped")), 0);
    const loading = Model.load(folder, { quantize: "Q8_0", signal: stop.signal });
    await assertRejects(() => loading, Error, "stopped");
    const wrong = "Q2_K" as "Q8_0";
    await assertRejects(
      () => Model.load(folder, { quantize: wrong }),
      ArgumentError,
      "Q8_0, Q4_0, int8",
    );
  },
);
