/** The machine's own limits: how fast it reads memory, and how busy others keep it. @module */

import { ROOT } from "../src/toolchain/build.ts";
import { findZig } from "../src/toolchain/zig.ts";
import { TINY } from "./figures.ts";
import { Worker } from "./peers/worker.ts";

/** Reads memory when asked with a number of threads. */
export type Reader = Worker<unknown, number, { readonly gbPerSecond: number }>;

/**
 * Compiles bench/peers/read_bandwidth.c and starts it; not in tiny runs, for it takes a gigabyte.
 * Linux only, as its barriers are.
 */
export async function startReader(): Promise<Reader | undefined> {
  if (TINY || Deno.build.os !== "linux") return undefined;
  const folder = await Deno.makeTempDir({ prefix: "cria-bench-" });
  try {
    const { path, env } = await findZig(ROOT);
    const program = `${folder}/read_bandwidth`, source = `${ROOT}/bench/peers/read_bandwidth.c`;
    const flags = ["-O3", "-pthread", source, "-o", program];
    const args = ["cc", ...flags];
    const { success } = await new Deno.Command(path, { args, env, cwd: folder }).output();
    if (!success) throw new Error(`Cannot compile "${source}": see above what Zig said`);
    return await Worker.start([program]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Processor time in ticks: spent, and all of it. `undefined` where there is no /proc. */
async function ticks(): Promise<{ busy: number; all: number } | undefined> {
  try {
    const [line = ""] = (await Deno.readTextFile("/proc/stat")).split("\n");
    const fields = line.split(/\s+/).slice(1, 9).map(Number);
    const all = fields.reduce((sum, value) => sum + value, 0);
    return { busy: all - fields[3]! - fields[4]!, all };
  } catch {
    return undefined;
  }
}

/** Waits, and watches how busy other programs keep the machine meanwhile. */
export class Pauses {
  #busy = 0;
  #all = 0;

  /** A pause of so many milliseconds; its first half is for our own threads to stop spinning. */
  async take(ms: number): Promise<void> {
    await rest(ms / 2);
    const before = await ticks();
    await rest(ms / 2);
    const after = await ticks();
    if (!before || !after) return;
    this.#busy += after.busy - before.busy;
    this.#all += after.all - before.all;
  }

  /**
   * Waits until other programs keep less than a tenth of a core busy.
   * @param seconds how long at the most
   */
  async untilQuiet(seconds: number): Promise<void> {
    const endMs = performance.now() + seconds * 1000;
    while (performance.now() < endMs) {
      const before = await ticks();
      await rest(300);
      const after = await ticks();
      if (!before || !after) return;
      const share = (after.busy - before.busy) / (after.all - before.all);
      if (share * navigator.hardwareConcurrency < 0.1) return;
    }
  }

  /** Cores that were busy in the pauses, in the mean; NaN where nobody knows. */
  get busyCores(): number {
    return this.#busy / this.#all * navigator.hardwareConcurrency;
  }
}

function rest(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
