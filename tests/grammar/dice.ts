/** A source of small random numbers, for what tests make up. @module */

import { Random } from "../../src/sampling/random.ts";

/** Dice of a seed. */
export class Dice {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  /** A whole number below `sides`. */
  roll(sides: number): number {
    return this.#random.nextWord() % sides;
  }

  /** One of a list. */
  of<T>(list: readonly T[]): T {
    return list[this.roll(list.length)]!;
  }
}
