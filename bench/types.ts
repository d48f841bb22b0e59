/**
 * Compares cria with llama.cpp on a 1b model of every weight type, and prints a row for each.
 *
 *     deno run -A bench/types.ts [TYPE…] --threads 4 -p 512 -n 32 -r 3
 *
 * The models have random weights; one at a time lies in `--folder` (the system's for temporary
 * files if left out). `--layers N` makes them smaller. What else is given goes to
 * bench/compare.ts, which does the measuring: `--isa avx2 --python-path DIR`, `--wait 60`.
 * @module
 */

import { parseArgs } from "npm:deno-std@1.4.0/cli/parse_args.js";
import { QUANTS } from "../src/quant.ts";
import { ROOT } from "../src/toolchain/build.ts";
import { markdown, threeDigits } from "./figures.ts";
import { ONE_B, writeRandomModel } from "./random_model.ts";

/** What of a comparison is shown, as `bench/compare.ts --json` writes it. */
interface Compared {
  readonly test: string;
  readonly contenders: readonly { readonly median: number }[];
  readonly ratio: number;
}

/** Measures one model; "12.3 / 11.1" and "1.11" for each test. */
async function compare(path: string, args: readonly string[]): Promise<string[]> {
  const json = `${path}.json`;
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", `${ROOT}/bench/compare.ts`, path, "--json", json, ...args],
    stdout: "null",
  }).output();
  if (!success) throw new Error(`Cannot compare "${path}": bench/compare.ts failed`);
  const { comparisons }: { comparisons: Compared[] } = JSON.parse(await Deno.readTextFile(json));
  await Deno.remove(json);
  return comparisons.toReversed().flatMap(({ contenders, ratio }) => [
    [contenders[0]!, ...contenders.slice(1, 2)].map((one) => threeDigits(one.median)).join(" / "),
    ratio === null || Number.isNaN(ratio) ? "–" : ratio.toFixed(2),
  ]);
}

if (import.meta.main) {
  const { _: names, folder, layers, p = "512", n = "32", ...rest } = parseArgs(Deno.args, {
    string: ["_", "folder", "layers", "p", "n", "threads", "r", "wait", "isa", "python-path"],
    boolean: ["peer"],
    negatable: ["peer"],
    default: { r: "3", peer: true },
  });
  const { peer, ...given } = rest;
  const args = Object.entries(given).flatMap(([name, value]) => {
    return typeof value === "string" ? [name.length > 1 ? `--${name}` : `-${name}`, value] : [];
  });
  if (!peer) args.push("--no-peer");
  const shape = layers ? { ...ONE_B, layers: Number(layers) } : ONE_B;
  const types = names.length > 0 ? names : QUANTS.map(({ name }) => name);
  const rows = [["type", `tg${n}, cria / llama.cpp`, "ratio", `pp${p}, cria / llama.cpp`, "ratio"]];
  const into = await Deno.makeTempDir(folder ? { dir: folder } : {});
  try {
    for (const type of types) {
      const path = `${into}/${type}.gguf`;
      await writeRandomModel(path, type, shape);
      const row = [type, ...await compare(path, ["-p", p, "-n", n, "--variant", "flash", ...args])];
      console.error(row.join(" | "));
      rows.push(row);
      await Deno.remove(path);
    }
  } finally {
    await Deno.remove(into, { recursive: true });
  }
  console.log(markdown(rows));
}
