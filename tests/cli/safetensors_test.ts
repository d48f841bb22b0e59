/** Commands over models in Hugging Face layout. @module */

import { assertEquals, assertMatch } from "@std/assert";
import { sharedTest } from "../support.ts";
import { cria } from "./program.ts";

/** What a command says as JSON. */
async function json(...args: string[]) {
  const { code, stdout, stderr } = await cria([...args, "--json"]);
  assertEquals([code, stderr], [0, ""]);
  return JSON.parse(stdout);
}

const SHARDED = "conformance/models/llama-gqa-500k-sharded";

sharedTest("a folder of shards: inspect, tokenize, eval, perplexity", SHARDED, async (folder) => {
  const shard = `${folder}/model-00002-of-00002.safetensors`;
  const shown = await json("inspect", folder), whole = await json("inspect", shard);
  assertEquals([shown.format, shown.architecture], ["safetensors", "llama"]);
  assertEquals([shown.tensors, shown.fileBytes], [whole.tensors, 453896 + 453384]);
  assertEquals(shown.tensors.some(({ name }: { name: string }) => name === "lm_head.weight"), true);

  const { tokens } = await json("tokenize", folder, "the rain");
  const gguf = await json("tokenize", `${folder}/llama-gqa-500k-sharded.gguf`, "the rain");
  assertEquals(tokens, gguf.tokens);
  const file = await Deno.makeTempFile();
  try {
    const sizes = await json("eval", shard, "--tokens", "1,5,9", "--logits", file, "--quiet");
    assertEquals([sizes.tokens, sizes.vocab], [3, 320]);
    assertEquals((await Deno.stat(file)).size, 3 * 320 * 4);
    await Deno.writeTextFile(file, "the rain in the hills ".repeat(20));
    const { perplexity } = await json("perplexity", folder, "-f", file, "--ctx", "32", "--quiet");
    assertEquals(Number.isFinite(perplexity), true);
  } finally {
    await Deno.remove(file);
  }
});

sharedTest("run --quantize tells a story from safetensors", "conformance/story", async (folder) => {
  const args = ["--prompt", "Once upon a time", "-n", "12", "--temperature", "0", "--quiet"];
  for (const more of [[], ["--quantize", "Q8_0"]]) {
    const { code, stdout } = await cria(["run", folder, ...args, ...more]);
    assertEquals(code, 0);
    assertMatch(stdout, /^, a little girl named Lily/);
  }
  const wrong = await cria(["run", folder, ...args, "--quantize", "Q9"]);
  assertEquals(wrong.code, 2);
});
