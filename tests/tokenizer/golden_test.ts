/** Tokens of texts full of rare characters as by llama.cpp, through every pre-tokenizer. @module */

import { assertEquals } from "@std/assert";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { sharedTest } from "../support.ts";
import { openPacked } from "./vocabularies.ts";

/** What make_golden.py wrote. */
interface Golden {
  readonly texts: readonly string[];
  readonly ids: Readonly<Record<string, readonly (readonly number[])[]>>;
}

const VOCABULARY = "conformance/tokenizers/gpt-2.vocab.gguf.gz";

sharedTest("pre-tokenizers cut as in llama.cpp", VOCABULARY, async (path) => {
  const golden: Golden = JSON.parse(
    await Deno.readTextFile(new URL("golden.json", import.meta.url)),
  );
  using file = await openPacked(path);
  for (const [name, ids] of Object.entries(golden.ids)) {
    const metadata = new Map([...file.metadata, ["tokenizer.ggml.pre", name]]);
    const tokenizer = Tokenizer.from({ metadata });
    for (const [i, text] of golden.texts.entries()) {
      const tokens = tokenizer.encode(text, { bos: false });
      assertEquals(tokens, [...ids[i]!], `${name}: ${JSON.stringify(text)}`);
    }
  }
});
