/** Words of texts full of rare characters as in llama.cpp, by every pre-tokenizer. @module */

import { assertEquals } from "@std/assert";
import { cutWords } from "../../src/tokenizer/cut.ts";
import { Merger, type MergeRules } from "../../src/tokenizer/merge.ts";
import { PRE_TOKENIZERS, preTokenizer } from "../../src/tokenizer/pretokenize.ts";
import golden from "./golden.json" with { type: "json" };

const merger = new Merger();

/** Any two bytes merge, and nothing else: those whose first byte is lowest before others. */
const PAIRS: MergeRules = {
  find: (left, right) => left < 256 && right < 256 ? 256 * left + right : -1,
  cost: (merge) => merge,
  result: (merge) => 256 + merge,
};

/** Lengths of the tokens of a word: one byte, or two. */
function lengthsOf(word: string): string {
  const symbols = Int32Array.from(new TextEncoder().encode(word));
  const left = merger.merge(symbols, symbols.length, PAIRS);
  return Array.from(symbols.subarray(0, left), (symbol) => symbol < 256 ? 1 : 2).join("");
}

for (const { names, lengths } of golden.cuts) {
  Deno.test(`words are those of ${golden.tool}: ${names}`, () => {
    for (const name of names.split(" ")) {
      const { cutters } = preTokenizer(name), expected = lengths.split(" ");
      for (const [i, text] of golden.texts.entries()) {
        const got = cutWords(text, cutters).map(lengthsOf).join("");
        assertEquals(got, expected[i], `${name}: ${JSON.stringify(text)}`);
      }
    }
  });
}

Deno.test("every pre-tokenizer over bytes is among them", () => {
  const names = golden.cuts.flatMap(({ names }) => names.split(" "));
  const others = PRE_TOKENIZERS.filter((name) => preTokenizer(name).blanks);
  assertEquals([...names, ...others].toSorted(), PRE_TOKENIZERS.toSorted());
});
