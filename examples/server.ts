/**
 * A server: `deno run -A examples/server.ts [port]`, then
 * `curl -N -d 'Once upon a time' http://127.0.0.1:8080`. Who leaves stops the model.
 * @module
 */

import { Model } from "../mod.ts";

using model = await Model.load(`${import.meta.dirname}/../models/story.gguf`);

async function* story(start: string): AsyncGenerator<string> {
  using session = model.session();
  for await (const { text } of session.generate(start, { maxTokens: 200 })) yield text;
}

const options = { hostname: "127.0.0.1", port: Number(Deno.args[0] ?? 8080) };
await Deno.serve(options, async (request) => {
  const text = ReadableStream.from(story(await request.text()));
  return new Response(text.pipeThrough(new TextEncoderStream()));
}).finished;
