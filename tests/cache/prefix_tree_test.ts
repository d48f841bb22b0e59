/** Pages by the tokens that led to them: found, shared, given up. @module */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { PAGE_POSITIONS, PageStore } from "../../src/cache/pages.ts";
import { type PrefixNode, PrefixTree } from "../../src/cache/prefix_tree.ts";
import { CacheFullError } from "../../src/errors.ts";
import { kernels, Random, SEED } from "../kernel_support.ts";

const SHAPE = { layerCount: 1, kvHeadCount: 1, headDim: 16 };
const P = PAGE_POSITIONS;

/** A text of whole pages, each of one token. */
const text = (...pages: number[]) => pages.flatMap((token) => Array<number>(P).fill(token));

/** Makes all pages of a text known, as a sequence does, and holds none of them. */
function remember(tree: PrefixTree, store: PageStore, tokens: readonly number[]): PrefixNode[] {
  const nodes: PrefixNode[] = [];
  for (let at = 0; at < tokens.length; at += P) {
    const page = store.take();
    nodes.push(tree.add(nodes.at(-1) ?? tree.root, tokens, at, page));
    store.release(page);
  }
  return nodes;
}

Deno.test("the longest known beginning is found, in whole pages", () => {
  using store = new PageStore(kernels, SHAPE, "f16", 8);
  const tree = new PrefixTree(store), known = remember(tree, store, text(1, 2, 3));
  const found = (tokens: readonly number[]) => tree.match(tokens).map(({ page }) => page);
  const pages = known.map(({ page }) => page);
  assertEquals(found(text(1, 2, 3)), pages);
  assertEquals(found(text(1, 2, 3, 4)), pages);
  assertEquals(found(text(1, 2, 4)), pages.slice(0, 2));
  assertEquals(found(text(1, 2).slice(0, -1)), pages.slice(0, 1));
  assertEquals(found(text(2, 3)), []); // the same tokens elsewhere are other keys and values
  assertEquals(found([]), []);
});

Deno.test("of two equal pages the tree keeps the first", () => {
  using store = new PageStore(kernels, SHAPE, "f16", 8);
  const tree = new PrefixTree(store);
  const [first] = remember(tree, store, text(7)), [second] = remember(tree, store, text(7));
  assertEquals(second, first);
  assertEquals([store.usedPages, tree.idlePages], [1, 1]);
});

Deno.test("what was used least recently is given up first, and nothing that is held", () => {
  using store = new PageStore(kernels, SHAPE, "f16", 4);
  const tree = new PrefixTree(store);
  const [, held] = remember(tree, store, text(1, 2));
  store.retain(held!.page);
  store.retain(held!.parent!.page);
  remember(tree, store, text(3, 4));
  tree.match(text(3, 4));
  const [a, b] = [store.take(), store.take()];
  assertEquals(tree.match(text(1, 2)).length, 2);
  assertEquals(tree.match(text(3, 4)).length, 0);
  assertEquals(tree.idlePages, 0);
  const error = assertThrows(() => store.take(), CacheFullError);
  assertEquals(error.pages, 4);
  for (const page of [a, b, held!.page, held!.parent!.page]) store.release(page);
  assertEquals([store.usedPages, tree.idlePages], [2, 2]);
  tree.clear();
  assertEquals([store.usedPages, tree.match(text(1)).length], [0, 0]);
});

Deno.test(`random texts: what is found is what was stored (seed ${SEED})`, () => {
  using store = new PageStore(kernels, SHAPE, "f16", 40);
  const tree = new PrefixTree(store), random = new Random(SEED);
  const pageOf = new Map<string, number>(); // by the whole text up to it
  for (let round = 0; round < 500; round++) {
    const tokens = text(...Array.from({ length: 1 + random.below(5) }, () => random.below(3)));
    const found = tree.match(tokens);
    found.forEach(({ page }, index) => {
      assertEquals(page, pageOf.get(tokens.slice(0, (index + 1) * P).join()));
    });
    const held = found.map(({ page }) => (store.retain(page), page)), nodes = [...found];
    for (let at = found.length * P; at < tokens.length; at += P) {
      const page = store.take();
      held.push(page);
      nodes.push(tree.add(nodes.at(-1) ?? tree.root, tokens, at, page));
      pageOf.set(tokens.slice(0, at + P).join(), page);
    }
    for (const page of held) store.release(page);
    assertEquals(store.usedPages, tree.idlePages);
    assert(store.usedPages <= 40);
  }
  assert(pageOf.size > 40); // more than there is room for: some were given up
});
