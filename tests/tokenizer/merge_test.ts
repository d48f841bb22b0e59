/** Merging against the plain way: look at all pairs, merge the best, begin anew. @module */

import { assertEquals } from "@std/assert";
import { type MergeCost, Merger } from "../../src/tokenizer/merge.ts";

/** What the algorithm means. */
function mergePlainly(starts: readonly number[], length: number, cost: MergeCost): number[] {
  const left = [...starts];
  while (true) {
    let best = -1, lowest = Infinity;
    for (let i = 0; i + 1 < left.length; i++) {
      const price = cost(left[i]!, left[i + 1]!, left[i + 2] ?? length);
      if (price < lowest) [best, lowest] = [i, price];
    }
    if (best < 0) return left;
    left.splice(best + 1, 1);
  }
}

Deno.test("the heap merges as the plain way does", () => {
  let state = 7;
  const random = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * below);
  };
  const merger = new Merger();
  for (let round = 0; round < 300; round++) {
    const text = Array.from({ length: 1 + random(40) }, () => "abc"[random(3)]).join("");
    const costs = new Map<string, number>();
    for (let i = 0; i < 40; i++) {
      const piece = Array.from({ length: 2 + random(4) }, () => "abc"[random(3)]).join("");
      costs.set(piece, random(10));
    }
    const cost: MergeCost = (start, _, end) => costs.get(text.slice(start, end)) ?? NaN;
    const starts = Array.from(text, (_, i) => i);
    assertEquals(
      merger.merge(starts, text.length, cost),
      mergePlainly(starts, text.length, cost),
      `round ${round}: ${text}`,
    );
  }
});

Deno.test("nothing and one symbol merge to themselves", () => {
  const merger = new Merger();
  assertEquals(merger.merge([], 0, () => 1), []);
  assertEquals(merger.merge([0], 3, () => 1), [0]);
});
