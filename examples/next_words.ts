/** Shows how a text may go on: `deno run -A examples/next_words.ts "Once upon a"`. @module */

import { Model, Sampler } from "../mod.ts";

const path = `${import.meta.dirname}/../models/story.gguf`;
const [text = "Once upon a"] = Deno.args;

using model = await Model.load(path);
const tokens = model.tokenizer.encode(text);
const logits = await model.logits(tokens); // [tokens.length, vocabularySize]
const last = logits.subarray(-model.config.vocabularySize);

const sampler = new Sampler({ temperature: 1, topK: 5, topP: 1, minP: 0 });
const { tokens: ids, probabilities } = sampler.distribution(last);
for (const [index, id] of ids.entries()) {
  const share = (100 * probabilities[index]!).toFixed(1).padStart(5);
  console.log(`${share} %  ${text}${model.tokenizer.decode([id])}`);
}
