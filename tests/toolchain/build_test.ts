/** The build task: what it hashes and generates, and what it says when it cannot build. @module */

import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { CHECKSUMS, SOURCES } from "../../src/native/checksums.ts";
import { RELEASES } from "../../src/toolchain/build.ts";
import { render } from "../../src/toolchain/pins.ts";
import { hashSources, kernelSources, sourcesIn } from "../../src/toolchain/sources.ts";
import { deno, type Ran, ROOT } from "../support.ts";

const BUILD = "src/toolchain/build.ts";

Deno.test("checksums.ts is what the generator writes", async () => {
  const text = await Deno.readTextFile(`${ROOT}/src/native/checksums.ts`);
  assertEquals(text, render(SOURCES, new Map(Object.entries(CHECKSUMS))));
});

Deno.test("the hash of the sources sees contents and names, not line ends", async () => {
  const folder = await Deno.makeTempDir({ prefix: "cria-test-" });
  const write = (name: string, text: string) => Deno.writeTextFile(`${folder}/k/${name}`, text);
  const hash = async () => await hashSources(folder, await sourcesIn(folder, "k"));
  try {
    await Deno.mkdir(`${folder}/k`);
    await write("a.c", "int a;\n");
    const first = await hash();
    await write("a.c", "int a;\r\n");
    await write("notes.md", "not a source");
    assertEquals(await hash(), first);
    await write("a.c", "int b;\n");
    assertNotEquals(await hash(), first);
    await write("a.c", "int a;\n");
    await Deno.rename(`${folder}/k/a.c`, `${folder}/k/b.c`);
    assertNotEquals(await hash(), first);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the hash of the sources takes in build.zig and every kernel", async () => {
  const sources = await kernelSources(ROOT);
  assertEquals(sources.includes("build.zig") && sources.includes("kernels/isa/scalar.h"), true);
  assertEquals(sources.filter((path) => path.startsWith("kernels/build/")), []);
});

Deno.test("build.zig has a row for each release target", async () => {
  const text = await Deno.readTextFile(`${ROOT}/build.zig`);
  const table = text.slice(text.indexOf("const releases"), text.indexOf("const test_triples"));
  const rows = [...table.matchAll(/\.name = "([^"]+)"/g)].map((found) => found[1]);
  assertEquals(rows, RELEASES.map(({ os, arch }) => `${os}-${arch}`));
});

Deno.test("build.zig has a row for each line of isas.def", async () => {
  const read = (path: string) => Deno.readTextFile(`${ROOT}/${path}`);
  const list = await read("kernels/isas.def");
  const rows = (await read("build.zig")).matchAll(/\.name = "(\w+)", \.arch = \.(\w+)/g);
  const listed = (part: string | undefined) => [...(part ?? "").matchAll(/^ISA\((\w+)/gm)];
  const [x86, arm, every] = list.split(/#elif|#endif/).map((part) => listed(part).map((m) => m[1]));
  const expected = [
    ...[...x86 ?? [], ...every ?? []].map((name) => `x86_64 ${name}`),
    ...[...arm ?? [], ...every ?? []].map((name) => `aarch64 ${name}`),
  ];
  assertEquals([...rows].map(([, name, arch]) => `${arch} ${name}`).sort(), expected.sort());
});

/** Runs the build as on a machine that has Deno and nothing else, and no network. */
async function alone(env: Record<string, string>): Promise<Ran> {
  const folder = await Deno.makeTempDir({ prefix: "cria-test-" });
  try {
    return await deno(["run", "-A", BUILD], {
      env: {
        DENO_DIR: `${folder}/deno`,
        CRIA_CACHE: `${folder}/cache`,
        CRIA_ZIG: "",
        NPM_CONFIG_REGISTRY: "http://127.0.0.1:9/",
        ...env,
      },
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the build says what to do when Zig cannot be fetched", async () => {
  const { code, stderr } = await alone({});
  assertEquals(code, 1);
  assertMatch(stderr, /^cria: Cannot fetch Zig [\d.]+ from npm: .*127\.0\.0\.1/m);
  assertMatch(stderr, /NPM_CONFIG_REGISTRY .* CRIA_ZIG=/);
});

Deno.test("the build says what is wrong with the Zig that CRIA_ZIG names", async () => {
  const missing = await alone({ CRIA_ZIG: "/nowhere/zig" });
  assertEquals(missing.code, 1);
  assertMatch(missing.stderr, /^cria: Cannot run the Zig that CRIA_ZIG names, "\/nowhere\/zig": /m);
  const other = await alone({ CRIA_ZIG: Deno.execPath() });
  assertEquals(other.code, 1);
  assertMatch(other.stderr, /^cria: Cannot build with the Zig .*: it is version "/m);
});

Deno.test("the build refuses an option that it does not have", async () => {
  const { code, stderr } = await deno(["run", "-A", BUILD, "--al"]);
  assertEquals(code, 2);
  assertMatch(stderr, /^cria: Cannot use "--al": it is not an option\nUsage: deno task build/);
});
