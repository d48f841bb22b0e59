/** Keeps the direction of imports, and shows that the check sees what it should. @module */

import { assertEquals } from "@std/assert";
import { checkLayers, checkTable } from "./checks/layers.ts";
import { codeOf, importsOf, readFiles } from "./checks/source.ts";

Deno.test("src/ imports only downwards, names native code once, prints nowhere", async () => {
  assertEquals(checkLayers(await readFiles()), []);
});

Deno.test("the table of layers goes one way", () => {
  assertEquals(checkTable(), []);
  assertEquals(checkTable({ a: ["b"], b: [] }).length, 1);
});

/** A file that breaks a rule, beside some that do not. */
function problemsOf(path: string, text: string): string[] {
  return checkLayers(
    new Map([
      ["src/errors.ts", ""],
      ["src/native/ffi.ts", "Deno.dlopen(path, symbols);"],
      ["src/session/session.ts", 'import "../errors.ts";'],
      ["src/cli/main.ts", 'import "../session/session.ts"; console.log(1);'],
      ["mod.ts", 'export * from "./src/session/session.ts";'],
      [path, text],
    ]),
  );
}

Deno.test("checkLayers() refuses what breaks a rule", () => {
  const bad: [path: string, text: string, problem: RegExp][] = [
    ["src/errors.ts", 'import "./session/session.ts";', /may not know/],
    ["src/tokenizer/a.ts", 'import { x } from "../native/ffi.ts";', /may not know/],
    ["src/sampling/a.ts", 'export type { X } from "../session/session.ts";', /may not know/],
    ["src/native/b.ts", 'const m = await import("../cli/main.ts");', /may not know/],
    ["src/native/b.ts", 'import "../../tests/support.ts";', /not there/],
    ["src/step/a.ts", 'import { join } from "@std/path";', /from a URL/],
    ["src/step/a.ts", 'import x from "npm:thing";', /from a URL/],
    ["src/step/a.ts", 'import "./gone.ts";', /not there/],
    ["src/step/a.ts", "Deno.dlopen(path, {});", /native code/],
    ["src/step/a.ts", "const { dlopen } = Deno; dlopen(path, {});", /native code/],
    ["src/model/a.ts", "new Deno.UnsafePointerView(p);", /native code/],
    ["src/model/a.ts", "console.log(`a`);", /prints/],
    ["src/model/a.ts", "Deno.exit(1);", /prints/],
    ["src/other/a.ts", "", /no "other"/],
    ["mod.ts", 'export * from "./src/cli/main.ts";', /may not know/],
  ];
  for (const [path, text, problem] of bad) {
    const found = problemsOf(path, text);
    assertEquals([found.length, problem.test(found[0] ?? "")], [1, true], `${text}: ${found}`);
  }
});

Deno.test("checkLayers() accepts what keeps the rules", () => {
  const good: [path: string, text: string][] = [
    ["src/step/a.ts", '/** Example: console.log("x"); Deno.dlopen() */\nimport "../errors.ts";'],
    ["src/model/a.ts", 'const text = "console.log(1)"; // Deno.exit(2)'],
    ["src/chat/a.ts", 'import x from "npm:@scope/name@1.2.3/part.js";'],
  ];
  for (const [path, text] of good) assertEquals(problemsOf(path, text), []);
});

Deno.test("codeOf() blanks comments, strings, templates and regular expressions", () => {
  const text = "a = `x ${b /* c */ + `y${'d'}`} z`; // e\nf = /[\"/]\\//.test(g) / 2 / h;";
  const code = codeOf(text, { strings: false });
  assertEquals(code.match(/\w+/g), ["a", "b", "f", "test", "g", "2", "h"]);
  assertEquals(code.length, text.length);
  assertEquals(codeOf("'a' // b", { strings: true }), "'a'     ");
});

Deno.test("importsOf() sees every form", () => {
  const text = `
    import a, { b } from "./a.ts"; import "./b.ts";
    import type {
      C,
    } from "./c.ts";
    export * as d from "./d.ts"; export { e } from "./e.ts"; const f = await import("./f.ts");
    // import "./g.ts";`;
  assertEquals(importsOf(text), ["a", "b", "c", "d", "e", "f"].map((name) => `./${name}.ts`));
});
