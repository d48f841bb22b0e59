/**
 * Two turns with a chat model: `deno run -A examples/conversation.ts model.gguf`.
 *
 * The second turn computes only what is new: the rest is still in the cache.
 * @module
 */

import { type ChatMessage, Model } from "../mod.ts";

const [path = ""] = Deno.args;
using model = await Model.load(path);
using session = model.session({ temperature: 0 });

const messages: ChatMessage[] = [];
for (const content of ["What is the capital of France?", "And of Italy?"]) {
  messages.push({ role: "user", content });
  const { text, timings } = await session.chat(messages, { maxTokens: 40 }).result;
  messages.push({ role: "assistant", content: text });
  console.log(`> ${content}\n${text}\n(${timings.cachedTokens} tokens came from the cache)`);
}
