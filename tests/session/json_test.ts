/** Values out of a model: typed by their schema, always whole, checked by its library. @module */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ArgumentError, CriaError } from "../../src/errors.ts";
import type { JsonGeneration, StandardSchema } from "../../src/session/json.ts";
import type { FromSchema } from "../../src/session/json_types.ts";
import { Session } from "../../src/session/session.ts";
import { FakeEngine, script } from "./fake.ts";

const PERSON = {
  type: "object",
  properties: {
    name: { type: "string", maxLength: 8 },
    age: { type: "integer", minimum: 0, maximum: 200 },
  },
  required: ["name"],
  additionalProperties: false,
} as const;

function saying(text: string, promptLength = 1, capacity = 200): Session {
  return new Session(new FakeEngine({ next: script(text, promptLength), capacity }), { seed: 7 });
}

/** A schema of some library: a person whose name is "Anna", as a text in capitals. */
const ANNA: StandardSchema<string> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate(value) {
      const { name } = value as { name: string };
      if (name === "Anna") return Promise.resolve({ value: name.toUpperCase() });
      return { issues: [{ message: "it is somebody else", path: ["person", { key: "name" }] }] };
    },
    jsonSchema: {
      input({ target }) {
        assertEquals(target, "draft-2020-12");
        return PERSON;
      },
    },
  },
};

Deno.test("json gives a value of the schema's type", async () => {
  using session = saying('{"name": "Anna", "age": 42}');
  const person = await session.json("?", PERSON);
  const { name, age }: { name: string; age?: number } = person;
  assertEquals([name, age], ["Anna", 42]);
  const literal = await saying("[1, 2]").json("?", { type: "array", items: { type: "integer" } });
  assertEquals(literal.map((item) => item.toFixed(1)), ["1.0", "2.0"]);
});

Deno.test("json holds the model to the schema, whatever it would say", async () => {
  using session = saying("Hello! Here is your JSON: {}");
  const person = await session.json("?", PERSON);
  assert(typeof person.name === "string" && person.name.length <= 8);
});

Deno.test("a value is whole when tokens run out", async () => {
  const says = '{"name": "An", "age": 123456}';
  for (const maxTokens of [11, 13, 16, 20, 23]) {
    using session = saying(says);
    const generation = session.json("?", PERSON, { maxTokens });
    const person = await generation, { text, finishReason, tokens } = await generation.result;
    assertEquals(JSON.parse(text), person);
    assert(tokens.length <= maxTokens && finishReason === "length", text);
  }
  using tight = saying(says, 1, 16);
  assertEquals(JSON.stringify(await tight.json("?", PERSON)).length <= 15, true);
  using none = saying(says);
  assertThrows(() => none.json("?", PERSON, { maxTokens: 0 }), ArgumentError, '"maxTokens": 0');
  const message = "no whole text fits the 10 tokens that are left";
  await assertRejects(
    async () => await none.json("?", PERSON, { maxTokens: 10 }),
    CriaError,
    message,
  );
});

Deno.test("json takes tokens and messages as well", async () => {
  using tokens = saying("7", 3);
  assertEquals(await tokens.json([65, 66, 67], { type: "integer", maximum: 9 }), 7);
  const engine = new FakeEngine({ next: () => 55 });
  using session = new Session(engine, { seed: 7 });
  const generation = session.json([{ role: "user", content: "A number!" }], { enum: [7, 8] });
  assertEquals(await generation, 7);
  assertEquals((await generation.result).rendered?.includes("A number!"), true);
});

Deno.test("a Standard Schema gives the JSON Schema, checks the value and types it", async () => {
  const anna: string = await saying('{"name": "Anna"}').json("?", ANNA);
  assertEquals(anna, "ANNA");
  const message = "Cannot use the value: person.name: it is somebody else";
  await assertRejects(
    async () => await saying('{"name": "Bob"}').json("?", ANNA),
    CriaError,
    message,
  );
});

Deno.test("a library without JSON Schema has one beside it, or a method of its own", async () => {
  const { validate } = ANNA["~standard"];
  const bare = { "~standard": { version: 1 as const, vendor: "bare", validate: validate! } };
  using session = saying('{"name": "Anna"}');
  assertEquals(await session.json("?", { schema: bare, jsonSchema: PERSON }), "ANNA");
  session.reset();
  assertEquals(await session.json("?", { ...bare, toJSONSchema: () => PERSON }), "ANNA");
  assertThrows(() => session.json("?", bare), ArgumentError, 'of "bare": it has no JSON Schema');
});

Deno.test("what cannot be enforced is refused before anything runs, with its path", () => {
  using session = saying("");
  const schema = { type: "object", properties: { a: { not: { type: "null" } } } };
  assertThrows(() => session.json("?", schema), ArgumentError, "#/properties/a/not");
  assertThrows(
    () => session.generate("?", { schema, grammar: 'root ::= "a"' }),
    ArgumentError,
    "both a schema and a grammar",
  );
});

Deno.test("a schema that was changed is another one; what is no JSON is refused", async () => {
  const schema = { type: "integer", minimum: 3, maximum: 3 };
  using session = saying("");
  assertEquals(await session.json("?", schema), 3);
  schema.minimum = schema.maximum = 4;
  session.reset();
  assertEquals(await session.json("?", schema), 4);
  const circle: Record<string, unknown> = { type: "object" };
  circle.properties = { circle };
  assertThrows(
    () => session.json("?", circle),
    ArgumentError,
    "it is no JSON: Converting circular",
  );
});

Deno.test("partials show a value as it grows", async () => {
  using session = saying('{"name": "Anna", "age": 42}');
  const generation = session.json("?", PERSON), seen: unknown[] = [];
  for await (const part of generation.partials()) seen.push(part);
  const names = ["", "A", "An", "Ann", "Anna"].map((name) => ({ name }));
  assertEquals(seen, [{}, ...names, { name: "Anna", age: 42 }]);
  assertEquals(await generation, { name: "Anna", age: 42 });
});

Deno.test("an aborted value is no value", async () => {
  using session = saying('{"name": "Anna"}');
  const stop = new AbortController();
  const generation = session.json("?", PERSON, { signal: stop.signal });
  stop.abort(new Error("enough"));
  await assertRejects(async () => await generation, Error, "enough");
});

Deno.test("expressions give texts", async () => {
  using session = saying("2024-06-19 and so on");
  assertEquals(await session.generate("?", { grammar: /\d{4}-\d\d-\d\d/ }).text(), "2024-06-19");
  assertThrows(() => session.generate("?", { grammar: /a/i }), ArgumentError, 'flag "i"');
});

/** Types that must be the same; it does not compile otherwise. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true
  : false;

Deno.test("types follow schemas", () => {
  const same: [
    Same<FromSchema<{ type: "string" }>, string>,
    Same<FromSchema<{ type: ["integer", "null"] }>, number | null>,
    Same<FromSchema<{ enum: readonly ["a", 3] }>, "a" | 3>,
    Same<FromSchema<{ type: "array"; items: { const: true } }>, true[]>,
    Same<FromSchema<{ anyOf: [{ type: "boolean" }, { type: "null" }] }>, boolean | null>,
    Same<FromSchema<typeof PERSON>, { name: string; age?: number }>,
    Same<
      FromSchema<{ type: "object"; additionalProperties: { type: "number" } }>,
      Record<string, number>
    >,
    Same<FromSchema<{ $ref: "#/$defs/a" }>, unknown>,
    Same<FromSchema<true>, unknown>,
    Same<Awaited<JsonGeneration<7>>, 7>,
  ] = [true, true, true, true, true, true, true, true, true, true];
  assertEquals(same.length, 10);
});
