/**
 * Compares cria with llama.cpp on the same file and threads, alternating them in one run.
 *
 *     deno run -A bench/compare.ts MODEL… --threads 4 -p 512 -n 64 --depth 0 -r 5
 *
 * Numbers may be lists (`--depth 0,1024`). Both run in programs of their own that hold the model
 * and wait while the other is measured. `--json FILE` writes all samples; `--wait SECONDS` lets
 * each round wait that long for other programs to leave the machine alone; `--isa` and `--kv` are
 * cria's. Needs `pip install llama-cpp-python`, built on this machine; `--python` names its Python,
 * and `--no-peer` measures cria alone.
 * @module
 */

import { parseArgs } from "npm:deno-std@1.4.0/cli/parse_args.js";
import { ROOT } from "../src/toolchain/build.ts";
import { Pauses, type Reader, startReader } from "./bandwidth.ts";
import { markdown, median, threeDigits, TINY } from "./figures.ts";
import { type Answer, type Hello, type Request, Worker } from "./peers/worker.ts";

/** Between two samples: half of it is longer than the threads of any peer go on spinning. */
const PAUSE_MS = TINY ? 2 : 100;

/** What is to be measured. */
interface Plan {
  readonly models: readonly string[];
  readonly threads: readonly number[];
  readonly tests: readonly Omit<Request, "variant">[];
  readonly repeats: number;
  /** How long a round waits for other programs to be done, at the most. */
  readonly waitSeconds: number;
  readonly context: number;
  readonly python: string | undefined;
  /** More arguments for cria's program. */
  readonly cria: readonly string[];
}

type Peer = Worker<Hello, Request, Answer>;

/** One program in one of its variants. */
interface Contender {
  readonly peer: string;
  readonly variant: string;
  /** Tokens in a second, [repeats]. */
  readonly samples: readonly number[];
  readonly median: number;
  readonly checksum: number;
  readonly rssBytes: number;
}

/** One test of one model. */
interface Comparison {
  readonly model: string;
  readonly test: string;
  readonly depth: number;
  readonly threads: number;
  readonly contenders: readonly Contender[];
  /** cria, the first one, to the best of the others: the median of the rounds' ratios. */
  readonly ratio: number;
  /** Reading, with as many threads, in the same rounds; GB/s, [repeats]. */
  readonly reading: readonly number[];
  /** What decoding reads per token at the least, in bytes; 0 for a prefill. */
  readonly tokenBytes: number;
  /** Cores that other programs kept busy in the pauses. */
  readonly busyCores: number;
}

/** Everything of one run. */
interface Run {
  readonly date: string;
  readonly processor: string;
  readonly peers: Readonly<Record<string, Hello>>;
  readonly comparisons: readonly Comparison[];
}

/** Reads the arguments. @throws {Error} when a number is none */
export function parsePlan(args: readonly string[]): Plan & { json: string | undefined } {
  const flags = parseArgs(args, {
    string: ["_", "threads", "p", "n", "depth", "r", "wait", "json", "isa", "kv", "python"],
    boolean: ["peer"],
    negatable: ["peer"],
    alias: { threads: "t", depth: "d", p: "prompt", n: "tokens", r: "repeats" },
    default: { peer: true },
  });
  const list = (text: string | undefined, other: string) => (text ?? other).split(",").map(Number);
  const of = (test: "pp" | "tg", counts: readonly number[], depth: number) =>
    counts.filter((tokens) => tokens !== 0).map((tokens) => ({ test, tokens, depth }));
  const prompts = list(flags.p, "512"), tokens = list(flags.n, "64");
  const tests = list(flags.depth, "0").flatMap((depth) => [
    ...of("pp", prompts, depth),
    ...of("tg", tokens, depth),
  ]);
  const cria = (["isa", "kv"] as const).flatMap((name) =>
    flags[name] ? [`--${name}`, flags[name]] : []
  );
  const plan = {
    models: flags._,
    threads: list(flags.threads, String(navigator.hardwareConcurrency)),
    tests,
    repeats: Number(flags.r ?? 5),
    waitSeconds: Number(flags.wait ?? 0),
    context: Math.max(...tests.map((test) => test.depth + test.tokens)),
    python: flags.peer ? flags.python ?? "python3" : undefined,
    cria,
    json: flags.json,
  };
  const numbers = [
    ...plan.threads,
    plan.repeats,
    plan.waitSeconds + 1,
    ...tests.flatMap((t) => [t.tokens, t.depth + 1]),
  ];
  if (plan.models.length > 0 && numbers.every((n) => Number.isInteger(n) && n > 0)) return plan;
  throw new Error("Cannot compare: give MODEL… and whole numbers, as bench/compare.ts shows");
}

/** The programs for one model. */
async function startPeers(plan: Plan, model: string, threads: number): Promise<Peer[]> {
  const common = ["--threads", String(threads), "--context", String(plan.context)];
  const cria = [`${ROOT}/bench/peers/cria.ts`, model, ...common, ...plan.cria];
  const peers: Peer[] = [await Worker.start([Deno.execPath(), "run", "-A", ...cria])];
  if (plan.python !== undefined) {
    const script = `${ROOT}/bench/peers/llama_cpp.py`;
    peers.push(await Worker.start([plan.python, script, model, ...common, "--serve"]));
  }
  return peers;
}

/** Tokens per second of all in turn, `repeats` times, after a round that does not count. */
async function compare(
  plan: Plan,
  peers: readonly Peer[],
  reader: Reader | undefined,
  test: Omit<Request, "variant">,
  threads: number,
): Promise<Omit<Comparison, "model">> {
  const contenders = peers.flatMap((peer) => {
    return peer.hello.variants.map((variant) => ({
      ...{ worker: peer, peer: peer.hello.peer, variant, samples: [] as number[] },
      ...{ checksum: NaN, rssBytes: 0 },
    }));
  });
  const pauses = new Pauses(), reading: number[] = []; // GB/s, [repeats]
  for (let round = -1; round < plan.repeats; round++) {
    await pauses.untilQuiet(plan.waitSeconds);
    for (const contender of contenders) {
      const answer = await contender.worker.ask({ ...test, variant: contender.variant });
      await pauses.take(PAUSE_MS);
      if (round < 0) continue;
      contender.samples.push(test.tokens / answer.seconds);
      contender.checksum = answer.checksum;
      contender.rssBytes = answer.rssBytes;
    }
    if (reader && round >= 0) reading.push((await reader.ask(threads)).gbPerSecond);
  }
  const measured = contenders.map(({ worker: _, ...rest }): Contender => {
    return { ...rest, median: median(rest.samples) };
  });
  const [first, ...others] = measured, best = bestOf(others);
  const { tokenBytes = 0, positionBytes = 0 } = peers[0]!.hello;
  const past = test.depth + (test.tokens + 1) / 2; // positions seen, in the mean
  return {
    ...{ test: `${test.test}${test.tokens}`, depth: test.depth, threads, contenders: measured },
    ratio: best ? median(first!.samples.map((rate, i) => rate / best.samples[i]!)) : NaN,
    reading,
    tokenBytes: test.test === "tg" ? tokenBytes + positionBytes * past : 0,
    busyCores: pauses.busyCores,
  };
}

/** The fastest, by its median. */
function bestOf(contenders: readonly Contender[]): Contender | undefined {
  return contenders.toSorted((a, b) => b.median - a.median)[0];
}

/** Waits until no other comparison runs on this machine. */
async function alone(tell: (line: string) => void): Promise<Disposable> {
  const folder = Deno.env.get("TMPDIR") ?? Deno.env.get("TEMP") ?? "/tmp";
  const path = `${folder}/cria-compare.lock`;
  const file = await Deno.open(path, { create: true, write: true });
  const waiting = setTimeout(() => tell(`waiting for the run that holds "${path}"`), 1000);
  await file.lock(true);
  clearTimeout(waiting);
  return file;
}

/** All comparisons, told as they are done. */
async function run(plan: Plan, tell: (line: string) => void): Promise<Run> {
  using _lock = TINY ? undefined : await alone(tell);
  await using reader = await startReader();
  const peers: Record<string, Hello> = {}, comparisons: Comparison[] = [];
  for (const path of plan.models) {
    const model = path.split("/").at(-1)!.replace(/\.gguf$/, "");
    for (const threads of plan.threads) {
      await using stack = new AsyncDisposableStack();
      const workers = await startPeers(plan, path, threads);
      for (const worker of workers) {
        stack.use(worker);
        peers[worker.hello.peer] = worker.hello;
      }
      for (const test of plan.tests) {
        const done = { model, ...await compare(plan, workers, reader, test, threads) };
        comparisons.push(done);
        tell(rowOf(done).join(" | "));
      }
    }
  }
  return { date: new Date().toISOString(), processor: await processor(), peers, comparisons };
}

async function processor(): Promise<string> {
  const text = await Deno.readTextFile("/proc/cpuinfo").catch(() => "");
  return /^model name\s*: (.*)$/m.exec(text)?.[1] ?? `${Deno.build.os} ${Deno.build.arch}`;
}

const HEAD = [
  "model",
  "test",
  "depth",
  "threads",
  "cria",
  "llama.cpp",
  "ratio",
  "of reading",
  "others",
];

function rowOf(a: Comparison): string[] {
  const [cria, ...others] = a.contenders;
  const best = bestOf(others);
  const rate = (contender: Contender | undefined) => contender ? spread(contender) : "–";
  const share = (contender: Contender | undefined) => {
    const shares = contender?.samples.map((rate, i) => rate * a.tokenBytes / a.reading[i]! / 1e9);
    return shares ? median(shares).toFixed(2) : "–";
  };
  const shares = a.tokenBytes > 0 && a.reading.length > 0
    ? `${share(cria)} / ${share(best)} of ${threeDigits(median(a.reading))} GB/s`
    : "";
  const peer = best ? `${rate(best)} ${best.variant}` : "–";
  const numbers = [a.test, String(a.depth), String(a.threads)];
  return [
    a.model,
    ...numbers,
    rate(cria),
    peer,
    best ? a.ratio.toFixed(2) : "–",
    shares,
    a.busyCores.toFixed(2),
  ];
}

/** "461 (455 to 470)". */
function spread({ median: middle, samples }: Contender): string {
  const [least, most] = [Math.min(...samples), Math.max(...samples)];
  return `${threeDigits(middle)} (${threeDigits(least)} to ${threeDigits(most)})`;
}

function report({ date, processor, peers, comparisons }: Run, repeats: number): string {
  const who = Object.values(peers).map(({ peer, version, system }) =>
    `${peer}: ${version}; ${system}`
  );
  const busiest = Math.max(...comparisons.map((one) => one.busyCores));
  return [
    `${date}, ${processor}; tokens/s, medians of ${repeats} (least to most), median of the ` +
    `rounds' ratios to the better llama.cpp; other programs kept at most ${busiest.toFixed(2)} ` +
    "cores busy.",
    "",
    markdown([HEAD, ...comparisons.map(rowOf)]),
    "",
    ...who.map((line) => `- ${line}`),
  ].join("\n");
}

if (import.meta.main) {
  const { json, ...plan } = parsePlan(Deno.args);
  const result = await run(plan, (line) => console.error(line));
  console.log(report(result, plan.repeats));
  if (json) await Deno.writeTextFile(json, `${JSON.stringify(result, null, 2)}\n`);
}
