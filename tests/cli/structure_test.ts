/** `--schema` and `--grammar`: text of a form, from a file that says which. @module */

import { assertEquals, assertMatch } from "@std/assert";
import { cria, criaJson } from "./program.ts";

const SCHEMA = {
  type: "object",
  properties: { name: { type: "string", maxLength: 12 }, age: { type: "integer", minimum: 1 } },
  required: ["name", "age"],
};

/** A file with some text. */
async function fileOf(text: string): Promise<string> {
  const path = await Deno.makeTempFile({ prefix: "cria-test-" });
  await Deno.writeTextFile(path, text);
  return path;
}

Deno.test("cria run --schema writes JSON, which ends in time", async () => {
  const path = await fileOf(JSON.stringify(SCHEMA));
  const args = ["run", "-p", "Once", "--schema", path, "--seed", "3", "--threads", "1"];
  const { code, stdout } = await cria([...args, "--quiet"]);
  const { name, age, ...rest } = JSON.parse(stdout);
  assertEquals([code, typeof name, Number.isInteger(age), rest], [0, "string", true, {}]);
  const short = await criaJson([...args, "-n", "24"]);
  assertEquals(Object.keys(JSON.parse(String(short.text))), ["name", "age"]);
  assertEquals((short.tokens as number[]).length <= 24, true);
});

Deno.test("a mark of the byte order before a schema or a grammar is passed over", async () => {
  const files = [["--schema", '\uFEFF{"const": 7}', "7"], ["--grammar", '\uFEFFroot ::= "8"', "8"]];
  for (const [flag, source, answer] of files) {
    const { stdout, stderr } = await cria([
      ...["run", "-p", "Once", flag!, await fileOf(source!), "--quiet", "--threads", "1"],
    ]);
    assertEquals([stdout, stderr], [answer, ""]);
  }
});

Deno.test("cria run and chat --grammar write what meets the grammar", async () => {
  const path = await fileOf('root ::= "yes" | "no"');
  for (const command of ["run", "chat"]) {
    const { stdout } = await cria([command, "-p", "Well?", "--grammar", path, "--quiet"]);
    assertMatch(stdout, /^(yes|no)$/);
  }
});

Deno.test("cria run says what is wrong with a schema or a grammar, and where", async () => {
  const cases: [flag: string, text: string, code: number, message: RegExp][] = [
    ["--schema", "{", 1, /^cria: Cannot use ".*": it is not JSON: /],
    ["--schema", '{"not": {}}', 1, /^cria: Cannot use ".*": cannot compile the schema: #\/not /],
    ["--grammar", "root ::= [", 1, /^cria: Cannot use ".*": cannot read the grammar: .*column 10/],
  ];
  for (const [flag, text, code, message] of cases) {
    const ran = await cria(["run", "-p", "x", flag, await fileOf(text)]);
    assertEquals([ran.code, ran.stdout], [code, ""]);
    assertMatch(ran.stderr, message);
  }
  const both = await cria(["run", "-p", "x", "--schema", "a", "--grammar", "b"]);
  assertEquals(both.code, 2);
  const none = await cria(["run", "-p", "x", "--schema", "tests/nothing.json"]);
  assertEquals(none.code, 1);
  assertMatch(none.stderr, /^cria: Cannot read "tests\/nothing.json": no such file/i);
});
