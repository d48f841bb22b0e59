/** Words of texts full of rare characters as in llama.cpp, by every pre-tokenizer. @module */

import { assertEquals } from "@std/assert";
import { cutWords } from "../../src/tokenizer/cut.ts";
import { Merger } from "../../src/tokenizer/merge.ts";
import { PRE_TOKENIZERS, preTokenizer } from "../../src/tokenizer/pretokenize.ts";
import golden from "./golden.json" with { type: "json" };

const merger = new Merger();

/** Lengths of the tokens of a word, one byte or two: the pair of lowest bytes merges first. */
function lengthsOf(word: string): string {
  const bytes = new TextEncoder().encode(word), starts = Array.from(bytes, (_, i) => i);
  const merged = merger.merge(starts, bytes.length, (start, middle, end) => {
    return end - start === 2 ? 256 * bytes[start]! + bytes[middle]! : NaN;
  });
  return merged.map((start, i) => (merged[i + 1] ?? bytes.length) - start).join("");
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
