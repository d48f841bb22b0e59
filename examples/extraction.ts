/**
 * Takes facts out of a text: `deno run -A examples/extraction.ts [model.gguf]`.
 *
 * The schema is a literal, which gives the value its type; the model can write nothing that does
 * not meet it. How well the facts are chosen depends on the model: the embedded one knows stories.
 * @module
 */

import { Model } from "../mod.ts";

const text = "Omar the otter, nine years old, lived by the river. He was proud, but never rude.";

using model = await Model.load(
  Deno.args[0] ?? `${import.meta.dirname}/../models/story.gguf`,
  { context: 512 },
);
using session = model.session({ temperature: 0 });
const facts = session.json(`${text}\nWhat the text says of its hero, as JSON: `, {
  type: "object",
  properties: {
    name: { type: "string", maxLength: 20 },
    age: { type: "integer", minimum: 0, maximum: 120 },
    animal: { enum: ["otter", "badger", "hare", "none"] },
    traits: { type: "array", items: { enum: ["proud", "rude", "shy"] }, uniqueItems: true },
  },
  required: ["name", "age", "animal", "traits"],
});
for await (const part of facts.partials()) console.log(JSON.stringify(part)); // as they come
const { name, age, animal, traits } = await facts;
console.log(`${name} (${age.toFixed()}): ${animal}, ${traits.join(" and ") || "nothing special"}`);
