/**
 * Compares cria with llama.cpp on the same file and threads, alternating them in one run.
 *
 *     deno run -A bench/compare.ts MODEL… --threads 4 -p 512 -n 64 --depth 0 -r 5
 *
 * Numbers may be lists (`--depth 0,1024`). Both run in programs of their own that hold the model
 * and wait while the other is measured. `--parallel 16` lets as many sequences decode together, one
 * token of each in a step. `--json FILE` writes all samples; `--wait SECONDS` lets each round wait
 * that long for other programs to leave the machine alone; `--isa` and `--kv` are cria's.
 *
 * Needs `pip install llama-cpp-python`, built on this machine; `--python` names its Python, and
 * `--no-peer` leaves it out. `--python-path DIR` takes the build that lies in a folder instead
 * (`pip install --target DIR`); given more than once, each is measured; `installed` is the usual.
 * `--node` adds node-llama-cpp, which npm brings with a binary. `--variant flash` measures only
 * that variant of programs that have it.
 * @module
 */

import { parseArgs } from "npm:deno-std@1.4.0/cli/parse_args.js";
import { ROOT } from "../src/toolchain/build.ts";
import { Pauses, type Reader, startReader } from "./bandwidth.ts";
import { markdown, median, processorName, threeDigits, TINY } from "./figures.ts";
import { type Answer, type Hello, type Request, Worker } from "./peers/worker.ts";

/** Between two samples: half of it is longer than the threads of any peer go on spinning. */
const PAUSE_MS = TINY ? 2 : 100;

/** The build of llama.cpp that Python finds by itself. */
const INSTALLED = "installed";

/** What is to be measured. */
interface Plan {
  readonly models: readonly string[];
  readonly threads: readonly number[];
  readonly tests: readonly Omit<Request, "variant">[];
  readonly repeats: number;
  /** How long a round waits for other programs to be done, at the most. */
  readonly waitSeconds: number;
  readonly context: number;
  readonly python: string;
  /** Builds of llama.cpp: where Python finds each, `INSTALLED` for the usual one. */
  readonly builds: readonly string[];
  /** Whether node-llama-cpp is measured too. */
  readonly node: boolean;
  /** The variant to be measured, where a program has it; all, if left out. */
  readonly variant: string | undefined;
  /** More arguments for cria's program. */
  readonly cria: readonly string[];
}

/** A program and the name that it has here. */
interface Peer {
  readonly name: string;
  readonly worker: Worker<Hello, Request, Answer>;
}

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
  readonly parallel: number;
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
    string: [
      ...["_", "threads", "p", "n", "depth", "r", "parallel", "wait", "json", "isa", "kv"],
      ...["python", "python-path", "variant"],
    ],
    boolean: ["peer", "node"],
    negatable: ["peer"],
    collect: ["python-path"],
    alias: { threads: "t", depth: "d", p: "prompt", n: "tokens", r: "repeats" },
    default: { peer: true },
  });
  const list = (text: string | undefined, other: string) => (text ?? other).split(",").map(Number);
  const of = (test: "pp" | "tg", counts: readonly number[], depth: number, parallel: number) =>
    counts.filter((tokens) => tokens !== 0).map((tokens) => ({ test, tokens, depth, parallel }));
  const prompts = list(flags.p, "512"), tokens = list(flags.n, "64");
  const tests = list(flags.depth, "0").flatMap((depth) =>
    list(flags.parallel, "1").flatMap((parallel) => [
      ...of("pp", prompts, depth, parallel),
      ...of("tg", tokens, depth, parallel),
    ])
  );
  const paths = flags["python-path"];
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
    python: flags.python ?? "python3",
    builds: flags.peer ? (paths.length > 0 ? paths : [INSTALLED]) : [],
    node: flags.node,
    variant: flags.variant,
    cria,
    json: flags.json,
  };
  const numbers = [
    ...plan.threads,
    plan.repeats,
    plan.waitSeconds + 1,
    ...tests.flatMap((t) => [t.tokens, t.depth + 1, t.parallel]),
  ];
  if (plan.models.length > 0 && numbers.every((n) => Number.isInteger(n) && n > 0)) return plan;
  throw new Error("Cannot compare: give MODEL… and whole numbers, as bench/compare.ts shows");
}

/** The programs for one model; those that started end with `stack`. */
async function startPeers(
  plan: Plan,
  model: string,
  threads: number,
  stack: AsyncDisposableStack,
): Promise<Peer[]> {
  const common = [model, "--threads", String(threads), "--context", String(plan.context)];
  const deno = [Deno.execPath(), "run", "-A"], folder = `${ROOT}/bench/peers`;
  const python = [plan.python, `${folder}/llama_cpp.py`, ...common, "--serve"];
  const peers: Peer[] = [];
  const start = async (name: string, command: readonly string[], env = {}) => {
    peers.push({ name, worker: stack.use(await Worker.start(command, env)) });
  };
  await start("cria", [...deno, `${folder}/cria.ts`, ...common, ...plan.cria]);
  for (const path of plan.builds) {
    if (path === INSTALLED) await start("llama.cpp", python);
    else await start(`llama.cpp of ${lastPart(path)}`, python, { PYTHONPATH: path });
  }
  if (plan.node) {
    await start("node-llama-cpp", [...deno, "--no-lock", `${folder}/node_llama_cpp.ts`, ...common]);
  }
  return peers;
}

function lastPart(path: string): string {
  return path.split("/").findLast((part) => part !== "") ?? path;
}

/** Tokens per second of all in turn, `repeats` times, after a round that does not count. */
async function compare(
  plan: Plan,
  peers: readonly Peer[],
  reader: Reader | undefined,
  test: Omit<Request, "variant">,
  threads: number,
): Promise<Omit<Comparison, "model">> {
  const able = peers.filter(({ name }) => name !== "node-llama-cpp" || test.parallel === 1);
  const contenders = able.flatMap(({ name, worker }) => {
    const { variants } = worker.hello;
    const chosen = variants.filter((variant) => variant === plan.variant);
    return (chosen.length > 0 ? chosen : variants).map((variant) => ({
      ...{ worker, peer: name, variant, samples: [] as number[] },
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
      contender.samples.push(test.tokens * test.parallel / answer.seconds);
      contender.checksum = answer.checksum;
      contender.rssBytes = answer.rssBytes;
    }
    if (reader && round >= 0) reading.push((await reader.ask(threads)).gbPerSecond);
  }
  const measured = contenders.map(({ worker: _, ...rest }): Contender => {
    return { ...rest, median: median(rest.samples) };
  });
  const [first, ...others] = measured, best = bestOf(others);
  const { tokenBytes = 0, positionBytes = 0 } = peers[0]!.worker.hello;
  const past = test.depth + (test.tokens + 1) / 2; // positions seen, in the mean
  return {
    ...{ test: `${test.test}${test.tokens}`, depth: test.depth, parallel: test.parallel, threads },
    contenders: measured,
    ratio: best ? ratioOf(first!, best) : NaN,
    reading,
    tokenBytes: test.test === "tg" ? tokenBytes / test.parallel + positionBytes * past : 0,
    busyCores: pauses.busyCores,
  };
}

/** The median of the rounds' ratios. */
function ratioOf(one: Contender, other: Contender): number {
  return median(one.samples.map((rate, i) => rate / other.samples[i]!));
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
    const model = lastPart(path).replace(/\.gguf$/, "");
    for (const threads of plan.threads) {
      await using stack = new AsyncDisposableStack();
      const started = await startPeers(plan, path, threads, stack);
      for (const { name, worker } of started) peers[name] = worker.hello;
      for (const test of plan.tests) {
        const done = { model, ...await compare(plan, started, reader, test, threads) };
        comparisons.push(done);
        for (const row of rowsOf(done)) tell(row.join(" | "));
      }
    }
  }
  return { date: new Date().toISOString(), processor: await processorName(), peers, comparisons };
}

const HEAD = [
  "model",
  "test",
  "depth",
  "threads",
  "cria",
  "peer",
  "ratio",
  "of reading",
  "others",
];

/** A row for every peer, in its best variant. */
function rowsOf(a: Comparison): string[][] {
  const [cria, ...others] = a.contenders;
  const names = [...new Set(others.map(({ peer }) => peer))];
  const best = names.map((name) => bestOf(others.filter(({ peer }) => peer === name)));
  return (best.length > 0 ? best : [undefined]).map((peer) => rowOf(a, cria!, peer));
}

function rowOf(a: Comparison, cria: Contender, peer: Contender | undefined): string[] {
  const share = ({ samples }: Contender) => {
    const shares = samples.map((rate, i) => rate * a.tokenBytes / a.reading[i]! / 1e9);
    return median(shares).toFixed(2);
  };
  const shares = a.tokenBytes > 0 && a.reading.length > 0
    ? `${share(cria)} / ${peer ? share(peer) : "–"} of ${threeDigits(median(a.reading))} GB/s`
    : "";
  return [
    a.model,
    a.parallel > 1 ? `${a.test} x ${a.parallel}` : a.test,
    ...[String(a.depth), String(a.threads)],
    spread(cria),
    peer ? `${spread(peer)} ${peer.peer}, ${peer.variant}` : "–",
    peer ? ratioOf(cria, peer).toFixed(2) : "–",
    ...[shares, a.busyCores.toFixed(2)],
  ];
}

/** "461 (455 to 470)". */
function spread({ median: middle, samples }: Contender): string {
  const [least, most] = [Math.min(...samples), Math.max(...samples)];
  return `${threeDigits(middle)} (${threeDigits(least)} to ${threeDigits(most)})`;
}

function report({ date, processor, peers, comparisons }: Run, repeats: number): string {
  const who = Object.entries(peers).map(([name, { version, system }]) => {
    return `${name}: ${version}; ${system}`;
  });
  const busiest = Math.max(...comparisons.map((one) => one.busyCores));
  return [
    `${date}, ${processor}; tokens/s, medians of ${repeats} (least to most), median of the ` +
    `rounds' ratios to each peer at its best; other programs kept at most ${busiest.toFixed(2)} ` +
    "cores busy.",
    "",
    markdown([HEAD, ...comparisons.flatMap(rowsOf)]),
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
