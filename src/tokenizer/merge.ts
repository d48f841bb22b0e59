/** Merges neighbouring symbols, the best pair first: what BPE and SPM have in common. @module */
import { PairHeap } from "./pair_heap.ts";

/** Which neighbours merge, and which of them first. */
export interface MergeRules {
  /** The number of the merge of two symbols, or -1. */
  find(left: number, right: number): number;
  /** What a merge costs: the cheapest is done first, of equal ones the leftmost. */
  cost(merge: number): number;
  /** The symbol that a merge makes. */
  result(merge: number): number;
}

const SHORT = 32; // symbols; up to here looking at all pairs is faster than a heap
const GONE = -1;

/** Merges symbols; holds its scratch memory from one word to the next. */
export class Merger {
  /** How often it looked at a pair: what its time goes with. */
  steps = 0;
  readonly #heap = new PairHeap();
  readonly #costs = new Float64Array(SHORT); // per symbol: what merging it with the next costs
  readonly #merges = new Int32Array(SHORT); // per symbol: the number of that merge
  #before = new Int32Array(0); // per symbol: the one before, or -1
  #after = new Int32Array(0); // per symbol: the one after, or the count

  /**
   * Merges in place until no pair is left, in time n log n.
   *
   * @param symbols of a word, of which the first `count` count
   * @returns how many are left
   */
  merge(symbols: Int32Array, count: number, rules: MergeRules): number {
    if (count < 2) return count;
    return count <= SHORT
      ? this.#mergeFew(symbols, count, rules)
      : this.#mergeMany(symbols, count, rules);
  }

  #mergeFew(symbols: Int32Array, count: number, rules: MergeRules): number {
    const costs = this.#costs, merges = this.#merges;
    const look = (at: number): void => {
      const merge = rules.find(symbols[at]!, symbols[at + 1]!);
      merges[at] = merge;
      costs[at] = merge < 0 ? Infinity : rules.cost(merge);
    };
    for (let at = 0; at + 1 < count; at++) look(at);
    while (count > 1) {
      let best = 0;
      for (let at = 1; at + 1 < count; at++) if (costs[at]! < costs[best]!) best = at;
      this.steps += count;
      if (costs[best] === Infinity) break;
      symbols[best] = rules.result(merges[best]!);
      count--;
      for (let at = best + 1; at < count; at++) {
        symbols[at] = symbols[at + 1]!;
        merges[at] = merges[at + 1]!;
        costs[at] = costs[at + 1]!;
      }
      if (best > 0) look(best - 1);
      if (best + 1 < count) look(best);
    }
    return count;
  }

  #mergeMany(symbols: Int32Array, count: number, rules: MergeRules): number {
    this.#link(count);
    const heap = this.#heap, before = this.#before, after = this.#after;
    heap.clear();
    const offer = (left: number, right: number): void => {
      const merge = rules.find(symbols[left]!, symbols[right]!);
      this.steps++;
      if (merge >= 0) heap.push(rules.cost(merge), left, merge, symbols[left]!, symbols[right]!);
    };
    for (let at = 0; at + 1 < count; at++) offer(at, at + 1);
    while (heap.pop()) {
      const { at, merge } = heap, next = after[at]!;
      this.steps++;
      if (symbols[at] !== heap.left || next >= count || symbols[next] !== heap.right) continue;
      symbols[at] = rules.result(merge);
      symbols[next] = GONE;
      after[at] = after[next]!;
      if (after[at]! < count) {
        before[after[at]!] = at;
        offer(at, after[at]!);
      }
      if (before[at]! >= 0) offer(before[at]!, at);
    }
    let left = 0;
    for (let at = 0; at < count; at = after[at]!) symbols[left++] = symbols[at]!;
    return left;
  }

  /** Links each symbol to its neighbours. */
  #link(count: number): void {
    if (this.#before.length < count) {
      this.#before = new Int32Array(2 * count);
      this.#after = new Int32Array(2 * count);
    }
    for (let at = 0; at < count; at++) {
      this.#before[at] = at - 1;
      this.#after[at] = at + 1;
    }
  }
}
