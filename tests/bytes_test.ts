/** The reader of bytes: values, bounds of the file, bounds of the window. @module */

import { assertEquals, assertThrows } from "@std/assert";
import { ByteReader, quote, WindowEnd } from "../src/bytes.ts";
import { FormatError } from "../src/errors.ts";

Deno.test("numbers are little-endian", () => {
  const bytes = new Uint8Array(64).map((_, i) => 0x80 + i);
  const read = (name: "u8" | "i8" | "u16" | "i16" | "u32" | "i32" | "u64" | "i64") =>
    new ByteReader(bytes, "x")[name]("a number");
  assertEquals([read("u8"), read("i8")], [0x80, -0x80]);
  assertEquals([read("u16"), read("i16")], [0x8180, 0x8180 - 0x10000]);
  assertEquals([read("u32"), read("i32")], [0x83828180, 0x83828180 - 2 ** 32]);
  assertEquals([read("u64"), read("i64")], [0x8786858483828180n, 0x8786858483828180n - 2n ** 64n]);
});

Deno.test("a 64-bit number is a number where that is exact", () => {
  const view = new DataView(new ArrayBuffer(8));
  const read = (value: bigint) => {
    view.setBigInt64(0, value, true);
    const bytes = new Uint8Array(view.buffer);
    return [new ByteReader(bytes, "x").u64("it"), new ByteReader(bytes, "x").i64("it")];
  };
  assertEquals(read(2n ** 53n - 1n), [2 ** 53 - 1, 2 ** 53 - 1]);
  assertEquals(read(2n ** 53n), [2n ** 53n, 2n ** 53n]);
  assertEquals(read(-1n), [2n ** 64n - 1n, -1]);
});

Deno.test("a read beyond the file is refused with the byte", () => {
  const reader = new ByteReader(new Uint8Array(6), "a.bin", 100, 106);
  reader.u32("the first");
  assertThrows(
    () => reader.u32("the second"),
    FormatError,
    'Cannot read "a.bin": the second takes 4 bytes, 2 are left (at byte 104)',
  );
  assertEquals(reader.offset, 104);
});

Deno.test("a read beyond the window asks for more", () => {
  const reader = new ByteReader(new Uint8Array(6), "a.bin", 0, 1000);
  reader.u32("the first");
  const error = assertThrows(() => reader.raw(10, "the second"), WindowEnd);
  assertEquals((error as WindowEnd).bytes, 14);
});

Deno.test("a count that cannot fit is refused before anything is allocated", () => {
  const bytes = Uint8Array.of(5, 0, 0, 0, 0, 0, 0, 0, ...new Array(39).fill(0));
  assertEquals(new ByteReader(bytes, "x").count("n", 7), 5);
  assertThrows(() => new ByteReader(bytes, "x").count("n", 8), FormatError, "n is 5, but only 39");
});

Deno.test("names in messages stay on one line and do nothing to a terminal", () => {
  assertEquals(quote('a"b\n\x1b[2J\u009b\u2028'), '"a\\"b\\n\\u001b[2J\\u{9b}\\u{2028}"');
  assertEquals(quote("x".repeat(200)).length, 82);
});
