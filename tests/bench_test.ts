/** Runs every bench with tiny sizes, so that none of them rots. @module */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { parsePlan } from "../bench/compare.ts";
import { markdown, median, pseudoTokens, threeDigits } from "../bench/figures.ts";
import { deno, isThere, ROOT, sharedTest } from "./support.ts";

const TINY = { CRIA_BENCH_TINY: "1", CRIA_THREADS: "2" };

/** The rows of the summary that a bench writes: group and name, runs, median, rate, checksum. */
function summaryOf(stderr: string): string[][] {
  return stderr.split("\n").filter((line) => /^\| [^|]+: /.test(line))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

for (const [subject, atLeast] of [["kernels", 30], ["model", 0], ["tokenizer", 0]] as const) {
  Deno.test(`bench: ${subject} runs with tiny sizes`, async () => {
    const file = `bench/${subject}_bench.ts`;
    const { code, stdout, stderr } = await deno(["bench", "-A", "--quiet", file], { env: TINY });
    assertEquals(code, 0, stdout + stderr);
    const rows = summaryOf(stderr), models = isThere(`${ROOT}/models/story.gguf`) ? 3 : 0;
    assert(rows.length >= Math.max(atLeast, subject === "kernels" ? 0 : models), stderr);
    for (const [name = "", runs = "", , rate = "", checksum = ""] of rows) {
      assert(Number(runs) > 0 && rate !== "", name);
      assert(Number.isFinite(Number(checksum)), `${name}: ${checksum}`);
    }
  });
}

Deno.test("bench: instruction sets have the same checksum", async () => {
  const args = ["bench", "-A", "--quiet", "--filter", "/^(scalar|avx2|avx512|neon\\w*)$/"];
  const { stderr } = await deno([...args, "bench/kernels_bench.ts"], { env: TINY });
  const checksums = new Map<string, Set<string>>();
  for (const [name = "", , , , checksum = ""] of summaryOf(stderr)) {
    const group = name.slice(0, name.lastIndexOf(":"));
    checksums.set(group, (checksums.get(group) ?? new Set()).add(checksum));
  }
  assert(checksums.size >= 4, stderr);
  for (const [group, different] of checksums) assertEquals(different.size, 1, group);
});

const STORY = "conformance/story/story.Q8_0.gguf";

/** What `--json` writes, as far as it is looked at here. */
function comparisonsOf(text: string): {
  readonly test: string;
  readonly depth: number;
  readonly contenders: readonly { readonly samples: number[]; readonly checksum: number }[];
}[] {
  return JSON.parse(text).comparisons;
}

sharedTest("bench: compare measures cria alone", STORY, async (path) => {
  const json = await Deno.makeTempFile();
  try {
    const sizes = ["-p", "8", "-n", "3", "--depth", "0,5", "-r", "2", "--threads", "1,2"];
    const args = ["run", "-A", "bench/compare.ts", path, "--no-peer", ...sizes, "--json", json];
    const { code, stdout, stderr } = await deno(args, { env: TINY });
    assertEquals(code, 0, stderr);
    assertEquals(stdout.match(/^\| story/gm)?.length, 8, stdout);
    const checksums = new Map<string, number>(); // the same for all threads
    for (
      const { test, depth, contenders: [cria] } of comparisonsOf(await Deno.readTextFile(json))
    ) {
      assert(cria?.samples.length === 2, test);
      assert(cria.samples.every((rate) => rate > 0), test);
      const key = `${test} at ${depth}`;
      assertEquals(cria.checksum, checksums.get(key) ?? cria.checksum, key);
      checksums.set(key, cria.checksum);
    }
    assertEquals(checksums.size, 4);
  } finally {
    await Deno.remove(json);
  }
});

Deno.test("bench: compare refuses what it cannot measure", () => {
  assertEquals(parsePlan(["a.gguf", "-p", "16,0", "--depth", "0,8"]).tests.length, 4);
  for (const wrong of ["-p=x", "--threads=0", "--depth=-1", "-r=1.5"]) {
    assertThrows(() => parsePlan(["a.gguf", wrong]), Error, "Cannot compare", wrong);
  }
  assertThrows(() => parsePlan([]), Error, "Cannot compare");
});

Deno.test("bench: medians, digits, tables and tokens", () => {
  assertEquals([median([3, 1, 2]), median([4, 1, 2, 3]), median([7])], [2, 2.5, 7]);
  assertEquals([0.12345, 9.876, 99.94, 1234.5, NaN].map(threeDigits), [
    ...["0.123", "9.88", "99.9", "1,235", "–"],
  ]);
  assertEquals(markdown([["a", "bc"], ["def", ""]]), "| a   | bc |\n| --- | -- |\n| def |    |");
  const tokens = pseudoTokens(100, 50, 1);
  assertEquals(tokens.slice(0, 10), pseudoTokens(10, 50, 1));
  assert(tokens.every((id) => Number.isInteger(id) && id >= 0 && id < 50));
});
