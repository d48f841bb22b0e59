/** Weights encoded as by ggml: the same bytes, or errors that are no larger. @module */

import { assert, assertEquals } from "@std/assert";
import { dequantize, quantize } from "../../src/quant.ts";
import golden from "./golden.json" with { type: "json" };

/** The weights of make_golden.py, to the bit. */
function weights(kind: string, count: number): Float32Array {
  let state = 7 + kind.length;
  return Float32Array.from({ length: count }, (_, i) => {
    let total = -1.5;
    for (let term = 0; term < 3; term++) {
      state = state * 48271 % 0x7fffffff;
      total += state / 0x7fffffff;
    }
    const value = kind === "heavy" ? total * total * total : total;
    const part = kind === "edges" ? (i >> 8) % 4 : 3, isFirst = i % 64 < 32;
    if (part === 0) return isFirst ? 0 : 0.7;
    if (part === 1) return -Math.abs(value);
    return part === 2 ? value * (isFirst ? 1e-6 : 1e4) : value;
  });
}

for (const [kind, types] of Object.entries(golden.bytes)) {
  for (const [type, base64] of Object.entries(types)) {
    Deno.test(`${type} has ggml's bytes of ${kind} weights`, () => {
      assertEquals(quantize(type, weights(kind, 1024)), Uint8Array.fromBase64(base64));
    });
  }
}

function meanSquare(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0) / a.length;
}

for (const [kind, types] of Object.entries(golden.meanSquares)) {
  for (const [type, reference] of Object.entries(types)) {
    Deno.test(`${type} errs on ${kind} weights as little as ggml's, within 2 %`, () => {
      const values = weights(kind, 65536);
      const error = meanSquare(dequantize(type, quantize(type, values)), values);
      assert(error > 0 && error <= reference * 1.02, `${error / reference} of ggml's`);
    });
  }
}

Deno.test("super-blocks of zeros, of one value and of one spike come back", () => {
  const spike = new Float32Array(256);
  spike[7] = -3;
  for (const type of ["Q4_K", "Q5_K", "Q6_K"]) {
    assertEquals(dequantize(type, quantize(type, new Float32Array(256))), new Float32Array(256));
    for (const values of [spike, new Float32Array(256).fill(0.7), spike.map((x) => -x)]) {
      const back = dequantize(type, quantize(type, values));
      assert(back.every((value, i) => Math.abs(value - values[i]!) <= 2e-3), `${type}: ${back}`);
    }
  }
});
