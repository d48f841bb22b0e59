/** Commands that run a model: run, chat, eval, perplexity, bench, doctor. @module */

import { assert, assertEquals, assertGreater, assertMatch } from "@std/assert";
import { sharedTest } from "../support.ts";
import { cria, criaJson, shared, SMALL, SMOLLM2 } from "./program.ts";

const PARIS = ["-p", "The capital of France is", "--temperature", "0", "--threads", "2"];

sharedTest("cria run --json has the fields of the contract", SMOLLM2, async (path) => {
  const result = await criaJson(["run", path, ...PARIS, "-n", "5"]);
  const { promptTokens, tokens, text, finishReason, timings, memory } = result;
  assertEquals([promptTokens, finishReason], [[504, 3575, 282, 4649, 314], "length"]);
  assert(Array.isArray(tokens) && tokens.length === 5);
  assertMatch(String(text), /^ Paris\./);
  for (
    const key of ["loadMs", "promptMs", "promptPerSecond", "generateMs", "generatePerSecond"]
  ) assertGreater((timings as Record<string, number>)[key]!, 0, key);
  assertEquals((timings as Record<string, number>).cachedTokens, 0);
  for (const key of ["rssBytes", "peakRssBytes", "kvBytes"]) {
    assertGreater((memory as Record<string, number>)[key]!, 0, key);
  }
});

sharedTest("cria run writes text to stdout, statistics to stderr", SMOLLM2, async (path) => {
  const { code, stdout, stderr } = await cria(["run", path, ...PARIS, "-n", "5"]);
  assertEquals(code, 0);
  assertMatch(stdout, /^ Paris\./);
  assertMatch(stderr, /prompt 5 tokens .*text 5 tokens/s);
  const quiet = await cria(["run", path, ...PARIS, "-n", "5", "--quiet", "--stop", "Par"]);
  assertEquals(quiet, { code: 0, stdout: " ", stderr: "" });
});

sharedTest("cria run takes its text from stdin, and its seed as given", SMALL, async (path) => {
  const args = ["run", path, "-n", "12", "--seed", "5", "--threads", "1"];
  const one = await criaJson(args, { stdin: "abc" });
  const two = await criaJson([...args, "-p", "abc", "--kv", "f16"]);
  assertEquals(one.tokens, two.tokens);
  assertEquals(one.seed, 5);
});

sharedTest("cria run stops at Ctrl-C with what there is, exit code 130", SMOLLM2, async (path) => {
  const args = ["run", path, "-p", "Once", "--ignore-eos", "--threads", "1", "--ctx", "2048"];
  const { code, stdout } = await cria(args, { signal: "SIGINT" });
  assertEquals(code, 130);
  assertGreater(stdout.length, 0);
});

sharedTest("cria chat applies the template", SMOLLM2, async (path) => {
  const result = await criaJson([
    ...["chat", path, "--system", "Be brief.", "-p", "Hi", "-n", "4"],
    ...["--threads", "2"],
  ]);
  assertMatch(String(result.rendered), /Be brief\..*<\|im_start\|>user\nHi<\|im_end\|>/s);
  assert(Array.isArray(result.promptTokens) && result.promptTokens[0] === 1);
  assert(typeof result.text === "string");
});

sharedTest("cria eval writes the logits whole or not at all", SMALL, async (path) => {
  const folder = await Deno.makeTempDir();
  const out = `${folder}/out.f32`;
  try {
    const args = ["eval", path, "--tokens", "1,2,3", "--logits", out, "--threads", "1"];
    const { tokens, vocab } = await criaJson(args);
    assertEquals(tokens, 3);
    assertEquals((await Deno.stat(out)).size, 4 * 3 * Number(vocab));
    const bad = await cria(["eval", path, "--tokens", "999999", "--logits", `${folder}/no.f32`]);
    assertEquals(bad.code, 1);
    assertMatch(bad.stderr, /^cria: Cannot [^\n]*999999[^\n]*\n$/);
    const long = await cria([...args, "--ctx", "2"]);
    assertMatch(long.stderr, /^cria: Cannot [^\n]*3 tokens do not fit a context of 2\n$/);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["out.f32"]);
    await Deno.symlink("/dev/null", `${folder}/null`);
    await criaJson(["eval", path, "--tokens", "1,2,3", "--logits", `${folder}/null`]);
    assert((await Deno.lstat(`${folder}/null`)).isSymlink, "what is no file keeps its place");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

sharedTest("cria perplexity cuts the text as the contract says", SMOLLM2, async (path) => {
  const text = shared("conformance/perplexity/gpl3.txt");
  const { context, ids } = JSON.parse(
    await Deno.readTextFile(shared("conformance/perplexity/gpl3.json")),
  );
  const args = ["perplexity", path, "-f", text, "--ctx", "64", "--chunks", "2", "--threads", "2"];
  const { tokens, nll, perplexity } = await criaJson(args);
  assertEquals([tokens, context, ids.length], [126, 512, 1782]);
  assertEquals(perplexity, Math.exp(Number(nll)));
});

sharedTest("cria bench --json has the fields of the contract", SMALL, async (path) => {
  const args = ["bench", path, "-p", "8", "-n", "4", "--depth", "5", "-t", "1,2", "-r", "3"];
  const results = await criaJson(args) as unknown as Record<string, unknown>[];
  assertEquals(results.map(({ test, threads }) => `${test} ${threads}`), [
    ...["pp8 1", "tg4 1", "pp8 2", "tg4 2"],
  ]);
  for (const { depth, parallel, samples, median, isa } of results) {
    assertEquals([depth, parallel, typeof isa], [5, 1, "string"]);
    assert(Array.isArray(samples) && samples.length === 3 && samples.includes(median));
  }
});

sharedTest("cria bench --parallel decodes together, --profile says where", SMALL, async (path) => {
  const args = ["bench", path, "-p", "8", "-n", "4", "--parallel", "1,3", "-t", "1", "-r", "2"];
  const results = await criaJson([...args, "--profile"]) as unknown as Record<string, unknown>[];
  assertEquals(results.map(({ test, parallel }) => `${test} ${parallel}`), [
    ...["pp8 1", "tg4 1", "pp8 3", "tg4 3"],
  ]);
  const steps: unknown[] = [];
  for (const { profile } of results) {
    const { steps: count, stepMs, operations } = profile as Record<string, unknown>;
    steps.push(count);
    assertGreater(Number(stepMs), 0);
    assert(Array.isArray(operations) && operations.length === 5);
    for (const one of operations) {
      assertEquals(Object.keys(one), [
        ...["name", "types", "calls", "ms", "share", "gbPerSecond", "gopsPerSecond"],
      ]);
      assertGreater(one.gbPerSecond, 0, one.name);
      if (/^(matmul|gated|attend)/.test(one.name)) assertGreater(one.gopsPerSecond, 0, one.name);
    }
  }
  assertEquals(steps, [2, 8, 6, 8]);
  const { stdout } = await cria([...args, "--profile", "--quiet"]);
  assertMatch(stdout, /^tg4 x 3 +1 +0 +\d/m);
  assertEquals(stdout.match(/^ {2}all others .* %$/gm)?.length, 4, stdout);
  assertMatch(stdout, /^tg4, 3 sequences, 1 threads: /m);
  const wrong = await cria(["bench", path, "--parallel", "65", "-r", "1"]);
  assertMatch(wrong.stderr, /^cria: Cannot [^\n]*batch of 65: it has 1 to 64\n$/);
});

Deno.test("cria doctor --json has the fields of the contract", async () => {
  const { stdout } = await cria(["doctor", "--json", "--threads", "2"]);
  const result = JSON.parse(stdout);
  assertEquals(Object.keys(result), [
    ...["version", "deno", "library", "isa", "isasAvailable", "threads"],
    ...["memoryBandwidthGBs", "cacheDir", "checks"],
  ]);
  assertEquals([result.deno, result.threads], [Deno.version.deno, 2]);
  assert(result.isasAvailable.includes("scalar"));
  assertGreater(result.memoryBandwidthGBs, 0);
  for (const check of result.checks) assertEquals(Object.keys(check), ["name", "ok", "detail"]);
});
