/**
 * Loads a model on a machine of so much memory, fills its context and decodes at the end of it:
 * cria, then llama.cpp, each alone in a program of its own.
 *
 *     deno run -A bench/budget.ts MODEL… --gib 16 --context 2048 -n 16 --threads 4
 *
 * The memory is simulated by a control group of Linux, which takes a superuser; without one it says
 * so, and measures all the same. Pages of the file are dropped before each program starts, so that
 * they count as its own. Keys and values are F16; `--kv` is cria's. "peak" is the most that was
 * ever resident of the program, mapped weights included; "private" what was not mapped, at the end.
 * The tokens are decoded twice, the first time uncounted. `--no-peer` leaves llama.cpp out.
 * @module
 */

import { parseArgs } from "npm:deno-std@1.4.0/cli/parse_args.js";
import { ROOT } from "../src/toolchain/build.ts";
import { markdown, threeDigits } from "./figures.ts";
import { type Answer, type Hello, type Request, Worker } from "./peers/worker.ts";

const GIB = 2 ** 30;

/** Where control groups are, and how their limit is called: version 1, version 2. */
const GROUPS = [
  ["/sys/fs/cgroup/memory", "memory.limit_in_bytes"],
  ["/sys/fs/cgroup", "memory.max"],
] as const;

/** A group of processes that has so much memory together; undefined where none can be made. */
export function limitedGroup(bytes: number) {
  for (const [root, limit] of GROUPS) {
    const path = `${root}/cria-budget-${Deno.pid}`;
    try {
      Deno.mkdirSync(path);
    } catch {
      continue;
    }
    const remove = () => Deno.removeSync(path);
    try {
      Deno.writeTextFileSync(`${path}/${limit}`, String(bytes));
      return { procs: `${path}/cgroup.procs`, [Symbol.dispose]: remove };
    } catch {
      remove();
    }
  }
  return undefined;
}

/** Lets the system forget what it has read of a file. */
async function dropPages(path: string): Promise<void> {
  const args = [`if=${path}`, "iflag=nocache", "count=0"];
  await new Deno.Command("dd", { args, stderr: "null" }).output();
}

/** Bytes behind a name in what the system says of a process. */
async function statusOf(pid: number, name: string): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
  return 1024 * Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1] ?? NaN);
}

/** What is to be measured. */
interface Plan {
  readonly gib: number;
  readonly context: number;
  readonly tokens: number;
  readonly threads: number;
  readonly kv: string;
}

/** A row of the table: one program with one model. */
async function measure(
  plan: Plan,
  model: string,
  program: readonly string[],
  variant: string,
): Promise<string[]> {
  await dropPages(model);
  using group = limitedGroup(plan.gib * GIB);
  const common = [model, "--threads", String(plan.threads), "--context", String(plan.context)];
  const enter = ["sh", "-c", `${group ? `echo $$ > ${group.procs}; ` : ""}exec "$@"`, "sh"];
  const row: string[] = [];
  {
    await using worker = await Worker.start<Hello, Request, Answer>(
      [...enter, ...program, ...common],
    );
    const { tokens } = plan, depth = plan.context - tokens;
    const request = { test: "tg", tokens, depth, parallel: 1, variant } as const;
    await worker.ask(request);
    const { seconds } = await worker.ask(request);
    const bytes = ["VmHWM", "RssAnon"].map((name) => statusOf(worker.pid, name));
    const [peak = NaN, own = NaN] = await Promise.all(bytes);
    const name = model.split("/").at(-1)!.replace(/\.gguf$/, "");
    row.push(
      ...[name, worker.hello.peer, group ? `${plan.gib} GiB` : "no limit"],
      ...[`${(worker.hello.loadMs / 1000).toFixed(1)} s`, String(depth)],
      ...[threeDigits(tokens / seconds), `${threeDigits(peak / GIB)} GiB`],
      `${threeDigits(own / GIB)} GiB`,
    );
  }
  return row;
}

if (import.meta.main) {
  const { _: models, ...flags } = parseArgs(Deno.args, {
    string: ["_", "gib", "context", "n", "threads", "kv", "python"],
    boolean: ["peer"],
    negatable: ["peer"],
    default: { peer: true },
  });
  const plan = {
    gib: Number(flags.gib ?? 16),
    context: Number(flags.context ?? 2048),
    tokens: Number(flags.n ?? 16),
    threads: Number(flags.threads ?? 4),
    kv: flags.kv ?? "f16",
  };
  if (models.length === 0 || !(plan.tokens < plan.context)) {
    throw new Error("Cannot measure: give MODEL… and whole numbers, as bench/budget.ts shows");
  }
  const folder = `${ROOT}/bench/peers`, rows: string[][] = [];
  const cria = [Deno.execPath(), "run", "-A", `${folder}/cria.ts`, "--kv", plan.kv];
  const python = [flags.python ?? "python3", `${folder}/llama_cpp.py`, "--serve"];
  for (const model of models.map(String)) {
    rows.push(await measure(plan, model, cria, ""));
    if (flags.peer) rows.push(await measure(plan, model, python, "flash"));
  }
  const head = ["model", "program", "memory", "load", "depth", "tokens/s", "peak", "private"];
  console.log(markdown([head, ...rows]));
}
