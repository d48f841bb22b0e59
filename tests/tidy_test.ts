/** The house rules: sizes, first lines, names, dead files, words that must not stand. @module */

import { assertEquals, assertGreater } from "@std/assert";
import { checkSizes, fileSizes, functionSizes } from "./checks/sizes.ts";
import { type Files, only, readFiles } from "./checks/source.ts";
import {
  checkAny,
  checkBrands,
  checkDeadFiles,
  checkFileNames,
  checkFirstLines,
  checkTypedImports,
  checkWidths,
  checkWords,
  SOURCES,
} from "./checks/tidy.ts";

const files = await readFiles();
const declarations = files.get("src/toolchain/deno_std.d.ts") ?? "";
const written = only(files, SOURCES);
const source = only(written, /^(mod\.ts|(src|kernels)\/.*)$/);

/** Each rule, and a file that breaks it once: a check that finds nothing there would be blind. */
const RULES: readonly [
  rule: string,
  check: (files: Files) => string[],
  bad: readonly (readonly [path: string, text: string])[],
][] = [
  ["a file begins with what it holds", checkFirstLines, [
    ["src/a.ts", "export const a = 1;\n"],
    ["src/a.ts", "/** a @module */\n"],
    ["kernels/a.c", "#include <stdint.h>\n"],
  ]],
  ["lines have 100 columns", checkWidths, [["src/a.ts", `const a = ${"b ".repeat(50)};\n`]]],
  ["files are named after what they hold", checkFileNames, [
    ["src/string_utils.ts", ""],
    ["src/helpers/a.ts", ""],
    ["tests/camelCase.ts", ""],
  ]],
  ["no open ends, hosts of registries or paths of one machine", checkWords, [
    ["src/a.ts", "// TO" + "DO: more\n"],
    [".ci/run", "curl https://registry." + "npmjs.org/x\n"],
    ["bench/a.ts", 'const a = "/ro' + 'ot/x";\n'],
  ]],
  ["no any", checkAny, [
    ["src/a.ts", "const a = (b as any).c;\n"],
    ["src/a.ts", "let a: Map<string, any>;\n"],
    ["src/a.ts", "// @ts-" + "ignore\n"],
  ]],
  ["modules without types of their own have ours", (all) => checkTypedImports(all, declarations), [
    ["src/a.ts", 'import { x } from "npm:deno-std@1.4.0/yaml/mod.js";\n'],
    ["tests/a.ts", 'import { x } from "@std/yaml";\n'],
  ]],
  ["model families are named in tables", checkBrands, [
    ["src/a.ts", 'if (name === "llama") f();\n'],
    ["kernels/a.c", "int qwen2_norm;\n"],
  ]],
  ["no dead files", checkDeadFiles, [["src/a.ts", ""], ["kernels/a.h", ""]]],
];

for (const [rule, check, bad] of RULES) {
  Deno.test(`tidy: ${rule}`, () => {
    assertEquals(check(files), []);
    for (const [path, text] of bad) assertEquals(check(new Map([[path, text]])).length, 1, text);
  });
}

Deno.test("tidy: what looks bad and is not", () => {
  const good: Files = new Map([
    ["src/a.ts", "/** Any llama in a comment is fine. @module */\nPromise.any([]); f('any');\n"],
    ["kernels/b.c", "// Three words here.\n"],
  ]);
  for (const check of [checkFirstLines, checkWidths, checkFileNames, checkWords, checkAny]) {
    assertEquals(check(good), []);
  }
  assertEquals(checkBrands(good), []);
});

Deno.test("tidy: files are short", () => {
  assertEquals(checkSizes("file", fileSizes(source), { median: 120, most: 400, each: 600 }), []);
  assertEquals(checkSizes("file", fileSizes(written), { each: 600 }), []);
  assertEquals(checkSizes("mod.ts", fileSizes(only(files, /^mod\.ts$/)), { each: 60 }), []);
});

Deno.test("tidy: functions are short", () => {
  assertEquals(checkSizes("function", functionSizes(source), { median: 12, each: 70 }), []);
  assertEquals(checkSizes("function", functionSizes(written), { each: 70 }), []);
});

Deno.test("tidy: the measure of functions sees every form", () => {
  const script = `
function a(x: number = f(1)): Promise<{ y: number }> {
  if (x) {
    return;
  }
}
class B<T> {
  get c(): number {
    return 1;
  }
  constructor(readonly d: string) {}
}
const e = async (): Promise<void> => {
  for await (const f of g()) {
    h(() => {
      return { i: 1 };
    });
  }
};
`;
  const c = "static int f(int a,\n    int b) {\n  return 0;\n}\nstruct s {\n  int a;\n};\n";
  const lines = (path: string, text: string) =>
    functionSizes(new Map([[path, text]])).map((size) => size.lines);
  assertEquals(lines("src/a.ts", script), [5, 3, 1, 3, 7]);
  assertEquals(lines("kernels/a.c", c), [4]);
  assertGreater(functionSizes(source).length, 50);
});

Deno.test("tidy: the measure refuses what is too long", () => {
  const sizes = [1, 2, 3, 4, 90].map((lines) => ({ name: "a", lines }));
  assertEquals(checkSizes("x", sizes, { median: 3, most: 90, each: 90 }), []);
  assertEquals(checkSizes("x", sizes, { median: 2, most: 80, each: 80 }).length, 3);
});
