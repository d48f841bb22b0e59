/** The flags of samplers: one for each option, and what they do to a text. @module */

import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import { samplerOptions, SAMPLING } from "../../src/cli/sampling.ts";
import { UsageError } from "../../src/cli/failure.ts";
import { commandHelp } from "../../src/cli/help.ts";
import { command } from "../../src/cli/run.ts";
import { DEFAULT_SAMPLING } from "../../src/sampling/options.ts";
import { Sampler } from "../../src/sampling/sampler.ts";
import { isThere, ROOT, skip } from "../support.ts";
import { criaJson } from "./program.ts";

type Flags = Parameters<typeof samplerOptions>[0];

/** The values of flags that were given as texts. */
function read(given: Readonly<Record<string, string[]>>): Flags {
  return Object.fromEntries(
    Object.entries(SAMPLING).map(([key, flag]) => [key, flag.read(given[key] ?? [], key)]),
  ) as Flags;
}

Deno.test("every number of the samplers has a flag, whose help gives its default", () => {
  for (const [name, value] of Object.entries(DEFAULT_SAMPLING)) {
    const flag = SAMPLING[name as keyof typeof SAMPLING];
    const standard = /\(default: (\S+)\)/.exec(flag.help)?.[1] ?? "0";
    assertEquals(standard === "off" ? -1 : Number(standard), value, name);
    const options = samplerOptions(read({ [name]: ["1"] }));
    assertEquals(options[name as keyof typeof options], 1, name);
  }
  new Sampler(samplerOptions(read({})));
});

Deno.test("breakers are texts, several of them, or none", () => {
  const breakers = (...given: string[]) =>
    samplerOptions(read({ drySequenceBreaker: given })).drySequenceBreakers;
  assertEquals(breakers(), undefined);
  assertEquals(breakers("a", "\n"), ["a", "\n"]);
  assertEquals(breakers("none"), []);
});

Deno.test("samplers are named as their flags, in the order in which they are to run", () => {
  const order = (text: string) => samplerOptions(read({ order: [text] })).order;
  assertEquals(order("top-n-sigma, temperature,penalties"), [
    "topNSigma",
    "temperature",
    "penalties",
  ]);
  assertThrows(
    () => order("topK"),
    UsageError,
    `to "topK": it is some of penalties,dry,top-n-sigma`,
  );
  assertThrows(() => order(""), UsageError);
  assertEquals(samplerOptions(read({})).order, undefined);
  assertEquals(samplerOptions(read({ bannedTokens: ["3, 5"] })).bannedTokens, [3, 5]);
});

Deno.test("the help of run fits 60 columns", () => {
  const help = commandHelp({ name: "run", summary: "Continue a text" }, command, 60);
  for (const line of help.slice(0, help.indexOf("Examples")).split("\n")) {
    assert(line.length <= 60, line);
  }
});

const RUN = ["run", "-p", "Once upon a time", "-n", "24", "--seed", "1", "--threads", "1"];

if (!isThere(`${ROOT}/models/story.gguf`)) skip("sampling flags", "there is no embedded model");
else {
  Deno.test("cria run --json --logprobs gives each token's and the likeliest", async () => {
    const { tokens, logprobs } = await criaJson([
      ...RUN,
      "--logprobs",
      "2",
      "--temperature",
      "1",
    ]) as {
      tokens: number[];
      logprobs: Record<string, unknown>[];
    };
    assertEquals(logprobs.map(({ token }) => token), tokens);
    for (const { topLogprobs, topLogprobsAfter, logprob, logprobAfter } of logprobs) {
      const [first, second] = topLogprobs as { logprob: number; text: string }[];
      assert(first!.logprob >= second!.logprob && typeof first!.text === "string");
      assertLess((topLogprobsAfter as unknown[]).length, 3);
      assert((logprob as number) <= (logprobAfter as number) + 1e-6);
    }
  });

  Deno.test("samplers that are switched on change the text", async () => {
    const texts = new Set<unknown>();
    const flags = ["--dry-multiplier 9 --dry-allowed-length 0", "--mirostat 2 --mirostat-tau 0.1"];
    for (const more of ["", ...flags, "--xtc-probability 1 --xtc-threshold 0.01"]) {
      texts.add((await criaJson([...RUN, ...more.split(" ").filter(Boolean)])).text);
    }
    assertEquals(texts.size, 4);
  });
}
