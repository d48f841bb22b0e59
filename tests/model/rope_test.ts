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

/** Frequencies of pairs 0, 1, 8 and 15 against those of another program, which are floats. */
function assertFrequencies(config: RopeConfig, context: number, expected: readonly number[]): void {
  const found = ropeFrequencies(config, context);
  [0, 1, 8, 15].forEach((pair, i) => {
    assertAlmostEquals(found[pair]! / expected[i]!, 1, 1e-6, `pair ${pair} at ${context}`);
  });
}

// The numbers of the next two: ROPE_INIT_FUNCTIONS of transformers 5.23.0, with `seq_len` for the
// context, 32 dimensions, base 10000.

Deno.test("dynamic scaling raises the base with the context", () => {
  const scaling = { kind: "dynamic", factor: 4, originalContext: 128 } as const;
  const plain = [1, 0.5623413324356079, 0.009999999776482582, 0.00017782794020604342];
  assertFrequencies({ ...PLAIN, scaling }, 100, plain);
  assertFrequencies({ ...PLAIN, scaling }, 128, plain);
  const long = [1, 0.473954975605011, 0.002546225441619754, 1.367907225358067e-05];
  assertFrequencies({ ...PLAIN, scaling }, 512, long);
});

Deno.test("longrope has factors for short and for long contexts, one magnitude for both", () => {
  const scaling = {
    kind: "longrope",
    short: Float32Array.from({ length: 16 }, (_, i) => 1 + 0.02 * i),
    long: Float32Array.from({ length: 16 }, (_, i) => 1 + 1.5 * i),
    originalContext: 256,
    attentionFactor: 1.118033988749895,
  } as const;
  const short = [1, 0.5513150691986084, 0.008620689623057842, 0.00013679073890671134];
  assertFrequencies({ ...PLAIN, scaling }, 256, short);
  const long = [1, 0.22493651509284973, 0.0007692307699471712, 7.567146894871257e-06];
  assertFrequencies({ ...PLAIN, scaling }, 257, long);
  assertEquals(new RopeTable({ ...PLAIN, scaling }).magnitude, 1.118033988749895);
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
