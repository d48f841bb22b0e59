/** Tests of RoPE frequencies against numbers worked out apart from this code. @module */

import { assertAlmostEquals, assertEquals } from "@std/assert";
import { type RopeConfig, ropeFrequencies, RopeTable } from "../../src/model/rope.ts";

const PLAIN: RopeConfig = { base: 10000, dims: 32, pairs: "neighbours", scaling: { kind: "none" } };

Deno.test("plain frequencies fall geometrically", () => {
  const frequencies = ropeFrequencies(PLAIN);
  assertEquals(frequencies.length, 16);
  assertEquals(frequencies[0], 1);
  assertAlmostEquals(frequencies[8]!, 0.01, 1e-15);
});

Deno.test("linear scaling divides every frequency", () => {
  const linear = ropeFrequencies({ ...PLAIN, scaling: { kind: "linear", factor: 4 } });
  ropeFrequencies(PLAIN).forEach((plain, pair) => assertAlmostEquals(linear[pair]!, plain / 4));
});

Deno.test("frequency factors divide pair by pair", () => {
  const factors = Float32Array.from({ length: 16 }, (_, pair) => pair + 1);
  const scaled = ropeFrequencies({ ...PLAIN, factors });
  ropeFrequencies(PLAIN).forEach((plain, pair) =>
    assertAlmostEquals(scaled[pair]!, plain / (pair + 1))
  );
});

Deno.test("yarn keeps fast pairs, divides slow ones and ramps between", () => {
  const scaling = {
    kind: "yarn",
    factor: 4,
    originalContext: 64,
    betaFast: 32,
    betaSlow: 1,
    extrapolation: 1,
    attentionFactor: 1,
  } as const;
  const plain = ropeFrequencies(PLAIN);
  const yarn = ropeFrequencies({ ...PLAIN, scaling });
  // With base 10000 and 32 dimensions, 32 turns in 64 positions fall before pair 0 (-1.98) and
  // one turn on pair 4.03: the ramp runs from pair 0 to pair 5.
  [1, 0.85, 0.7, 0.55, 0.4, 0.25, 0.25].forEach((share, pair) =>
    assertAlmostEquals(yarn[pair]! / plain[pair]!, share, 1e-12)
  );
  assertAlmostEquals(yarn[15]! / plain[15]!, 0.25, 1e-12);
  const table = new RopeTable({ ...PLAIN, scaling });
  assertAlmostEquals(table.magnitude, 1 + 0.1 * Math.log(4), 1e-15);
});

Deno.test("rows hold cosine and sine by position", () => {
  const table = new RopeTable({ ...PLAIN, dims: 4 });
  const out = new Float32Array(8);
  table.rows([0, 3], out);
  assertEquals([...out.subarray(0, 4)], [1, 0, 1, 0]);
  const expected = [Math.cos(3), Math.sin(3), Math.cos(0.03), Math.sin(0.03)];
  assertEquals([...out.subarray(4)], expected.map(Math.fround));
});

Deno.test("far positions stay exact", () => {
  const table = new RopeTable({ ...PLAIN, base: 500000, dims: 128 });
  const out = new Float32Array(128);
  table.rows([1_000_000], out);
  assertEquals(out[0], Math.fround(Math.cos(1_000_000)));
});
