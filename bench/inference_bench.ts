/** Benches of inference: prompts, single tokens, tokens of several sequences at once. @module */

import { figure, pseudoTokens, type Ready, sum } from "./figures.ts";
import { modelAt, MODELS, SIZES } from "./models.ts";

/** A prompt in one piece. */
async function prefill(path: string, count: number): Promise<Ready> {
  const model = await modelAt(path), sequence = model.createSequence();
  const ids = pseudoTokens(count, model.config.vocabularySize, 1);
  let logits: Float32Array | undefined;
  const run = async () => {
    sequence.rewind(0);
    logits = await sequence.evaluate(ids);
  };
  return { run, checksum: () => sum(logits ?? []) };
}

/** Tokens one after another. */
async function decode(path: string, depth: number): Promise<Ready> {
  const model = await modelAt(path), sequence = model.createSequence();
  const { vocabularySize } = model.config;
  const ids = pseudoTokens(SIZES.decoded, vocabularySize, 2);
  if (depth > 0) await sequence.evaluate(pseudoTokens(depth, vocabularySize, 1));
  let logits: Float32Array | undefined;
  const run = async () => {
    sequence.rewind(depth);
    for (const id of ids) {
      const result = sequence.evaluate([id]);
      logits = result instanceof Promise ? await result : result;
    }
  };
  return { run, checksum: () => sum(logits ?? []) };
}

/** Tokens of several sequences, one of each in a step. */
async function decodeTogether(path: string, count: number): Promise<Ready> {
  const model = await modelAt(path), batch = model.createBatch(count);
  const ids = pseudoTokens(SIZES.decoded, model.config.vocabularySize, 2);
  let logits: Float32Array | undefined;
  const run = async () => {
    for (const sequence of batch.sequences) sequence.rewind(0);
    for (const token of ids) {
      const rows = batch.sequences.map((_, sequence) => ({ sequence, token }));
      logits = (await batch.decode(rows)).at(-1);
    }
  };
  return { run, checksum: () => sum(logits ?? []) };
}

for (const { name: group, path } of MODELS) {
  const add = (name: string, tokens: number, make: () => Promise<Ready>) =>
    figure({ group, name, amount: { tokens }, waits: true, slow: true, make });
  for (const count of SIZES.prefill) add(`prefill ${count}`, count, () => prefill(path, count));
  for (const depth of SIZES.depths) {
    add(`decode at depth ${depth}`, SIZES.decoded, () => decode(path, depth));
  }
  for (const count of SIZES.together) {
    const name = `decode, ${count} sequences together`;
    add(name, SIZES.decoded * count, () => decodeTogether(path, count));
  }
}
