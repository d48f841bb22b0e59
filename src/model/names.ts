/** The table of tensors that a model of a given config has: names, shapes, conditions. @module */

import { ModelError } from "../errors.ts";
import type { ModelConfig } from "./config.ts";

/** A weight matrix (any type cria multiplies by) or a vector (norms, biases: plain floats). */
export type TensorRole = "matrix" | "vector";

/** One tensor of a concrete model. */
export interface RequiredTensor {
  /** Its name in the file, `blk.3.attn_q.weight` for example. */
  readonly name: string;
  /** Row-major: [rows, columns] or [length]. */
  readonly shape: readonly number[];
  /** What it is used as. */
  readonly role: TensorRole;
}

/** One row: tensors of one kind. */
interface TensorRow {
  /** With `{layer}` where there is one in every layer. */
  readonly pattern: string;
  /** The shape by config. */
  readonly shape: (config: ModelConfig) => readonly number[];
  /** Whether a model of this config has it; always, if left out. */
  readonly when?: (config: ModelConfig) => boolean;
}

const queryDim = (config: ModelConfig) => config.headCount * config.headDim;
const keyDim = (config: ModelConfig) => config.kvHeadCount * config.headDim;
const bias = (config: ModelConfig) => config.qkvBias;
const ffnBias = (config: ModelConfig) => config.ffnBias && config.experts === undefined;
const split = (config: ModelConfig) => !config.fusedQkv;
const fused = (config: ModelConfig) => config.fusedQkv;
const postNorms = (config: ModelConfig) => config.postNorms;
const longrope = (config: ModelConfig) => config.rope.scaling.kind === "longrope";
const pairs = (config: ModelConfig) => [config.rope.dims / 2];
const qkNorm = (config: ModelConfig) => config.qkNorm;
const dense = (config: ModelConfig) => config.experts === undefined;
const mixture = (config: ModelConfig) => config.experts !== undefined;
const up = (c: ModelConfig) => [c.feedForwardDim, c.dim];
const down = (c: ModelConfig) => [c.dim, c.feedForwardDim];
const experts = (shape: (config: ModelConfig) => number[]) => (c: ModelConfig) => [
  c.experts?.count ?? 0,
  ...shape(c),
];

/** Every tensor that the forward pass reads. */
const TENSORS: readonly TensorRow[] = [
  { pattern: "token_embd.weight", shape: (c) => [c.vocabularySize, c.dim] },
  { pattern: "output_norm.weight", shape: (c) => [c.dim] },
  { pattern: "output.weight", shape: (c) => [c.vocabularySize, c.dim], when: (c) => !c.tied },
  {
    pattern: "rope_freqs.weight",
    shape: pairs,
    when: (c) => c.rope.factors !== undefined,
  },
  { pattern: "rope_factors_short.weight", shape: pairs, when: longrope },
  { pattern: "rope_factors_long.weight", shape: pairs, when: longrope },
  { pattern: "blk.{layer}.attn_norm.weight", shape: (c) => [c.dim] },
  { pattern: "blk.{layer}.attn_q.weight", shape: (c) => [queryDim(c), c.dim], when: split },
  { pattern: "blk.{layer}.attn_k.weight", shape: (c) => [keyDim(c), c.dim], when: split },
  { pattern: "blk.{layer}.attn_v.weight", shape: (c) => [keyDim(c), c.dim], when: split },
  {
    pattern: "blk.{layer}.attn_qkv.weight",
    shape: (c) => [queryDim(c) + 2 * keyDim(c), c.dim],
    when: fused,
  },
  { pattern: "blk.{layer}.attn_q.bias", shape: (c) => [queryDim(c)], when: bias },
  { pattern: "blk.{layer}.attn_k.bias", shape: (c) => [keyDim(c)], when: bias },
  { pattern: "blk.{layer}.attn_v.bias", shape: (c) => [keyDim(c)], when: bias },
  {
    pattern: "blk.{layer}.attn_output.bias",
    shape: (c) => [c.dim],
    when: (c) => c.outputBias,
  },
  { pattern: "blk.{layer}.attn_q_norm.weight", shape: (c) => [c.headDim], when: qkNorm },
  { pattern: "blk.{layer}.attn_k_norm.weight", shape: (c) => [c.headDim], when: qkNorm },
  { pattern: "blk.{layer}.attn_output.weight", shape: (c) => [c.dim, queryDim(c)] },
  {
    pattern: "blk.{layer}.post_attention_norm.weight",
    shape: (c) => [c.dim],
    when: postNorms,
  },
  { pattern: "blk.{layer}.ffn_norm.weight", shape: (c) => [c.dim] },
  { pattern: "blk.{layer}.post_ffw_norm.weight", shape: (c) => [c.dim], when: postNorms },
  { pattern: "blk.{layer}.ffn_gate.weight", shape: up, when: (c) => dense(c) && !c.fusedGateUp },
  { pattern: "blk.{layer}.ffn_up.weight", shape: up, when: (c) => dense(c) && !c.fusedGateUp },
  {
    pattern: "blk.{layer}.ffn_up.weight",
    shape: (c) => [2 * c.feedForwardDim, c.dim],
    when: (c) => dense(c) && c.fusedGateUp,
  },
  { pattern: "blk.{layer}.ffn_down.weight", shape: down, when: dense },
  { pattern: "blk.{layer}.ffn_gate.bias", shape: (c) => [c.feedForwardDim], when: ffnBias },
  { pattern: "blk.{layer}.ffn_up.bias", shape: (c) => [c.feedForwardDim], when: ffnBias },
  { pattern: "blk.{layer}.ffn_down.bias", shape: (c) => [c.dim], when: ffnBias },
  {
    pattern: "blk.{layer}.ffn_gate_inp.weight",
    shape: (c) => [c.experts?.count ?? 0, c.dim],
    when: mixture,
  },
  { pattern: "blk.{layer}.ffn_gate_exps.weight", shape: experts(up), when: mixture },
  { pattern: "blk.{layer}.ffn_up_exps.weight", shape: experts(up), when: mixture },
  { pattern: "blk.{layer}.ffn_down_exps.weight", shape: experts(down), when: mixture },
];

/**
 * Every tensor that a model of this config must have.
 * @param config the model's numbers
 */
export function requiredTensors(config: ModelConfig): RequiredTensor[] {
  return TENSORS.filter((row) => row.when?.(config) ?? true).flatMap((row) => {
    const shape = row.shape(config);
    const role: TensorRole = shape.length === 1 ? "vector" : "matrix";
    const layers = row.pattern.includes("{layer}") ? config.layerCount : 1;
    return Array.from({ length: layers }, (_, layer) => ({
      name: row.pattern.replace("{layer}", String(layer)),
      shape,
      role,
    }));
  });
}

/**
 * Rows of a tied matrix once more, for other programs: files of rankers have those of the tokens
 * "yes" and "no".
 */
const COPIES: ReadonlySet<string> = new Set(["cls.output.weight"]);

/**
 * Holds a file's tensors against the config: all there, of the right shape, and none left over
 * (a tensor that nobody reads would mean another model than the one that is run).
 * @param tensors the file's tensors; shapes are row-major
 * @param config the model's numbers
 * @throws ModelError naming the tensor
 */
export function checkTensors(
  tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  config: ModelConfig,
): void {
  const required = requiredTensors(config);
  for (const { name, shape } of required) {
    const found = tensors.get(name)?.shape;
    if (!found) throw new ModelError(`Cannot find tensor "${name}": the file does not have it`);
    checkShape(name, found, shape);
  }
  if (tensors.size === required.length) return;
  const names = new Set(required.map(({ name }) => name));
  const isCopy = (name: string) => config.tied && COPIES.has(name);
  const extra = [...tensors.keys()].find((name) => !names.has(name) && !isCopy(name));
  if (extra === undefined) return;
  throw new ModelError(
    `Cannot run the model: tensor ${JSON.stringify(extra)} has no use in ${config.architecture} ` +
      `with ${config.layerCount} layers`,
  );
}

/**
 * Holds one tensor's shape against the expected one.
 * @throws ModelError naming the tensor and both shapes
 */
export function checkShape(
  name: string,
  found: readonly number[],
  shape: readonly number[],
): void {
  if (found.length === shape.length && found.every((length, axis) => length === shape[axis])) {
    return;
  }
  throw new ModelError(
    `Cannot use tensor "${name}": shape [${found}] is not the expected [${shape}]`,
  );
}
