/** Tables that normalise: known rules, and tables that are broken in every way. @module */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { ModelError } from "../../src/errors.ts";
import { Charsmap } from "../../src/tokenizer/charsmap.ts";
import golden from "./gguf_golden.json" with { type: "json" };

/** The table that sentencepiece made of the rules in make_gguf_golden.py. */
const TABLE = Uint8Array.from(
  atob(JSON.parse(golden.cases[0]!.metadata).precompiled_charsmap),
  (char) => char.charCodeAt(0),
);
const UTF8 = new TextEncoder();

Deno.test("what the rules say is found where a text begins with it", () => {
  const map = new Charsmap(TABLE);
  const found = (text: string, at = 0) => map.match(UTF8.encode(text), at, "longest");
  assertEquals(found("ﬁn"), { length: 3, text: "fi" });
  assertEquals(found("nﬁ", 1), { length: 3, text: "fi" });
  assertEquals(found("e\u0301e"), { length: 3, text: "é" });
  assertEquals(found("\u200b"), { length: 3, text: "" });
  assertEquals(found("👍🏽!"), { length: 8, text: "👍" });
  for (const text of ["", "e", "n", "\0", "👍", "é"]) assertEquals(found(text), undefined, text);
});

Deno.test("a table that is cut short is refused, by how long it is", () => {
  const length = new DataView(TABLE.buffer).getUint32(0, true);
  for (const end of [0, 3, 4, 100, length + 3]) {
    const says = 'Cannot read "precompiled_charsmap": it says';
    assertThrows(() => new Charsmap(TABLE.subarray(0, end)), ModelError, says);
  }
  const bare = new Charsmap(TABLE.subarray(0, length + 4)); // without its texts
  assertThrows(() => bare.match(UTF8.encode("ﬁ"), 0, "longest"), ModelError, "it has no text");
});

Deno.test("a table with other bits finds something, or nothing, or says what it lacks", () => {
  let state = 7, refused = 0;
  const random = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * below);
  };
  const text = UTF8.encode("ﬁn e\u0301 ½… 👍🏽\t１！");
  for (let round = 0; round < 2000; round++) {
    const bytes = TABLE.slice();
    for (let i = 0; i < 20; i++) bytes[4 + random(bytes.length - 4)] = random(256);
    const map = new Charsmap(bytes);
    for (let at = 0; at < text.length; at++) {
      try {
        const found = map.match(text, at, "longest");
        assert(found === undefined || at + found.length <= text.length);
      } catch (error) {
        if (!(error instanceof ModelError)) throw error;
        refused++;
      }
    }
  }
  assert(refused > 0);
});
