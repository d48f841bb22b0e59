/** Benches of whole generations: prompt, tokens, text, and what is not spent in C. @module */

import { Kernels } from "../src/native/ffi.ts";
import { figure, type Ready, sum } from "./figures.ts";
import { modelAt, MODELS, SIZES } from "./models.ts";

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

for (const { name: group, path } of MODELS) {
  for (const [kind, temperature] of [["greedy", 0], ["sampled", 0.8]] as const) {
    figure({
      ...{ group, name: `generate, ${kind}`, amount: { tokens: SIZES.generated } },
      ...{ waits: true, slow: true },
      make: () => generate(path, temperature),
    });
  }
}
