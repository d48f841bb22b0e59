/** JSON that is not yet complete: the beginning of a text gives that of its value. @module */

import { assert, assertEquals } from "@std/assert";
import { PartialJson } from "../../src/grammar/partial_json.ts";

const TEXTS = [
  '{"name": "Anna \\"A\\" \\u00e9 \\ud83d\\ude00", "age": 42, "list": [1, -2.5e3, "x", [], {}]}',
  '[true,false,null,"",{"a":{"b":[{"c":""}]}}]',
  '"just a text"',
  "12.5",
  "null",
  '{ "a" : [ ] , "" : { } }\n',
  '{"]}": "[{", "\\\\": "\\\\"}',
];

/** Whether a value may become another one by going on: texts and lists grow, members are added. */
function begins(part: unknown, whole: unknown): boolean {
  if (typeof part === "string") return typeof whole === "string" && whole.startsWith(part);
  if (Array.isArray(part)) {
    return Array.isArray(whole) && part.length <= whole.length &&
      part.every((item, at) => begins(item, whole[at]));
  }
  if (typeof part === "object" && part !== null) {
    return typeof whole === "object" && whole !== null &&
      Object.entries(part).every(([name, value]) => begins(value, Reflect.get(whole, name)));
  }
  return part === whole;
}

for (const text of TEXTS) {
  Deno.test(`partial JSON: ${text}`, () => {
    const whole = JSON.parse(text), reader = new PartialJson(), seen: string[] = [];
    for (const char of text) {
      const isNew = reader.push(char), value = reader.value();
      assert(value === undefined || begins(value, whole), JSON.stringify(value));
      if (isNew) seen.push(JSON.stringify(value));
    }
    if (!/\s[\]}:,]/.test(text)) assertEquals(new Set(seen).size, seen.length, "the same twice");
    reader.push("\n"); // a number alone ends with the text
    assertEquals(reader.value(), whole);
    const atOnce = new PartialJson();
    atOnce.push(`${text}\n`);
    assertEquals(atOnce.value(), whole);
  });
}

Deno.test("partial JSON shows texts while they grow, numbers when they are complete", () => {
  const reader = new PartialJson(), values: unknown[] = [];
  for (const piece of ['{"na', 'me": "A', "n", '", "age": 4', "2", ', "x": tr', "ue", "}"]) {
    if (reader.push(piece)) values.push(reader.value());
  }
  assertEquals(values, [
    {},
    { name: "A" },
    { name: "An" },
    { name: "An", age: 42 },
    { name: "An", age: 42, x: true },
  ]);
});
