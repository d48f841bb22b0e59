/** Benches of whole models: prefill, decode, and what is not spent in C. @module */

import { Model } from "../mod.ts";
import { Kernels } from "../src/native/ffi.ts";
import { isThere, ROOT, sharedFolder } from "../tests/support.ts";
import { figure, pseudoTokens, type Ready, sum, TINY } from "./figures.ts";

const SIZES = TINY
  ? { prefill: [3], depths: [0, 5], decoded: 2, generated: 4, context: 64 }
  : { prefill: [128, 512], depths: [0, 1024], decoded: 32, generated: 64, context: 2048 };

const shared = sharedFolder() ?? "";
const MODELS = [
  { name: "embedded", path: `${ROOT}/models/story.gguf` },
  { name: "SmolLM2 Q4_1", path: `${shared}/models/SmolLM2-135M-Instruct.Q4_1.gguf` },
].filter(({ path }) => isThere(path));

/** Models stay open: more than one figure is made of each. */
const opened = new Map<string, Promise<Model>>();

function modelAt(path: string): Promise<Model> {
  const model = opened.get(path) ?? Model.load(path, { context: SIZES.context });
  opened.set(path, model);
  return model;
}

/** A prompt in one piece. */
async function prefill(path: string, count: number): Promise<Ready> {
  const model = await modelAt(path), sequence = model.createSequence();
  const ids = pseudoTokens(count, model.config.vocabularySize, 1);
  let logits: Float32Array | undefined;
  const run = async () => {
    sequence.rewind(0);
    logits = await sequence.evaluate(ids);
  };
  return { run, checksum: () => sum(logits ?? []) };
}

/** Tokens one after another. */
async function decode(path: string, depth: number): Promise<Ready> {
  const model = await modelAt(path), sequence = model.createSequence();
  const { vocabularySize } = model.config;
  const ids = pseudoTokens(SIZES.decoded, vocabularySize, 2);
  if (depth > 0) await sequence.evaluate(pseudoTokens(depth, vocabularySize, 1));
  let logits: Float32Array | undefined;
  const run = async () => {
    sequence.rewind(depth);
    for (const id of ids) {
      const result = sequence.evaluate([id]);
      logits = result instanceof Promise ? await result : result;
    }
  };
  return { run, checksum: () => sum(logits ?? []) };
}

/** Milliseconds that C has run steps, counted while a generation is measured. */
let nativeMs = 0;

/** Puts a clock around the call that runs a step, on this thread or beside it. */
function watchKernels(): void {
  const getter = Object.getOwnPropertyDescriptor(Kernels.prototype, "call")!.get!;
  const watched = new WeakMap<Kernels, Kernels["call"]>();
  Object.defineProperty(Kernels.prototype, "call", {
    get(this: Kernels): Kernels["call"] {
      const known = watched.get(this);
      if (known) return known;
      const call = getter.call(this) as Kernels["call"];
      const made: Kernels["call"] = {
        ...call,
        cria_run: (...args) => {
          const startMs = performance.now(), code = call.cria_run(...args);
          nativeMs += performance.now() - startMs;
          return code;
        },
        cria_run_aside: async (...args) => {
          const startMs = performance.now(), code = await call.cria_run_aside(...args);
          nativeMs += performance.now() - startMs;
          return code;
        },
      };
      watched.set(this, made);
      return made;
    },
  });
}
watchKernels();

/** What users run: prompt, sampling, text. The note says how much of it was not spent in C. */
async function generate(path: string, temperature: number): Promise<Ready> {
  const model = await modelAt(path), session = model.session({ seed: 7, temperature });
  let text = "", share = 0;
  const run = async () => {
    session.reset();
    nativeMs = 0;
    const startMs = performance.now();
    const options = { maxTokens: SIZES.generated, ignoreEos: true };
    text = await session.generate("Once upon a time", options).text();
    share = 1 - nativeMs / (performance.now() - startMs);
  };
  return {
    run,
    checksum: () => sum(new TextEncoder().encode(text)),
    note: () => `${(share * 100).toFixed(1)} % outside of C`,
  };
}

for (const { name, path } of MODELS) {
  const waits = true;
  for (const count of SIZES.prefill) {
    figure({
      ...{ group: name, name: `prefill ${count}`, amount: { tokens: count }, waits, slow: true },
      make: () => prefill(path, count),
    });
  }
  for (const depth of SIZES.depths) {
    figure({
      ...{ group: name, name: `decode at depth ${depth}`, amount: { tokens: SIZES.decoded } },
      ...{ waits, slow: true },
      make: () => decode(path, depth),
    });
  }
  for (const [kind, temperature] of [["greedy", 0], ["sampled", 0.8]] as const) {
    figure({
      ...{ group: name, name: `generate, ${kind}`, amount: { tokens: SIZES.generated } },
      ...{ waits, slow: true },
      make: () => generate(path, temperature),
    });
  }
}
