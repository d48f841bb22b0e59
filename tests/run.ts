/** Runs every test; the last line is `N passed, N failed`, perhaps `, N skipped`. @module */

import { CriaError } from "../src/errors.ts";
import { buildKernels, ROOT } from "../src/toolchain/build.ts";

/** What came of a run. */
interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Deno's last line, as "ok | 3 passed (2 steps) | 1 failed | 1 ignored (5ms)". */
const SUMMARY =
  /^(?:ok|FAILED) \| (\d+) passed\b.*? \| (\d+) failed\b(?:.*? \| (\d+) ignored\b)?/gm;

/**
 * Counts the tests in the output of `deno test`. A run that ended without a summary, because a test
 * took the whole program down or did not compile, has the failure that ended it.
 */
export function countTests(output: string, success: boolean): Counts {
  // deno-lint-ignore no-control-regex
  const text = output.replace(/\x1b\[[0-9;]*m/g, "");
  const summary = [...text.matchAll(SUMMARY)].at(-1);
  const lines = (word: string) =>
    [...text.matchAll(new RegExp(`\\.\\.\\. ${word}\\b`, "g"))].length;
  const [passed = lines("ok"), failed = lines("FAILED"), skipped = lines("ignored")] =
    summary?.slice(1).map((digits) => Number(digits ?? 0)) ?? [];
  return { passed, failed: success ? failed : Math.max(1, failed), skipped };
}

function lastLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

/** A test that hangs must not hang whoever waits for the last line. */
const LIMIT_MS = 24 * 60_000;

/** Runs `deno test` in the checkout and passes on what it writes while it writes. */
async function runTests(args: readonly string[]): Promise<Counts> {
  const color = Deno.stdout.isTerminal() && !Deno.noColor;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", ...args],
    cwd: ROOT,
    env: color ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" },
    signal: AbortSignal.timeout(LIMIT_MS),
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const decoder = new TextDecoder();
  let output = "";
  for await (const chunk of child.stdout) {
    await write(chunk);
    output += decoder.decode(chunk, { stream: true });
  }
  if (!/(^|\n)$/.test(output)) console.log(); // a test that took the program down left half a line
  return countTests(output, (await child.status).success);
}

async function write(bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
}

/** Everything: the tests, and the examples in the documentation. */
const EVERYTHING = ["--doc", "mod.ts", "src/", "tests/"];

async function main(): Promise<number> {
  let counts: Counts = { passed: 0, failed: 1, skipped: 0 };
  try {
    await buildKernels({ ifMissing: true });
    counts = await runTests(Deno.args.length > 0 ? Deno.args : EVERYTHING);
  } catch (error) {
    console.error(error instanceof CriaError ? `cria: ${error.message}` : error);
  }
  console.log(lastLine(counts));
  return counts.failed > 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main());
