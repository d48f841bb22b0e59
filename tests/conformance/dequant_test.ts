/** Weights decoded and encoded as by gguf-py and ggml, of every type that cria has. @module */

import { assert, assertEquals } from "@std/assert";
import { dequantize, quantByName, quantize } from "../../src/quant.ts";
import { sharedFolder, skip } from "../support.ts";

/** A case of the pack, as far as it is read here. */
interface Case {
  readonly id: string;
  readonly kind: string;
  readonly type: string;
  readonly raw: string;
  readonly x: string;
  readonly expected: string;
  readonly tol: { readonly max_abs_over_max: number };
}

const folder = `${sharedFolder()}/conformance`;

function readBytes(path: string): Uint8Array {
  return Deno.readFileSync(`${folder}/${path}`);
}

function readFloats(path: string): Float32Array {
  return new Float32Array(readBytes(path).slice().buffer);
}

function checkDecoding({ type, raw, expected, tol }: Case): void {
  const want = readFloats(expected);
  const got = dequantize(type, readBytes(raw));
  assertEquals(got.length, want.length);
  const largest = want.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  for (const [i, value] of want.entries()) {
    assert(Math.abs(got[i]! - value) <= tol.max_abs_over_max * largest, `${i}: ${got[i]} ${value}`);
  }
}

function checkEncoding({ type, x, expected }: Case): void {
  assertEquals(quantize(type, readFloats(x)), readBytes(expected));
}

if (sharedFolder() === undefined) skip("weights decode as in ggml", "there is no CRIA_SHARED");
else {
  const { cases } = JSON.parse(Deno.readTextFileSync(`${folder}/manifest.json`));
  for (const one of cases as Case[]) {
    if (quantByName(one.type) === undefined) continue;
    if (one.kind === "dequant") Deno.test(one.id, () => checkDecoding(one));
    if (one.kind === "quantize") Deno.test(one.id, () => checkEncoding(one));
  }
}
