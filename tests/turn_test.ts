/** Pauses in the middle of long work. @module */

import { assertGreater } from "@std/assert";
import { turn } from "../src/turn.ts";

Deno.test("turn() lets timers run, each time", async () => {
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  try {
    for (let slice = 0; slice < 20; slice++) {
      const endMs = performance.now() + 2;
      while (performance.now() < endMs);
      await turn();
    }
  } finally {
    clearInterval(timer);
  }
  assertGreater(ticks, 10); // one port for all turns: 1 or 2
});
