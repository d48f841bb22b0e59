/** GBNF against llama.cpp: which tokens may come after a text (llama_cpp_golden.json). @module */

import { assertEquals } from "@std/assert";
import { readGbnf } from "../../src/grammar/gbnf.ts";
import { Grammar } from "../../src/grammar/grammar.ts";
import { sha256 } from "../../src/native/sha256.ts";
import cases from "./gbnf_cases.json" with { type: "json" };
import golden from "./llama_cpp_golden.json" with { type: "json" };
import { ROOT, sharedTest } from "../support.ts";
import { allowedAfter, openVocabulary } from "./vocabulary.ts";

/** The first row is for people: which vocabulary, grammar and text. */
type Row = [
  vocabulary: string,
  name: string,
  text: string,
  count: number,
  ends: boolean,
  hash: string,
];

async function check(vocabulary: string, path: string): Promise<void> {
  const { trie, isText } = await openVocabulary(path);
  const rows = (golden as Row[]).filter(([name]) => name === vocabulary);
  assertEquals(rows.length, cases.flatMap(({ texts }) => texts).length);
  const found = await Promise.all(rows.map(async ([_, name, text]): Promise<Row> => {
    const grammar = new Grammar(readGbnf(cases.find((one) => one.name === name)!.grammar));
    const { tokens, ends } = allowedAfter(grammar, trie, text);
    const ids = tokens.filter((id) => isText(id));
    return [vocabulary, name, text, ids.length, ends, await hash(ids)];
  }));
  assertEquals(found, rows);
}

async function hash(ids: readonly number[]): Promise<string> {
  return (await sha256(new TextEncoder().encode(ids.join()))).slice(0, 16);
}

Deno.test("GBNF allows the tokens that llama.cpp allows: the embedded model", async () => {
  await check("story", `${ROOT}/models/story.gguf`);
});

sharedTest(
  "GBNF allows the tokens that llama.cpp allows: 49,152 tokens",
  "models/SmolLM2-135M-Instruct.Q4_1.gguf",
  (path) => check("smollm2", path),
);
