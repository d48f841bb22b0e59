/** Configs and tokenizers with a value that makes no sense load, or an error says why. @module */

import { assert } from "@std/assert";
import { CriaError } from "../../src/errors.ts";
import { ggufVocabulary } from "../../src/format/gguf_vocabulary.ts";
import { tokenizerMetadata } from "../../src/format/hf_tokenizer.ts";
import { isObject, readJson } from "../../src/format/json.ts";
import { openSafetensors } from "../../src/format/safetensors.ts";
import { readConfig } from "../../src/model/config.ts";
import { modelSource } from "../../src/model/hf_names.ts";
import { readSmallTensor } from "../../src/model/model_tensor.ts";
import { ggufForm } from "../../src/quantize/gguf_form.ts";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { folderModels, openFolder } from "../conformance/folders.ts";
import golden from "../tokenizer/hf_golden.json" with { type: "json" };

const UTF8 = new TextEncoder();
const ODD = [null, -1, 0, 0.5, 1e300, 2 ** 31, "x", "", true, [], [null], {}, { a: 1 }, [[1]]];

/** The same value with each of its parts in turn replaced; `depth` levels of them. */
function* changed(value: unknown, depth: number): Generator<unknown> {
  if (typeof value !== "object" || value === null || depth === 0) return;
  const set = (key: string, part: unknown) =>
    Array.isArray(value) ? value.with(Number(key), part) : { ...value, [key]: part };
  for (const [key, part] of Object.entries(value).slice(0, 60)) {
    for (const odd of ODD) yield set(key, odd);
    for (const inner of changed(part, depth - 1)) yield set(key, inner);
  }
}

/** Nothing but errors of ours comes out. */
function attempt(what: unknown, action: () => unknown): boolean {
  try {
    action();
    return true;
  } catch (error) {
    assert(error instanceof CriaError, `${JSON.stringify(what).slice(0, 300)}: ${error}`);
    return false;
  }
}

/** Every so manieth: all of them take a minute. */
function* some<T>(all: Iterable<T>, every: number): Generator<T> {
  let index = 0;
  for (const one of all) if (index++ % every === 0) yield one;
}

Deno.test("a config with one odd value is refused or does no harm", async () => {
  const count = { fine: 0, refused: 0 };
  for (const { weights, configs } of folderModels) {
    await using folder = await openFolder(weights[0]!, configs.new);
    const all = [configs.new, configs.old].flatMap((one) => [...changed(one, 3)]);
    for (const config of some(all, 17)) {
      await Deno.writeTextFile(`${folder.path}/config.json`, JSON.stringify(config));
      using file = await openSafetensors(folder.path);
      const isFine = attempt(config, () => {
        const source = modelSource(file);
        readConfig(source, (name) => readSmallTensor(source.tensors.get(name)!));
        ggufForm(file);
      });
      count[isFine ? "fine" : "refused"]++;
    }
  }
  assert(count.fine > 100 && count.refused > 100, JSON.stringify(count));
});

Deno.test("a tokenizer.json with one odd value is refused or does no harm", async () => {
  const count = { fine: 0, refused: 0 };
  for (const { tokenizer: text } of golden.cases) {
    const { model, ...rest } = JSON.parse(text), { vocab, merges, ...own } = model;
    const all = [...changed(rest, 4), ...changed({ model: own }, 2)] as { model?: object }[];
    for (const one of some(all, 41)) {
      const tokenizer = await readJson(
        UTF8.encode(
          JSON.stringify({ ...rest, ...one, model: { vocab, merges, ...own, ...one.model } }),
        ),
        "tokenizer.json",
      );
      if (!isObject(tokenizer)) throw new Error("it is no object");
      let metadata: Awaited<ReturnType<typeof tokenizerMetadata>>;
      try {
        metadata = await tokenizerMetadata({ tokenizer }, ".");
      } catch (error) {
        assert(error instanceof CriaError, String(error));
        continue;
      }
      const isFine = attempt(one, () => Tokenizer.from({ metadata }).encode("a <s> b"));
      count[isFine ? "fine" : "refused"]++;
      attempt(one, () => Tokenizer.from({ metadata: ggufVocabulary(metadata) }).encode("a <s> b"));
    }
  }
  assert(count.fine > 50 && count.refused > 50, JSON.stringify(count));
});
