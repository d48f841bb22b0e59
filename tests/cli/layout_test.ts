/** Text laid out for terminals, and the one line of an error. @module */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { about, oneLine, UsageError, visible } from "../../src/cli/failure.ts";
import {
  amount,
  bar,
  bytes,
  clip,
  columnsOf,
  joinWithin,
  table,
  widthOf,
  wrap,
} from "../../src/cli/layout.ts";
import { CriaError, ModelError } from "../../src/errors.ts";

Deno.test("wrap() breaks between words, and keeps what is tied", () => {
  assertEquals(wrap("aa bb cc", 5), ["aa bb", "cc"]);
  assertEquals(wrap("aa bb\u00a0cc", 5), ["aa", "bb cc"]);
});

Deno.test("columnsOf() fits narrow terminals too", () => {
  const rows = [["--a-rather-long-flag TEXT", "What it does in a sentence of some length"], [
    "-b",
    "x",
  ]];
  for (const width of [40, 60, 80, 120]) {
    const lines = columnsOf(rows, width);
    assert(lines.every((line) => line.length <= width), lines.join("\n"));
  }
});

Deno.test("widthOf() knows wide characters and those of no width", () => {
  assertEquals(["abc", "你好", "é", "e\u0301", "👦"].map(widthOf), [3, 4, 1, 1, 2]);
  assertEquals(clip("你好你好", 5), "你好…");
});

Deno.test("table() cuts its flexible column", () => {
  const columns = [{ title: "name", flexible: true }, { title: "n", align: "right" as const }];
  const lines = table(columns, [["a-name-that-is-long", "1"], ["b", "22"]], 16);
  assertEquals(lines, [
    "name           n",
    "a-name-that…   1",
    "b             22",
  ]);
});

Deno.test("numbers for people", () => {
  assertEquals([0, 999, 1000, 98362432, 999.6e6].map(bytes), [
    "0 B",
    "999 B",
    "1.00 kB",
    "98.4 MB",
    "1.00 GB",
  ]);
  assertEquals([5, 49152, 134515008, 7e9].map(amount), [
    "5",
    "49,152",
    "135 million",
    "7.00 billion",
  ]);
  assertEquals([bar(0, 4), bar(0.5, 4), bar(1e-9, 4), bar(1, 2)], ["", "██", "▏", "██"]);
  assertEquals(joinWithin(["aaa", "bbb", "ccc"], 9), ["aaa · bbb", "ccc"]);
});

Deno.test("oneLine() is one line, whatever the error", () => {
  assertEquals(oneLine(new CriaError("Cannot x:\n\x1b[31mred")), "Cannot x:\\n\\u{1b}[31mred");
  assert(oneLine(new TypeError("x")).includes("CRIA_DEBUG=1"));
  assertEquals(visible("a\u202eb\u009fc"), "a\\u{202e}b\\u{9f}c");
});

Deno.test("about() makes an error name its file", async () => {
  const fail = (error: Error) => () => about("load", "m.gguf", () => Promise.reject(error));
  const named = new ModelError('Cannot load "m.gguf": x');
  assertEquals(await assertRejects(fail(named)), named);
  await assertRejects(
    fail(new ModelError("Cannot y")),
    CriaError,
    'Cannot load "m.gguf": cannot y',
  );
  await assertRejects(fail(new UsageError("Cannot y")), UsageError, "Cannot y");
  await assertRejects(
    () => about("read", "nowhere", () => Deno.readTextFile("nowhere")),
    CriaError,
    'Cannot read "nowhere": no such file',
  );
});
