/** Tokens of small GGUF vocabularies of every kind, beside those of llama.cpp. @module */

import { assertEquals } from "@std/assert";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import golden from "./gguf_golden.json" with { type: "json" };

/** Lists of numbers are typed in files. */
const TYPED: Readonly<Record<string, (value: unknown) => unknown>> = {
  scores: (value) => Float32Array.from(value as number[]),
  token_type: (value) => Int32Array.from(value as number[]),
  precompiled_charsmap: (value) =>
    Uint8Array.from(atob(value as string), (char) => char.charCodeAt(0)),
};

/** A file with that metadata. */
function fileOf(json: string) {
  const entries = Object.entries(JSON.parse(json)).map(([name, value]) =>
    [
      name.startsWith("general.") ? name : `tokenizer.ggml.${name}`,
      TYPED[name]?.(value) ?? value,
    ] as const
  );
  return { metadata: new Map<string, unknown>(entries) };
}

for (const { name, metadata, ids } of golden.cases) {
  Deno.test(`vocabulary of ${name}: the ids of ${golden.tool}`, () => {
    const tokenizer = Tokenizer.from(fileOf(metadata));
    golden.texts.forEach((text, i) => {
      const expected = ids[i]!.split(" ").filter((id) => id !== "").map(Number);
      assertEquals(tokenizer.encode(text, { special: true }), expected, JSON.stringify(text));
    });
  });
}
