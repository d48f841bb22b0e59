/** Text is broken at its words, however it is cut into pieces. @module */

import { assert, assertEquals } from "@std/assert";
import { widthOf } from "../../src/cli/layout.ts";
import { WordWrap } from "../../src/cli/word_wrap.ts";

function wrapped(text: string, width: number, size = text.length): string {
  const wrap = new WordWrap(width);
  const pieces = text.match(new RegExp(`[^]{1,${size}}`, "gu")) ?? [];
  return pieces.map((piece) => wrap.push(piece)).join("") + wrap.flush();
}

Deno.test("lines end between words", () => {
  assertEquals(wrapped("one two three", 8), "one two\nthree");
  assertEquals(wrapped("one two three", 7), "one two\nthree");
  assertEquals(wrapped("one two", 20), "one two");
  assertEquals(wrapped("a\n\n  b c\n", 20), "a\n\n  b c\n");
  assertEquals(wrapped("a  b ", 20), "a  b ");
  assertEquals(wrapped("one abcdefghijkl two", 8), "one\nabcdefghijkl two");
  assertEquals(wrapped("你好你好", 5), "你好\n你好");
});

Deno.test("nothing is lost, no line is too wide, and pieces make no difference", () => {
  const words = ["a", "to", "the", "lantern", "größer", "🎉", "你好", "-", "\n", "\n\n", "x,y"];
  let seed = 7;
  const random = (below: number) => (seed = (seed * 48271) % 0x7fffffff) % below;
  for (let round = 0; round < 200; round++) {
    const text = Array.from({ length: 40 }, () => words[random(words.length)]).join(" ");
    const width = 8 + random(60), whole = wrapped(text, width);
    assertEquals(whole.replace(/\s+/g, ""), text.replace(/\s+/g, ""));
    assert(whole.split("\n").every((line) => widthOf(line.trimEnd()) <= width), whole);
    for (const size of [1, 3, 7]) assertEquals(wrapped(text, width, size), whole);
  }
});
