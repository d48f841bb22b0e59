/**
 * Finds lines by what they mean: `deno run -A examples/semantic_search.ts "A puppy ran."`
 *
 * The embedded model knows the world of short stories; give another one as a second argument.
 * @module
 */

import { Model, topK } from "../mod.ts";

const [query = "They ate something sweet.", path] = Deno.args;
const lines = [
  "The sun was hot and bright in the sky.",
  "Tom had a red ball and liked to kick it.",
  "The little dog ran after the cat.",
  "Mom made a big cake for the party.",
  "It was cold and the snow fell all day.",
  "Lily and her friend played in the park.",
];

using model = await Model.load(path ?? `${import.meta.dirname}/../models/story.gguf`);
const vectors = await model.embed(lines); // once; keep them with the lines
const [wanted] = await model.embed([query]);
for (const { index, score } of topK(wanted!, vectors, 3)) {
  console.log(score.toFixed(3), lines[index]);
}
