/**
 * The event loop while models are at work: for each phase the longest time without a turn is
 * recorded and printed. cria promises 10 ms on a quiet machine; what a test can say on a busy one
 * is that nothing blocks by design. @module
 */

import { setImmediate } from "node:timers";
import { assert, assertGreater, assertLess, assertRejects } from "@std/assert";
import { ContextError, type LoadOptions, Model, perplexity, saveLogits } from "../../mod.ts";
import { SMOLLM2 } from "../conformance/pack.ts";
import { folderTest } from "../format/folder.ts";
import { someTokens } from "../model/random_model.ts";
import { sharedTest } from "../support.ts";
import { writeLargeFolder, writeLargeGguf } from "./large_model.ts";

const LIMIT_MS = 250;

/** Watches the event loop with a timer. */
class Watch {
  #last = performance.now();
  #longest = 0;
  #timer = setInterval(() => this.#look(), 1);

  #look(): void {
    const now = performance.now();
    this.#longest = Math.max(this.#longest, now - this.#last);
    this.#last = now;
  }

  /** The longest time between two turns, in milliseconds. */
  end(): number {
    clearInterval(this.#timer);
    this.#look();
    return this.#longest;
  }
}

/** The longest time without a turn in each phase, printed and held to the limit. */
class Phases {
  readonly #longest: [phase: string, ms: number][] = [];

  /** Runs a phase. */
  async run<T>(phase: string, work: () => T | Promise<T>): Promise<T> {
    const watch = new Watch();
    try {
      return await work();
    } finally {
      this.#longest.push([phase, watch.end()]);
    }
  }

  /** Says what was found. */
  report(subject: string): void {
    const found = this.#longest.map(([phase, ms]) => `${phase} ${ms.toFixed(1)}`);
    console.log(`longest wait of the event loop, ms, ${subject}: ${found.join(", ")}`);
    for (const [phase, ms] of this.#longest) assertLess(ms, LIMIT_MS, `${subject}: ${phase}`);
  }
}

/** Everything that people do with a model. */
async function watchModel(subject: string, path: string, options: LoadOptions): Promise<void> {
  const phases = new Phases(), folder = await Deno.makeTempDir(), file = `${folder}/s.cria`;
  const model = await phases.run("load", () => {
    return Model.load(path, { threads: 2, context: 1200, ...options });
  });
  const text = "The event loop turns. ".repeat(30), { vocabularySize } = model.config;
  const limit = { maxTokens: 1, ignoreEos: true }, prompt = someTokens(600, vocabularySize);
  const session = model.session({ temperature: 0.8, topK: 40, seed: 1 });
  await phases.run("first text", () => model.tokenizer.encode(text));
  await phases.run("long text", () => model.tokenizer.encodeAsync(text.repeat(500)));
  await phases.run("chat", () => session.chat([{ role: "user", content: "Hi!" }], limit).text());
  await phases.run("prompt", () => session.generate(prompt, limit).text());
  await phases.run("tokens", () => session.extend("", { ...limit, maxTokens: 40 }).text());
  await phases.run("logits", () => model.logits(prompt.slice(0, 70)));
  await phases.run("embed", () => model.embed([text, prompt, prompt.slice(0, 70)]));
  await phases.run("perplexity", () => perplexity(model, prompt.slice(0, 132), { context: 66 }));
  await phases.run("save", () => session.save(file));
  const restored = await phases.run("restore", () => model.restore(file));
  await phases.run("dispose", () => {
    for (const one of [restored, session, model]) one[Symbol.dispose]();
  });
  await Deno.remove(folder, { recursive: true });
  phases.report(subject);
}

/** How often the event loop turns during some work. */
async function turnsOf(work: () => Promise<unknown>): Promise<number> {
  let turns = 0, isOver = false;
  const count = () => isOver || (turns++, setImmediate(count));
  setImmediate(count);
  await work();
  isOver = true;
  return turns;
}

Deno.test("the event loop turns while long texts are tokenized, whatever for", async () => {
  const path = new URL("../../models/story.gguf", import.meta.url).pathname;
  using model = await Model.load(path, { threads: 1, context: 256 });
  using session = model.session();
  const text = Array.from({ length: 120_000 }, (_, i) => `turn ${i}`).join(" ");
  const file = `${path}.none`;
  const tooLong = (work: () => Promise<unknown>) => () => assertRejects(work, ContextError);
  const works: Record<string, () => Promise<unknown>> = {
    generate: tooLong(() => session.generate(text).text()),
    chat: tooLong(() => session.chat([{ role: "user", content: text }]).text()),
    embed: tooLong(() => model.embed([text])),
    "rerank by vectors": tooLong(() => model.rerank("dog", [text], { method: "embedding" })),
    "rerank by judging": tooLong(() => {
      return model.rerank("dog", [text], { method: "judge", answers: ["dog", "cat"] });
    }),
    perplexity: () => perplexity(model, text, { context: 2, chunks: 1 }),
    saveLogits: () => assertRejects(() => saveLogits(model, text, file, { context: 1e6 })),
  };
  for (const [name, work] of Object.entries(works)) {
    // One turn may come when all is tokenized.
    assertGreater(await turnsOf(work), 1, name);
  }
});

Deno.test("the watch sees what blocks", async () => {
  const phases = new Phases();
  await phases.run("blocked", () => {
    for (const endMs = performance.now() + LIMIT_MS + 50; performance.now() < endMs;);
  });
  let isSeen = false;
  try {
    phases.report("a busy loop");
  } catch {
    isSeen = true;
  }
  assert(isSeen);
});

sharedTest("the event loop turns: SmolLM2", SMOLLM2, (path) => watchModel("SmolLM2", path, {}));

folderTest("the event loop turns: a large vocabulary in GGUF", async (at) => {
  await writeLargeGguf(at("large.gguf"));
  await watchModel("a large vocabulary", at("large.gguf"), {});
});

folderTest("the event loop turns: a large vocabulary in a folder", async (at) => {
  await writeLargeFolder(at("large"));
  await watchModel("a folder", at("large"), {});
  await watchModel("a folder, quantised", at("large"), { quantize: "Q8_0" });
});
