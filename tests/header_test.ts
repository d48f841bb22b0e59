/** Holds kernels/cria.h against the FFI table, and the check against bad samples. @module */

import { assertEquals, assertGreater } from "@std/assert";
import { symbols } from "../src/native/ffi.ts";
import { checkHeader, declarationsOf } from "./checks/header.ts";
import { ROOT } from "./support.ts";

Deno.test("src/native/ffi.ts binds what kernels/cria.h declares", async () => {
  const header = await Deno.readTextFile(`${ROOT}/kernels/cria.h`);
  assertGreater(declarationsOf(header).length, 5);
  assertEquals(checkHeader(header, symbols), []);
});

const HEADER = `
#define CRIA_API __attribute__((visibility("default")))
// CRIA_API int32_t cria_gone(void);
CRIA_API int32_t cria_a(void);
CRIA_API uint64_t cria_b(uint32_t count, const uint8_t *name,
                         void *to, float scale); // CRIA_API
`;

const SYMBOLS = {
  cria_a: { parameters: [], result: "i32" },
  cria_b: { parameters: ["u32", "buffer", "buffer", "f32"], result: "u64" },
  later: { name: "cria_a", parameters: [], result: "i32", nonblocking: true },
} as const satisfies Deno.ForeignLibraryInterface;

Deno.test("checkHeader() accepts a table that agrees", () => {
  assertEquals(checkHeader(HEADER, SYMBOLS), []);
});

Deno.test("checkHeader() refuses a table that does not", () => {
  const { cria_a, cria_b } = SYMBOLS;
  const bad: [problem: RegExp, symbols: Deno.ForeignLibraryInterface][] = [
    [/cria_b is in cria.h, but not bound/, { cria_a }],
    [/cria_c is bound, but not in/, { cria_a, cria_b, cria_c: cria_a }],
    [/cria_a is \(\) i32 .* \(\) u32/, { cria_b, cria_a: { parameters: [], result: "u32" } }],
    [/cria_a .* bound as \(i32\)/, { cria_b, cria_a: { parameters: ["i32"], result: "i32" } }],
    [/a variable/, { cria_a, cria_b, x: { type: "i32" } }],
  ];
  for (const [problem, table] of bad) {
    const found = checkHeader(HEADER, table);
    assertEquals([found.length, problem.test(found[0] ?? "")], [1, true], `${problem}: ${found}`);
  }
});

Deno.test("checkHeader() refuses what must not cross the boundary", () => {
  const bad: [declaration: string, type: string][] = [
    ["const char *cria_x(void)", "pointer"],
    ["int32_t cria_x(size_t n)", '"size_t" may not cross'],
    ["int cria_x(void)", '"int" may not cross'],
    ["void cria_x(void (*done)(int32_t))", "may not cross"],
    ["void cria_x(const void **where)", "may not cross"],
  ];
  for (const [declaration, problem] of bad) {
    const found = checkHeader(`CRIA_API ${declaration};`, {});
    assertEquals(found.some((line) => line.includes(problem)), true, `${declaration}: ${found}`);
  }
});
