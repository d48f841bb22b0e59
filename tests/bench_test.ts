/** Runs every bench with tiny sizes, so that none of them rots. @module */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { parsePlan } from "../bench/compare.ts";
import { markdown, median, pseudoTokens, threeDigits } from "../bench/figures.ts";
import { deno, isThere, ROOT, sharedTest } from "./support.ts";

const TINY = { CRIA_BENCH_TINY: "1", CRIA_THREADS: "2" };

/** The rows of the summary that a bench writes: group and name, runs, median, rate, checksum. */
function summaryOf(stderr: string): string[][] {
  return stderr.split("\n").filter((line) => /^\| [^|]+: /.test(line))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

/** Every suite, and how many figures it has at the least; some have more for each model. */
const SUITES: readonly (readonly [suite: string, figures: number, perModel: number])[] = [
  ["matmul", 30, 0],
  ["attention", 2, 0],
  ["inference", 0, 4],
  ["int8_prefill", 4, 0],
  ["sampling", 42, 0],
  ["tokenizer", 0, 3],
  ["load", 0, 3],
  ["kernels", 12, 0],
  ["model", 0, 2],
  ["rows", 0, 3],
  ["grammar", 0, 6],
];

for (const [suite, figures, perModel] of SUITES) {
  Deno.test(`bench: ${suite} runs with tiny sizes`, async () => {
    const file = `bench/${suite}_bench.ts`;
    const { code, stdout, stderr } = await deno(["bench", "-A", "--quiet", file], { env: TINY });
    assertEquals(code, 0, stdout + stderr);
    const rows = summaryOf(stderr), models = isThere(`${ROOT}/models/story.gguf`) ? 1 : 0;
    assert(rows.length >= figures + perModel * models, stderr);
    for (const [name = "", runs = "", , rate = "", checksum = ""] of rows) {
      assert(Number(runs) > 0 && rate !== "", name);
      assert(Number.isFinite(Number(checksum)), `${name}: ${checksum}`);
    }
  });
}

Deno.test("bench: every suite is tested here", () => {
  const files = [...Deno.readDirSync(`${ROOT}/bench`)].map(({ name }) => name);
  const found = files.filter((name) => name.endsWith("_bench.ts"));
  assertEquals(found.sort(), SUITES.map(([suite]) => `${suite}_bench.ts`).sort());
});

/** The checksums of each group of a bench, that is of all that comes before the last colon. */
function checksumsOf(stderr: string): Map<string, Set<string>> {
  const checksums = new Map<string, Set<string>>();
  for (const [name = "", , , , checksum = ""] of summaryOf(stderr)) {
    const group = name.slice(0, name.lastIndexOf(":"));
    checksums.set(group, (checksums.get(group) ?? new Set()).add(checksum));
  }
  return checksums;
}

Deno.test("bench: instruction sets have the same checksum", async () => {
  const args = [
    "bench",
    "-A",
    "--quiet",
    "--filter",
    "/^(scalar|avx2|avxvnni|avx512|amx|neon\\w*)$/",
  ];
  const { stderr } = await deno([...args, "bench/kernels_bench.ts"], { env: TINY });
  const checksums = checksumsOf(stderr);
  assert(checksums.size >= 4, stderr);
  for (const [group, different] of checksums) assertEquals(different.size, 1, group);
});

Deno.test("bench: row after row, in one step, on every rung: the same checksum", async () => {
  const vectors = /TypeScript/; // three loops add in another order
  for (const suite of ["int8_prefill", "matmul"]) {
    const args = ["bench", "-A", "--quiet", "--filter", "/thread|step|after/"];
    const { stderr } = await deno([...args, `bench/${suite}_bench.ts`], { env: TINY });
    const rows = stderr.split("\n").filter((line) => !vectors.test(line)).join("\n");
    const checksums = checksumsOf(rows);
    assert(checksums.size >= 2, stderr);
    for (const [group, different] of checksums) assertEquals(different.size, 1, group);
  }
});

Deno.test("bench: record appends a line for each suite", async () => {
  const path = await Deno.makeTempFile();
  try {
    for (const lines of [2, 4]) {
      const args = ["run", "-A", "bench/record.ts", "attention", "int8_prefill"];
      const { code, stderr } = await deno(args, { env: { ...TINY, CRIA_BENCH_HISTORY: path } });
      assertEquals(code, 0, stderr);
      const history = (await Deno.readTextFile(path)).trim().split("\n");
      assertEquals(history.length, lines);
      for (const text of history) {
        const { date, commit, cpu, isa, threads, suite, medians } = JSON.parse(text);
        assert(["attention", "int8_prefill"].includes(suite) && Date.parse(date) > 0, text);
        assert([commit, cpu, isa].every((one) => typeof one === "string" && one !== ""), text);
        const values = Object.values<number>(medians);
        assert(threads === 2 && values.length >= 2 && values.every((value) => value > 0), text);
      }
    }
    const args = ["run", "-A", "bench/record.ts", "nothing"];
    const { code, stderr } = await deno(args, { env: { ...TINY, CRIA_BENCH_HISTORY: path } });
    assertEquals(code, 1);
    assert(stderr.includes('Cannot record "bench/nothing_bench.ts"'), stderr);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("bench: tokenizers are compared without a peer, too", async () => {
  const { code, stdout, stderr } = await deno(
    ["run", "-A", "bench/tokenizers.ts", "-r", "1", "--no-peer"],
    { env: TINY },
  );
  assertEquals(code, 0, stderr);
  assert(/^\| embedded +\| words +\| [\d.,]+ /m.test(stdout), stdout);
});

Deno.test("bench: products of square matrices are compared without a peer, too", async () => {
  const args = ["run", "-A", "bench/gemm.ts", "32,64", "-r", "2", "--no-peer"];
  const { code, stdout, stderr } = await deno(args, { env: TINY });
  assertEquals(code, 0, stderr);
  assertEquals(stdout.match(/^\| (32|64) +\| 2 +\| \d/gm)?.length, 2, stdout);
});

Deno.test("bench: a model in a budget of memory is measured without a peer, too", async () => {
  const model = `${ROOT}/models/story.gguf`, sizes = ["--context", "40", "-n", "4", "--gib", "1"];
  const args = ["run", "-A", "bench/budget.ts", model, ...sizes, "--threads", "2", "--no-peer"];
  const { code, stdout, stderr } = await deno(args, { env: TINY });
  assertEquals(code, 0, stderr);
  assertMatch(stdout, /^\| story +\| cria +\| (1 GiB|no limit) +\| \d.* 36 +\| [\d,]+ .*GiB +\|$/m);
});

const STORY = "conformance/story/story.Q8_0.gguf";

/** What `--json` writes, as far as it is looked at here. */
function comparisonsOf(text: string): {
  readonly test: string;
  readonly depth: number;
  readonly parallel: number;
  readonly contenders: readonly { readonly samples: number[]; readonly checksum: number }[];
}[] {
  return JSON.parse(text).comparisons;
}

sharedTest("bench: compare measures cria alone", STORY, async (path) => {
  const json = await Deno.makeTempFile();
  try {
    const sizes = ["-p", "8", "-n", "3", "--depth", "0,5", "-r", "2", "--threads", "1,2"];
    sizes.push("--parallel", "1,3");
    const args = ["run", "-A", "bench/compare.ts", path, "--no-peer", ...sizes, "--json", json];
    const { code, stdout, stderr } = await deno(args, { env: TINY });
    assertEquals(code, 0, stderr);
    assertEquals(stdout.match(/^\| story/gm)?.length, 16, stdout);
    const checksums = new Map<string, number>(); // the same for all threads, alone and together
    const comparisons = comparisonsOf(await Deno.readTextFile(json));
    assertEquals(comparisons.filter(({ parallel }) => parallel === 3).length, 8);
    for (const { test, depth, contenders: [cria] } of comparisons) {
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

Deno.test("bench: a weight type is measured on a model that is made for it", async () => {
  const sizes = ["-p", "8", "-n", "2", "-r", "1", "--threads", "1"];
  const args = ["run", "-A", "bench/types.ts", "IQ3_S", "--no-peer", ...sizes];
  const { code, stdout, stderr } = await deno(args, { env: TINY });
  assertEquals(code, 0, stderr);
  assertEquals(
    stdout.match(/^\| IQ3_S +\| [\d.,]+ +\| – +\| [\d.,]+ +\| – +\|$/gm)?.length,
    1,
    stdout,
  );
});

Deno.test("bench: compare refuses what it cannot measure", () => {
  assertEquals(parsePlan(["a.gguf", "-p", "16,0", "--depth", "0,8"]).tests.length, 4);
  assertEquals(parsePlan(["a.gguf", "--parallel", "1,16"]).tests.length, 4);
  const builds = (...args: string[]) => parsePlan(["a.gguf", ...args]).builds;
  assertEquals([builds(), builds("--no-peer")], [["installed"], []]);
  assertEquals(builds("--python-path", "installed", "--python-path", "b/c"), ["installed", "b/c"]);
  for (const wrong of ["-p=x", "--threads=0", "--parallel=0", "--depth=-1", "-r=1.5"]) {
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
