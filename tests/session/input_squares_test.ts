/** What meets the columns of matrices, held against a norm computed here. @module */

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { Model } from "../../mod.ts";
import { readSmallTensor, wholeTensor } from "../../src/model/model_tensor.ts";
import { randomModelTest, someTokens } from "../model/random_model.ts";

const TOKENS = someTokens(40);

/** Mean squares of RMSNorm(embedding) * weight over the tokens: what attn_q of block 0 reads. */
function expected(model: Model): Float64Array {
  const { dim, normEpsilon } = model.config;
  const table = readSmallTensor(wholeTensor(model.file.tensor("token_embd.weight")));
  const norm = readSmallTensor(wholeTensor(model.file.tensor("blk.0.attn_norm.weight")));
  const means = new Float64Array(dim);
  for (const token of TOKENS) {
    const x = table.subarray(token * dim, (token + 1) * dim);
    const square = x.reduce((sum, value) => sum + value * value, 0) / dim;
    for (let i = 0; i < dim; i++) {
      means[i]! += (x[i]! * norm[i]!) ** 2 / (square + normEpsilon) / TOKENS.length;
    }
  }
  return means;
}

for (const type of ["F32", "Q8_0"]) {
  randomModelTest(`mean squares of inputs, and the same logits, under ${type}`, async (path) => {
    using model = await Model.load(path, { threads: 2, context: 64, chunkRows: 16 });
    const plain = await model.logits(TOKENS);
    let watched: Float32Array = new Float32Array(0);
    const squares = await model.inputSquares(async () => watched = await model.logits(TOKENS));
    assertEquals(watched, plain);
    if (type === "F32") {
      const found = squares.get("blk.0.attn_q.weight")!;
      expected(model).forEach((mean, i) => assertAlmostEquals(found[i]!, mean, 1e-5 * mean));
    }
    const { dim, feedForwardDim } = model.config;
    for (const [name, tensor] of model.file.tensors) {
      if (tensor.shape.length < 2) continue;
      const columns = name.includes("ffn_down") ? feedForwardDim : dim;
      assertEquals(squares.get(name)?.length, columns, name);
      assert(squares.get(name)!.every((value) => value > 0));
    }
    assertEquals(squares.get("blk.1.attn_q.weight"), squares.get("blk.1.attn_v.weight"));
    assertEquals(await model.logits(TOKENS), plain);
  }, type);
}
