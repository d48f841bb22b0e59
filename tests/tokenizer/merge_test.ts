/** Merging against the plain way: look at all pairs, merge the best, begin anew. @module */

import { assert, assertEquals } from "@std/assert";
import { Merger, type MergeRules } from "../../src/tokenizer/merge.ts";

const LETTERS = 3;

/** Merges of few symbols, made up: from pairs to their ranks, and what they make. */
function madeUp(random: (below: number) => number): MergeRules {
  const pairs = new Map<string, number>(), costs: number[] = [], results: number[] = [];
  for (let i = 0; i < 40; i++) {
    const known = LETTERS + i;
    pairs.set(`${random(known)} ${random(known)}`, i);
    costs.push(random(10));
    results.push(LETTERS + i);
  }
  return {
    find: (left, right) => pairs.get(`${left} ${right}`) ?? -1,
    cost: (merge) => costs[merge]!,
    result: (merge) => results[merge]!,
  };
}

/** What the algorithm means. */
function mergePlainly(symbols: readonly number[], rules: MergeRules): number[] {
  const left = [...symbols];
  while (true) {
    let best = -1, lowest = Infinity;
    for (let i = 0; i + 1 < left.length; i++) {
      const merge = rules.find(left[i]!, left[i + 1]!), cost = merge < 0 ? NaN : rules.cost(merge);
      if (cost < lowest) [best, lowest] = [i, cost];
    }
    if (best < 0) return left;
    left.splice(best, 2, rules.result(rules.find(left[best]!, left[best + 1]!)));
  }
}

function pseudoRandom(): (below: number) => number {
  let state = 7;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * below);
  };
}

Deno.test("short words and long ones merge as the plain way does", () => {
  const random = pseudoRandom(), merger = new Merger();
  for (let round = 0; round < 300; round++) {
    const rules = madeUp(random), length = 1 + random(round % 2 === 0 ? 33 : 90);
    const symbols = Int32Array.from({ length }, () => random(LETTERS));
    const expected = mergePlainly([...symbols], rules);
    const left = merger.merge(symbols, length, rules);
    assertEquals([...symbols.subarray(0, left)], expected, `round ${round}`);
  }
});

Deno.test("nothing and one symbol merge to themselves", () => {
  const merger = new Merger(), rules = madeUp(pseudoRandom());
  assertEquals(merger.merge(new Int32Array(0), 0, rules), 0);
  assertEquals(merger.merge(Int32Array.of(2), 1, rules), 1);
});

Deno.test("260,000 symbols take a few looks each, whatever merges", () => {
  const merger = new Merger(), length = 1 << 18;
  for (const letters of [1, 2, LETTERS]) {
    const random = pseudoRandom(), rules = madeUp(random);
    const symbols = Int32Array.from({ length }, () => random(letters));
    merger.steps = 0;
    merger.merge(symbols, length, rules);
    assert(merger.steps < 6 * length, `${merger.steps} steps for ${letters} letters`);
  }
});
