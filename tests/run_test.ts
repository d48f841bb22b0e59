/** The runner counts what Deno says, and does not call a crash a success. @module */

import { assertEquals } from "@std/assert";
import { countTests } from "./run.ts";

Deno.test("countTests() reads the last summary", () => {
  const cases: [output: string, passed: number, failed: number, skipped: number][] = [
    ["a ... ok (1ms)\n\nok | 12 passed | 0 failed (4ms)\n", 12, 0, 0],
    ["ok | 12 passed (3 steps) | 0 failed | 2 ignored (4ms)\n", 12, 0, 2],
    ["FAILED | 3 passed | 2 failed (1 step) | 1 ignored (1 step) | 5 filtered out (1s)", 3, 2, 1],
    ["\x1b[0m\x1b[32mok\x1b[0m | 7 passed | 0 failed \x1b[38;5;245m(1ms)\x1b[0m", 7, 0, 0],
  ];
  for (const [output, passed, failed, skipped] of cases) {
    assertEquals(countTests(output, failed === 0), { passed, failed, skipped });
  }
});

Deno.test("countTests() counts a crash as a failure", () => {
  assertEquals(countTests("a ... ok (1ms)\nb ... ", false), { passed: 1, failed: 1, skipped: 0 });
  assertEquals(countTests("", false), { passed: 0, failed: 1, skipped: 0 });
  assertEquals(countTests("ok | 2 passed | 0 failed (1ms)", false).failed, 1);
});
