/** Sessions in files: what comes back is what was saved, or the file is refused. @module */

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { Model } from "../../mod.ts";
import { KV_TYPES, type KvType } from "../../src/cache/pages.ts";
import { ArgumentError, ContextError, CriaError } from "../../src/errors.ts";
import { FormatError, ModelError } from "../../src/errors.ts";
import { SMOLLM2 } from "../conformance/pack.ts";
import { Random, SEED } from "../kernel_support.ts";
import { sharedTest } from "../support.ts";
import { randomModelTest, someTokens, VOCABULARY, writeRandomModel } from "./random_model.ts";

const OPTIONS = { threads: 2, context: 400 };
const sampled = { maxTokens: 40, ignoreEos: true };

/** A session of some tokens in a file. */
async function saved(path: string, tokens: number) {
  const folder = await Deno.makeTempDir(), file = `${folder}/s.cria`;
  using model = await Model.load(path, OPTIONS);
  const logitBias = new Map([[5, 0.5], ...someTokens(100).map((id) => [id, -Infinity] as const)]);
  using session = model.session({ temperature: 1, seed: 3, logitBias });
  if (tokens > 0) await session.generate(someTokens(tokens), { ...sampled, maxTokens: 5 }).text();
  await session.save(file);
  return { folder, file };
}

/** What a session goes on with, in a process of its own: tokens and their log-probabilities. */
async function goneOn(path: string, file: string, options: object): Promise<unknown> {
  const program = `
    import { Model } from "${import.meta.resolve("../../mod.ts")}";
    using model = await Model.load("${path}", ${JSON.stringify({ ...options, threads: 3 })});
    using session = await model.restore("${file}");
    const before = session.tokens, pieces = [];
    const generation = session.extend([7], ${JSON.stringify({ ...sampled, logprobs: true })});
    for await (const { token, logprob } of generation) pieces.push([token, logprob]);
    const { cachedTokens } = (await generation.result).timings;
    console.log(JSON.stringify({ before, pieces, cachedTokens }));`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", program],
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert(text, new TextDecoder().decode(stderr));
  return JSON.parse(text);
}

/** Sessions of random lengths go on elsewhere as here; a log-probability has all logits in it. */
async function continueElsewhere(path: string, kv: KvType, vocabulary: number) {
  const random = new Random(SEED), options = { ...OPTIONS, kv };
  const folder = await Deno.makeTempDir(), file = `${folder}/s.cria`;
  using model = await Model.load(path, options);
  for (const count of [0, 1 + random.below(64), 64 + random.below(200)]) {
    using session = model.session({ temperature: 1, seed: 3, logitBias: new Map([[5, 0.5]]) });
    const prompt = someTokens(count, vocabulary), few = { ...sampled, maxTokens: 5 };
    if (count > 0) await session.generate(prompt, few).text();
    if (count > 64) session.rewind(count - random.below(30));
    await session.save(file);
    const before = session.tokens, pieces: unknown[] = [];
    const generation = session.extend([7], { ...sampled, logprobs: true });
    for await (const { token, logprob } of generation) pieces.push([token, logprob]);
    const { cachedTokens } = (await generation.result).timings; // nothing is computed again
    const found = await goneOn(path, file, options);
    assertEquals(found, { before, pieces, cachedTokens }, `${count} tokens, seed ${SEED}`);
  }
  await Deno.remove(folder, { recursive: true });
}

for (const kv of KV_TYPES) {
  const name = `a session goes on in another process as it would have here, ${kv} (seed ${SEED})`;
  randomModelTest(name, (path) => continueElsewhere(path, kv, VOCABULARY));
}

sharedTest(`the same with SmolLM2 (seed ${SEED})`, SMOLLM2, async (path) => {
  await continueElsewhere(path, "f16", 49152);
});

randomModelTest(`damaged files are refused (seed ${SEED})`, async (path) => {
  const { folder, file } = await saved(path, 150), whole = await Deno.readFile(file);
  const random = new Random(SEED);
  using model = await Model.load(path, OPTIONS);
  const refused = async (bytes: Uint8Array) => {
    await Deno.writeFile(file, bytes);
    const error = await assertRejects(() => model.restore(file), CriaError);
    assertStringIncludes(error.message, `"${file}"`);
    model.clearCache();
    assertEquals(model.cacheStatistics().usedPages, 0);
  };
  for (let round = 0; round < 40; round++) {
    const bytes = whole.slice();
    bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
    await refused(bytes);
    await refused(whole.subarray(0, random.below(whole.length)));
  }
  await refused(new Uint8Array([...whole, 0]));
  await Deno.writeFile(file, whole);
  using session = await model.restore(file);
  assertEquals(session.position, 155);
  await Deno.remove(folder, { recursive: true });
});

randomModelTest(
  "a session of another model, or of another form of cache, is refused",
  async (path) => {
    const { folder, file } = await saved(path, 20), other = writeRandomModel("Q4_0");
    await using stack = new AsyncDisposableStack();
    stack.defer(() => Deno.remove(folder, { recursive: true }));
    stack.defer(() => Deno.remove(other));
    using foreign = await Model.load(other, OPTIONS);
    await assertRejects(() => foreign.restore(file), ModelError, "its model is");
    using wide = await Model.load(path, { ...OPTIONS, kv: "f32" });
    const { message } = await assertRejects(() => wide.restore(file), ModelError);
    assertMatch(message, /: its layout is (f16( [^,]+, [^,]+, rope \w{16})), not f32\2$/);
    using small = await Model.load(path, { ...OPTIONS, context: 16 });
    await assertRejects(() => small.restore(file), ContextError, `Cannot restore "${file}": 25 `);
    await assertRejects(() => wide.restore(`${folder}/none`), ArgumentError, "no such file");
    await assertRejects(() => wide.restore(path), FormatError, "no session");
  },
);

randomModelTest("saving leaves a whole file or none", async (path) => {
  const { folder, file } = await saved(path, 20), whole = await Deno.readFile(file);
  using model = await Model.load(path, OPTIONS);
  using session = await model.restore(file);
  const saving = session.save(file);
  await assertRejects(() => session.generate([1]).text(), CriaError, "another generation");
  await saving;
  assertEquals(await Deno.readFile(file), whole);
  await assertRejects(() => session.save(`${folder}/no/s.cria`), ArgumentError, "no such folder");
  using custom = model.session({ order: ["topK", (left) => left] });
  await assertRejects(() => custom.save(file), ArgumentError, `a function in its "order"`);
  await Deno.mkdir(`${folder}/taken`);
  await assertRejects(() => session.save(`${folder}/taken`)); // a folder cannot be replaced
  const names = Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
  assertEquals(names, ["s.cria", "taken"]);
  await Deno.remove(folder, { recursive: true });
});
