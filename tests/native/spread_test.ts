/** Threads moved apart (kernels/spread.h) may afterwards run where they might before. @module */

import { assertEquals } from "@std/assert";
import { Region } from "../../src/native/memory.ts";
import { ELEMENT } from "../../src/native/operations.ts";
import { Step } from "../../src/step/step.ts";
import { kernels, poolOf } from "../kernel_support.ts";
import { skip } from "../support.ts";

const NAME = "a pool leaves the calling thread the processors that it had";

/** The processors that this very thread may use. */
function allowed(): string {
  const status = Deno.readTextFileSync("/proc/thread-self/status");
  return /^Cpus_allowed:\s*(\S+)/m.exec(status)![1]!;
}

if (Deno.build.os !== "linux") skip(NAME, "only Linux moves threads");
else {
  Deno.test(NAME, () => {
    const rows = 256, size = 512, before = allowed();
    using memory = Region.alloc(kernels, 3 * 4 * size * size);
    const f32 = (offset: number) => ({ memory, type: ELEMENT.F32, offset });
    const step = new Step(), x = f32(0), out = f32(8 * size * size);
    const weight = { ...f32(4 * size * size), type: 0 };
    for (let i = 0; i < 8; i++) step.matmul({ rows, n: size, k: size, x, weight, out });
    const inputs = new Int32Array(1), pool = poolOf(kernels.isas[0]!, 2);
    // Others that never rest, so that threads have to stand still.
    const args = ["eval", "const end = Date.now() + 20000; while (Date.now() < end);"];
    const busy = Array.from({ length: navigator.hardwareConcurrency }, () => {
      return new Deno.Command(Deno.execPath(), { args }).spawn();
    });
    try {
      const end = performance.now() + 1500, seen = new Set<string>();
      while (performance.now() < end) {
        pool.run(step, inputs);
        seen.add(allowed());
      }
      assertEquals([...seen], [before]);
    } finally {
      for (const child of busy) child.kill("SIGKILL");
    }
  });
}
