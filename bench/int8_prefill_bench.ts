/** Benches of an int8 block of a 1b model: a prompt row after row, and all in one step. @module */

import { KvCache } from "../src/cache/kv_cache.ts";
import { PAGE_POSITIONS } from "../src/cache/pages.ts";
import { cacheShape, type ModelConfig } from "../src/model/config.ts";
import { recordForward } from "../src/model/forward.ts";
import { RopeTable } from "../src/model/rope.ts";
import type { LayerWeights, Weight } from "../src/model/weights.ts";
import { BatchInputs, Work } from "../src/model/work.ts";
import { Region } from "../src/native/memory.ts";
import { ELEMENT } from "../src/native/operations.ts";
import { type Quant, quantByName, tensorBytes } from "../src/quant.ts";
import { Step } from "../src/step/step.ts";
import { kernels, poolOf } from "../tests/kernel_support.ts";
import { figure, pseudoTokens, type Ready, sum, TINY } from "./figures.ts";
import { BEST, noise, THREADS, writeWeights } from "./kernel_scene.ts";

const LENGTHS = TINY
  ? { dim: 256, headCount: 4, kvHeadCount: 2, headDim: 64, feedForwardDim: 512 }
  : { dim: 2048, headCount: 32, kvHeadCount: 4, headDim: 64, feedForwardDim: 5632 };
const CONFIG: ModelConfig = {
  ...LENGTHS,
  ...{ architecture: "made up", layerCount: 1, vocabularySize: 64, contextLength: 512 },
  rope: { base: 10000, dims: LENGTHS.headDim, pairs: "halves", scaling: { kind: "none" } },
  ...{ normEpsilon: 1e-5, activation: "silu", embeddingScale: 1 },
  ...{ scoreScale: 1 / Math.sqrt(LENGTHS.headDim), postNorms: false },
  ...{ outputBias: false, ffnBias: false, tied: true },
  ...{ qkvBias: false, qkNorm: false, fusedQkv: false, fusedGateUp: false },
};
const POSITIONS = 512;

/** A block of one weight type, and what a pass over it needs. */
function block(quant: Quant) {
  const { dim, feedForwardDim, headDim, headCount, kvHeadCount, vocabularySize } = CONFIG;
  let reserved = 0;
  const memory = { handle: -1 };
  const matrix = (rows: number, columns: number): Weight => {
    const offset = reserved;
    reserved += Math.ceil(tensorBytes(quant, [rows, columns]) / 64) * 64;
    return { memory, type: quant.id, offset, quant, rows, columns };
  };
  const norms = Region.alloc(kernels, 4 * dim), norm = noise(1, dim).map((x) => 1 + x / 8);
  norms.write(0, norm);
  const unit = { memory: norms, type: ELEMENT.F32, offset: 0 };
  const layer: LayerWeights = {
    ...{ attentionNorm: unit, ffnNorm: unit },
    q: matrix(headCount * headDim, dim),
    k: matrix(kvHeadCount * headDim, dim),
    v: matrix(kvHeadCount * headDim, dim),
    attentionOutput: matrix(dim, headCount * headDim),
    gate: matrix(feedForwardDim, dim),
    up: matrix(feedForwardDim, dim),
    down: matrix(dim, feedForwardDim),
  };
  const embedding = matrix(vocabularySize, dim);
  const region = Region.alloc(kernels, reserved);
  writeWeights(region, quant, CONFIG.feedForwardDim);
  memory.handle = region.handle;
  const weights = { embedding, layers: [layer], outputNorm: unit, output: embedding };
  const pages = POSITIONS / PAGE_POSITIONS;
  const cache = new KvCache(kernels, cacheShape(CONFIG), "f16", [pages]);
  return { weights, cache, work: new Work(kernels, CONFIG) };
}

const blocks = new Map<Quant, ReturnType<typeof block>>();
const rope = new RopeTable(CONFIG.rope);

/** `tokens` of a prompt through the block, `rows` of them in a step; logits of the last. */
function prefill(quant: Quant, tokens: number, rows: number): Ready {
  const { weights, cache, work } = blocks.get(quant) ?? block(quant);
  blocks.set(quant, { weights, cache, work });
  const step = new Step(), pages = POSITIONS / PAGE_POSITIONS;
  const batch = new BatchInputs(rows, { groups: 1, tableWords: pages }, CONFIG.rope.dims);
  const [tables] = batch.tables, [slots] = batch.slots;
  const outputs = { stateRows: 0, logitRows: 1 };
  recordForward({ step, config: CONFIG, weights, work, batch, rows, cache, ...outputs });
  for (let page = 0; page < pages; page++) tables![page] = page;
  const ids = pseudoTokens(tokens, CONFIG.vocabularySize, 1);
  const run = () => {
    for (let first = 0; first < tokens; first += rows) {
      const positions = Array.from({ length: rows }, (_, row) => first + row);
      for (const [row, position] of positions.entries()) {
        batch.tokens[row] = ids[position]!;
        slots![row] = position;
        batch.places.set([0, position], 2 * row);
      }
      rope.rows(positions, batch.angles);
      poolOf(BEST, THREADS).run(step, batch.words);
    }
  };
  const logits = new Float32Array(CONFIG.vocabularySize);
  return { run, checksum: () => sum(work.readLogits(logits)) };
}

/** Operations of a block's products; attention and the few rows of its output are left out. */
function operationsOf(tokens: number): number {
  const { dim, feedForwardDim, headDim, headCount, kvHeadCount } = CONFIG;
  const heads = 2 * headCount + 2 * kvHeadCount;
  return 2 * tokens * dim * (heads * headDim + 3 * feedForwardDim);
}

for (const name of ["Q8_0", "Q4_0"]) {
  const quant = quantByName(name)!;
  for (const tokens of TINY ? [4] : [16, 64, 256]) {
    for (const rows of [1, tokens]) {
      figure({
        group: `${name} block, ${tokens} tokens`,
        name: rows === 1 ? "one after another" : "in one step",
        amount: { tokens, operations: operationsOf(tokens) },
        baseline: rows === 1,
        slow: true,
        make: () => prefill(quant, tokens, rows),
      });
    }
  }
}
