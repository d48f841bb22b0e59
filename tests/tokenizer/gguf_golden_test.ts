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

Deno.test("a million letters without a break are cut by every kind of vocabulary", () => {
  for (const { name, metadata } of golden.cases) {
    if (name.includes(", ")) continue; // another of the same kind
    const tokenizer = Tokenizer.from(fileOf(metadata)), kinds = new Set<string>();
    for (const text of ["am".repeat(500_000), " ".repeat(1_000_000), "🦙".repeat(500_000)]) {
      const tokens = tokenizer.encode(text, { bos: false });
      for (const id of tokens) kinds.add(tokenizer.kind(id));
      const back = tokenizer.decode(tokens), isWhole = !kinds.has("unknown") && text.trim() !== "";
      if (isWhole) assertEquals(back.trim() === text, true, name);
    }
    assertEquals(kinds.has("normal"), true, name);
  }
});
