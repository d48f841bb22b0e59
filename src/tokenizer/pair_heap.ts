/** Pairs of neighbours that wait to be merged. @module */

const FIELDS = 4; // per pair: where it is, its merge, its left and its right symbol

/** Pairs to be merged, the cheapest on top, of equal ones the leftmost. */
export class PairHeap {
  #costs = new Float64Array(256);
  #pairs = new Int32Array(FIELDS * 256);
  #count = 0;

  /** Of the pair that was popped last: where it is, its merge, and the symbols it was. */
  at = 0;
  merge = 0;
  left = 0;
  right = 0;

  clear(): void {
    this.#count = 0;
  }

  push(cost: number, at: number, merge: number, left: number, right: number): void {
    if (this.#count === this.#costs.length) this.#grow();
    let slot = this.#count++;
    while (slot > 0) {
      const parent = (slot - 1) >> 1, above = this.#costs[parent]!;
      if (above < cost || (above === cost && this.#pairs[FIELDS * parent]! <= at)) break;
      this.#move(parent, slot);
      slot = parent;
    }
    const pairs = this.#pairs, first = FIELDS * slot;
    this.#costs[slot] = cost;
    pairs[first] = at;
    pairs[first + 1] = merge;
    pairs[first + 2] = left;
    pairs[first + 3] = right;
  }

  /** Takes the top off; false if there is none. */
  pop(): boolean {
    if (this.#count === 0) return false;
    const pairs = this.#pairs;
    this.at = pairs[0]!;
    this.merge = pairs[1]!;
    this.left = pairs[2]!;
    this.right = pairs[3]!;
    const last = --this.#count, cost = this.#costs[last]!, at = pairs[FIELDS * last]!;
    let slot = 0;
    while (true) {
      let child = 2 * slot + 1;
      if (child >= last) break;
      if (
        child + 1 < last && this.#isBefore(child + 1, this.#costs[child]!, pairs[FIELDS * child]!)
      ) {
        child++;
      }
      if (!this.#isBefore(child, cost, at)) break;
      this.#move(child, slot);
      slot = child;
    }
    this.#move(last, slot);
    return true;
  }

  #isBefore(slot: number, cost: number, at: number): boolean {
    const mine = this.#costs[slot]!;
    return mine < cost || (mine === cost && this.#pairs[FIELDS * slot]! < at);
  }

  #move(from: number, to: number): void {
    const pairs = this.#pairs;
    this.#costs[to] = this.#costs[from]!;
    for (let field = 0; field < FIELDS; field++) {
      pairs[FIELDS * to + field] = pairs[FIELDS * from + field]!;
    }
  }

  #grow(): void {
    const costs = this.#costs, pairs = this.#pairs;
    this.#costs = new Float64Array(2 * costs.length);
    this.#costs.set(costs);
    this.#pairs = new Int32Array(2 * pairs.length);
    this.#pairs.set(pairs);
  }
}
