/** What happens where a context ends. @module */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ArgumentError, ContextError } from "../../src/errors.ts";
import { dropOldest, promptRoom, shiftedSize } from "../../src/session/overflow.ts";
import type { GenerateOptions } from "../../src/session/generate.ts";
import { Session } from "../../src/session/session.ts";
import { randomModelTest, someTokens } from "../model/random_model.ts";
import { Model } from "../../mod.ts";
import { FakeEngine } from "./fake.ts";

const A = 65;
const codes = (text: string) => Array.from(text, (char) => char.charCodeAt(0));

Deno.test("the oldest go, but for the first ones", () => {
  assertEquals(dropOldest([1, 2, 3, 4, 5], 9, 1), [1, 2, 3, 4, 5]);
  assertEquals(dropOldest([1, 2, 3, 4, 5], 3, 1), [1, 4, 5]);
  assertEquals(dropOldest([1, 2, 3, 4, 5], 3, 0), [3, 4, 5]);
  assertEquals([promptRoom(100, 10, 0), promptRoom(100, Infinity, 0)], [90, 50]);
  assertEquals([promptRoom(100, 0, 0), promptRoom(4, 3, 2)], [99, 3]);
  assertEquals([shiftedSize(100, 0), shiftedSize(101, 1), shiftedSize(3, 0)], [50, 51, 2]);
});

Deno.test("by default a prompt is refused, with both numbers", async () => {
  using session = new Session(new FakeEngine({ next: () => A, capacity: 8 }));
  for (const options of [{}, { onOverflow: "error" as const }]) {
    const generation = session.generate("12345678", options);
    const error = await assertRejects(() => generation.text(), ContextError);
    assertEquals([error.needed, error.available], [9, 8]);
  }
});

Deno.test("a prompt is cut, and the generation ends with the context", async () => {
  using session = new Session(new FakeEngine({ next: () => A, capacity: 8 }));
  const options = { onOverflow: "truncate", keepTokens: 2 } as const;
  const { promptTokens, text, finishReason } = await session.generate("123456789abc", options)
    .result;
  assertEquals([promptTokens, text, finishReason], [codes("12bc"), "AAAA", "length"]);
  const short = await session.generate("123456789abc", { ...options, maxTokens: 1 }).result;
  assertEquals([short.promptTokens, short.text], [codes("1289abc").slice(0, 7), "A"]);
  assertEquals((await session.generate("12", options).result).promptTokens, codes("12"));
});

Deno.test("a generation goes on when the oldest half is dropped", async () => {
  const engine = new FakeEngine({ next: (cached) => A + cached.length, capacity: 8 });
  using session = new Session(engine);
  const options = { onOverflow: "shift", maxTokens: 9, keepTokens: 2 } as const;
  const { text, finishReason } = await session.generate("1234", options).result;
  assertEquals([text, finishReason], ["EFGHFGHFG", "length"]);
  assertEquals(session.tokens.slice(0, 2), codes("12"));
  assertEquals(session.tokens, codes("12FGHFG"));
});

Deno.test("wrong policies and counts are refused", () => {
  using session = new Session(new FakeEngine({ next: () => A, capacity: 8 }));
  for (const options of [{ keepTokens: 5 }, { keepTokens: -1 }, { onOverflow: "wrap" }]) {
    const wrong = options as GenerateOptions;
    assertThrows(() => session.generate("a", wrong), ArgumentError, "Cannot generate");
  }
});

randomModelTest("a shifted text goes on as one that begins so", async (path) => {
  using model = await Model.load(path, { threads: 2, context: 90 });
  const options = { temperature: 1, seed: 4, ignoreEos: true, onOverflow: "shift" } as const;
  using session = model.session(options);
  const { tokens } = await session.generate(someTokens(60), { maxTokens: 31 }).result;
  const past = session.tokens; // 91 tokens would not fit: it has shifted once
  assertEquals([tokens.length, past.at(-1)], [31, tokens.at(-1)]);
  model.clearCache();
  using fresh = model.session({ ...options, temperature: 0 });
  const expected = (await fresh.generate(past, { maxTokens: 20 }).result).tokens;
  const found = (await session.extend("", { maxTokens: 20, temperature: 0 }).result).tokens;
  assertEquals(found, expected);
});
