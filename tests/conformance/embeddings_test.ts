/** Embeddings beside the states of transformers, and beside llama.cpp's. @module */

import { assert, assertEquals } from "@std/assert";
import { Model, type Pooling } from "../../mod.ts";
import { sharedTest } from "../support.ts";
import { distance } from "./pack.ts";

/** What make_embeddings.py writes down. */
interface Golden {
  readonly poolings: readonly Pooling[];
  readonly texts: readonly {
    readonly name: string;
    readonly path: string;
    readonly shared: boolean; // path is one of the shared folder
    readonly prompt: string | readonly number[];
    readonly dim: number;
  }[];
}

const golden: Golden = JSON.parse(
  Deno.readTextFileSync(`${import.meta.dirname}/embeddings.json`),
);
const vectors = new Float32Array(
  Deno.readFileSync(`${import.meta.dirname}/embeddings.f32`).buffer,
);

let at = 0; // in the vectors
for (const { name, path, shared, prompt, dim } of golden.texts) {
  const first = at;
  at += dim * golden.poolings.length;
  const test = async (file: string) => {
    using model = await Model.load(file, { threads: 2, context: 128 });
    using small = await Model.load(file, { threads: 1, context: 128, chunkRows: 7 });
    for (const [index, pooling] of golden.poolings.entries()) {
      const expected = vectors.subarray(first + index * dim, first + (index + 1) * dim);
      const [found] = await model.embed([prompt], { pooling, normalize: false });
      assertEquals(await small.embed([prompt], { pooling, normalize: false }), [found]);
      const { maxAbs, minCos } = distance(found!, expected, dim);
      const isExact = typeof prompt !== "string"; // float weights; else 8-bit activations
      assert(minCos >= (isExact ? 0.999999 : 0.999), `${pooling}: the cosine is ${minCos}`);
      if (isExact) assert(maxAbs <= 1e-4, `${pooling}: off by ${maxAbs}`);
      const [unit] = await model.embed([prompt], { pooling });
      assert(Math.abs(Math.hypot(...unit!) - 1) < 1e-6);
      assert(distance(unit!, expected, dim).minCos >= minCos - 1e-6);
    }
  };
  const title = `conformance: embedding of ${name}, ${String(prompt).slice(0, 12)}`;
  if (shared) sharedTest(title, path, test);
  else Deno.test(title, () => test(`${import.meta.dirname}/${path}`));
}

Deno.test("the golden vectors are all looked at", () => assertEquals(at, vectors.length));
