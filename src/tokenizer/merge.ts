/** Merges neighbouring symbols, the best pair first: what BPE and SPM have in common. @module */

/** What it costs to merge `text[start, middle)` and `text[middle, end)`; NaN if they cannot be. */
export type MergeCost = (start: number, middle: number, end: number) => number;

/** Pairs to be merged, the cheapest on top, of equal ones the leftmost. */
class PairHeap {
  #costs = new Float64Array(256);
  #spans = new Int32Array(3 * 256); // [pair][3] = start, middle, end
  #count = 0;

  /** The pair that was popped last. */
  start = 0;
  middle = 0;
  end = 0;

  clear(): void {
    this.#count = 0;
  }

  push(cost: number, start: number, middle: number, end: number): void {
    if (this.#count === this.#costs.length) this.#grow();
    let at = this.#count++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = this.#costs[parent]!;
      if (above < cost || (above === cost && this.#spans[3 * parent]! < start)) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#set(at, cost, start, middle, end);
  }

  /** Takes the top off; false if there is none. */
  pop(): boolean {
    if (this.#count === 0) return false;
    const spans = this.#spans;
    this.start = spans[0]!;
    this.middle = spans[1]!;
    this.end = spans[2]!;
    const last = --this.#count;
    const cost = this.#costs[last]!, start = spans[3 * last]!;
    let at = 0;
    while (true) {
      let child = 2 * at + 1;
      if (child >= last) break;
      if (child + 1 < last && this.#isBefore(child + 1, this.#costs[child]!, spans[3 * child]!)) {
        child++;
      }
      if (!this.#isBefore(child, cost, start)) break;
      this.#move(child, at);
      at = child;
    }
    this.#move(last, at);
    return true;
  }

  #isBefore(at: number, cost: number, start: number): boolean {
    const mine = this.#costs[at]!;
    return mine < cost || (mine === cost && this.#spans[3 * at]! < start);
  }

  #set(at: number, cost: number, start: number, middle: number, end: number): void {
    this.#costs[at] = cost;
    this.#spans[3 * at] = start;
    this.#spans[3 * at + 1] = middle;
    this.#spans[3 * at + 2] = end;
  }

  #move(from: number, to: number): void {
    const spans = this.#spans;
    this.#costs[to] = this.#costs[from]!;
    spans[3 * to] = spans[3 * from]!;
    spans[3 * to + 1] = spans[3 * from + 1]!;
    spans[3 * to + 2] = spans[3 * from + 2]!;
  }

  #grow(): void {
    const costs = this.#costs, spans = this.#spans;
    this.#costs = new Float64Array(2 * costs.length);
    this.#costs.set(costs);
    this.#spans = new Int32Array(2 * spans.length);
    this.#spans.set(spans);
  }
}

/** Merges symbols; holds its scratch memory from one text to the next. */
export class Merger {
  readonly #heap = new PairHeap();
  #ends = new Int32Array(256); // per start of a symbol: its end; 0 where none starts any more
  #before = new Int32Array(256); // per start of a symbol: the start of the one before, or -1

  /**
   * Merges until no pair is left, in time n log n.
   *
   * @param starts where the symbols of the text begin, ascending from 0
   * @param length of the text
   * @returns where the merged symbols begin
   */
  merge(starts: readonly number[], length: number, cost: MergeCost): number[] {
    this.#link(starts, length);
    const heap = this.#heap, ends = this.#ends, before = this.#before;
    heap.clear();
    const offer = (start: number, middle: number, end: number): void => {
      const price = cost(start, middle, end);
      if (!Number.isNaN(price)) heap.push(price, start, middle, end);
    };
    for (let i = 1; i < starts.length; i++) {
      offer(starts[i - 1]!, starts[i]!, starts[i + 1] ?? length);
    }
    while (heap.pop()) {
      const { start, middle, end } = heap;
      if (ends[start] !== middle || ends[middle] !== end) continue; // one was merged meanwhile
      ends[start] = end;
      ends[middle] = 0;
      if (end < length) {
        before[end] = start;
        offer(start, end, ends[end]!);
      }
      if (start > 0) offer(before[start]!, start, end);
    }
    const merged: number[] = [];
    for (let at = 0; at < length; at = ends[at]!) merged.push(at);
    return merged;
  }

  /** Writes down each symbol's end and the one before it. */
  #link(starts: readonly number[], length: number): void {
    if (this.#ends.length < length) {
      this.#ends = new Int32Array(2 * length);
      this.#before = new Int32Array(2 * length);
    }
    for (let i = 0; i < starts.length; i++) {
      this.#ends[starts[i]!] = starts[i + 1] ?? length;
      this.#before[starts[i]!] = starts[i - 1] ?? -1;
    }
  }
}

/** Where the characters of a text begin; a surrogate pair is one. */
export function letterStarts(text: string): number[] {
  const starts: number[] = [];
  for (let at = 0; at < text.length; at += text.codePointAt(at)! > 0xffff ? 2 : 1) starts.push(at);
  return starts;
}
