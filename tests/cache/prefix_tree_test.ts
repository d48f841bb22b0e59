/** Pages by the tokens that led to them: found, shared, given up. @module */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { NO_PAGE } from "../../src/cache/block_tables.ts";
import { KvCache } from "../../src/cache/kv_cache.ts";
import { PAGE_POSITIONS } from "../../src/cache/pages.ts";
import { type PrefixNode, PrefixTree } from "../../src/cache/prefix_tree.ts";
import { CacheFullError } from "../../src/errors.ts";
import { kernels, Random, SEED } from "../kernel_support.ts";

/** A cache of layers that see so much, 0: all; with so many pages for each kind. */
const cacheOf = (windows: number[], counts: number[]) =>
  new KvCache(kernels, { windows, kvHeadCount: 1, headDim: 16 }, "f16", counts);
const P = PAGE_POSITIONS;

/** A text of whole pages, each of one token. */
const text = (...pages: number[]) => pages.flatMap((token) => Array<number>(P).fill(token));

/** Makes all pages of a text known, as a sequence does, and holds none of them. */
function remember(tree: PrefixTree, cache: KvCache, tokens: readonly number[]): PrefixNode[] {
  const nodes: PrefixNode[] = [];
  for (let at = 0; at < tokens.length; at += P) {
    const pages = cache.groups.map(({ store }) => store.take());
    nodes.push(tree.add(nodes.at(-1) ?? tree.root, tokens.slice(at), pages));
    cache.groups.forEach(({ store }, group) => store.release(pages[group]!));
  }
  return nodes;
}

Deno.test("the longest known beginning is found, in whole pages", () => {
  using cache = cacheOf([0], [8]);
  const tree = new PrefixTree(cache), known = remember(tree, cache, text(1, 2, 3));
  const found = (tokens: readonly number[]) => tree.match(tokens).map(({ pages }) => pages[0]);
  const pages = known.map(({ pages }) => pages[0]);
  assertEquals(found(text(1, 2, 3)), pages);
  assertEquals(found(text(1, 2, 3, 4)), pages);
  assertEquals(found(text(1, 2, 4)), pages.slice(0, 2));
  assertEquals(found(text(1, 2).slice(0, -1)), pages.slice(0, 1));
  assertEquals(found(text(2, 3)), []); // the same tokens elsewhere are other keys and values
  assertEquals(found([]), []);
});

Deno.test("of two equal pages the tree keeps the first", () => {
  using cache = cacheOf([0], [8]);
  const { store } = cache.groups[0]!;
  const tree = new PrefixTree(cache);
  const [first] = remember(tree, cache, text(7)), [second] = remember(tree, cache, text(7));
  assertEquals(second, first);
  assertEquals([store.usedPages, tree.idlePages(0)], [1, 1]);
});

Deno.test("what was used least recently is given up first, and nothing that is held", () => {
  using cache = cacheOf([0], [4]);
  const { store } = cache.groups[0]!;
  const tree = new PrefixTree(cache);
  const [, held] = remember(tree, cache, text(1, 2));
  store.retain(held!.pages[0]!);
  store.retain(held!.parent!.pages[0]!);
  remember(tree, cache, text(3, 4));
  tree.match(text(3, 4));
  const [a, b] = [store.take(), store.take()];
  assertEquals(tree.match(text(1, 2)).length, 2);
  assertEquals(tree.match(text(3, 4)).length, 0);
  assertEquals(tree.idlePages(0), 0);
  const error = assertThrows(() => store.take(), CacheFullError);
  assertEquals(error.pages, 4);
  for (const page of [a, b, held!.pages[0]!, held!.parent!.pages[0]!]) store.release(page);
  assertEquals([store.usedPages, tree.idlePages(0)], [2, 2]);
  tree.clear();
  assertEquals([store.usedPages, tree.match(text(1)).length], [0, 0]);
});

Deno.test(`random texts: what is found is what was stored (seed ${SEED})`, () => {
  using cache = cacheOf([0], [40]);
  const { store } = cache.groups[0]!;
  const tree = new PrefixTree(cache), random = new Random(SEED);
  const pageOf = new Map<string, number>(); // by the whole text up to it
  for (let round = 0; round < 500; round++) {
    const tokens = text(...Array.from({ length: 1 + random.below(5) }, () => random.below(3)));
    const found = tree.match(tokens);
    found.forEach(({ pages }, index) => {
      assertEquals(pages[0], pageOf.get(tokens.slice(0, (index + 1) * P).join()));
    });
    const held = found.map(({ pages: [page] }) => (store.retain(page!), page!)), nodes = [...found];
    for (let at = found.length * P; at < tokens.length; at += P) {
      const page = store.take();
      held.push(page);
      nodes.push(tree.add(nodes.at(-1) ?? tree.root, tokens.slice(at), [page]));
      pageOf.set(tokens.slice(0, at + P).join(), page);
    }
    for (const page of held) store.release(page);
    assertEquals(store.usedPages, tree.idlePages(0));
    assert(store.usedPages <= 40);
  }
  assert(pageOf.size > 40); // more than there is room for: some were given up
});

Deno.test("behind a window nothing need be there; within it, all", () => {
  using cache = cacheOf([0, 2 * P, 2 * P], [8, 8]);
  const tree = new PrefixTree(cache), known = remember(tree, cache, text(1, 2, 3, 4, 5));
  const lose = (index: number) => {
    cache.groups[1]!.store.release(known[index]!.pages[1]!);
    known[index]!.pages[1] = NO_PAGE;
  };
  const matched = () => tree.match(text(1, 2, 3, 4, 5)).length;
  lose(0);
  lose(2);
  assertEquals(matched(), 5); // it ends in 4, 5
  lose(4);
  assertEquals(matched(), 0); // 3 is missing after 4, and after 3; 1 after 2, and after 1
  lose(1);
  const [page] = [cache.groups[1]!.store.take()];
  tree.add(tree.root, text(1), [NO_PAGE, page]); // computed anew
  cache.groups[1]!.store.release(page);
  assertEquals([matched(), known[0]!.pages[1]], [1, page]);
});

Deno.test("windowed pages are given up one by one, and the way to those behind them stays", () => {
  using cache = cacheOf([P], [6]); // no layer sees all
  const tree = new PrefixTree(cache), { store } = cache.groups[0]!;
  const known = remember(tree, cache, text(1, 2, 3, 4, 5, 6));
  tree.move(undefined, known[5]);
  const taken = [1, 2, 3, 4, 5].map(() => store.take()); // the oldest go: 1 to 5
  assertEquals(known.map(({ pages }) => pages[0] === NO_PAGE), [...Array(5).fill(true), false]);
  assertEquals(tree.match(text(1, 2, 3, 4, 5, 6)).length, 6);
  assertEquals([tree.match(text(1, 2, 3)).length, tree.size], [0, 6]);
  store.take(); // 6 as well
  assertEquals([tree.match(text(1, 2, 3, 4, 5, 6)).length, tree.size], [0, 6]); // somebody is there
  const next = tree.add(known[5]!, text(7), [taken[0]!]);
  tree.move(known[5], next);
  assertEquals(tree.match(text(1, 2, 3, 4, 5, 6, 7)).length, 7);
  tree.move(next, undefined);
  store.release(taken[0]!);
  tree.clear();
  assertEquals([tree.size, store.usedPages], [0, 5]);
});
