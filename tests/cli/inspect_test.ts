/** What `cria inspect` shows and warns of; no file can steer the terminal by it. @module */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { widthOf } from "../../src/cli/layout.ts";
import {
  floats,
  ggufBytes,
  pair,
  type PairBytes,
  stringPair,
  TYPES,
  u32Pair,
} from "../format/gguf_bytes.ts";
import { ROOT, sharedTest, skip } from "../support.ts";
import { cria, criaJson, SMOLLM2 } from "./program.ts";
import { hasTerminals, Terminal } from "./terminal.ts";

const STORY = `${ROOT}/models/story.gguf`;

/** Runs `use` with a file of these pairs and one tensor. */
async function withPairs(pairs: PairBytes[], use: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile({ suffix: ".gguf" });
  try {
    const ones = { name: "ones", dimensions: [128], type: 41, data: new Uint8Array(18) };
    const tensors = [floats("t\x1b[2J\u202e", 8), ones];
    await Deno.writeFile(path, ggufBytes({ pairs, tensors }));
    await use(path);
  } finally {
    await Deno.remove(path);
  }
}

sharedTest("cria inspect shows what a person wants to know", SMOLLM2, async (path) => {
  const { code, stdout, stderr } = await cria(["inspect", path, "--ctx", "9000", "--kv", "f32"]);
  assertEquals([code, stderr], [0, ""]);
  for (
    const line of [
      "  architecture    llama",
      "  parameters      135 million in 272 tensors, 5.74 bits each",
      "  layers          30 of 576, feed-forward 1,536",
      "  heads           9 of 64, sharing 3 of keys and values",
      "  context         8,192 positions",
      "  tokenizer       gpt2 (smollm), 49,152 tokens",
      "  memory: 514 MB at a context of 9,000 in f32", // 98.4 and 141 pages of 2.95 MB
      "  chat template, 368 characters",
    ]
  ) assert(stdout.includes(`${line}\n`), `${line}\n${stdout}`);
  assertMatch(stdout, /begins <\|im_start\|> \(1\); ends <\|im_end\|> \(2\)/);
  assertMatch(stdout, /\n {2}Q4_1 +█+. +66\.4 MB +69 % {2}210 tensors\n/);
  assertMatch(stdout, /\n {2}│ \{% for message in messages %\}/);
  assertMatch(stdout, /\n {2}! A context of 9,000 is beyond the 8,192 positions/);
});

Deno.test("cria inspect --json has all that the page has", async () => {
  const result = await criaJson(["inspect", STORY, "--ctx", "100"]);
  const { model, memory, tokenizer, typeBytes, chatTemplate, warnings } = result;
  const { layerCount, headDim } = model as Record<string, unknown>;
  assertEquals([layerCount, headDim, chatTemplate], [5, 32, null]);
  const mappedBytes = (await Deno.stat(STORY)).size, kvBytes = 128 * 2 * 5 * 2 * 32 * 2;
  assertEquals(memory, { context: 100, kv: "f16", kvBytes, mappedBytes });
  assertEquals(tokenizer, {
    ...{ kind: "llama", pre: null, vocabularySize: 2048 },
    ...{ bosToken: 1, eosToken: 2, endTokens: [2] },
  });
  assertEquals(Object.keys(typeBytes as object), ["Q8_0", "F32"]);
  assertEquals(warnings, ["There is no chat template: cria chat falls back to chatml"]);
});

Deno.test("nothing in a file reaches the terminal as a control character", async () => {
  const evil = "a\x1b]0;owned\x07\x9b31m\u202eb\r\x08\u2028c\x00";
  const pairs = [
    stringPair("general.architecture", evil),
    stringPair("general.name", `${evil}\nsecond`),
    stringPair(`key\x1b[8m`, evil),
    stringPair("tokenizer.chat_template", `${evil}\n${evil}{{`),
    stringPair("tokenizer.ggml.model", evil),
  ];
  await withPairs(pairs, async (path) => {
    const { code, stdout } = await cria(["inspect", path, "--tensors", "--metadata"]);
    assertEquals(code, 0);
    const lines = stdout.split("\n");
    for (const line of lines) {
      assert(!/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u.test(line), JSON.stringify(line));
      assert(widthOf(line) <= 80, line);
    }
    const page = lines.join(" ");
    assert(page.includes("Cannot run architecture") && page.includes("Cannot run type Q1_0"), page);
    assert(page.includes("Cannot read the chat template"), page);
    assertMatch(page, /"general\.name" holds control\s+characters/);
    const { name } = await criaJson(["inspect", path]);
    assertEquals(name, `${evil}\nsecond`); // JSON escapes by itself
  });
});

Deno.test("words without end and tokens outside the vocabulary: clipped, and told", async () => {
  const pairs = [
    stringPair("general.architecture", "x".repeat(300)),
    stringPair("general.name", "模".repeat(300)),
    u32Pair("llama.block_count", 3),
  ];
  await withPairs(pairs, async (path) => {
    const { code, stdout } = await cria(["inspect", path]);
    assertEquals(code, 0);
    for (const line of stdout.split("\n")) assert(widthOf(line) <= 80, line);
  });
});

Deno.test("of a model that cria cannot run the page shows what the file says", async () => {
  const pairs = [
    stringPair("general.architecture", "t5"),
    u32Pair("t5.block_count", 12),
    u32Pair("t5.context_length", 2048),
    pair("t5.attention.head_count", TYPES.array, (to) => to.u32(TYPES.u32).u64(2).u32(8).u32(16)),
  ];
  await withPairs(pairs, async (path) => {
    const { code, stdout } = await cria(["inspect", path]);
    assertEquals(code, 0);
    assertMatch(stdout, /\n {2}layers +12\n {2}heads +\[2\] 8, 16\n {2}context +2,048\n/);
    assertMatch(stdout, /\n {2}! Cannot run architecture "t5": supported are/);
  });
});

const there = await hasTerminals();
const name = "cria inspect fits 60 columns, coloured only where colours are wanted";
if (!there) skip(name, "there is no util-linux script");
else {
  Deno.test(name, async () => {
    for (const colours of [false, true]) {
      await using terminal = new Terminal(["inspect", STORY, "--ctx", "131072"], colours);
      const { code, text, raw } = await terminal.end();
      assertEquals(code, 0);
      for (const line of text.split("\n")) assert(widthOf(line) <= 60, line);
      assertEquals(raw.split("\x1b[").some((code) => /^[\d;]*m/.test(code)), colours);
    }
  });
}
