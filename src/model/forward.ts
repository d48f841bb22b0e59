/** The forward pass: records a batch of rows through all blocks. @module */

import type { Quant } from "../quant.ts";
import type { CachePages, Groups, Operand, Step } from "../step/step.ts";
import type { ModelConfig } from "./config.ts";
import type { LayerWeights, Weight, Weights } from "./weights.ts";
import type { BatchInputs, Work } from "./work.ts";

/** What a pass is recorded from. */
export interface Pass {
  readonly step: Step;
  readonly config: ModelConfig;
  readonly weights: Pick<Weights, "embedding" | "layers" | "outputNorm" | "output">;
  readonly work: Work;
  readonly batch: BatchInputs;
  /** Rows that are worked on: those of the batch, or fewer at the output. */
  readonly rows: number;
  /** Keys and values of a layer. */
  readonly cache: (layer: number) => CachePages;
  /** How many of the last rows get logits; 0 for a chunk that only fills the cache. */
  readonly logitRows: number;
}

/**
 * Records the pass: embedding, blocks, output. Rows may belong to any sequences at any positions;
 * each sees its own sequence up to itself.
 */
export function recordForward(pass: Pass): void {
  const { step, config, weights, work, batch, rows } = pass;
  step.embed({
    rows,
    n: config.vocabularySize,
    k: config.dim,
    tokens: batch.operand(batch.tokens),
    weight: weights.embedding,
    out: work.x,
    scale: config.embeddingScale,
  });
  weights.layers.forEach((layer, index) => {
    attention(pass, layer, pass.cache(index));
    if (config.experts) expertFeedForward(pass, layer);
    else feedForward(pass, layer);
  });
  if (pass.logitRows > 0) output(pass);
}

/** x += W_o · attention(RMSNorm(x)). */
function attention(pass: Pass, layer: LayerWeights, cache: CachePages): void {
  const { step, config, work, batch, rows } = pass;
  const { headCount, kvHeadCount, headDim } = config;
  const x = normalised(pass, layer.attentionNorm, [layer.q, layer.k, layer.v]);
  step.together(() => {
    product(pass, x, layer.q, work.q, { bias: layer.qBias });
    product(pass, x, layer.k, work.k, { bias: layer.kBias });
    product(pass, x, layer.v, work.v, { bias: layer.vBias });
  });
  headNorm(pass, work.q, headCount, layer.qNorm);
  headNorm(pass, work.k, kvHeadCount, layer.kNorm);
  const turn = { rows, headDim, dims: config.rope.dims, pairs: config.rope.pairs };
  const angles = batch.operand(batch.angles);
  step.rope({ ...turn, x: work.q, heads: headCount, angles });
  step.rope({ ...turn, x: work.k, heads: kvHeadCount, angles });
  step.store({
    rows,
    keyRows: work.k,
    valueRows: work.v,
    slots: batch.operand(batch.slots),
    cache,
  });
  step.attend({
    rows,
    q: work.q,
    places: batch.operand(batch.places),
    tables: batch.operand(batch.tables),
    out: work.attended,
    cache,
    heads: headCount,
    tableWords: batch.tableWords,
    window: config.slidingWindow ?? 0,
    scale: 1 / Math.sqrt(headDim),
  });
  const o = layer.attentionOutput;
  const attended = rounded(pass, work.attended, o);
  product(pass, () => attended, o, work.x, { residual: work.x });
}

/** x += W_down · (activation(W_gate · h) * (W_up · h)) with h = RMSNorm(x). */
function feedForward(pass: Pass, layer: LayerWeights): void {
  const { work } = pass, { gate, up, down } = layer;
  hiddenRows(pass, normalised(pass, layer.ffnNorm, [gate, up]), layer);
  const hidden = rounded(pass, work.hidden, down);
  product(pass, () => hidden, down, work.x, { residual: work.x });
}

/** x += Σ share · W_down · (activation(W_gate · h) * (W_up · h)) over the experts of each row. */
function expertFeedForward(pass: Pass, layer: LayerWeights): void {
  const { step, config, work: { x, forms, hidden, experts }, rows } = pass;
  const { dim, normEpsilon: epsilon } = config,
    { count, used: ranks, normalised } = config.experts!;
  const { h, scores, weights, slots, groups: list, out } = experts!, { gate, up, down } = layer;
  const router = layer.router!, groups = { experts: count, list };
  step.norm({ rows, k: dim, x, weight: layer.ffnNorm, out: h, epsilon });
  product(pass, () => rounded(pass, h, router), router, scores);
  step.route({ rows, n: count, k: ranks, x: scores, weights, slots, groups: list, normalised });
  for (const form of formsOf([gate, up])) {
    step.scatter({ rows, k: dim, x: h, slots, out: forms[form], ranks });
  }
  const pairs: Pass = { ...pass, rows: rows * ranks };
  hiddenRows(pairs, ({ quant }) => forms[quant.activation], layer, groups);
  product(pairs, () => rounded(pairs, hidden, down), down, out, { groups });
  step.gather({ rows, n: dim, x: out, slots, weights, residual: x, out: x, ranks });
}

/** hidden = activation(W_gate · h) * (W_up · h). */
function hiddenRows(pass: Pass, h: FormFor, { gate, up }: LayerWeights, groups?: Groups): void {
  const { step, config: { feedForwardDim: n, dim: k, activation }, work, rows } = pass;
  if (gate.type === up.type) {
    step.gated({ rows, n, k, x: h(gate), gate, up, out: work.hidden, activation, groups });
    return;
  }
  step.together(() => {
    product(pass, h, gate, work.hidden, { groups });
    product(pass, h, up, work.up, { groups });
  });
  step.activate({ rows, n, gate: work.hidden, up: work.up, out: work.hidden, activation });
}

/** logits = W_out · RMSNorm(x), for the last rows. */
function output(pass: Pass): void {
  const { config: { dim }, weights, work, logitRows: rows } = pass;
  const x = { ...work.x, offset: work.x.offset + (pass.rows - rows) * dim * 4 };
  const tail: Pass = { ...pass, rows };
  const h = normalised(tail, weights.outputNorm, [weights.output], x);
  product(tail, h, weights.output, work.logits);
}

/** Gives a product its input, in the form that its weight's type asks for. */
type FormFor = (weight: Weight) => Operand;

/** The forms that some weights ask for. */
function formsOf(users: readonly Weight[]): Set<Quant["activation"]> {
  return new Set(users.map(({ quant }) => quant.activation));
}

/** Records RMSNorm once for each form that the users of its result need. */
function normalised(pass: Pass, norm: Operand, users: Weight[], x = pass.work.x): FormFor {
  const { step, config: { dim: k, normEpsilon: epsilon }, work, rows } = pass;
  for (const kind of formsOf(users)) {
    step.norm({ rows, k, x, weight: norm, out: work.forms[kind], epsilon });
  }
  return ({ quant }) => work.forms[quant.activation];
}

/** Records the rounding of `x` for one user; floats are used as they are. */
function rounded({ step, work, rows }: Pass, x: Operand, { quant, columns }: Weight): Operand {
  if (quant.activation === "float") return x;
  const out = work.forms[quant.activation];
  step.quantize({ rows, k: columns, x, out });
  return out;
}

/** out = weight · x, plus bias, plus residual. */
function product(
  { step, rows }: Pass,
  x: FormFor,
  weight: Weight,
  out: Operand,
  plus: { bias?: Operand | undefined; residual?: Operand; groups?: Groups | undefined } = {},
): void {
  step.matmul({ rows, n: weight.rows, k: weight.columns, x: x(weight), weight, out, ...plus });
}

/** Normalises every head of x in place, where the model does. */
function headNorm(pass: Pass, x: Operand, heads: number, weight: Operand | undefined): void {
  if (!weight) return;
  const { step, config: { headDim: k, normEpsilon: epsilon }, rows } = pass;
  step.norm({ rows, k, heads, x, weight, out: x, epsilon });
}
