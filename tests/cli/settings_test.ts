/** Where the value of a flag comes from: command line, environment, file, default. @module */

import { assertEquals, assertRejects } from "@std/assert";
import { type Flags, text, texts, toggle, whole } from "../../src/cli/command.ts";
import { UsageError } from "../../src/cli/failure.ts";
import { resolveFlags } from "../../src/cli/settings.ts";

const FLAGS = {
  topK: whole("K", "x", { setting: true }),
  stop: texts("TEXT", "x", { setting: true }),
  quiet: toggle("x", { setting: true }),
  prompt: text("TEXT", "x"),
};
const TABLES = new Map<string, Flags>([
  ["run", FLAGS],
  ["chat", { system: text("TEXT", "x", { setting: true }) }],
]);

/** Resolves the flags of `run` with a config file and an environment of its own. */
async function resolve(
  { given = {}, env = {}, toml = "" }: {
    given?: Record<string, string[]>;
    env?: Record<string, string>;
    toml?: string;
  },
) {
  const path = await Deno.makeTempFile({ suffix: ".toml" });
  await Deno.writeTextFile(path, toml);
  for (const [name, value] of Object.entries(env)) Deno.env.set(name, value);
  try {
    const flags = new Map(Object.entries({ ...given, config: [path] }));
    return await resolveFlags("run", FLAGS, flags, () => Promise.resolve(TABLES));
  } finally {
    for (const name of Object.keys(env)) Deno.env.delete(name);
    await Deno.remove(path);
  }
}

Deno.test("flags beat the environment, which beats the file", async () => {
  const toml = "top-k = 3", env = { CRIA_TOP_K: "2" }, given = { topK: ["1"] };
  assertEquals((await resolve({ given, env, toml })).topK, 1);
  assertEquals((await resolve({ env, toml })).topK, 2);
  assertEquals((await resolve({ toml })).topK, 3);
  assertEquals((await resolve({})).topK, undefined);
});

Deno.test("a command's table beats the top level of the file", async () => {
  const toml = 'top-k = 3\nquiet = true\nstop = ["a", "b"]\n[run]\ntop-k = 4\n[chat]\nsystem = "x"';
  const { topK, quiet, stop } = await resolve({ toml });
  assertEquals({ topK, quiet, stop }, { topK: 4, quiet: true, stop: ["a", "b"] });
});

Deno.test("only settings come from outside the command line", async () => {
  assertEquals((await resolve({ env: { CRIA_PROMPT: "x" } })).prompt, undefined);
});

Deno.test("settings that cannot be used say where they stand", async () => {
  const bad: [toml: string, message: string][] = [
    ['top-k = "many"', '"top-k" of'],
    ["topk = 3", 'did you mean "top-k"'],
    ["[run]\nsystem = 1", "no such setting for run"],
    ['prompt = "x"', "no such setting"],
  ];
  for (const [toml, message] of bad) {
    await assertRejects(() => resolve({ toml }), UsageError, message);
  }
  await assertRejects(() => resolve({ env: { CRIA_TOP_K: "x" } }), UsageError, "CRIA_TOP_K");
  await assertRejects(() => resolve({ toml: "a = = b" }), Error, "Cannot read the config file");
});
