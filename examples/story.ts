/** Tells a story with the embedded model: `deno run -A examples/story.ts`. @module */

import { Model } from "../mod.ts";

const path = `${import.meta.dirname}/../models/story.gguf`;
const start = "Once upon a time";

using model = await Model.load(path);
using session = model.session({ temperature: 0.8, seed: 7 });

const encoder = new TextEncoder();
Deno.stdout.writeSync(encoder.encode(start));
for await (const piece of session.generate(start)) {
  Deno.stdout.writeSync(encoder.encode(piece.text));
}
console.log();
