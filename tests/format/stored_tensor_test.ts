/** Tensors read from their files: whole or some rows, no byte more; and a cache of them. @module */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ArgumentError, FormatError } from "../../src/errors.ts";
import { openGguf } from "../../src/format/gguf.ts";
import type { ByteSource } from "../../src/format/source.ts";
import { StoredTensor } from "../../src/format/stored_tensor.ts";
import { TensorCache } from "../../src/format/tensor_cache.ts";
import { dequantize, quantByName } from "../../src/quant.ts";
import { ROOT, sharedTest } from "../support.ts";
import { floats, ggufBytes } from "./gguf_bytes.ts";

const STORY = `${ROOT}/models/story.gguf`;

/** A tensor over bytes in memory, and the ranges of them that were read. */
function tensorOf(type: string, shape: number[], data: Uint8Array, failures = 0) {
  const reads: [offset: number, bytes: number][] = [];
  const source: ByteSource = {
    path: "memory",
    bytes: data.length,
    inode: null,
    device: 0,
    reopen: () => Promise.resolve(source),
    read(offset, bytes, signal) {
      signal?.throwIfAborted();
      reads.push([offset, bytes.length]);
      if (reads.length <= failures) return Promise.reject(new Error("broken"));
      bytes.set(data.subarray(offset, offset + bytes.length));
      return Promise.resolve();
    },
    [Symbol.dispose]() {},
  };
  const info = { name: "t", type, shape, offset: 0, bytes: data.length, path: "memory" };
  return { tensor: new StoredTensor(info, () => Promise.resolve(source)), reads };
}

/** So many rows of 64 floats, 0, 1, 2, … */
function ramp(rows: number) {
  const values = Float32Array.from({ length: rows * 64 }, (_, i) => i);
  return tensorOf("F32", [rows, 64], new Uint8Array(values.buffer));
}

for (const type of ["f32", "f16", "bf16", "q4_0", "q5_1", "q8_0", "q4_k", "q6_k"]) {
  const path = `conformance/dequant/${type}.bin`;
  sharedTest(`a ${type} tensor of a GGUF file decodes as by ggml`, path, async (path) => {
    const data = await Deno.readFile(path), name = type.toUpperCase();
    const want = new Float32Array((await Deno.readFile(path.replace(".bin", ".f32"))).buffer);
    const tensor = { name: "t", dimensions: [256, want.length / 256], data };
    const file = ggufBytes({
      tensors: [floats("before", 5), { ...tensor, type: quantByName(name)!.id }],
    });
    const gguf = await Deno.makeTempFile({ suffix: ".gguf" });
    try {
      await Deno.writeFile(gguf, file);
      using opened = await openGguf(gguf);
      const got = await opened.tensor("t").dequantize();
      assertEquals(got.shape, [want.length / 256, 256]);
      assert(got.reshape(-1).slice([0, null]).size === want.length);
      assertEquals(await opened.tensor("t").read(), data);
      const most = Math.max(...want.map(Math.abs));
      for (const [i, value] of want.entries()) {
        assert(Math.abs(got.data[i]! - value) <= 1e-6 * most, `${i}: ${got.data[i]} ${value}`);
      }
      const last = await opened.tensor("t").dequantize({ rows: [1, 2] });
      assert(last.equals(got.slice([1, 2])));
    } finally {
      await Deno.remove(gguf);
    }
  });
}

Deno.test("a large tensor is decoded in parts, to the same numbers", async () => {
  using file = await openGguf(STORY);
  const tensor = file.tensor("token_embd.weight");
  const got = await tensor.dequantize();
  assertEquals(got.shape, tensor.shape);
  assertEquals(got.data, dequantize(tensor.type, await tensor.read()));
});

Deno.test("only the bytes of the rows that are asked for are read", async () => {
  const { tensor, reads } = ramp(5000);
  const rows = await tensor.dequantize({ rows: [4998, 5000] });
  assertEquals([rows.shape, rows.at(0, 0), rows.at(-1, -1)], [[2, 64], 4998 * 64, 319999]);
  await tensor.read({ rows: [1, 2] });
  assertEquals((await tensor.dequantize({ rows: [7, 7] })).shape, [0, 64]);
  assertEquals(reads, [[4998 * 256, 512], [256, 256]]);
});

Deno.test("rows that are not there, or that cut a block, are refused", async () => {
  const { tensor } = ramp(4);
  for (const rows of [[-1, 2], [0, 5], [3, 2], [0, 1.5]] as const) {
    await assertRejects(() => tensor.dequantize({ rows }), ArgumentError, "it has rows 0 to 4");
  }
  const { tensor: vector } = tensorOf("Q8_0", [64], new Uint8Array(68));
  await assertRejects(() => vector.read({ rows: [0, 40] }), ArgumentError, "blocks of 32");
  assertEquals((await vector.dequantize({ rows: [32, 64] })).shape, [32]);
  const { tensor: integers } = tensorOf("I16", [2], Uint8Array.of(1, 0, 255, 255));
  assertEquals([...(await integers.dequantize())], [1, -1]);
  const { tensor: foreign } = tensorOf("Q1_0", [128], new Uint8Array(18));
  await assertRejects(() => foreign.dequantize(), ArgumentError, "does not decode its type, Q1_0");
});

Deno.test("reading stops when asked to", async () => {
  const { tensor } = ramp(5000), stop = new AbortController();
  const running = tensor.dequantize({ signal: stop.signal });
  stop.abort(new Error("enough"));
  await assertRejects(() => running, Error, "enough");
});

Deno.test("a file that was replaced after it was opened is refused", async () => {
  const path = await Deno.makeTempFile({ suffix: ".gguf" });
  try {
    await Deno.writeFile(path, ggufBytes({ tensors: [floats("a", 8)] }));
    using file = await openGguf(path);
    assertEquals((await file.tensor("a").dequantize()).toArray(), [1, 2, 3, 4, 5, 6, 7, 8]);
    await Deno.writeFile(path, ggufBytes({ tensors: [floats("a", 80)] }));
    await assertRejects(() => file.tensor("a").dequantize(), FormatError, "no longer the file");
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("the cache counts hits and misses, and lets go what was not used longest", async () => {
  const { tensor, reads } = ramp(4);
  const cache = new TensorCache({ bytes: 3 * 256 });
  const row = (i: number) => cache.get(tensor, { rows: [i, i + 1] });
  const first = await row(0);
  await row(1);
  await row(2);
  assert(await row(0) === first);
  await row(3); // takes the place of row 1
  assertEquals(cache.counts, { hits: 1, misses: 4, evictions: 1, tensors: 3, bytes: 768 });
  assert(await row(0) === first);
  await row(1);
  assertEquals(cache.counts, { hits: 2, misses: 5, evictions: 2, tensors: 3, bytes: 768 });
  await cache.get(tensor); // larger than all: read, not kept
  assertEquals(cache.counts, { hits: 2, misses: 6, evictions: 2, tensors: 3, bytes: 768 });
  cache.clear();
  assertEquals([cache.counts.tensors, cache.counts.bytes], [0, 0]);
  assertEquals(reads.length, 6);
});

Deno.test("who asks at the same time shares one reading; one that failed is not kept", async () => {
  const { tensor, reads } = tensorOf("F32", [2], new Uint8Array(8), 1);
  const cache = new TensorCache({ bytes: 100 });
  const both = [cache.get(tensor), cache.get(tensor)];
  for (const one of both) await assertRejects(() => one, Error, "broken");
  assertEquals(cache.counts, { hits: 1, misses: 1, evictions: 0, tensors: 0, bytes: 0 });
  assertEquals((await cache.get(tensor)).toArray(), [0, 0]);
  assertEquals([reads.length, cache.counts.misses, cache.counts.bytes], [2, 2, 8]);
  assertThrows(() => new TensorCache({ bytes: NaN }), ArgumentError, "no number from 0");
});
