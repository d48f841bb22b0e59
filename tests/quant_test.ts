/** The table of weight types: known values, rounding, sizes, and what is refused. @module */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { ArgumentError } from "../src/errors.ts";
import {
  dequantize,
  FOREIGN_TYPES,
  layoutById,
  quantById,
  quantByName,
  quantize,
  QUANTS,
  tensorBytes,
} from "../src/quant.ts";

Deno.test("every type stands in the table once", () => {
  const all = [...QUANTS, ...FOREIGN_TYPES];
  assertEquals(new Set(all.map(({ id }) => id)).size, all.length);
  assertEquals(new Set(all.map(({ name }) => name)).size, all.length);
  for (const quant of QUANTS) {
    assertEquals([quantById(quant.id), quantByName(quant.name)], [quant, quant]);
  }
  assertEquals(quantById(24), undefined);
  assertEquals(layoutById(24)?.name, "I8");
  assertEquals(layoutById(4), undefined);
});

Deno.test("a block of each type decodes to its elements and nothing beyond", () => {
  for (const { elements, bytes, decode } of QUANTS) {
    const block = new DataView(new Uint8Array(bytes + 2).fill(0x3c).buffer);
    const out = new Float32Array(elements + 2).fill(-7);
    decode(block, 1, out, 1);
    assertEquals([out[0], out[elements + 1]], [-7, -7]);
    assert(out.subarray(1, elements + 1).every((value) => Number.isFinite(value) && value !== -7));
  }
});

const HALF_ONE = [0x00, 0x3c], HALF_TWO = [0x00, 0x40]; // 1 and 2 as f16

Deno.test("blocks of 32 hold what their layout says", () => {
  const codes = Array.from({ length: 16 }, (_, i) => i | (15 - i) << 4);
  const low = Array.from({ length: 16 }, (_, i) => i);
  const nibbles = [...low, ...low.map((i) => 15 - i)];
  const fifth = (i: number) => (i % 3 === 0 ? 16 : 0);
  const bits = Array.from({ length: 32 }, (_, i) => (i % 3 === 0 ? 1 : 0) * 2 ** (i % 8));
  const high = [0, 8, 16, 24].map((at) => bits.slice(at, at + 8).reduce((sum, bit) => sum + bit));
  const decoded = (type: string, ...bytes: number[]) =>
    Array.from(dequantize(type, Uint8Array.from(bytes)));
  assertEquals(decoded("Q4_0", ...HALF_TWO, ...codes), nibbles.map((code) => 2 * (code - 8)));
  assertEquals(
    decoded("Q4_1", ...HALF_TWO, ...HALF_ONE, ...codes),
    nibbles.map((code) => 2 * code + 1),
  );
  assertEquals(
    decoded("Q5_0", ...HALF_TWO, ...high, ...codes),
    nibbles.map((code, i) => 2 * (code + fifth(i) - 16)),
  );
  assertEquals(
    decoded("Q5_1", ...HALF_TWO, ...HALF_ONE, ...high, ...codes),
    nibbles.map((code, i) => 2 * (code + fifth(i)) + 1),
  );
});

Deno.test("types that are no weights decode where floats hold them", () => {
  const little = (write: (view: DataView) => void, bytes: number) => {
    const view = new DataView(new ArrayBuffer(bytes));
    write(view);
    return new Uint8Array(view.buffer);
  };
  const one = (type: string, bytes: number, write: (view: DataView) => void) =>
    dequantize(type, little(write, bytes))[0];
  assertEquals(one("I8", 1, (view) => view.setInt8(0, -128)), -128);
  assertEquals(one("I16", 2, (view) => view.setInt16(0, -32768, true)), -32768);
  assertEquals(one("I32", 4, (view) => view.setInt32(0, 2 ** 30, true)), 2 ** 30);
  assertEquals(one("F64", 8, (view) => view.setFloat64(0, 0.1, true)), Math.fround(0.1));
  const q81 = little((view) => (view.setFloat16(0, 2, true), view.setInt8(35, -3)), 36);
  assertEquals(
    dequantize("Q8_1", q81),
    Float32Array.from({ length: 32 }, (_, i) => i < 31 ? 0 : -6),
  );
  const q8k = little((view) => (view.setFloat32(0, 0.5, true), view.setInt8(4, 7)), 292);
  assertEquals(dequantize("Q8_K", q8k), Float32Array.from({ length: 256 }, (_, i) => i ? 0 : 3.5));
  assertThrows(() => dequantize("I64", new Uint8Array(8)), ArgumentError, "it is none of F32");
});

Deno.test("plain floats keep their values, and BF16 rounds to nearest even", () => {
  const values = Float32Array.of(0, -0, 1.5, -65504, 2 ** -24, Infinity);
  for (const type of ["F32", "F16"]) assertEquals(dequantize(type, quantize(type, values)), values);
  const bf16 = (value: number) => dequantize("BF16", quantize("BF16", Float32Array.of(value)))[0];
  assertEquals(bf16(1 + 2 ** -8), 1); // a tie: down to the even one
  assertEquals(bf16(1 + 3 * 2 ** -8), 1 + 2 ** -6); // a tie: up to the even one
  assertEquals(bf16(1 + 2 ** -8 + 2 ** -16), 1 + 2 ** -7);
  assertEquals(bf16(NaN), NaN);
  assertEquals(bf16(3.4e38), Infinity);
});

Deno.test("quantized values are near, and zeros stay zeros", () => {
  const values = Float32Array.from({ length: 96 }, (_, i) => i < 32 ? 0 : Math.sin(i * 1.7));
  for (const [type, step] of [["Q8_0", 1 / 127], ["Q4_0", 1 / 8]] as const) {
    const back = dequantize(type, quantize(type, values));
    assert(back.subarray(0, 32).every((value) => value === 0));
    assert(back.every((value, i) => Math.abs(value - values[i]!) <= step), type);
  }
});

Deno.test("sizes are whole blocks", () => {
  assertEquals(tensorBytes(quantByName("Q4_K")!, [3, 512]), 3 * 2 * 144);
  assertEquals(tensorBytes(quantByName("F32")!, []), 4);
  const refused = (shape: number[]) => () => tensorBytes(quantByName("Q8_0")!, shape);
  assertThrows(refused([32, 33]), ArgumentError, "rows of 33 elements");
  assertThrows(refused([2 ** 40, 2 ** 40]), ArgumentError, "beyond 2^53");
});

Deno.test("what cannot be done is refused", () => {
  const bytes = new Uint8Array(33), floats = new Float32Array(31);
  assertThrows(() => dequantize("Q9_9", bytes), ArgumentError, 'Cannot dequantize "Q9_9"');
  assertThrows(() => dequantize("Q8_0", bytes), ArgumentError, "33 bytes");
  assertThrows(() => quantize("Q9_9", floats), ArgumentError, "it is none of F32, F16, Q4_0");
  assertThrows(() => quantize("Q8_0", floats), ArgumentError, "31 values");
  const wild = new Float32Array(32).fill(NaN, 5);
  assertThrows(() => quantize("Q8_0", wild), ArgumentError, "value 5 is NaN");
});
