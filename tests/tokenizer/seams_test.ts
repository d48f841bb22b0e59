/** Seams of texts: where pieces cannot reach across, and only there. @module */

import { assertEquals } from "@std/assert";
import { Seams } from "../../src/tokenizer/seams.ts";
import { Vocabulary } from "../../src/tokenizer/vocab.ts";
import { spmFile } from "./vocabularies.ts";

function stretches(text: string): string[] {
  const { metadata } = spmFile([["ab"], ["bca"], ["▁a"], ["▁▁"], ["é🦙"], ["xy", "control"]]);
  const seams = new Seams(new Vocabulary(metadata)), found: string[] = [];
  seams.forEach(text, (stretch) => found.push(stretch));
  return found;
}

Deno.test("a text falls apart between characters that no piece has side by side", () => {
  assertEquals(stretches("abc"), ["abc"]); // by way of two pieces
  assertEquals(stretches("bac"), ["b", "a", "c"]);
  assertEquals(stretches("ab▁▁ab"), ["ab", "▁▁ab"]);
  assertEquals(stretches("a"), ["a"]);
  assertEquals(stretches(""), []);
});

Deno.test("no seam goes through a character", () => {
  assertEquals(stretches("🦙🦙é🦙"), ["🦙", "🦙", "é🦙"]);
});

Deno.test("what is in no text joins nothing", () => {
  assertEquals(stretches("xy"), ["x", "y"]);
});
