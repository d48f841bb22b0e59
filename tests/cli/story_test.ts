/** The embedded model: pinned by its checksum, run from the checkout and from a URL. @module */

import { assert, assertEquals } from "@std/assert";
import { STORY } from "../../src/cli/story.ts";
import { sha256 } from "../../src/native/sha256.ts";
import { isThere, ROOT, serveCheckout, skip } from "../support.ts";
import { cria, criaJson } from "./program.ts";

const path = `${ROOT}/${STORY.file}`;
const TELL = ["run", "-p", "Once upon a time", "-n", "8", "--seed", "1", "--threads", "2"];

/** A test that needs the embedded model. */
function storyTest(name: string, fn: () => Promise<void>): void {
  if (isThere(path)) Deno.test(name, fn);
  else skip(name, `there is no ${STORY.file}`);
}

storyTest("story.ts pins the embedded model", async () => {
  const bytes = await Deno.readFile(path);
  assertEquals(STORY, { file: STORY.file, sha256: await sha256(bytes), bytes: bytes.length });
});

storyTest("cria run without a model runs the embedded one", async () => {
  const { text, tokens } = await criaJson(TELL);
  assert(String(text).length > 0 && Array.isArray(tokens));
});

storyTest("from a URL the embedded model is fetched once, checked and kept", async () => {
  const cache = await Deno.makeTempDir();
  await using server = serveCheckout();
  try {
    const options = { main: `${server.origin}/src/cli/main.ts`, env: { CRIA_CACHE: cache } };
    const fetched = () => server.requests.filter((one) => one === `/${STORY.file}`).length;
    const first = await criaJson(TELL, options);
    assertEquals(fetched(), 1);
    const second = await criaJson(TELL, options);
    assertEquals([fetched(), first.text], [1, second.text]);
    assert(isThere(`${cache}/models/${STORY.sha256}/story.gguf`));
  } finally {
    await Deno.remove(cache, { recursive: true });
  }
});

storyTest("a damaged download is refused and not kept", async () => {
  const cache = await Deno.makeTempDir();
  await using server = serveCheckout((name, body) => {
    if (name === `/${STORY.file}`) body[body.length >> 1]! ^= 1;
    return body;
  });
  try {
    const options = { main: `${server.origin}/src/cli/main.ts`, env: { CRIA_CACHE: cache } };
    const { code, stderr } = await cria(TELL, options);
    assertEquals(code, 1);
    assert(stderr.includes(`/${STORY.file}"`) && stderr.includes(STORY.sha256), stderr);
    assert(!isThere(`${cache}/models`));
  } finally {
    await Deno.remove(cache, { recursive: true });
  }
});

storyTest("cria chat takes a form of chat that the model does not have", async () => {
  const args = ["chat", "-p", "Hi", "-n", "1", "--template", "llama3"];
  const { rendered } = await criaJson(args);
  const header = (role: string) => `<|start_header_id|>${role}<|end_header_id|>\n\n`;
  assertEquals(rendered, `<s>${header("user")}Hi<|eot_id|>${header("assistant")}`);
});
