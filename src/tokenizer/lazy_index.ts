/** A table from strings to numbers, filled when it is needed, or in slices before. @module */

const SLICE = 4096; // entries at a time: about 1 ms

/** Something that is filled when it is needed, or in slices before. */
export interface Table {
  /** Enters a few thousand; false when all are there. */
  fillSome(): boolean;
}

/** Finds the number of a string. */
export class LazyIndex implements Table {
  readonly #numbers = new Map<string, number>();
  #next = 0;

  /**
   * @param count how many entries there are
   * @param enter puts entry `i` into the table
   */
  constructor(
    readonly count: number,
    readonly enter: (numbers: Map<string, number>, i: number) => void,
  ) {}

  /** The number of a string, if it has one. */
  get(key: string): number | undefined {
    if (this.#next < this.count) {
      while (this.fillSome());
    }
    return this.#numbers.get(key);
  }

  /** Enters a few thousand; false when all are there. */
  fillSome(): boolean {
    const end = Math.min(this.#next + SLICE, this.count);
    for (; this.#next < end; this.#next++) this.enter(this.#numbers, this.#next);
    return this.#next < this.count;
  }
}
