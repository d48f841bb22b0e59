/** How texts are cut into words: known cuts, and nothing lost by any pre-tokenizer. @module */

import { assertEquals } from "@std/assert";
import { cutWords, PRE_TOKENIZERS, preTokenizer } from "../../src/tokenizer/pretokenize.ts";

/** Text, and its words by pre-tokenizer. */
const CUTS: Readonly<Record<string, readonly (readonly [text: string, words: string])[]>> = {
  "gpt-2": [
    ["I'm 42  years,\n\nold!", "I|'m| 42| | years|,|\n|\n|old|!"],
    ["tab\tend  ", "tab|\t|end|  "],
    ["café №5", "café| №|5"],
  ],
  "smollm": [["in 2024  yes", "in| |2|0|2|4| | yes"], ["a  1", "a|  |1"]],
  "llama-bpe": [
    ["I'M 12345 (ok)\n\n x", "I|'M| |123|45| (|ok|)\n\n| x"],
    ["a\tb", "a|\tb"],
  ],
  "qwen2": [["x 123", "x| |1|2|3"]],
  "default": [["pay $1234, ok", "pay| |$|123|4|,| ok"]],
};

for (const [name, cuts] of Object.entries(CUTS)) {
  Deno.test(`${name} cuts as expected`, () => {
    for (const [text, words] of cuts) {
      assertEquals(cutWords(text, preTokenizer(name)).join("|"), words);
    }
  });
}

Deno.test("white space is what Unicode says, not what JavaScript says", () => {
  const words = (text: string) => cutWords(text, preTokenizer("gpt-2"));
  assertEquals(words("a\ufeffb"), ["a", "\ufeff", "b"]); // no white space: like a sign
  assertEquals(words("!\ufeff!"), ["!\ufeff!"]);
  assertEquals(words("!\u0085!"), ["!", "\u0085", "!"]); // white space
});

Deno.test("no pre-tokenizer loses a character", () => {
  const alphabet = [
    ..."aZé漢٣1 \t\n\r'.,$+|<_-",
    "🦙",
    "\u0301",
    "\u00a0",
    "\ufeff",
    "\0",
    "\ud800",
  ];
  let state = 7;
  const random = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * below);
  };
  for (let round = 0; round < 500; round++) {
    const text = Array.from({ length: random(30) }, () => alphabet[random(alphabet.length)]).join(
      "",
    );
    for (const name of Object.keys(PRE_TOKENIZERS)) {
      const words = cutWords(text, preTokenizer(name));
      assertEquals(words.join(""), text, `${name}: ${JSON.stringify(text)}`);
    }
  }
});
