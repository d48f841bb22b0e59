/** Pages of the cache: who holds them, where they lie. @module */

import { assertEquals, assertThrows } from "@std/assert";
import { BlockTable } from "../../src/cache/block_tables.ts";
import { PAGE_POSITIONS, PageStore } from "../../src/cache/pages.ts";
import { CacheFullError } from "../../src/errors.ts";
import { ELEMENT } from "../../src/native/operations.ts";
import { kernels } from "../kernel_support.ts";

const SHAPE = { layerCount: 3, kvHeadCount: 2, headDim: 16 };
const P = PAGE_POSITIONS;

Deno.test("pages hold what attention asks for", () => {
  assertEquals([P % 16, 256 % P], [0, 0]);
});

Deno.test("keys and values of all layers fill a page without a gap", () => {
  for (const [type, bytes, id] of [["f16", 2, ELEMENT.F16], ["f32", 4, ELEMENT.F32]] as const) {
    using store = new PageStore(kernels, SHAPE, type, 5);
    const part = 2 * 16 * P * bytes;
    assertEquals([store.pageBytes, store.pageCount], [6 * part, 5]);
    const layers = [0, 1, 2].map((index) => store.layer(index));
    const offsets = layers.flatMap(({ keys, values }) => [keys.offset, values.offset]);
    assertEquals(offsets, [0, 1, 2, 3, 4, 5].map((index) => index * part));
    for (const { keys, values, ...sizes } of layers) {
      assertEquals([keys.type, values.type], [id, id]);
      const { pageBytes, pageCount } = store;
      assertEquals(sizes, { heads: 2, headDim: 16, pagePositions: P, pageCount, pageBytes });
    }
  }
});

Deno.test("a table takes pages as positions need them, and gives them back", () => {
  using store = new PageStore(kernels, SHAPE, "f16", 4);
  const table = new BlockTable(store);
  const pages = (change: () => void) => {
    change();
    return table.pages.length;
  };
  assertEquals(pages(() => table.reserve(0, 0)), 0);
  assertEquals(pages(() => table.reserve(0, 1)), 1);
  assertEquals(pages(() => table.reserve(0, P)), 1);
  assertEquals(pages(() => table.reserve(0, P + 1)), 2);
  assertEquals(pages(() => table.reserve(0, 1)), 2); // reserving takes nothing away
  assertEquals(pages(() => table.trim(P + 1)), 2);
  assertEquals(pages(() => table.trim(P)), 1);
  assertEquals(pages(() => table.trim(1)), 1);
  assertEquals(pages(() => table.trim(0)), 0);
  assertEquals(pages(() => table.reserve(0, 4 * P)), 4);
  assertEquals(new Set(table.pages), new Set([0, 1, 2, 3]));
});

Deno.test("tables share a store, and no page by accident", () => {
  using store = new PageStore(kernels, SHAPE, "f16", 4);
  const [a, b] = [new BlockTable(store), new BlockTable(store)];
  a.reserve(0, P);
  b.reserve(0, P);
  a.reserve(P, 2 * P);
  b.reserve(P, 2 * P);
  assertEquals(new Set([...a.pages, ...b.pages]).size, 4);
  const slots = [0, P - 1, P, 2 * P - 1].flatMap((at) => [a.slot(at), b.slot(at)]);
  assertEquals(new Set(slots).size, slots.length);
  for (let at = 0; at < 2 * P; at++) {
    assertEquals(a.slot(at), a.pages[Math.floor(at / P)]! * P + at % P);
  }
  const given = b.pages[1]!;
  b.trim(P);
  a.reserve(2 * P, 3 * P);
  assertEquals(a.pages[2], given);
});

Deno.test("a full store says how much it holds", () => {
  using store = new PageStore(kernels, SHAPE, "f16", 2);
  const table = new BlockTable(store);
  const error = assertThrows(() => table.reserve(0, 2 * P + 1), CacheFullError);
  assertEquals([error.pages, error.bytes], [2, 2 * store.pageBytes]);
  table.trim(0);
  table.reserve(0, 2 * P); // what the failure took has come back
  assertEquals(table.pages.length, 2);
});

Deno.test("a table that forgets its first pages keeps the places of the others", () => {
  using store = new PageStore(kernels, SHAPE, "f16", 4);
  const table = new BlockTable(store);
  table.reserve(0, 3 * P);
  const [, second, third] = table.pages;
  table.forgetBefore(P - 1);
  assertEquals([table.first, store.usedPages], [0, 3]);
  table.forgetBefore(P);
  table.forgetBefore(P);
  assertEquals([table.pages, store.usedPages], [[0, second, third], 2]);
  const fork = table.fork();
  table.trim(2 * P);
  assertEquals([table.first, table.pages, store.usedPages], [1, [0, second], 2]);
  table.trim(P - 1);
  assertEquals([table.first, table.pages.length, store.usedPages], [1, 1, 2]);
  table.trim(0);
  table.forgetBefore(2 * P); // before it has any
  assertEquals([table.first, table.pages], [2, [0, 0]]);
  table.adopt(1, second!); // nobody will see it
  table.adopt(2, third!);
  assertEquals([table.pages, store.holders(third!)], [[0, 0, third], 2]);
  fork.trim(0), table.trim(0);
  assertEquals(store.usedPages, 0);
});

/** A page full of one byte. */
const filled = (store: PageStore, byte: number) => new Uint8Array(store.pageBytes).fill(byte);
/** The first byte of a page. */
const byteOf = (store: PageStore, page: number) =>
  store.read(page, new Uint8Array(store.pageBytes))[0];

Deno.test("a fork shares all pages, and copies the one that it writes into", () => {
  using store = new PageStore(kernels, SHAPE, "f16", 6);
  const table = new BlockTable(store);
  table.reserve(0, P + 10);
  table.pages.forEach((page, index) => store.write(page, filled(store, index + 1)));
  const fork = table.fork();
  assertEquals([store.usedPages, fork.pages], [2, table.pages]);
  fork.reserve(P + 10, P + 11);
  assertEquals(store.usedPages, 3);
  assertEquals(fork.pages[0], table.pages[0]);
  assertEquals(fork.pages.map((page) => byteOf(store, page)), [1, 2]);
  store.write(fork.pages[1]!, filled(store, 9));
  assertEquals(table.pages.map((page) => byteOf(store, page)), [1, 2]);
  table.reserve(P + 10, P + 11); // nobody else holds it now
  assertEquals(store.usedPages, 3);
  table.trim(0);
  assertEquals(store.usedPages, 2);
  fork.trim(0);
  assertEquals(store.usedPages, 0);
});

Deno.test("a copy that finds no page leaves the table as it was", () => {
  using store = new PageStore(kernels, SHAPE, "f16", 1);
  const table = new BlockTable(store);
  table.reserve(0, 5);
  const fork = table.fork();
  assertThrows(() => fork.reserve(5, 6), CacheFullError);
  assertEquals([fork.pages, store.holders(table.pages[0]!)], [table.pages, 2]);
});
