/** Writing GGUF: what is written is read again, whole files or none. @module */

import { assertEquals, assertRejects } from "@std/assert";
import { ArgumentError } from "../../src/errors.ts";
import type { MetadataValue } from "../../src/format/file.ts";
import { openGguf } from "../../src/format/gguf.ts";
import { VALUE_TYPES } from "../../src/format/gguf_value.ts";
import { type TensorToWrite, writeGguf } from "../../src/format/write.ts";
import { folderTest } from "./folder.ts";

/** Values of every type, by the type's name or by what the value alone says. */
const VALUES: readonly [key: string, value: MetadataValue, type?: keyof typeof VALUE_TYPES][] = [
  ["u8", 255, "u8"],
  ["i8", -128, "i8"],
  ["u16", 65535, "u16"],
  ["i16", -32768, "i16"],
  ["u32", 4294967295, "u32"],
  ["i32", -2147483648, "i32"],
  ["f32", 0.5, "f32"],
  ["whole f32", 10000, "f32"],
  ["u64", 2n ** 63n, "u64"],
  ["i64", -(2n ** 62n), "i64"],
  ["f64", 0.1, "f64"],
  ["bool", true],
  ["text", "Grüße\n🦙"],
  ["empty", ""],
  ["plain", 7],
  ["plain large", 2 ** 40],
  ["plain negative", -(2 ** 40)],
  ["plain fraction", 0.25],
  ["texts", ["a", "", "ü"]],
  ["booleans", [true, false]],
  ["bytes", Uint8Array.of(1, 255)],
  ["shorts", Int16Array.of(-1, 7)],
  ["words", Uint32Array.of(1, 4294967295)],
  ["floats", Float32Array.of(0.1, -Infinity)],
  ["doubles", Float64Array.of(0.1)],
  ["longs", BigInt64Array.of(-1n, 2n ** 62n)],
  ["lists", [Int32Array.of(1, 2), ["a", "b"], []]],
  ["many", Array.from({ length: 30000 }, (_, i) => `piece ${i}`)], // more than one part
];

const TENSORS: readonly TensorToWrite[] = [
  { name: "a.weight", type: "F32", shape: [3, 5] },
  { name: "b.weight", type: "Q8_0", shape: [2, 3, 32] },
  { name: "c.bias", type: "F16", shape: [1] },
];
const SIZES = [60, 204, 2];

/** Data of so many bytes each. */
async function* data(...sizes: number[]): AsyncGenerator<Uint8Array> {
  for (const [i, size] of sizes.entries()) {
    yield await Promise.resolve(new Uint8Array(size).fill(i));
  }
}

const NOTHING = { metadata: new Map(), tensors: TENSORS };

for (const alignment of [undefined, 8, 4096]) {
  folderTest(`metadata of all types and tensors come back, aligned to ${alignment}`, async (at) => {
    const metadata = new Map(VALUES.map(([key, value]) => [key, value]));
    if (alignment) metadata.set("general.alignment", alignment);
    const numberTypes = new Map(
      VALUES.flatMap(([key, , type]) => type ? [[key, VALUE_TYPES[type]] as const] : []),
    );
    await writeGguf(
      at("a.gguf"),
      { metadata, numberTypes, tensors: TENSORS },
      data(40, 20, 204, 2),
    );
    using file = await openGguf(at("a.gguf"));
    assertEquals(file.version, 3);
    assertEquals(file.metadata, metadata);
    for (const [key, type] of numberTypes) assertEquals(file.numberTypes?.get(key), type, key);
    const found = [...file.tensors.values()];
    assertEquals(found.map(({ name, type, shape }) => ({ name, type, shape })), [...TENSORS]);
    assertEquals(found.map(({ bytes }) => bytes), SIZES);
    const bytes = await Deno.readFile(at("a.gguf"));
    assertEquals(bytes.length % (alignment ?? 32), 0);
    const firsts = found.map(({ offset }) => bytes[offset]);
    assertEquals(firsts, [0, 2, 3]);
  });
}

folderTest("data that is not what the list says leaves no file", async (at, names) => {
  const wrong: [sizes: number[], message: string][] = [
    [[60, 204], '"c.bias": there is less data'],
    [[60, 204, 3], '"c.bias": there is more data'],
    [[61, 203, 2], '"a.weight": there is more data'],
    [[60, 204, 2, 1], '"the end": there is more data'],
  ];
  for (const [sizes, message] of wrong) {
    await assertRejects(() => writeGguf(at("a"), NOTHING, data(...sizes)), ArgumentError, message);
  }
  assertEquals(names(), []);
});

folderTest("names and types that a file cannot have are refused", async (at, names) => {
  const one = (tensor: Partial<TensorToWrite>, metadata = new Map<string, MetadataValue>()) => () =>
    writeGguf(at("a"), { metadata, tensors: [{ ...TENSORS[0]!, ...tensor }] }, data(60));
  await assertRejects(one({ name: "x".repeat(65) }), ArgumentError, "65 bytes, more than 64");
  await assertRejects(one({ type: "Q9_9" }), ArgumentError, 'there is no type "Q9_9"');
  await assertRejects(one({ type: "Q8_0" }), ArgumentError, "rows of 5 elements");
  const odd = new Map([["general.alignment", 48]]);
  await assertRejects(one({}, odd), ArgumentError, "Cannot align tensors to 48");
  assertEquals(names(), []);
});

folderTest("what is there stays, unless it may go", async (at, names) => {
  const write = (name: string, overwrite?: boolean) =>
    writeGguf(at(name), NOTHING, data(...SIZES), { overwrite });
  await Deno.writeTextFile(at("a"), "precious");
  await Deno.mkdir(at("folder"));
  await assertRejects(() => write("a"), ArgumentError, "it is there already");
  await assertRejects(() => write("folder", true), ArgumentError, "it is no regular file");
  await assertRejects(() => write("none/a"), ArgumentError, "its folder is not there");
  assertEquals(await Deno.readTextFile(at("a")), "precious");
  await write("a", true);
  using file = await openGguf(at("a"));
  assertEquals(file.tensors.size, 3);
  assertEquals(names(), ["a", "folder"]);
});

folderTest("an abort in the middle leaves what was there, and nothing else", async (at, names) => {
  await Deno.writeTextFile(at("a"), "precious");
  for (const after of [0, 1, 2, 3]) {
    const controller = new AbortController(), { signal } = controller;
    const stopping = async function* () {
      for (const [i, size] of SIZES.entries()) {
        if (i === after) controller.abort(new Error("enough"));
        yield await Promise.resolve(new Uint8Array(size));
      }
      if (after === 3) controller.abort(new Error("enough")); // all is written, nothing renamed
    };
    const options = { overwrite: true, signal };
    await assertRejects(() => writeGguf(at("a"), NOTHING, stopping(), options), Error, "enough");
    assertEquals(names(), ["a"]);
    assertEquals(await Deno.readTextFile(at("a")), "precious");
  }
});
