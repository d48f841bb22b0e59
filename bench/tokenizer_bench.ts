/** Benches of tokenizers: a megabyte of text to tokens and back. @module */

import { openGguf } from "../src/format/gguf.ts";
import { Tokenizer } from "../src/tokenizer/tokenizer.ts";
import { isThere, ROOT, sharedFolder } from "../tests/support.ts";
import { openPacked } from "../tests/tokenizer/vocabularies.ts";
import { figure, sum, TINY } from "./figures.ts";
import { madeUpText } from "./texts.ts";

const BYTES = TINY ? 2000 : 1 << 20;
const shared = sharedFolder() ?? "";
const VOCABULARIES = [
  { name: "embedded", path: `${ROOT}/models/story.gguf` },
  { name: "llama-spm", path: `${shared}/conformance/tokenizers/llama-spm.vocab.gguf.gz` },
  { name: "gpt-2", path: `${shared}/conformance/tokenizers/gpt-2.vocab.gguf.gz` },
  { name: "SmolLM2", path: `${shared}/models/SmolLM2-135M-Instruct.Q4_1.gguf` },
];

/** The tokenizer of a GGUF file, packed or not. */
async function tokenizerOf(path: string): Promise<Tokenizer> {
  using file = await (path.endsWith(".gz") ? openPacked(path) : openGguf(path));
  return Tokenizer.from(file);
}

const text = madeUpText(BYTES), textBytes = new TextEncoder().encode(text).length;

for (const { name, path } of VOCABULARIES.filter(({ path }) => isThere(path))) {
  figure({
    group: "encode",
    name,
    amount: { textBytes },
    slow: true,
    make: async () => {
      const tokenizer = await tokenizerOf(path);
      let tokens: number[] = [];
      return {
        run: () => void (tokens = tokenizer.encode(text)),
        checksum: () => sum(tokens),
        note: () => `${(textBytes / tokens.length).toFixed(2)} bytes/token`,
      };
    },
  });
  figure({
    group: "decode",
    name,
    amount: { textBytes },
    slow: true,
    make: async () => {
      const tokenizer = await tokenizerOf(path), tokens = tokenizer.encode(text);
      let decoded = "";
      return {
        run: () => void (decoded = tokenizer.decode(tokens)),
        checksum: () => decoded.length,
      };
    },
  });
  figure({
    group: "decode, one token at a time",
    name,
    amount: { textBytes },
    slow: true,
    make: async () => {
      const tokenizer = await tokenizerOf(path), tokens = tokenizer.encode(text);
      let length = 0;
      const run = () => {
        const stream = tokenizer.stream();
        length = 0;
        for (const token of tokens) length += stream.push(token).length;
        length += stream.flush().length;
      };
      return { run, checksum: () => length };
    },
  });
}
