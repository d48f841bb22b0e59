/** Help texts, the version, and what is said to wrong usage. @module */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { VERSION } from "../../src/cli/version.ts";
import { deno, ROOT } from "../support.ts";
import { cria } from "./program.ts";

const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  run: ["MODEL", "--prompt", "--xtc-threshold", "--stop", "--no-bos", "--logprobs", "--schema"],
  chat: ["MODEL", "--system", "--prompt", "--ctx", "--kv", "--grammar", "--tools"],
  inspect: ["MODEL", "--tensors", "--metadata"],
  tokenize: ["MODEL", "TEXT", "--no-bos", "--special"],
  detokenize: ["MODEL", "IDS"],
  template: ["MODEL", "MESSAGES", "--tools", "--no-generation-prompt"],
  embed: ["MODEL", "[TEXT ...]", "--pooling", "--no-normalize", "--threads"],
  eval: ["MODEL", "--tokens", "--logits"],
  perplexity: ["MODEL", "--file", "--ctx", "--chunks", "--save-logits", "--kl-base"],
  quantize: ["IN", "OUT", "--type", "--force", "--allow-requantize", "Q4_K", "int8", "--report"],
  bench: ["MODEL", "-p", "-n", "--depth", "-t", "-r", "--parallel", "--profile"],
  doctor: ["--json"],
};

Deno.test("cria --help lists every command", async () => {
  const { code, stdout, stderr } = await cria(["--help"]);
  assertEquals([code, stderr], [0, ""]);
  assertEquals([...stdout.matchAll(/^ {2}(\w+) {2,}/gm)].map((m) => m[1]), Object.keys(COMMANDS));
});

for (const [name, words] of Object.entries(COMMANDS)) {
  Deno.test(`cria ${name} --help names what it takes, in 80 columns`, async () => {
    const { code, stdout, stderr } = await cria([name, "--help"]);
    assertEquals([code, stderr], [0, ""]);
    for (const word of [...words, "--json", "--quiet", "--config", "--help"]) {
      assert(stdout.includes(word), word);
    }
    for (const line of stdout.split("\n")) assert(line.length <= 80, line);
  });
}

Deno.test("cria --version is the version of deno.json", async () => {
  const { version } = JSON.parse(await Deno.readTextFile(`${ROOT}/deno.json`));
  assertEquals(VERSION, version);
  assertEquals((await cria(["--version"])).stdout, `cria ${version}\n`);
});

Deno.test("wrong usage ends with exit code 2 and one line", async () => {
  const wrong: [args: string[], message: RegExp][] = [
    [["rnu"], /no such command; did you mean "run"\?/],
    [["run", "--tempature", "1"], /no such flag; did you mean "--temperature"\?/],
    [["run", "-p"], /-p: its TEXT is missing/],
    [["run", "-p", "x", "--threads", "0"], /--threads to "0"/],
    [["run", "-p", "x", "--top-p", "2"], /--top-p to "2": it is a number from 0 to 1/],
    [["run", "-p", "x", "--stop", ""], /--stop to "": it is a text that is not empty/],
    [["run"], /there is no text/],
    [["run", "-p", "x", "--logprobs", "2"], /--logprobs: it needs --json/],
    [["run", "-p", "x", "--mirostat", "3"], /--mirostat to "3": it is 0 or 1 or 2/],
    [["run", "-p", "x", "--dry-multiplier", "-1"], /--dry-multiplier to "-1"/],
    [["inspect"], /MODEL is missing/],
    [["inspect", "a", "b"], /take "b"/],
    [["chat", "-p", "x", "--kv", "q4"], /f32 or f16 or q8_0/],
    [["detokenize", "m", "1,x"], /IDS to "x"/],
    [["embed"], /MODEL is missing/],
    [["embed", "m", "a", "--pooling", "max"], /to "max": it is mean or last or cls/],
    [["eval", "m", "--tokens", "1"], /--logits is missing/],
    [["perplexity", "m"], /FILE is missing/],
    [["perplexity", "m", "-f", "a", "--save-logits", "b", "--kl-base", "c"], /one or the other/],
    [["quantize", "a", "b"], /--type is missing/],
    [["quantize", "a", "b", "--type", "Q9"], /--type to "Q9": it is Q8_0 or/],
    [["quantize", "a"], /OUT is missing/],
    [["quantize", "a", "b", "--type", "Q8_0", "--clip", "mse"], /they are for int8/],
    [["doctor", "--verify"], /no such flag/],
  ];
  await Promise.all(wrong.map(async ([args, message]) => {
    const { code, stdout, stderr } = await cria(args);
    assertEquals([code, stdout], [2, ""], args.join(" "));
    assertMatch(stderr, /^cria: Cannot [^\n]*\n$/);
    assertMatch(stderr, message);
  }));
});

Deno.test("wrong usage is one line and exit code 2 without a single permission, too", async () => {
  const ran = await deno(["run", "--no-prompt", `${ROOT}/src/cli/main.ts`, "run", "--foo"]);
  const stderr = 'cria: Cannot use "--foo": there is no such flag\n';
  assertEquals(ran, { code: 2, stdout: "", stderr });
});

Deno.test("no command at all: the help goes to stderr, exit code 2", async () => {
  const { code, stdout, stderr } = await cria([]);
  assertEquals([code, stdout], [2, ""]);
  assertMatch(stderr, /^Usage: cria/m);
});
