/** `cria chat --tools`: calls under the answer, and in JSON; files that cannot be used. @module */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { cria, criaJson } from "./program.ts";

const TOOLS = [{
  type: "function",
  function: {
    name: "add",
    parameters: { properties: { a: { type: "integer", maximum: 9 } }, required: ["a"] },
  },
}];

/** A file with a list of tools. */
async function fileOf(text: string): Promise<string> {
  const path = await Deno.makeTempFile({ prefix: "cria-test-" });
  await Deno.writeTextFile(path, text);
  return path;
}

const ASK = ["chat", "-p", "Add.", "--seed", "3", "--threads", "1", "-n", "90"];

Deno.test("cria chat --tools writes calls, one a line, and has them in its JSON", async () => {
  const args = [...ASK, "--tools", await fileOf(JSON.stringify(TOOLS)), "--tool-choice", "add"];
  const { code, stdout, stderr } = await cria([...args, "--quiet"]);
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^({"name":"add","arguments":{"a":-?\d+}}\n)+$/);
  const { toolCalls, text, finishReason } = await criaJson(args);
  const calls = toolCalls as { id: string; name: string; arguments: { a: number } }[];
  assertEquals([calls[0]!.id, calls[0]!.name, text], ["call00001", "add", ""]);
  assert(calls.every((call) => call.arguments.a <= 9) && finishReason !== "abort");
});

Deno.test("cria chat says what is wrong with tools before it loads a model", async () => {
  const good = await fileOf(JSON.stringify(TOOLS)), no = [{ name: "a", parameters: { not: {} } }];
  const cases: [flags: string[], code: number, message: RegExp][] = [
    [["--tools", await fileOf("{}")], 1, /^cria: Cannot read ".*": it is not a list of objects$/m],
    [["--tools", await fileOf("[{}]")], 1, /^cria: Cannot use ".*": tool 1 has no name$/m],
    [["--tools", good, "--tool-choice", "sub"], 1, /the tool "sub": there are add$/m],
    [["--tools", await fileOf(JSON.stringify(no))], 1, /the tool "a": .*not/],
    [["--tool-choice", "add"], 2, /^cria: Cannot use --tool-choice: there are no --tools$/m],
  ];
  for (const [flags, code, message] of cases) {
    const ran = await cria([...ASK, ...flags]);
    assertEquals([ran.code, ran.stdout], [code, ""], ran.stderr);
    assertMatch(ran.stderr, message);
  }
});
