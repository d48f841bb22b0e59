/** The strict JSON reader beside `JSON.parse`. @module */

import { assertEquals, assertRejects } from "@std/assert";
import { FormatError } from "../../src/errors.ts";
import { type JsonValue, readJson } from "../../src/format/json.ts";

const read = (text: string) => readJson(new TextEncoder().encode(text), "x.json", 8);

/** Maps as objects, to compare. */
function plain(value: JsonValue): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([k, v]) => [k, plain(v)]));
  return Array.isArray(value) ? value.map(plain) : value;
}

Deno.test("readJson() reads what JSON.parse reads", async () => {
  const texts = [
    ' { "a" : [ 1 , -0.5e+3 , true , false , null , "" ] , "b" : { } , "c" : [ ] } \r\n\t',
    '["\\u00e9\\ud83d\\ude00\\n\\"\\\\\\/", "é😀", "\u2028", 0, -0, 1E5, 12345678901234567890]',
    '"text"',
    "7",
  ];
  for (const text of texts) assertEquals(plain(await read(text)), JSON.parse(text));
});

Deno.test("readJson() refuses what JSON.parse refuses, and says where", async () => {
  const texts = [
    ...["", "{", "[1,]", '{"a":1,}', "[1 2]", "{a:1}", "{'a':1}", "01", "+1", "1.", ".5", "-"],
    ...["nul", "truee", '"a', '"\n"', '"\\x"', '"\\u12"', "[1]]", "NaN", "\u00a01", "\ufeff1"],
  ];
  for (const text of texts) {
    await assertRejects(() => read(text), FormatError, "its JSON");
    let parsed = true;
    try {
      JSON.parse(text);
    } catch {
      parsed = false;
    }
    assertEquals(parsed, false, text);
  }
  const error = await assertRejects(() => read('{"é":1,"é":2}'), FormatError, '"é" twice');
  assertEquals(error.offset, 8 + 8); // in bytes, of the file
});

Deno.test("readJson() takes names as they come, and refuses what is no text", async () => {
  const value = await read('{"__proto__":1,"constructor":2}');
  assertEquals(value instanceof Map && [...value], [["__proto__", 1], ["constructor", 2]]);
  await assertRejects(() => read('"\\ud800"'), FormatError, "escape");
  await assertRejects(() => readJson(Uint8Array.of(0x22, 0xff, 0x22), "x"), FormatError, "UTF-8");
});

Deno.test("readJson() reads alike wherever its pieces end", async () => {
  const sound = '{ "é\\n\\u00e9" : [ -12.5e+3 , true , "漢😀\\\\" ] , "b" : {} } ';
  const unsound = ['{"é":1,"é":2}', '["漢\\x"]', "[tru]", '["😀" 1]', '["é'];
  for (const text of [sound, ...unsound]) {
    const bytes = new TextEncoder().encode(text), at = 1 << 18; // where the first piece ends
    const whole = await read(text).catch((error) => error);
    for (let before = 0; before <= bytes.length; before++) {
      const shifted = new Uint8Array(at - before + bytes.length).fill(0x20);
      shifted.set(bytes, at - before);
      const found = await readJson(shifted, "x.json", 8).catch((error) => error);
      if (whole instanceof FormatError) {
        assertEquals(found.message.replace(/\d+/g, ""), whole.message.replace(/\d+/g, ""));
        assertEquals(found.offset, whole.offset! + at - before);
      } else assertEquals(found, whole);
    }
  }
  const long = "x".repeat(1 << 20), digits = "1".repeat(300_000);
  assertEquals(await read(`["${long}", ${digits}]`), [long, Infinity]);
});

Deno.test("readJson() lets timers run while it reads much", async () => {
  const text = JSON.stringify(Array.from({ length: 100_000 }, (_, i) => [`left${i}`, "right"]));
  let ticks = 0;
  const ticking = setInterval(() => ticks++, 1);
  await read(text);
  clearInterval(ticking);
  assertEquals(ticks > 1, true);
});
