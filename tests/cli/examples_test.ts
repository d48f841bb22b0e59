/** The examples run, and write what they promise. @module */

import { assertEquals, assertMatch } from "@std/assert";
import { deno, isThere, ROOT, sharedTest, skip } from "../support.ts";
import { SMOLLM2 } from "./program.ts";

const STORY = "models/story.gguf";
const EXAMPLES: readonly [file: string, output: RegExp][] = [
  ["story.ts", /^Once upon a time.{20}/s],
  ["semantic_search.ts", /^0\.\d{3} Mom made a big cake for the party\.\n(0\.\d{3} .*\n){2}$/],
  [
    "branching.ts",
    /^Once upon .*\n(?:[123]\. \.\.\. \S.* \.\.\. \([1-9]\d* tokens were there\)\n){3}$/,
  ],
  ["extraction.ts", /^{}\n({"name":".*}\n)+.* \(\d+\): (otter|badger|hare|none), .+\n$/],
  ["next_words.ts", /^( {0,2}\d+\.\d % +Once upon a\S* ?.*\n){5}$/],
  [
    "tool_use.ts",
    /^get_weather {"city":"(\w+)"}\n= {"city":"\1","sky":.*}\n.*\(after 1 round of calls\)\n$/s,
  ],
  [
    "tensors.ts",
    /^Tensor float32 \[2048, 192\]\n\[\[.* \.\.\. .*\]\]\n1\.000 "[^"]+"\n(0\.\d{3} ".*"\n){5}$/s,
  ],
];

for (const [file, output] of EXAMPLES) {
  const name = `examples/${file} runs`;
  if (!isThere(`${ROOT}/${STORY}`)) {
    skip(name, `there is no ${STORY}`);
    continue;
  }
  Deno.test(name, async () => {
    const { code, stdout, stderr } = await deno(["run", "-A", `examples/${file}`]);
    assertEquals(code, 0, stderr);
    assertMatch(stdout, output);
  });
}

Deno.test("examples/server.ts answers, and stops when it is asked to", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "examples/server.ts", "0"],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let said = "", url: string | undefined;
  while (url === undefined) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`it ended: ${said}`);
    url = /http:\/\/\S+/.exec(said += value)?.[0];
  }
  const answer = await fetch(url, { method: "POST", body: "Once upon a time" });
  assertMatch(await answer.text(), /^.{20}/s);
  child.kill();
  await reader.cancel();
  await child.status;
});

sharedTest("examples/conversation.ts runs", SMOLLM2, async (path) => {
  const { code, stdout, stderr } = await deno(["run", "-A", "examples/conversation.ts", path]);
  assertEquals(code, 0, stderr);
  assertMatch(stdout, /\(0 tokens .*\([1-9]\d* tokens came from the cache\)\n$/s);
});
