/**
 * Compares products of square float matrices with NumPy's, alternating them in one run.
 *
 *     deno run -A bench/gemm.ts 512,1024,2048 --threads 4 -r 9
 *
 * NumPy multiplies by a BLAS, with as many threads; `--python` names its Python, `--no-peer` leaves
 * it out; `--wait SECONDS` lets each round wait for other programs to leave the machine alone. The
 * int8 product (weights Q8_0, activations rounded beforehand) stands beside both.
 * @module
 */

import { parseArgs } from "npm:deno-std@1.4.0/cli/parse_args.js";
import { quantByName } from "../src/quant.ts";
import { ROOT } from "../src/toolchain/build.ts";
import { Pauses } from "./bandwidth.ts";
import { markdown, median, processorName, type Ready, threeDigits, TINY } from "./figures.ts";
import { BEST, products, THREADS } from "./kernel_scene.ts";
import { Worker } from "./peers/worker.ts";

/** Between two samples: longer than the threads of either go on spinning. */
const PAUSE_MS = TINY ? 2 : 100;
/** Calls of a sample; its best one counts less noise than their mean. */
const CALLS = TINY ? 1 : 5;

/** A program that multiplies matrices of a size when asked. */
type Numpy = Worker<{ version: string; system: string }, { size: number }, { seconds: number }>;

/** Billions of operations per second of the fastest of some calls. */
async function rateOf(size: number, call: () => number | Promise<number>): Promise<number> {
  let best = Infinity;
  for (let i = 0; i < CALLS; i++) best = Math.min(best, await call());
  return 2 * size ** 3 / best / 1e9;
}

/** Seconds of one call. */
function timed({ run }: Ready): number {
  const startMs = performance.now();
  run();
  return (performance.now() - startMs) / 1000;
}

/** What is compared, and how. */
interface Plan {
  readonly threads: number;
  readonly repeats: number;
  readonly waitSeconds: number;
  readonly numpy: Numpy | undefined;
}

/** A row of the table: rates of all, and the ratio to NumPy. */
async function compare(size: number, { threads, repeats, waitSeconds, numpy }: Plan) {
  const shape = { n: size, k: size }, pauses = new Pauses();
  const int8: number[] = [], ours: number[] = [], theirs: number[] = [];
  const rounds = [["Q8_0", int8], ["F32", ours]] as const;
  for (const [type, rates] of rounds) { // one after another: they share the memory of matrices
    const ready = products({ quant: quantByName(type)!, rows: size, shape, threads });
    for (let round = -1; round < repeats; round++) {
      await pauses.untilQuiet(waitSeconds);
      const rate = await rateOf(size, () => timed(ready));
      await pauses.take(PAUSE_MS);
      if (round >= 0) rates.push(rate);
      if (type !== "F32" || !numpy) continue;
      const other = await rateOf(size, async () => (await numpy.ask({ size })).seconds);
      await pauses.take(PAUSE_MS);
      if (round >= 0) theirs.push(other);
    }
  }
  const ratio = median(ours.map((rate, i) => rate / (theirs[i] ?? NaN)));
  const rates = [ours, theirs, int8].map((list) => list.length > 0 ? spread(list) : "–");
  return [
    ...[String(size), String(threads), ...rates],
    numpy ? ratio.toFixed(2) : "–",
    pauses.busyCores.toFixed(2),
  ];
}

/** "461 (455 to 470)". */
function spread(rates: readonly number[]): string {
  const [least, most] = [Math.min(...rates), Math.max(...rates)];
  return `${threeDigits(median(rates))} (${threeDigits(least)} to ${threeDigits(most)})`;
}

async function main(): Promise<void> {
  const { _: [sizes = "512,1024,2048"], ...flags } = parseArgs(Deno.args, {
    string: ["_", "threads", "r", "wait", "python"],
    boolean: ["peer"],
    negatable: ["peer"],
    default: { peer: true },
  });
  const threads = Number(flags.threads ?? THREADS), repeats = Number(flags.r ?? 9);
  const numbers = [...sizes.split(",").map((size) => Number(size) / 32), threads, repeats];
  if (!numbers.every((value) => Number.isInteger(value) && value > 0)) {
    throw new Error(`Cannot compare "${sizes}": give multiples of 32, as bench/gemm.ts shows`);
  }
  const command = [flags.python ?? "python3", `${ROOT}/bench/peers/numpy_gemm.py`, "--serve"];
  const env = { OPENBLAS_NUM_THREADS: String(threads), OMP_NUM_THREADS: String(threads) };
  await using stack = new AsyncDisposableStack();
  const numpy: Numpy | undefined = flags.peer
    ? stack.use(await Worker.start(command, env))
    : undefined;
  const head = ["size", "threads", "f32", "NumPy f32", "int8", "f32 ratio", "others"];
  const rows: string[][] = [];
  for (const size of sizes.split(",").map(Number)) {
    const waitSeconds = Number(flags.wait ?? 0);
    rows.push(await compare(size, { threads, repeats, waitSeconds, numpy }));
  }
  console.log(`${await processorName()}, ${BEST}; Gop/s, medians of ${repeats} (least to most)\n`);
  console.log(markdown([head, ...rows]));
  if (numpy) console.log(`\nNumPy ${numpy.hello.version}, ${numpy.hello.system}`);
}

await main();
