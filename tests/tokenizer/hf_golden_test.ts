/** Tokens of small `tokenizer.json` files, beside those of the package tokenizers. @module */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ModelError } from "../../src/errors.ts";
import { ggufVocabulary } from "../../src/format/gguf_vocabulary.ts";
import { tokenizerMetadata } from "../../src/format/hf_tokenizer.ts";
import { isObject, readJson } from "../../src/format/json.ts";
import { compileRegex } from "../../src/tokenizer/hf_regex.ts";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import golden from "./hf_golden.json" with { type: "json" };

/** The metadata of a `tokenizer.json`. */
async function metadataOf(text: string) {
  const tokenizer = await readJson(new TextEncoder().encode(text), "tokenizer.json");
  if (!isObject(tokenizer)) throw new Error("Cannot read the golden data: it is no object");
  return await tokenizerMetadata({ tokenizer }, ".");
}

/** The tokenizer of a `tokenizer.json`. */
async function tokenizerOf(text: string): Promise<Tokenizer> {
  return Tokenizer.from({ metadata: await metadataOf(text) });
}

for (const { name, tokenizer: text, ids } of golden.cases) {
  Deno.test(`tokenizer.json, ${name}: the ids of ${golden.tool}`, async () => {
    const tokenizer = await tokenizerOf(text);
    golden.texts.forEach((one, i) => {
      const expected = ids[i]!.split(" ").filter((id) => id !== "").map(Number);
      assertEquals(tokenizer.encode(one, { special: true }), expected, JSON.stringify(one));
    });
  });
}

/** Tokenizers that GGUF cannot say, and texts that it treats in another way. */
const NOT_GGUF = /word pieces|prefix|splits|whitespace|punctuation|unigram|^split /;
const OTHERWISE: readonly (readonly [name: RegExp, text: RegExp])[] = [
  [/fused/, /[^a-z ]/], // of unknown characters each is a token
  [/^NFC/, /\u0301|\u212b/], // nothing is normalised
  [/^metaspace (first|always)/, /^[ ▁]|>[ ▁]/], // a blank comes before every text
];

for (const { name, tokenizer: text, ids } of golden.cases) {
  Deno.test(`tokenizer.json, ${name}: the same under the keys of GGUF`, async () => {
    const metadata = await metadataOf(text);
    if (NOT_GGUF.test(name)) {
      assertThrows(() => ggufVocabulary(metadata), ModelError, "cria writes no");
      return;
    }
    const written = ggufVocabulary(metadata);
    for (const key of written.keys()) assertEquals(/huggingface\.(?!strips)/.test(key), false, key);
    const tokenizer = Tokenizer.from({ metadata: written });
    golden.texts.forEach((one, i) => {
      if (OTHERWISE.some(([names, texts]) => names.test(name) && texts.test(one))) return;
      const expected = ids[i]!.split(" ").filter((id) => id !== "").map(Number);
      assertEquals(tokenizer.encode(one, { special: true }), expected, JSON.stringify(one));
    });
  });
}

Deno.test("tokenizer.json: a control token in a text is text unless it is asked for", async () => {
  const tokenizer = await tokenizerOf(golden.cases[0]!.tokenizer);
  const end = tokenizer.idOf("</s>")!;
  assertEquals(tokenizer.encode("a</s>", { special: true }).includes(end), true);
  assertEquals(tokenizer.encode("a</s>").includes(end), false);
  assertEquals(tokenizer.decode(tokenizer.encode("a</s> é東", { bos: false })), "a</s> é東");
});

Deno.test("an expression that JavaScript has not is refused by name", () => {
  for (const source of ["a++", "[a[b]]", "[a-z&&[b]]", "(?<!", "\\X"]) {
    assertThrows(() => compileRegex(source), ModelError, "Cannot tokenize with the expression");
  }
});

Deno.test("a part without its text is refused, and one that cria does not know", async () => {
  const model = { type: "BPE", vocab: { a: 0 }, merges: [] };
  for (
    const [parts, says] of [
      [{ normalizer: { type: "Prepend" } }, 'no text "prepend"'],
      [{ normalizer: { type: "Replace", pattern: {}, content: "" } }, 'no text "String"'],
      [{ pre_tokenizer: { type: "Split", pattern: { Regex: 1 } } }, 'no text "Regex"'],
      [{ normalizer: { type: "Precompiled", precompiled_charsmap: "?" } }, "it is no base64"],
      [{ normalizer: { type: "Precompiled", precompiled_charsmap: "AQAA" } }, "of a table in 3"],
      [{ normalizer: { type: "Best" } }, 'normalizer "Best": cria knows'],
      [{ pre_tokenizer: { type: "UnicodeScripts" } }, 'pre-tokenizer "UnicodeScripts"'],
      [{ model: { ...model, type: "WordLevel" } }, "cria knows BPE, Unigram, WordPiece"],
    ] as const
  ) {
    const text = JSON.stringify({ model, ...parts });
    await assertRejects(() => tokenizerOf(text), ModelError, says);
  }
});
