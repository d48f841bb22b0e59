/** Logits of tiny random models made here, of architectures that the pack has none of. @module */

import { assert, assertEquals } from "@std/assert";
import { Model, quantizeFile } from "../../mod.ts";
import { openGguf } from "../../src/format/gguf.ts";
import { type TensorToWrite, writeGguf } from "../../src/format/write.ts";
import { kernels } from "../kernel_support.ts";
import { distance } from "./pack.ts";

const FOLDER = `${import.meta.dirname}/models`;

/** What make_models.py writes down. */
interface Made {
  readonly models: readonly {
    readonly name: string;
    readonly gguf: string;
    readonly vocab: number;
    readonly texts: readonly {
      readonly tokens: readonly number[];
      readonly context: number;
      readonly kept: number; // rows of the last logits that the file has
      readonly logits: string;
    }[];
  }[];
}

const made: Made = JSON.parse(Deno.readTextFileSync(`${FOLDER}/models.json`));

/** The last rows of logits, and the same from chunks of one row and of seven. */
async function lastLogits(
  path: string,
  tokens: readonly number[],
  context: number,
  floats: number,
) {
  const results: Float32Array[] = [];
  for (const chunkRows of [512, 7, 1]) {
    using model = await Model.load(path, { threads: 2, context, chunkRows });
    assertEquals(model.kv, "f32");
    results.push((await model.logits(tokens)).slice(-floats));
  }
  return results;
}

for (const { name, gguf, vocab, texts } of made.models) {
  for (const { tokens, context, kept, logits } of texts) {
    Deno.test(`conformance: logits of ${name} after ${tokens.length} tokens`, async () => {
      const expected = new Float32Array(Deno.readFileSync(`${FOLDER}/${logits}`).buffer);
      const [whole, ...chunked] = await lastLogits(
        `${FOLDER}/${gguf}`,
        tokens,
        context,
        kept * vocab,
      );
      const { maxAbs, minCos } = distance(whole!, expected, vocab);
      assert(maxAbs <= 2e-4, `a logit is off by ${maxAbs}`);
      assert(minCos >= 0.999999, `a cosine is ${minCos}`);
      for (const other of chunked) assertEquals(other, whole);
    });
  }
}

Deno.test("experts that are tensors of their own, as old files have them", async () => {
  const { gguf, texts: [text] } = made.models.find(({ name }) => name === "qwen3moe")!;
  using file = await openGguf(`${FOLDER}/${gguf}`);
  const tensors: TensorToWrite[] = [], data: Uint8Array[] = [];
  for (const { name, type, shape } of file.tensors.values()) {
    const bytes = await file.tensor(name).read(), count = name.includes("_exps") ? shape[0]! : 1;
    for (let expert = 0; expert < count; expert++) {
      const size = bytes.length / count, own = name.replace("_exps", `.${expert}`);
      tensors.push({ name: own, type, shape: count === 1 ? shape : shape.slice(1) });
      data.push(bytes.subarray(expert * size, (expert + 1) * size));
    }
  }
  const folder = await Deno.makeTempDir({ prefix: "cria-test-" }), path = `${folder}/old.gguf`;
  try {
    await writeGguf(path, { ...file, tensors }, ReadableStream.from(data));
    using model = await Model.load(`${FOLDER}/${gguf}`, { threads: 2, context: 64 });
    using old = await Model.load(path, { threads: 2, context: 64 });
    assertEquals(await old.logits(text!.tokens), await model.logits(text!.tokens));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("experts of int8 give the same bits in chunks, on every instruction set", async () => {
  const { gguf, texts: [text] } = made.models.find(({ name }) => name === "qwen3moe")!;
  const folder = await Deno.makeTempDir({ prefix: "cria-test-" }), path = `${folder}/q8.gguf`;
  try {
    await quantizeFile(`${FOLDER}/${gguf}`, path, { type: "Q8_0" });
    const results: Float32Array[] = [];
    for (const isa of kernels.isas) {
      for (const [chunkRows, threads] of [[512, 1], [5, 3], [1, 2]] as const) {
        using model = await Model.load(path, { threads, chunkRows, isa, context: 64 });
        results.push(await model.logits(text!.tokens));
      }
    }
    for (const result of results) assertEquals(result, results[0]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
