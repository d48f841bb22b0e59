/** Which layers keep their pages together, and what a context takes. @module */

import { assert, assertEquals } from "@std/assert";
import {
  contextBytes,
  groupLayers,
  KvCache,
  largestContext,
  pageCounts,
} from "../../src/cache/kv_cache.ts";
import { PAGE_POSITIONS, pageBytesOf } from "../../src/cache/pages.ts";
import { kernels } from "../kernel_support.ts";

const P = PAGE_POSITIONS;
const HEADS = { kvHeadCount: 2, headDim: 16 };
/** Four layers, all but every second of which see a window. */
const MIXED = { ...HEADS, windows: [100, 0, 100, 0] };
const WINDOWED = { ...HEADS, windows: [100, 100] };
/** Bytes of 64 positions of a layer. */
const PAGE = pageBytesOf({ ...HEADS, layerCount: 1 }, "f16");

Deno.test("layers are grouped by what they see, those that see all first", () => {
  assertEquals(groupLayers([7, 0, 7, 0]), [
    { window: 0, layers: [1, 3] },
    { window: 7, layers: [0, 2] },
  ]);
  assertEquals(groupLayers([7, 7]), [{ window: 7, layers: [0, 1] }]);
  assertEquals(groupLayers([0]), [{ window: 0, layers: [0] }]);
});

Deno.test("a layer finds its own pages in its group", () => {
  using cache = new KvCache(kernels, MIXED, "f16", [3, 2]);
  const places = [0, 1, 2, 3].map((layer) => {
    const { keys, pageCount } = cache.layer(layer);
    return [cache.groupOf(layer), keys.offset, pageCount];
  });
  assertEquals(places, [[1, 0, 2], [0, 0, 3], [1, PAGE, 2], [0, PAGE, 3]]);
});

Deno.test("a windowed layer takes what it sees and what a step adds, however long the text", () => {
  const bytes = (shape: typeof MIXED, context: number) =>
    contextBytes(shape, "f16", { context, rows: 32 }) / PAGE;
  assertEquals([P, 2 * P, 4 * P].map((context) => bytes(WINDOWED, context)), [2, 4, 8]);
  // 63 positions to spare before those 100 that the first of 32 rows sees
  assertEquals([bytes(WINDOWED, 100 * P), bytes(WINDOWED, 1e6)], [2 * 5, 2 * 5]);
  assertEquals(bytes(MIXED, 100 * P), 2 * 100 + 2 * 5);
  assertEquals(bytes(MIXED, 100 * P - 1), 2 * 100 + 2 * 5);
});

Deno.test("the largest context is the last that fits", () => {
  const fits = (shape: typeof MIXED, bytes: number) =>
    largestContext(shape, "f16", { context: 5000, rows: 32 }, bytes);
  for (const shape of [MIXED, WINDOWED, { ...HEADS, windows: [0] }]) {
    for (const pages of [0, 1, 2, 3, 9, 10, 20, 21, 50]) {
      const context = fits(shape, pages * PAGE);
      const needs = (context: number) => contextBytes(shape, "f16", { context, rows: 32 });
      assert(needs(context) <= pages * PAGE);
      assert(context === 5000 || needs(context + 1) > pages * PAGE);
    }
  }
  assertEquals([fits(WINDOWED, 10 * PAGE), fits(WINDOWED, 9 * PAGE)], [5000, 4 * P]);
});

Deno.test("a budget is shared out as a whole context needs it, and never less", () => {
  const counts = (bytes: number) => pageCounts(MIXED, "f16", { context: 100 * P, rows: 32 }, bytes);
  assertEquals(counts(0), [100, 5]);
  assertEquals(counts(210 * PAGE), [100, 5]);
  assertEquals(counts(3 * 210 * PAGE), [300, 15]);
  assertEquals(counts(420 * PAGE + 1), [200, 10]);
});
