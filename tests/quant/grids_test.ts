/** C and TypeScript look codes up in the same grids. @module */

import { assertEquals } from "@std/assert";
import { GRIDS } from "../../src/quant/grids.ts";

Deno.test("kernels/grids.h has the points of src/quant/grids.ts", () => {
  const header = Deno.readTextFileSync(new URL("../../kernels/grids.h", import.meta.url));
  const macros = header.split("#define ").slice(1).map((text): [string, string] => {
    const points = [...text.matchAll(/P\(0x([0-9a-f]{4})\)/g)].map(([, hex]) => hex);
    return [/^GRID_(\w+)\(P\)/.exec(text)?.[1] ?? text, points.join("")];
  });
  assertEquals(Object.fromEntries(macros), { ...GRIDS });
});
