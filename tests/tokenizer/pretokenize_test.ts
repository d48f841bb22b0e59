/** How texts are cut into words: known cuts, and nothing lost by any pre-tokenizer. @module */

import { assertEquals } from "@std/assert";
import { cutWords } from "../../src/tokenizer/cut.ts";
import { PRE_TOKENIZERS, preTokenizer } from "../../src/tokenizer/pretokenize.ts";
import { BORDERS } from "../../src/tokenizer/slices.ts";

const words = (text: string, name: string) => cutWords(text, preTokenizer(name).cutters);

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
  "tiny_aya": [["a  1234567, 12x", "a| | |1|234|567|,| |12|x"]],
  "superbpe": [["some words 1234567", "some words |1|234|567"]],
  "afmoe": [["in 1234", "in| |1|234"]],
  "tekken": [["HelloWorld ABCdef 42", "Hello|World| ABCdef| |4|2"]],
  "gemma4": [["a b\n\nc", "a b|\n\n|c"]],
  "default": [["pay $1234, ok", "pay| |$|123|4|,| ok"]],
};

for (const [name, cuts] of Object.entries(CUTS)) {
  Deno.test(`${name} cuts as expected`, () => {
    for (const [text, expected] of cuts) {
      assertEquals(words(text, name).join("|"), expected);
    }
  });
}

Deno.test("white space is what Unicode says, not what JavaScript says", () => {
  assertEquals(words("a\ufeffb", "gpt-2"), ["a", "\ufeff", "b"]); // no white space: like a sign
  assertEquals(words("!\ufeff!", "gpt-2"), ["!\ufeff!"]);
  assertEquals(words("!\u0085!", "gpt-2"), ["!", "\u0085", "!"]); // white space
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
  const all = PRE_TOKENIZERS.map((name) => [name, preTokenizer(name).cutters] as const);
  let state = 7;
  const random = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * below);
  };
  for (let round = 0; round < 200; round++) {
    const text = Array.from({ length: random(30) }, () => alphabet[random(alphabet.length)]).join(
      "",
    );
    for (const [name, cutters] of all) {
      assertEquals(cutWords(text, cutters).join(""), text, `${name}: ${JSON.stringify(text)}`);
    }
  }
});

Deno.test("a word of 500,000 characters is cut as one of ten is", () => {
  const known = new Set<string>(), count = 500_000;
  for (const name of PRE_TOKENIZERS) {
    const { cutters } = preTokenizer(name), kind = String(cutters);
    if (known.has(kind)) continue; // another name of the same
    known.add(kind);
    for (const [char, end] of [["a", " "], [" ", "a"], ["1", "a"]] as const) {
      const words = cutWords(char.repeat(count) + end, cutters);
      const length = words.reduce((sum, word) => sum + word.length, 0);
      assertEquals(length, count + 1, `${name}: ${JSON.stringify(char)}`);
    }
  }
});

Deno.test("a text can be cut where a word ends with a letter, or a line, as the rule says", () => {
  const starts = ["a", "1 b", "漢", "it's", "  ABc", "e\u0301é", "3.١x"];
  const rests = ["", "a1", "\n  é 2", " 漢 ", "'s", "\t\r\n.", "12 ", "\u0301", " b's", "  c"];
  for (const name of PRE_TOKENIZERS) {
    const { cutters, reach = "word" } = preTokenizer(name);
    for (const start of reach === "text" ? [] : starts) {
      for (const rest of rests.flatMap((rest) => [`\n${rest}`, ` ${rest}`])) {
        assertEquals(
          BORDERS[reach]!(start + rest, start.length),
          reach !== "line" || rest[0] !== " ",
        );
        if (reach === "line" && rest[0] === " ") continue;
        const cut = [...cutWords(start, cutters), ...cutWords(rest, cutters)];
        assertEquals(cutWords(start + rest, cutters), cut, name);
      }
    }
  }
});
