/** `cria bench`: how fast a model reads and writes. @module */

import type { Model } from "../session/model.ts";
import { choice, define, ENGINE, whole, wholes } from "./command.ts";
import { about } from "./failure.ts";
import { Interrupt } from "./interrupt.ts";
import { table, threeDigits } from "./layout.ts";
import { loadModel } from "./models.ts";
import { Progress, terminalWidth, write, writeJson } from "./terminal.ts";

/** One figure, with the fields of the contract. */
interface Measurement {
  readonly test: string;
  readonly threads: number;
  readonly depth: number;
  readonly parallel: number;
  readonly samples: readonly number[]; // tokens per second, [repeats]
  readonly median: number;
  readonly isa: string;
}

/** What one figure is taken of. */
interface Test {
  readonly kind: "pp" | "tg";
  readonly tokens: number;
  readonly depth: number;
}

/** The command. */
export const command = define({
  arguments: [{ name: "MODEL", help: "A GGUF file" }],
  flags: {
    prompt: wholes("N,N", "Tokens of a prompt to read; 0: none (default: 512)", { short: "p" }),
    tokens: wholes("N,N", "Tokens to generate; 0: none (default: 64)", { short: "n" }),
    depth: wholes("N,N", "Tokens in the context before it begins (default: 0)"),
    repeats: whole("R", "Measurements of each (default: 5)", { short: "r", least: 1 }),
    threads: wholes("N,N", "Threads (default: the physical cores the process may use)", {
      short: "t",
      least: 1,
      setting: true,
    }),
    ctx: ENGINE.ctx,
    kv: choice(["f32", "f16"], ENGINE.kv.help, { setting: true }),
  },
  notes: [
    "pp512 is a prompt of 512 tokens in one piece, tg64 are 64 tokens one after another; both in " +
    "tokens per second, median of the repeats, after one that does not count.",
  ],
  examples: ["bench model.gguf", "bench model.gguf -p 512 -n 64 -t 1,4 -r 5"],
  async run({ flags, given: [path] }) {
    const { prompt = [512], tokens = [64], depth: depths = [0], repeats = 5, quiet } = flags;
    const tests = depths.flatMap((depth): Test[] => [
      ...prompt.map((count) => ({ kind: "pp" as const, tokens: count, depth })),
      ...tokens.map((count) => ({ kind: "tg" as const, tokens: count, depth })),
    ]).filter((test) => test.tokens > 0);
    const ctx = flags.ctx ?? Math.max(1, ...tests.map((test) => test.depth + test.tokens));
    using interrupt = new Interrupt();
    const { signal } = interrupt;
    const results: Measurement[] = [];
    using progress = new Progress(!quiet);
    for (const threads of flags.threads ?? [undefined]) {
      using opened = await loadModel(path, { ...flags, threads, ctx }, signal);
      for (const test of tests) {
        const show = (done: number) => {
          progress.share(`${nameOf(test)}, ${opened.model.threads} threads`, done, repeats);
        };
        const { model } = opened;
        const samples = await about("measure", opened.path, () => {
          return measure(model, test, repeats, signal, show);
        });
        results.push(measurement(opened.model, test, samples));
      }
    }
    progress.clear();
    if (flags.json) return await writeJson(results);
    await write(tableOf(results).map((line) => `${line}\n`).join(""));
  },
});

function nameOf({ kind, tokens }: Test): string {
  return `${kind}${tokens}`;
}

/** Tokens per second of each repeat; one more before them warms things up. */
async function measure(
  model: Model,
  { kind, tokens, depth }: Test,
  repeats: number,
  signal: AbortSignal,
  show: (done: number) => void,
): Promise<number[]> {
  using sequence = model.createSequence();
  const past = pseudoTokens(depth, model.config.vocabularySize, 1);
  const ids = pseudoTokens(tokens, model.config.vocabularySize, 2);
  if (depth > 0) await sequence.evaluate(past, { signal });
  const samples: number[] = [];
  for (let repeat = -1; repeat < repeats; repeat++) {
    show(Math.max(0, repeat));
    sequence.rewind(depth);
    signal.throwIfAborted();
    const startMs = performance.now();
    if (kind === "pp") await sequence.evaluate(ids, { signal });
    else {
      for (const id of ids) {
        const logits = sequence.evaluate([id], { signal });
        if (logits instanceof Promise) await logits;
      }
    }
    const seconds = (performance.now() - startMs) / 1000;
    if (repeat >= 0) samples.push(tokens / seconds);
    await new Promise((resolve) => setTimeout(resolve, 0)); // Ctrl-C must get its turn
  }
  return samples;
}

/** Token ids that look random and are the same every time (Numerical Recipes' LCG). */
function pseudoTokens(count: number, vocabularySize: number, seed: number): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * vocabularySize);
  });
}

function measurement(model: Model, test: Test, samples: readonly number[]): Measurement {
  const { threads, isa } = model;
  const { depth } = test;
  return { test: nameOf(test), threads, depth, parallel: 1, samples, median: median(samples), isa };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The figures for people. */
function tableOf(results: readonly Measurement[]): string[] {
  const rows = results.map(({ test, threads, depth, samples, median: middle, isa }) => [
    test,
    String(threads),
    String(depth),
    threeDigits(middle),
    `${threeDigits(Math.min(...samples))} to ${threeDigits(Math.max(...samples))}`,
    isa,
  ]);
  return table(
    [
      { title: "test" },
      { title: "threads", align: "right" },
      { title: "depth", align: "right" },
      { title: "tokens/s", align: "right" },
      { title: "least to most", align: "right" },
      { title: "isa", flexible: true },
    ],
    rows,
    terminalWidth(),
  );
}
