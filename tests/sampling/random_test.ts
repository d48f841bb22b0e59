/** Tests of the random numbers against the reference programs of their authors. @module */

import { assert, assertEquals } from "@std/assert";
import { Random, splitMix64 } from "../../src/sampling/random.ts";

Deno.test("xoshiro128** gives the reference sequence", () => {
  const random = new Random(Uint32Array.of(1, 2, 3, 4));
  // deno-fmt-ignore
  assertEquals(Array.from({ length: 10 }, () => random.nextWord()), [
    11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597,
    4258142804,
  ]);
});

Deno.test("SplitMix64 gives the reference sequence", () => {
  const next = splitMix64(1234567n);
  assertEquals(Array.from({ length: 5 }, () => next()), [
    6457827717110365317n,
    3203168211198807973n,
    9817491932198370423n,
    4593380528125082431n,
    16408922859458223821n,
  ]);
});

Deno.test("a seed gives the same numbers everywhere", () => {
  const random = new Random(7); // the C programs, joined: 53 bits from two words, high one first
  assertEquals(Array.from({ length: 4 }, () => random.next()), [
    0.41935052247266991,
    0.69681575026828524,
    0.48360251070112581,
    0.77488959635827448,
  ]);
});

Deno.test("numbers lie in [0, 1) and spread evenly", () => {
  const random = new Random(0);
  const counts = new Uint32Array(10);
  for (let i = 0; i < 100_000; i++) {
    const number = random.next();
    assert(number >= 0 && number < 1);
    counts[Math.floor(number * 10)]!++;
  }
  // Chi-square with 9 degrees of freedom; 27.9 is its 0.1 % point.
  const chiSquare = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
  assert(chiSquare < 27.9, `chi-square ${chiSquare}`);
});
