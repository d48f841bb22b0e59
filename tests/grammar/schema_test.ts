/**
 * JSON Schema: cases after the official JSON-Schema-Test-Suite for the keywords that are supported,
 * and the refusal of all others. Valid values stand as `JSON.stringify` writes them. @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { ArgumentError } from "../../src/errors.ts";
import { Grammar } from "../../src/grammar/grammar.ts";
import { readSchema } from "../../src/grammar/schema/compile.ts";
import { CASES } from "./schema_cases.ts";

function compile(schema: unknown): Grammar {
  return new Grammar(readSchema(schema));
}

for (const [keyword, rows] of Object.entries(CASES)) {
  Deno.test(`JSON Schema: ${keyword}`, () => {
    for (const [schema, valid, invalid] of rows) {
      const grammar = compile(schema), about = JSON.stringify(schema);
      for (const value of valid) {
        const text = JSON.stringify(value);
        assert(grammar.matches(text), `${about} refuses ${text}`);
      }
      for (const value of invalid) {
        const text = JSON.stringify(value);
        assert(!grammar.matches(text), `${about} accepts ${text}`);
      }
    }
  });
}

Deno.test("JSON is written with one space at most, behind commas and colons", () => {
  const grammar = compile({ type: "object", properties: { a: {}, b: { type: "array" } } });
  for (const text of ['{"a":1,"b":[1,2]}', '{"a": 1, "b": [1, 2]}', '{"a": {"x": []}}']) {
    assert(grammar.matches(text), text);
  }
  for (
    const text of ['{ "a":1}', '{"a" :1}', '{"a":  1}', '{"a":1 }', '{"a":1}\n', '{"b":[ ]}', ""]
  ) {
    assert(!grammar.matches(text), text);
  }
});

Deno.test("a name or text of the schema has one spelling, a free text any that JSON has", () => {
  const fixed = compile({ type: "object", properties: { 'a"é\n': { const: "\u0001/" } } });
  assert(fixed.matches('{"a\\"é\\n":"\\u0001/"}'));
  assert(!fixed.matches('{"a\\"\\u00e9\\n":"\\u0001/"}'));
  const free = compile({ type: "string", maxLength: 2 });
  for (
    const text of ['"\\u00e9\\n"', '"\\ud83d\\ude00x"', '"\\/\\""', '"😀😀"', '"\\uD7FF\\uFFFF"']
  ) {
    assert(free.matches(text), text);
  }
  for (
    const text of ['"\\ud83d"', '"\\ude00"', '"\\ud83dxx"', '"\n"', '"\\x"', '"\\u12"', '"abc"']
  ) {
    assert(!free.matches(text), text);
  }
});

Deno.test("numbers without bounds are never infinite", () => {
  const grammar = compile({ type: "number" });
  for (const text of ["0", "-1.5", "1e307", "9.99E-307", "123456789012345", "1E+7"]) {
    assert(grammar.matches(text) && Number.isFinite(JSON.parse(text)), text);
  }
  for (const text of ["1e308", "12e3", "01", "+1", ".5", "1.", "9".repeat(21), "1e", "NaN"]) {
    assert(!grammar.matches(text), text);
  }
});

/** Every keyword of draft 2020-12 that is refused, and some of other drafts. */
const REFUSED: Readonly<Record<string, unknown>> = {
  $dynamicRef: "#node",
  $dynamicAnchor: "node",
  contains: { type: "string" },
  minContains: 1,
  maxContains: 2,
  dependentSchemas: { a: true },
  dependentRequired: { a: ["b"] },
  if: true,
  then: true,
  else: true,
  not: { type: "string" },
  unevaluatedItems: false,
  unevaluatedProperties: false,
  contentEncoding: "base64",
  contentMediaType: "application/json",
  contentSchema: true,
  dependencies: { a: ["b"] },
  $recursiveRef: "#",
  nullable: true,
  minLenght: 3,
};

for (const [keyword, value] of Object.entries(REFUSED)) {
  Deno.test(`JSON Schema refuses ${keyword}, wherever it stands`, () => {
    const schema = { [keyword]: value };
    assertThrows(() => readSchema(schema), ArgumentError, `#/${keyword} is not supported`);
    const deep = { type: "object", properties: { "a/b": { type: "array", items: schema } } };
    const path = `#/properties/a~1b/items/${keyword} is not supported`;
    assertThrows(() => readSchema(deep), ArgumentError, path);
    assertThrows(() => readSchema({ anyOf: [true, schema] }), ArgumentError, "#/anyOf/1/");
    const linked = { $ref: "#/$defs/x", $defs: { x: { allOf: [schema] } } };
    assertThrows(() => readSchema(linked), ArgumentError, `#/$defs/x/allOf/0/${keyword}`);
  });
}

Deno.test("every keyword of draft 2020-12 is either supported or refused", () => {
  const all = [
    ...["$schema", "$id", "$ref", "$anchor", "$dynamicRef", "$dynamicAnchor", "$vocabulary"],
    ...["$comment", "$defs", "prefixItems", "items", "contains", "additionalProperties"],
    ...["properties", "patternProperties", "dependentSchemas", "propertyNames", "if", "then"],
    ...["else", "allOf", "anyOf", "oneOf", "not", "unevaluatedItems", "unevaluatedProperties"],
    ...["type", "const", "enum", "multipleOf", "maximum", "exclusiveMaximum", "minimum"],
    ...["exclusiveMinimum", "maxLength", "minLength", "pattern", "maxItems", "minItems"],
    ...["uniqueItems", "maxContains", "minContains", "maxProperties", "minProperties", "required"],
    ...["dependentRequired", "title", "description", "default", "deprecated", "readOnly"],
    ...["writeOnly", "examples", "format", "contentEncoding", "contentMediaType", "contentSchema"],
  ];
  const supported = all.filter((keyword) => !(keyword in REFUSED));
  const tested = new Set(Object.values(CASES).flat().flatMap(([schema]) => keysOf(schema)));
  assertEquals(supported.filter((keyword) => !tested.has(keyword)), []);
});

/** All names in a value. */
function keysOf(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) => [key, ...keysOf(part)]);
}

/** Schemas that are wrong, or ask for what is not enforced, and what is said. */
const UNUSABLE: readonly [schema: unknown, message: string][] = [
  [null, "# is no schema"],
  [{ properties: { a: 3 } }, "#/properties/a is no schema"],
  [{ properties: [] }, "#/properties is no object of schemas"],
  [{ items: "x" }, "#/items is no schema"],
  [{ prefixItems: {} }, "#/prefixItems is no list of schemas"],
  [
    { type: "text" },
    '#/type is none of null, boolean, object, array, string, number, integer: "text"',
  ],
  [{ type: [] }, "#/type is none of"],
  [{ required: "a" }, "#/required is no list of names"],
  [{ enum: "a" }, "#/enum is no list"],
  [{ anyOf: [] }, "#/anyOf is no list of schemas"],
  [{ minLength: -1 }, "#/minLength is no count: -1"],
  [{ maxItems: 1.5 }, "#/maxItems is no count: 1.5"],
  [{ minimum: "1" }, '#/minimum is no number: "1"'],
  [
    { minimum: 3, exclusiveMinimum: true },
    "#/exclusiveMinimum is a boolean; give the bound itself",
  ],
  [{ multipleOf: 0.01 }, "#/multipleOf is not supported but for whole numbers above 0"],
  [{ multipleOf: 0 }, "#/multipleOf is not supported"],
  [{ type: "array", uniqueItems: true }, "#/uniqueItems is supported for up to 10 values of an"],
  [{ uniqueItems: true, items: { enum: [...Array(11).keys()] } }, "#/uniqueItems is supported for"],
  [{ uniqueItems: true, prefixItems: [true, true] }, "#/uniqueItems is supported for"],
  [{ uniqueItems: 1 }, "#/uniqueItems is neither true nor false"],
  [{ format: "idn-email" }, '#/format is not supported: "idn-email"'],
  [{ format: "toString" }, '#/format is not supported: "toString"'],
  [{ type: "integer", format: "int7" }, '#/format is not supported: "int7"'],
  [{ type: "boolean", format: "yes" }, '#/format is not supported: "yes"'],
  [{ type: "string", format: "cuid2" }, '#/format is not supported: "cuid2"'],
  [{ type: "string", format: 3 }, "#/format is not supported: 3"],
  [{ format: "money", pattern: "^\\d+$" }, '#/format is not supported: "money"'],
  [{ pattern: "(a)\\1" }, "#/pattern is not supported: "],
  [{ pattern: "(" }, "#/pattern is not supported: "],
  [{ patternProperties: { "a\\b": true } }, "#/patternProperties is not supported: "],
  [{ $ref: "#/$defs/none" }, '#/$ref leads to nothing: "#/$defs/none"'],
  [{ $ref: "#none" }, "#/$ref names no anchor"],
  [{ $ref: "other.json" }, '#/$ref is "other.json", which is not in this document'],
  [{ $ref: "https://json-schema.org/draft/2020-12/schema" }, "which is not in this document"],
  [{ $ref: "#" }, "# refers to nothing but itself"],
  [{ allOf: [{ anyOf: [{ $ref: "#" }, true] }] }, "# refers to nothing but itself"],
  [{ properties: { a: { $id: "b" } } }, "#/properties/a/$id is not supported below the root"],
  [
    { oneOf: [{ type: "integer" }, { type: "number" }] },
    "#/oneOf/1 may be met by a value together",
  ],
  [{ type: "number", oneOf: [{ minimum: 2 }, { maximum: 2 }] }, "#/oneOf/1 may be met"],
  // Whatever is no number meets both:
  [{ oneOf: [{ minimum: 3 }, { maximum: 2 }] }, "#/oneOf/1 may be met"],
  [{ oneOf: [{ required: ["a"] }, { type: "number" }] }, "#/oneOf/1 may be met"],
  [{ oneOf: [{ required: ["a"] }, { required: ["b"] }] }, "#/oneOf/1 may be met"],
  [{ enum: [{ a: 1 }], properties: { a: { type: "string" } } }, "speaks of lists or objects"],
  [{ const: "\ud800" }, "half of a surrogate pair"],
  [{ enum: [Infinity] }, "is no value of JSON"],
  [{ type: "object", minProperties: 3, additionalProperties: true }, "#/minProperties is not"],
  [{ exclusiveMinimum: 1e20 }, "beyond what doubles tell apart"],
];

for (const [schema, message] of UNUSABLE) {
  Deno.test(`JSON Schema refuses ${JSON.stringify(schema)}`, () => {
    assertThrows(() => readSchema(schema), ArgumentError, message);
  });
}

Deno.test("a schema that no value meets is refused", () => {
  const none: unknown[] = [
    false,
    { type: "string", minLength: 3, maxLength: 2 },
    { type: "integer", minimum: 3, maximum: 2 },
    { type: "integer", exclusiveMinimum: 1, exclusiveMaximum: 2 },
    { enum: [] },
    { type: "string", enum: [1, 2] },
    { type: "object", properties: { a: false }, required: ["a"] },
    { type: "object", properties: { self: { $ref: "#" } }, required: ["self"] },
    { allOf: [{ type: "string" }, { type: "number" }] },
    { type: "string", pattern: "^a$", minLength: 2 },
    { type: "array", minItems: 3, maxItems: 1 },
    { type: "object", required: ["a"], additionalProperties: false },
  ];
  for (const schema of none) {
    const about = JSON.stringify(schema);
    assertThrows(() => compile(schema), ArgumentError, "no text of finite length", about);
  }
});

Deno.test("bounds of numbers agree with arithmetic", () => {
  const bounds = [-12.5, -10, -3, -0.25, 0, 0.1, 0.75, 1, 9, 10, 99, 100.5, 1e-7];
  const numbers = [-100, -12.5, -12.4, -11, -10, -9.75, -3, -2.5, -1, -0.3, -0.25, -0.2, 0, 0.05]
    .concat([
      0.1,
      0.10001,
      0.5,
      0.75,
      0.8,
      1,
      1.5,
      8.99,
      9,
      9.01,
      10,
      42,
      99,
      100,
      100.5,
      101,
      1000,
    ]);
  for (const low of bounds) {
    for (const high of bounds.filter((bound) => bound >= low + 1)) {
      for (const isOpen of [false, true]) {
        const names = isOpen ? ["exclusiveMinimum", "exclusiveMaximum"] : ["minimum", "maximum"];
        const grammar = compile({ type: "number", [names[0]!]: low, [names[1]!]: high });
        for (const value of numbers) {
          const expected = isOpen ? value > low && value < high : value >= low && value <= high;
          const text = JSON.stringify(value);
          assertEquals(grammar.matches(text), expected, `${text} in ${low}, ${high}, ${isOpen}`);
          const padded = text.includes(".") ? `${text}00` : `${text}.0`;
          assertEquals(grammar.matches(padded), expected && padded !== "-0.0", padded);
        }
      }
    }
  }
});

Deno.test("multiples agree with arithmetic", () => {
  for (const step of [1, 2, 7, 12, 100]) {
    const grammar = compile({ type: "integer", multipleOf: step, minimum: -130 });
    for (let value = -150; value < 1500; value += 1) {
      const expected = value >= -130 && value % step === 0;
      assertEquals(grammar.matches(String(value)), expected, `${value} by ${step}`);
    }
  }
});

Deno.test("members of a schema that is referred to come where the reference stands", () => {
  const part = (name: string) => ({ properties: { [name]: { const: 1 } }, required: [name] });
  const allOf = [{ $ref: "#/$defs/base" }, part("b"), { allOf: [{ $ref: "#/$defs/far" }] }];
  const grammar = compile({
    allOf: [...allOf, part("d")],
    $defs: { far: part("c"), base: part("a") },
  });
  assert(grammar.matches('{"a":1,"b":1,"c":1,"d":1}'));
  assert(!grammar.matches('{"b":1,"d":1,"a":1,"c":1}'));
});

Deno.test("thousands of members and values compile, and keep their order", () => {
  const names = Array.from({ length: 5000 }, (_, i) => `member ${i}`);
  const properties = Object.fromEntries(names.map((name) => [name, { type: "integer" }]));
  const grammar = compile({ type: "object", properties, required: ["member 4000"] });
  assert(grammar.matches('{"member 7":1,"member 4000":2,"member 4999":3}'));
  assert(!grammar.matches('{"member 7":1,"member 4999":3}'));
  assert(!grammar.matches('{"member 4000":2,"member 7":1}'));
  const words = compile({ enum: names });
  assert(words.matches('"member 4999"') && !words.matches('"member 5000"'));
  const open = compile({ type: "object", properties, additionalProperties: { type: "null" } });
  assert(open.matches('{"member 1":1,"other":null}') && !open.matches('{"member 1":null}'));
});

Deno.test("a deeply nested schema is compiled or refused in words", () => {
  const nest = (depth: number, wrap: (inner: unknown) => unknown) => {
    let schema: unknown = { type: "null" };
    for (let i = 0; i < depth; i++) schema = wrap(schema);
    return schema;
  };
  const arrays = compile(nest(500, (items) => ({ type: "array", items, minItems: 1 })));
  assert(arrays.matches(`${"[".repeat(500)}null${"]".repeat(500)}`));
  assertThrows(
    () => compile(nest(50_000, (inner) => ({ allOf: [inner] }))),
    ArgumentError,
    "nested too deeply",
  );
  assertThrows(
    () => compile({ const: nest(50_000, (inner) => [inner]) }),
    ArgumentError,
    "nested too deeply",
  );
});
