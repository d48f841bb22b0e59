/** A grammar is for the answer: a model that thinks first is held to it afterwards. @module */

import { assert, assertEquals } from "@std/assert";
import { Session } from "../../src/session/session.ts";
import { FakeEngine } from "./fake.ts";

const USER = [{ role: "user", content: "Q" }];
const SCHEMA = { type: "object", properties: { a: { enum: [1, 2] } }, required: ["a"] } as const;

/** A session whose template knows `<think>`, and whose prompt may have opened it. */
function session(output: string, opening = ""): Session {
  let length = 0; // of the prompt
  const engine = new FakeEngine({
    next: (cached) => {
      length ||= cached.length;
      return output.charCodeAt(cached.length - length) || 128;
    },
  });
  engine.chatTemplate = `{% for m in messages %}{{ m.content }}{% endfor %}{# <think> #}${opening}`;
  return new Session(engine, { seed: 7 });
}

Deno.test("the grammar waits until a thought that the prompt has opened is over", async () => {
  using one = session('{not JSON}</think>{"a": 2}', "<think>");
  const generation = one.json(USER, SCHEMA);
  assertEquals(await generation, { a: 2 });
  const { reasoning, text } = await generation.result;
  assertEquals([reasoning, JSON.parse(text)], ["{not JSON}", { a: 2 }]);
});

Deno.test("without reasoning the grammar holds at once", async () => {
  using one = session("I think so");
  assert([1, 2].includes((await one.json(USER, SCHEMA)).a));
  using two = session("I think so", "<think>");
  assert([1, 2].includes((await two.json(USER, SCHEMA, { reasoning: false })).a));
});

Deno.test("a thought without end ends in time for a whole answer", async () => {
  for (const maxTokens of [16, 17, 20, 40]) {
    using one = session("hm ".repeat(100), "<think>");
    const generation = one.json(USER, SCHEMA, { maxTokens });
    assert([1, 2].includes((await generation).a));
    const { reasoning = "", tokens } = await generation.result;
    assert(tokens.length <= maxTokens);
    assertEquals(reasoning.startsWith("hm"), maxTokens > 16);
  }
});

Deno.test("what ends a text does not end a thought", async () => {
  using one = session("", "<think>"); // nothing but end tokens
  assert([1, 2].includes((await one.json(USER, SCHEMA, { maxTokens: 60 })).a));
});
