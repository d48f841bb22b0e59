/** The random numbers of sampling: xoshiro128**, seeded by SplitMix64. @module */

/**
 * xoshiro128** 1.1 by Blackman and Vigna ("Scrambled linear pseudorandom number generators", ACM
 * TOMS 2021; prng.di.unimi.it). Integer arithmetic only: the same sequence on every machine.
 * @example
 * ```ts
 * new Random(7).next() === new Random(7).next(); // true
 * ```
 */
export class Random {
  readonly #state: Uint32Array; // [4]

  /**
   * Begins a sequence.
   * @param seed a whole number from 0, or the four words of a state
   */
  constructor(seed: number | Uint32Array) {
    this.#state = typeof seed === "number" ? stateOf(seed) : seed.slice(0, 4);
  }

  /** Another one, which goes on as this one would. */
  clone(): Random {
    return new Random(this.#state);
  }

  /** The next 32 bits as a whole number. */
  nextWord(): number {
    const s = this.#state;
    const word = Math.imul(rotate(Math.imul(s[1]!, 5), 7), 9) >>> 0;
    const shifted = s[1]! << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= shifted;
    s[3] = rotate(s[3]!, 11);
    return word;
  }

  /** The next number of [0, 1), a multiple of 2^-53. */
  next(): number {
    const high = this.nextWord() >>> 5;
    const low = this.nextWord() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }
}

/**
 * SplitMix64 (Steele, Lea and Flood 2014), which the authors of xoshiro name for seeding.
 * @param seed the first state
 * @returns a function that gives the next 64 bits
 */
export function splitMix64(seed: bigint): () => bigint {
  let state = BigInt.asUintN(64, seed);
  const times = (a: bigint, b: bigint) => BigInt.asUintN(64, a * b);
  return () => {
    state = BigInt.asUintN(64, state + 0x9E3779B97F4A7C15n);
    let mixed = times(state ^ (state >> 30n), 0xBF58476D1CE4E5B9n);
    mixed = times(mixed ^ (mixed >> 27n), 0x94D049BB133111EBn);
    return mixed ^ (mixed >> 31n);
  };
}

/** Four words of state from a seed; SplitMix64 never gives two zeros in a row. */
function stateOf(seed: number): Uint32Array {
  const next = splitMix64(BigInt(seed));
  return new Uint32Array(new BigUint64Array([next(), next()]).buffer);
}

/** Turns 32 bits to the left. */
function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}
