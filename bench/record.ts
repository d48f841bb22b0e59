/**
 * Runs benches and appends their medians to bench/history.ndjson, a line of JSON for each suite.
 *
 *     deno task bench:record            # all of them
 *     deno task bench:record matmul     # bench/matmul_bench.ts
 *
 * A line has the date, the commit, the processor, the threads and the instruction set, and the
 * median of every figure in microseconds. Lines of different machines, or of a machine that others
 * used meanwhile (`busyCores`), cannot be compared.
 * @module
 */

import { ROOT } from "../src/toolchain/build.ts";
import { Pauses } from "./bandwidth.ts";
import { processorName, type RecordedFigure, TINY } from "./figures.ts";
import { BEST, THREADS } from "./kernel_scene.ts";

/** One line of the history. */
interface Line {
  /** When the benches began. */
  readonly date: string;
  /** The commit, with "+" where files were changed since. */
  readonly commit: string;
  readonly cpu: string;
  readonly isa: string;
  readonly threads: number;
  /** Cores that other programs kept busy before the benches. */
  readonly busyCores: number;
  readonly suite: string;
  /** By group and name, in microseconds. */
  readonly medians: Readonly<Record<string, number>>;
}

/** What a program writes; nothing where it is missing or fails. */
async function outputOf(program: string, ...args: string[]): Promise<string> {
  const options: Deno.CommandOptions = { args, cwd: ROOT, stderr: "null" };
  const ran = await new Deno.Command(program, options).output().catch(() => undefined);
  return ran?.success ? new TextDecoder().decode(ran.stdout).trim() : "";
}

/** The commit that is checked out. */
async function commit(): Promise<string> {
  const name = await outputOf("git", "rev-parse", "--short", "HEAD");
  const changed = await outputOf("git", "status", "--porcelain", "--untracked-files=no");
  return (name || "unknown") + (changed === "" ? "" : "+");
}

/** Runs the benches of some suites; what they measured comes back, what they print is shown. */
async function measure(suites: readonly string[]): Promise<RecordedFigure[]> {
  const path = await Deno.makeTempFile({ prefix: "cria-bench-" });
  try {
    const files = suites.length > 0 ? suites.map((name) => `bench/${name}_bench.ts`) : ["bench/"];
    const env = { CRIA_BENCH_RECORD: path };
    const options = { args: ["bench", "-A", "--quiet", ...files], cwd: ROOT, env };
    const { success } = await new Deno.Command(Deno.execPath(), options).spawn().status;
    if (!success) throw new Error(`Cannot record "${files.join(" ")}": a bench failed, see above`);
    const lines = (await Deno.readTextFile(path)).split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line) as RecordedFigure);
  } finally {
    await Deno.remove(path);
  }
}

/**
 * Measures and appends.
 * @param suites which; all if none is named
 * @param path the history
 */
async function record(suites: readonly string[], path: string): Promise<Line[]> {
  const pauses = new Pauses();
  await pauses.take(TINY ? 20 : 1000);
  const head = {
    ...{ date: new Date().toISOString(), commit: await commit(), cpu: await processorName() },
    ...{ isa: BEST, threads: THREADS, busyCores: Number(pauses.busyCores.toFixed(2)) },
  };
  const bySuite = Map.groupBy(await measure(suites), ({ suite }) => suite);
  const lines = [...bySuite].map(([suite, figures]): Line => {
    const medians = Object.fromEntries(figures.map(({ name, median }) => [name, median]));
    return { ...head, suite, medians };
  });
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
  await Deno.writeTextFile(path, text, { append: true });
  return lines;
}

if (import.meta.main) {
  const path = Deno.env.get("CRIA_BENCH_HISTORY") ?? `${ROOT}/bench/history.ndjson`;
  for (const { suite, medians } of await record(Deno.args, path)) {
    console.error(`${suite}: ${Object.keys(medians).length} medians appended`);
  }
}
