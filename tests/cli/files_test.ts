/** Commands that only look at a model file: inspect, tokenize, detokenize, template. @module */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { sharedTest } from "../support.ts";
import { cria, criaJson, SMALL, SMOLLM2 } from "./program.ts";

sharedTest("cria inspect --json has the fields of the contract", SMOLLM2, async (path) => {
  const result = await criaJson(["inspect", path]);
  const { format, version, architecture, parameters, fileBytes, types, tensors, metadata } = result;
  assertEquals([format, version, architecture], ["gguf", 3, "llama"]);
  assertEquals(fileBytes, (await Deno.stat(path)).size);
  assertEquals(types, { Q8_0: 1, F32: 61, Q4_1: 210 });
  assert(typeof parameters === "number" && parameters > 134e6 && typeof result.name === "string");
  assert(Array.isArray(tensors) && tensors.length === 272);
  assertEquals(Object.keys(tensors[0]), ["name", "shape", "type", "offset", "bytes"]);
  assertEquals((metadata as Record<string, unknown>)["llama.block_count"], 30);
});

sharedTest("cria inspect fits 80 columns, and lists what is asked for", SMALL, async (path) => {
  const { code, stdout, stderr } = await cria(["inspect", path, "--tensors", "--metadata"]);
  assertEquals([code, stderr], [0, ""]);
  for (const line of stdout.split("\n")) assert([...line].length <= 80, line);
  assertMatch(stdout, /^token_embd\.weight +F32/m);
  assertMatch(stdout, /^llama\.block_count = \d+$/m);
});

sharedTest("cria tokenize and detokenize are inverse", SMOLLM2, async (path) => {
  const text = 'Hello, wörld!\n  "quoted" 你好 🦙 <|im_end|>';
  const { tokens, pieces } = await criaJson(["tokenize", path, text]);
  assert(Array.isArray(tokens) && Array.isArray(pieces) && tokens.length === pieces.length);
  assert(!tokens.includes(2)); // not parsed as special
  assertEquals(await criaJson(["detokenize", path, tokens.join(",")]), { text });
  const special = await criaJson(["tokenize", path, text, "--special"]);
  assert(Array.isArray(special.tokens) && special.tokens.at(-1) === 2);
  const written = await criaJson(["detokenize", path, special.tokens.join(" "), "--special"]);
  assertEquals(written, { text });
});

sharedTest(
  "cria tokenize reads stdin, and writes plain ids with --quiet",
  SMOLLM2,
  async (path) => {
    const { stdout } = await cria(["tokenize", path, "--quiet"], { stdin: "Hello,\n" });
    const back = await cria(["detokenize", path, stdout.trim()]);
    assertEquals(back.stdout, "Hello,\n");
  },
);

sharedTest("cria template renders messages", SMOLLM2, async (path) => {
  const file = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(file, JSON.stringify([{ role: "user", content: "Hi" }]));
    const { text } = await criaJson(["template", path, file]);
    assert(String(text).endsWith("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"));
    const short = await criaJson(["template", path, file, "--no-generation-prompt"]);
    assert(String(short.text).endsWith("Hi<|im_end|>\n"));
    await Deno.writeTextFile(file, '\uFEFF[{"role": "user", "content": "Hi"}]');
    assertEquals((await criaJson(["template", path, file])).text, text);
    await Deno.writeTextFile(file, "{]");
    const bad = await cria(["template", path, file]);
    assertEquals(bad.code, 1);
    assertMatch(bad.stderr, /^cria: Cannot read "[^"]+\.json": it is not JSON[^\n]*\n$/);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("cria template takes a file with Jinja, and names of forms", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = (name: string, text: string) => {
      Deno.writeTextFileSync(`${folder}/${name}`, text);
      return `${folder}/${name}`;
    };
    const messages = file("m.json", '[{"role": "user", "content": "Hi"}]');
    const own = file(
      "own",
      "{% for m in messages %}{{ m.role }}: {{ m.content }}{% endfor %}{{ v }}",
    );
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await cria(["template", ...args]);
      return [code, stdout, stderr.replaceAll(folder, "")];
    };
    const variables = ["--variables", '{"v": "!"}'];
    assertEquals(await run(own, messages, ...variables), [0, "user: Hi!", ""]);
    assertEquals(await run(own, messages, "--template", "gemma", "--no-generation-prompt"), [
      ...[0, "<s><start_of_turn>user\nHi<end_of_turn>\n", ""],
    ]);
    assertEquals(await run(own, messages, "--variables", "[1]"), [
      ...[2, "", `cria: Cannot use --variables "[1]": it is no object of JSON\n`],
    ]);
    const bad = file("bad", "a\n{{ messages | nope }}");
    const where = 'there is no filter "nope" (at line 2, column 13)';
    assertEquals(await run(bad, messages), [
      ...[1, "", `cria: Cannot apply the chat template "/bad": ${where}\n`],
    ]);
    assertEquals(await run(own, file("r.json", '[{"content": "x"}]')), [
      ...[1, "", 'cria: Cannot read "/r.json": message 1 has no role\n'],
    ]);
    const [code, , stderr] = await run(own, file("j.json", '[{"role" "user"}]'));
    assertEquals(code, 1);
    assertMatch(String(stderr), /^cria: Cannot read "\/j.json": it is not JSON: .*column 10\)\n$/);
    assertMatch(
      String((await run(own, messages, "--template", `${folder}/none`))[2]),
      /^cria: Cannot use the template "\/none": it is neither Jinja nor chatml, .*\n$/,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

sharedTest("a file that cannot be used is named in one line, exit code 1", SMALL, async (path) => {
  const folder = await Deno.makeTempDir();
  try {
    const cut = `${folder}/cut.gguf`;
    await Deno.writeFile(cut, (await Deno.readFile(path)).subarray(0, 3000));
    const text = `${folder}/text.gguf`;
    await Deno.writeTextFile(text, "hello");
    for (const file of [cut, text, folder, `${folder}/none.gguf`]) {
      for (const args of [["inspect", file], ["run", file, "-p", "x"], ["tokenize", file, "x"]]) {
        const { code, stdout, stderr } = await cria(args);
        assertEquals([code, stdout], [1, ""], stderr);
        assertMatch(stderr, /^cria: Cannot [^\n]*\n$/);
        assert(stderr.includes(file), stderr);
      }
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
