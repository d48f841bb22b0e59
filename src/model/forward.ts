/** The forward pass: records a batch of rows through all blocks. @module */

import type { KvCache } from "../cache/kv_cache.ts";
import type { Quant } from "../quant.ts";
import type { Groups, Operand, Step } from "../step/step.ts";
import { isWindowed, type ModelConfig } from "./config.ts";
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
  /** Keys and values. */
  readonly cache: Pick<KvCache, "layer" | "groupOf">;
  /** How many rows before those give their states instead: the input of the output matrix. */
  readonly stateRows: number;
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
    attention(pass, layer, index);
    if (config.experts) expertFeedForward(pass, layer);
    else feedForward(pass, layer);
  });
  if (pass.stateRows > 0) states(pass);
  if (pass.logitRows > 0) output(pass);
}

/** x += W_o · attention(RMSNorm(x)). */
function attention(pass: Pass, layer: LayerWeights, index: number): void {
  const { step, config, work, batch, rows } = pass;
  const { headCount, kvHeadCount, headDim } = config;
  const cache = pass.cache.layer(index), group = pass.cache.groupOf(index);
  const windowed = isWindowed(config, index);
  const local = windowed ? config.localRope : undefined, { dims, pairs } = local ?? config.rope;
  const x = normalised(pass, layer.attentionNorm, [layer.q, layer.k, layer.v]);
  step.together(() => {
    product(pass, x, layer.q, work.q, { bias: layer.qBias });
    product(pass, x, layer.k, work.k, { bias: layer.kBias });
    product(pass, x, layer.v, work.v, { bias: layer.vBias });
  });
  headNorm(pass, work.q, headCount, layer.qNorm);
  headNorm(pass, work.k, kvHeadCount, layer.kNorm);
  const turn = { rows, headDim, dims, pairs };
  const angles = batch.operand(local ? batch.localAngles : batch.angles);
  step.rope({ ...turn, x: work.q, heads: headCount, angles });
  step.rope({ ...turn, x: work.k, heads: kvHeadCount, angles });
  step.store({
    rows,
    keyRows: work.k,
    valueRows: work.v,
    slots: batch.operand(batch.slots[group]!),
    cache,
  });
  step.attend({
    rows,
    q: work.q,
    places: batch.operand(batch.places),
    tables: batch.operand(batch.tables[group]!),
    out: work.attended,
    cache,
    heads: headCount,
    tableWords: batch.tableWords,
    window: windowed ? config.slidingWindow ?? 0 : 0,
    scale: config.scoreScale,
    softcap: config.attentionSoftcap ?? 0,
  });
  const o = layer.attentionOutput, attended = rounded(pass, work.attended, o);
  addBranch(pass, layer.postAttentionNorm, (out, residual) => {
    product(pass, () => attended, o, out, { residual, bias: layer.outputBias });
  });
}

/** x += what is recorded; normalised before, where there is a norm. */
function addBranch(
  { step, config: { dim, normEpsilon: epsilon }, work: { x, branch }, rows }: Pass,
  norm: Operand | undefined,
  record: (out: Operand, residual?: Operand) => void,
): void {
  if (!norm) {
    record(x, x);
    return;
  }
  record(branch);
  step.norm({ rows, k: dim, x: branch, weight: norm, out: branch, epsilon });
  step.add({ rows, n: dim, a: x, b: branch, out: x });
}

/** x += W_down · (activation(W_gate · h) * (W_up · h)) with h = RMSNorm(x). */
function feedForward(pass: Pass, layer: LayerWeights): void {
  const { work } = pass, { gate, up, down, downBias: bias } = layer;
  hiddenRows(pass, normalised(pass, layer.ffnNorm, [gate, up]), layer);
  const hidden = rounded(pass, work.hidden, down);
  addBranch(pass, layer.postFfnNorm, (out, residual) => {
    product(pass, () => hidden, down, out, { residual, bias });
  });
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
  addBranch(pass, layer.postFfnNorm, (sum, residual) => {
    step.gather({ rows, n: dim, x: out, slots, weights, residual, out: sum, ranks });
  });
}

/** hidden = activation(W_gate · h) * (W_up · h). */
function hiddenRows(pass: Pass, h: FormFor, layer: LayerWeights, groups?: Groups): void {
  const { gate, up, gateBias, upBias } = layer;
  const { step, config: { feedForwardDim: n, dim: k, activation }, work, rows } = pass;
  if (gate.type === up.type && !gateBias) {
    step.gated({ rows, n, k, x: h(gate), gate, up, out: work.hidden, activation, groups });
    return;
  }
  step.together(() => {
    product(pass, h, gate, work.hidden, { groups, bias: gateBias });
    product(pass, h, up, work.up, { groups, bias: upBias });
  });
  step.activate({ rows, n, gate: work.hidden, up: work.up, out: work.hidden, activation });
}

/** The residual stream from a row on. */
function streamFrom(row: number, { config: { dim }, work: { x } }: Pass): Operand {
  return { ...x, offset: x.offset + row * dim * 4 };
}

/** x = RMSNorm(x), for the rows before those that get logits. */
function states(pass: Pass): void {
  const { step, config: { dim: k, normEpsilon: epsilon }, weights, stateRows: rows } = pass;
  const x = streamFrom(pass.rows - pass.logitRows - rows, pass);
  step.norm({ rows, k, x, weight: weights.outputNorm, out: x, epsilon });
}

/** logits = W_out · RMSNorm(x), for the last rows; capped, where the model does. */
function output(pass: Pass): void {
  const { step, config: { vocabularySize, logitSoftcap: cap }, weights, work } = pass,
    rows = pass.logitRows;
  const x = streamFrom(pass.rows - rows, pass);
  const tail: Pass = { ...pass, rows };
  const h = normalised(tail, weights.outputNorm, [weights.output], x);
  product(tail, h, weights.output, work.logits);
  const { logits } = work;
  if (cap) step.softcap({ rows, n: vocabularySize, x: logits, out: logits, cap });
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
  plus: {
    bias?: Operand | undefined;
    residual?: Operand | undefined;
    groups?: Groups | undefined;
  } = {},
): void {
  step.matmul({ rows, n: weight.rows, k: weight.columns, x: x(weight), weight, out, ...plus });
}

/** Normalises every head of x in place, where the model does. */
function headNorm(pass: Pass, x: Operand, heads: number, weight: Operand | undefined): void {
  if (!weight) return;
  const { step, config: { headDim: k, normEpsilon: epsilon }, rows } = pass;
  step.norm({ rows, k, heads, x, weight, out: x, epsilon });
}
