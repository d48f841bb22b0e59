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

sharedTest("examples/conversation.ts runs", SMOLLM2, async (path) => {
  const { code, stdout, stderr } = await deno(["run", "-A", "examples/conversation.ts", path]);
  assertEquals(code, 0, stderr);
  assertMatch(stdout, /\(0 tokens .*\([1-9]\d* tokens came from the cache\)\n$/s);
});
