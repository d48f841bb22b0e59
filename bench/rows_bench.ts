/**
 * From how many tokens on one step for all of them pays, and more than one thread: a few tokens in
 * one step, in a step for each, in one step on one thread. `PARALLEL_ROWS` comes from here.
 * @module
 */

import { Model } from "../mod.ts";
import { figure, pseudoTokens, type Ready, sum, TINY } from "./figures.ts";
import { MODELS, SIZES } from "./models.ts";

const COUNTS = TINY ? [2] : [1, 2, 3, 4, 8, 16, 64];
const NONE = new Float32Array(0);

const opened = new Map<string, Promise<Model>>(); // stay open
function modelOf(path: string, threads?: number): Promise<Model> {
  const key = `${threads} ${path}`;
  const model = opened.get(key) ?? Model.load(path, { context: SIZES.context, threads });
  opened.set(key, model);
  return model;
}

/** A prompt of `count` tokens, `rows` of them in a step. */
async function prefill(model: Model, count: number, rows: number): Promise<Ready> {
  const sequence = model.createSequence(), { vocabularySize } = model.config;
  const ids = pseudoTokens(count, vocabularySize, 1), logits = new Float32Array(vocabularySize);
  const run = async () => {
    sequence.rewind(0);
    for (let at = 0; at < count; at += rows) {
      const found = sequence.decode(ids.slice(at, at + rows), at + rows < count ? NONE : logits);
      if (found instanceof Promise) await found;
    }
  };
  await run();
  return { run, checksum: () => sum(logits) };
}

for (const { name, path } of MODELS) {
  for (const tokens of COUNTS) {
    const add = (name: string, baseline: boolean, make: () => Promise<Ready>) =>
      figure({
        group: `${group}, ${tokens}`,
        name,
        amount: { tokens },
        waits: true,
        baseline,
        make,
      });
    const group = `${name}, tokens`;
    add("one step", true, async () => prefill(await modelOf(path), tokens, tokens));
    add("one by one", false, async () => prefill(await modelOf(path), tokens, 1));
    add("one step, one thread", false, async () => prefill(await modelOf(path, 1), tokens, tokens));
  }
}
