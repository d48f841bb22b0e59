/** `cria bench`: how fast a model reads and writes, and where the time goes. @module */

import { KV_TYPES } from "../cache/pages.ts";
import type { Model } from "../session/model.ts";
import { type ProfileResult, profileTable, topOf } from "./bench_profile.ts";
import { Bench, median, nameOf, type Test } from "./bench_runs.ts";
import { choice, define, ENGINE, toggle, whole, wholes } from "./command.ts";
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
  readonly samples: readonly number[]; // tokens per second of all sequences, [repeats]
  readonly median: number;
  readonly isa: string;
  /** With `--profile`. */
  readonly profile?: ProfileResult;
}

/** The command. */
export const command = define({
  arguments: [{ name: "MODEL", help: "A GGUF file, or a folder with safetensors" }],
  flags: {
    prompt: wholes("N,N", "Tokens of a prompt to read; 0: none (default: 512)", { short: "p" }),
    tokens: wholes("N,N", "Tokens to generate; 0: none (default: 64)", { short: "n" }),
    depth: wholes("N,N", "Tokens in the context before it begins (default: 0)"),
    parallel: wholes("B,B", "Sequences that decode together, up to 64 (default: 1)", { least: 1 }),
    repeats: whole("R", "Measurements of each (default: 5)", { short: "r", least: 1 }),
    threads: wholes("N,N", "Threads (default: the physical cores the process may use)", {
      short: "t",
      least: 1,
      setting: true,
    }),
    profile: toggle("Name the five most expensive operations of a step, and how fast they are"),
    ctx: ENGINE.ctx,
    kv: choice(KV_TYPES, ENGINE.kv.help, { setting: true }),
  },
  notes: [
    "pp512 is a prompt of 512 tokens in one piece, tg64 are 64 tokens one after another; both in " +
    "tokens per second, median of the repeats, after one that does not count.",
    "With --parallel B, each of B sequences has a context of its own: every step decodes one " +
    "token of each, prompts are read one after another. Tokens per second are those of all.",
    "With --profile the repeats run once more, with a clock on each operation. GB/s are bytes of " +
    "weights, cache and activations, each counted once; Gop/s are billions of multiplications " +
    "and additions, shown where they, and not the memory, are the limit.",
  ],
  examples: [
    "bench model.gguf",
    "bench model.gguf -p 512 -n 64 -t 1,4 -r 5",
    "bench model.gguf -p 0 --parallel 1,16 --profile",
  ],
  async run({ flags, given: [path] }) {
    const { prompt = [512], tokens = [64], repeats = 5, quiet } = flags;
    const tests = testsOf(prompt, tokens, flags.depth ?? [0], flags.parallel ?? [1]);
    const ctx = flags.ctx ?? Math.max(1, ...tests.map((test) => test.depth + test.tokens));
    using interrupt = new Interrupt();
    const { signal } = interrupt;
    const results: Measurement[] = [];
    using progress = new Progress(!quiet);
    for (const threads of flags.threads ?? [undefined]) {
      using opened = await loadModel(path, { ...flags, threads, ctx }, signal);
      const { model } = opened;
      for (const test of tests) {
        const show = (done: number) => {
          progress.share(`${nameOf(test)}, ${model.threads} threads`, done, repeats);
        };
        results.push(
          await about("measure", opened.path, () => {
            return measure(model, test, { repeats, signal, show, profiled: flags.profile });
          }),
        );
      }
    }
    progress.clear();
    if (flags.json) return await writeJson(results);
    await write(tableOf(results).map((line) => `${line}\n`).join(""));
  },
});

/** All tests of the lists that were given. */
function testsOf(
  prompts: readonly number[],
  tokens: readonly number[],
  depths: readonly number[],
  widths: readonly number[],
): Test[] {
  return depths.flatMap((depth) =>
    widths.flatMap((parallel): Test[] => [
      ...prompts.map((count) => ({ kind: "pp" as const, tokens: count, depth, parallel })),
      ...tokens.map((count) => ({ kind: "tg" as const, tokens: count, depth, parallel })),
    ])
  ).filter((test) => test.tokens > 0);
}

/** How a test is measured. */
interface Measuring {
  readonly repeats: number;
  readonly signal: AbortSignal;
  readonly show: (done: number) => void;
  readonly profiled: boolean;
}

/** Tokens per second of each repeat; one more before them warms things up. */
async function measure(model: Model, test: Test, how: Measuring): Promise<Measurement> {
  using bench = await Bench.prepare(model, test, how.signal);
  const samples: number[] = [];
  for (let repeat = -1; repeat < how.repeats; repeat++) {
    how.show(Math.max(0, repeat));
    const rate = await bench.run();
    if (repeat >= 0) samples.push(rate);
  }
  const { threads, isa } = model, { depth, parallel } = test;
  const figures = { threads, depth, parallel, samples, median: median(samples), isa };
  if (!how.profiled) return { test: nameOf(test), ...figures };
  const profile = await model.profile(async () => {
    for (let repeat = 0; repeat < how.repeats; repeat++) await bench.run();
  });
  return { test: nameOf(test), ...figures, profile: topOf(profile) };
}

/** The figures for people, and the profiles below them. */
function tableOf(results: readonly Measurement[]): string[] {
  const rows = results.map(({ samples, ...one }) => [
    one.parallel > 1 ? `${one.test} x ${one.parallel}` : one.test,
    String(one.threads),
    String(one.depth),
    threeDigits(one.median),
    `${threeDigits(Math.min(...samples))} to ${threeDigits(Math.max(...samples))}`,
    one.isa,
  ]);
  const columns = [
    { title: "test" },
    { title: "threads", align: "right" },
    { title: "depth", align: "right" },
    { title: "tokens/s", align: "right" },
    { title: "least to most", align: "right" },
    { title: "isa", flexible: true },
  ] as const;
  const width = terminalWidth();
  return [...table(columns, rows, width), ...results.flatMap((one) => profileOf(one, width))];
}

function profileOf({ test, threads, depth, parallel, profile }: Measurement, width: number) {
  if (!profile) return [];
  const past = depth > 0 ? ` at depth ${depth}` : "";
  const beside = parallel > 1 ? `, ${parallel} sequences` : "";
  return ["", ...profileTable(`${test}${past}${beside}, ${threads} threads`, profile, width)];
}
