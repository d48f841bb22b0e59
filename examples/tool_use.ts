/**
 * A model that calls a function: `deno run -A examples/tool_use.ts [model.gguf]`.
 *
 * Its arguments always meet the schema, whatever the model; how well they are chosen, and what it
 * makes of the answer, depends on the model: the embedded one knows stories only.
 * @module
 */

import { defineTool, Model } from "../mod.ts";

const weather = defineTool({
  name: "get_weather",
  description: "Tells the weather of a city",
  parameters: {
    type: "object",
    properties: { city: { enum: ["Lima", "Oslo", "Rome"] } },
    required: ["city"],
  },
  execute: ({ city }) => ({ city, sky: "clear", degrees: 5 * city.length }),
});

using model = await Model.load(Deno.args[0] ?? `${import.meta.dirname}/../models/story.gguf`);
using session = model.session({ temperature: 0 });

const messages = [{ role: "user", content: "What is the weather like in Rome?" }];
const limits = { maxRounds: 1, maxToolCalls: 1, maxTokens: 60 };
const run = session.run(messages, { tools: [weather], toolChoice: "required", ...limits });
for await (const event of run) {
  if (event.type === "call") console.log(event.call.name, JSON.stringify(event.call.arguments));
  if (event.type === "result") console.log(`= ${event.content}`);
}
const { text, rounds } = await run.result;
console.log(`${text.trim()}\n(after ${rounds} round of calls)`);
