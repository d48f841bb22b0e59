/** Blocks of the types outside the conformance pack decode as by gguf-py. @module */

import { assertEquals } from "@std/assert";
import { sha256 } from "../../src/native/sha256.ts";
import { dequantize, quantByName } from "../../src/quant.ts";

/** What make_decoded.py wrote. */
interface Golden {
  readonly blocks: number;
  readonly types: Readonly<Record<string, Decoded>>;
}
interface Decoded {
  readonly high: number | null;
  /** Values of the first block, float32, in base 64. */
  readonly first: string;
  /** Of all values. */
  readonly sha256: string;
}

/** The bytes that make_decoded.py made up. */
function madeUp(seed: number, count: number): Uint8Array {
  const out = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    seed = (Math.imul(1664525, seed) + 1013904223) >>> 0;
    out[i] = seed >>> 24;
  }
  return out;
}

const golden: Golden = JSON.parse(
  Deno.readTextFileSync(new URL("decoded.json", import.meta.url)),
);

for (const [type, { high, first, sha256: digest }] of Object.entries(golden.types)) {
  Deno.test(`${type} decodes as by gguf-py`, async () => {
    const { id, bytes, elements } = quantByName(type)!;
    const blocks = madeUp(id, golden.blocks * bytes);
    if (high !== null) { for (let at = high; at < blocks.length; at += bytes) blocks[at]! &= 0xbf; }
    const values = new Float32Array(dequantize(type, blocks)).map((value) => value + 0); // no -0
    const expected = Uint8Array.from(atob(first), (char) => char.charCodeAt(0));
    assertEquals(values.slice(0, elements), new Float32Array(expected.buffer));
    assertEquals(await sha256(new Uint8Array(values.buffer)), digest);
  });
}
