/** Long texts in slices: the tokens of the whole, and turns for the event loop. @module */

import { assert, assertEquals } from "@std/assert";
import { BORDERS, slicesOf } from "../../src/tokenizer/slices.ts";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { bpeFile, spmFile } from "./vocabularies.ts";

Deno.test("slices end where a line ends with a letter, and nothing is lost", () => {
  const text = "some words \n\n 漢字\nΩ\n".repeat(5000);
  const slices = [...slicesOf(text, BORDERS.line)];
  assertEquals(slices.join(""), text);
  assert(slices.length > 4);
  for (const slice of slices.slice(1)) assert(slice.startsWith("\n"), slice.slice(0, 10));
  for (const slice of slices.slice(0, -1)) assert(/\p{L}$/u.test(slice), slice.slice(-10));
  assert([...slicesOf("x ".repeat(50_000), BORDERS.word)].length > 4);
  assertEquals([...slicesOf(text)], [text]);
  assertEquals([...slicesOf("", BORDERS.line)], []);
  assertEquals([...slicesOf("x ".repeat(50_000), BORDERS.line)].length, 1);
});

const PIECES = ["▁", "a", "b", "▁a", "ab", "\n", "b\n", "\n▁"].map((piece, i) =>
  [piece, "normal", -i] as const
);

Deno.test("a long text has the tokens of its lines, and the event loop its turns", async () => {
  const line = "ab a  ab\nb aab abab ab\n", count = 40_000;
  for (
    const file of [bpeFile(["a b", "Ġ ab", "Ġ a"]), spmFile(PIECES, { add_space_prefix: false })]
  ) {
    const tokenizer = Tokenizer.from(file), one = tokenizer.encode(line, { bos: false });
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    try {
      const tokens = await tokenizer.encodeAsync(line.repeat(count), { bos: false });
      assertEquals(tokens.length, count * one.length);
      assertEquals(tokens, tokenizer.encode(line.repeat(count), { bos: false }));
      assert(turns > 0);
    } finally {
      clearInterval(timer);
    }
  }
});
