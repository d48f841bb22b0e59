/**
 * Tells several ends of one story: `deno run -A examples/branching.ts`.
 *
 * A fork shares the past of its session: it is read once, and is in memory once. The ends are
 * written at the same time, many tokens to a step.
 * @module
 */

import { Model } from "../mod.ts";

const start = "Once upon a time, a little dog found a box in the garden. In the box there was";

using model = await Model.load(`${import.meta.dirname}/../models/story.gguf`);
using session = model.session({ temperature: 0.8 });
await session.generate(start, { maxTokens: 0 }).text(); // the past of all

const ends = await Promise.all([1, 2, 3].map(async (seed) => {
  using fork = session.fork();
  return await fork.extend("", { seed, maxTokens: 25 }).result;
}));
console.log(start);
for (const { text, seed, timings } of ends) {
  console.log(`${seed}. ...${text} ... (${timings.cachedTokens} tokens were there)`);
}
