/** int8 with one scale per row or matrix: scales, clipping, what stands in the file. @module */

import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { openGguf } from "../../src/format/gguf.ts";
import { writeGguf } from "../../src/format/write.ts";
import { dequantize } from "../../src/quant.ts";
import {
  CLIPPINGS,
  countMagnitudes,
  encodeInt8,
  largestOf,
  matrixScale,
  rowScale,
} from "../../src/quant/int8.ts";
import { quantizeFile } from "../../src/quantize/quantize.ts";
import { folderTest } from "../format/folder.ts";

/** Weights with heavy tails, always the same. */
function weights(count: number): Float32Array {
  let state = 5;
  const uniform = () => (state = state * 48271 % 0x7fffffff) / 0x7fffffff - 0.5;
  return Float32Array.from({ length: count }, () => (uniform() + uniform() + uniform()) ** 3);
}

/** The error of rounding with a scale, each column's times its importance. */
function errorOf(values: Float32Array, scale: number, importance?: Float32Array): number {
  return values.reduce((sum, value, i) => {
    const code = Math.max(-127, Math.min(127, Math.round(value / scale)));
    return sum + (value - scale * code) ** 2 * (importance?.[i] ?? 1);
  }, 0);
}

Deno.test("scales reach the largest weight, most of them, or leave the least error", () => {
  const row = weights(4096), largest = Math.max(...row.map(Math.abs));
  assertEquals(rowScale(row, "min-max", undefined), largest / 127);
  const scale = rowScale(row, "percentile", undefined);
  assertEquals(row.filter((value) => Math.abs(value) > 127.0001 * scale).length, 4);
  const least = rowScale(row, "mse", undefined), error = errorOf(row, least);
  for (let share = 0.3; share <= 1; share += 0.01) {
    assertLess(error, 1.02 * errorOf(row, share * largest / 127), `${share}`);
  }
  for (const clipping of CLIPPINGS) {
    assertEquals(rowScale(new Float32Array(64), clipping, undefined), 0);
  }
});

Deno.test("columns that matter are spared", () => {
  const row = Float32Array.from({ length: 1 << 14 }, (_, i) => Math.sin(i * i)); // even, within 1
  const importance = new Float32Array(row.length).fill(1);
  row[7] = 1.3; // an outlier: without importance it is cut
  importance[7] = 1e6;
  const plain = rowScale(row, "mse", undefined), weighed = rowScale(row, "mse", importance);
  assertLess(plain, weighed);
  assertLess(errorOf(row, weighed, importance), errorOf(row, plain, importance) / 10);
});

Deno.test("a matrix has the scale that a search over its weights finds", () => {
  const values = weights(1 << 16), counts = countMagnitudes(values), largest = largestOf(values);
  assertEquals(matrixScale(counts, largest, "min-max"), largest / 127);
  const beyond = (scale: number) => values.filter((value) => Math.abs(value) > 127 * scale).length;
  assertAlmostEquals(beyond(matrixScale(counts, largest, "percentile")), 66, 12);
  const error = errorOf(values, matrixScale(counts, largest, "mse"));
  for (let share = 0.05; share <= 1; share += 0.02) {
    assertLess(error, 1.02 * errorOf(values, share * largest / 127), `${share}`);
  }
  const parts = [values.subarray(0, 999), values.subarray(999)].map(countMagnitudes);
  assertEquals(counts, parts[0]!.map((count, bin) => count + parts[1]![bin]!));
});

Deno.test("codes are within 127, and values within half a step", () => {
  const values = weights(4 * 64);
  const bytes = encodeInt8(values, 64, (row) => rowScale(row, "min-max", undefined));
  const back = dequantize("Q8_0", bytes);
  for (let row = 0; row < 4; row++) {
    const step = largestOf(values.subarray(64 * row, 64 * row + 64)) / 127;
    for (let i = 64 * row; i < 64 * row + 64; i++) {
      assert(Math.abs(back[i]! - values[i]!) <= 0.57 * step); // 127 rounded scales: 0.07 of a step
    }
  }
  for (let i = 0; i < bytes.length; i++) assert(i % 34 < 2 || bytes[i] !== 128, "-128");
});

folderTest("a file has one scale per row, or per matrix", async (at) => {
  const values = weights(6 * 96), tensors = [{ name: "a.weight", type: "F32", shape: [6, 96] }];
  const data = ReadableStream.from([new Uint8Array(values.slice().buffer)]);
  await writeGguf(at("in"), { metadata: new Map(), tensors }, data);
  for (const [scope, count] of [["row", 6], ["tensor", 1]] as const) {
    const options = { type: "int8", scope, workers: 1 };
    const result = await quantizeFile(at("in"), at(scope), options);
    assertEquals([result.type, result.tensors[0]!.type], ["int8", "Q8_0"]);
    using file = await openGguf(at(scope));
    const { offset, bytes } = file.tensor("a.weight");
    const view = new DataView((await Deno.readFile(at(scope))).buffer, offset, bytes);
    const scales = Array.from({ length: 18 }, (_, block) => view.getFloat16(34 * block, true));
    assertEquals(new Set(scales).size, count);
    for (let block = 0; block < 18; block++) {
      assertEquals(scales[block], scales[block - block % 3]); // 3 blocks a row
    }
    assertEquals(file.metadata.get("cria.int8.scope"), scope);
    assertEquals(file.metadata.get("cria.int8.clipping"), "min-max");
  }
});
