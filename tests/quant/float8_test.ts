/** Every code of the 8-bit floats, beside what ml_dtypes says. @module */

import { assertEquals } from "@std/assert";
import { dequantize } from "../../src/quant.ts";
import golden from "./float8.json" with { type: "json" };

for (const [type, base64] of Object.entries(golden.halves)) {
  Deno.test(`${type}: the values of ${golden.tool}`, () => {
    const halves = new Float16Array(Uint8Array.fromBase64(base64).buffer);
    const codes = Uint8Array.from({ length: 256 }, (_, code) => code);
    assertEquals(dequantize(type, codes), Float32Array.from(halves));
  });
}
