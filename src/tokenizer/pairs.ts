/** A flat table from pairs of numbers to numbers. @module */

const EMPTY = -1; // no left number is negative

/** Finds the number of a pair, by open addressing. */
export class PairTable {
  #slots: Int32Array; // [capacity][3] = left, right, value
  #mask: number;
  #count = 0;

  /** @param count how many pairs to expect; it grows where there are more */
  constructor(count: number) {
    const capacity = 2 ** Math.ceil(Math.log2(Math.max(16, 1.5 * count)));
    this.#slots = new Int32Array(3 * capacity).fill(EMPTY);
    this.#mask = capacity - 1;
  }

  /** How many pairs there are. */
  get count(): number {
    return this.#count;
  }

  /** The number of a pair; undefined where it has none. */
  get(left: number, right: number): number | undefined {
    const slots = this.#slots, at = 3 * this.#find(left, right);
    return slots[at] === EMPTY ? undefined : slots[at + 2];
  }

  /** Gives a pair its number. */
  set(left: number, right: number, value: number): void {
    if (4 * this.#count > 3 * this.#mask) this.#grow();
    const slots = this.#slots, at = 3 * this.#find(left, right);
    if (slots[at] === EMPTY) this.#count++;
    slots[at] = left;
    slots[at + 1] = right;
    slots[at + 2] = value;
  }

  /** The slot where a pair is, or would be. */
  #find(left: number, right: number): number {
    const slots = this.#slots, mask = this.#mask;
    let hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b); // odd, bits well mixed
    hash ^= hash >>> 15;
    let at = hash & mask;
    while (slots[3 * at] !== EMPTY && (slots[3 * at] !== left || slots[3 * at + 1] !== right)) {
      at = (at + 1) & mask;
    }
    return at;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Int32Array(2 * old.length).fill(EMPTY);
    this.#mask = 2 * this.#mask + 1;
    this.#count = 0;
    for (let at = 0; at < old.length; at += 3) {
      if (old[at] !== EMPTY) this.set(old[at]!, old[at + 1]!, old[at + 2]!);
    }
  }
}
