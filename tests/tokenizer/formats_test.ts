/** One vocabulary as GGUF and as `tokenizer.json`: the same tokens, the same text. @module */

import { assert, assertEquals } from "@std/assert";
import { tokenizerMetadata } from "../../src/format/hf_tokenizer.ts";
import { isObject, readJson } from "../../src/format/json.ts";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import golden from "./hf_golden.json" with { type: "json" };

type Metadata = Map<string, unknown>;

/** The metadata that a `tokenizer.json` of the golden data has. */
async function metadataOf(name: string): Promise<Metadata> {
  const { tokenizer } = golden.cases.find((one) => one.name === name)!;
  const json = await readJson(new TextEncoder().encode(tokenizer), "tokenizer.json");
  if (!isObject(json)) throw new Error("Cannot read the golden data: it is no object");
  return await tokenizerMetadata({ tokenizer: json }, ".");
}

/** Pieces as GGUF has them: a blank where words begin, nothing where they go on. */
function wordPieces(metadata: Metadata): string[] {
  const kinds = metadata.get("tokenizer.ggml.token_type") as Int32Array;
  return (metadata.get("tokenizer.ggml.tokens") as string[]).map((piece, id) => {
    if (kinds[id] !== 1) return piece;
    return piece.startsWith("##") ? piece.slice(2) : `▁${piece}`;
  });
}

/** What GGUF says of the same vocabulary, by the name of the golden data. */
const AS_GGUF: Readonly<Record<string, (metadata: Metadata) => Record<string, unknown>>> = {
  "three digits, whole words": () => ({ model: "gpt2", pre: "llama-bpe" }),
  "NFC, one digit": () => ({ model: "gpt2", pre: "qwen2" }),
  "digits, then bytes": () => ({ model: "gpt2", pre: "smollm" }),
  "several splits": () => ({ model: "gpt2", pre: "deepseek-v3" }),
  "word pieces": (metadata) => ({
    model: "bert",
    tokens: wordPieces(metadata),
    unknown_token_id: 0,
    bos_token_id: 1,
    seperator_token_id: 2,
  }),
};

/**
 * Where llama.cpp and the package tokenizers differ: composed characters, marks that are no accent,
 * a long s in a contraction, and U+0085, which is a blank in one and nothing in the other.
 */
const DISPUTED = /e\u0301|ी|ไทย|'ſ|서울|\u212b|ΑΣ|\u0085/;

for (const [name, change] of Object.entries(AS_GGUF)) {
  Deno.test(`${name}: the same tokens from GGUF as from tokenizer.json`, async () => {
    const metadata = await metadataOf(name), gguf = new Map(metadata);
    for (const [key, value] of Object.entries(change(metadata))) {
      gguf.set(`tokenizer.ggml.${key}`, value);
    }
    const one = Tokenizer.from({ metadata }), other = Tokenizer.from({ metadata: gguf });
    const texts = golden.texts.filter((text) => !DISPUTED.test(text));
    assert(texts.length > 15);
    for (const text of texts) {
      const tokens = one.encode(text);
      assertEquals(other.encode(text), tokens, JSON.stringify(text));
      assertEquals(other.decode(tokens), one.decode(tokens));
    }
  });
}

Deno.test("word pieces decode to words, one by one as well", async () => {
  const tokenizer = Tokenizer.from({ metadata: await metadataOf("word pieces") });
  const tokens = tokenizer.encode("The little llamas, in the mountains!");
  assertEquals(tokenizer.decode(tokens), " the little llamas , in the mountains !");
  const stream = tokenizer.stream();
  const parts = tokens.map((id) => stream.push(id));
  assertEquals(parts.join("") + stream.flush(), tokenizer.decode(tokens));
  assertEquals(tokenizer.piece(tokens.at(-1)!), "[SEP]");
});
