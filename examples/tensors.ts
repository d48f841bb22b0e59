/**
 * Looks into the weights of a model: `deno run -A examples/tensors.ts`.
 *
 * Which tokens does the model hold for most alike to a given one? Their embeddings say.
 * @module
 */

import { openGguf, TensorCache, Tokenizer } from "../mod.ts";

const path = `${import.meta.dirname}/../models/story.gguf`;
const [word = " dog"] = Deno.args;

using file = await openGguf(path);
const cache = new TensorCache({ bytes: 64e6 });
const table = await cache.get(file.tensor("token_embd.weight")); // [tokens, dim]
console.log(table);

const tokenizer = Tokenizer.from(file);
const [id = 0] = tokenizer.encode(word, { bos: false }).slice(-1);
const wanted = [...table.slice(id)];
const rows = Array.from(table.rows(), (row, other) => {
  const values = [...row];
  const product = values.reduce((sum, value, i) => sum + value * wanted[i]!, 0);
  return { other, likeness: product / Math.hypot(...values) / Math.hypot(...wanted) };
});
for (const { other, likeness } of rows.sort((a, b) => b.likeness - a.likeness).slice(0, 6)) {
  console.log(likeness.toFixed(3), JSON.stringify(tokenizer.decode([other])));
}
