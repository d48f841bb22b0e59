/** Where the kernel library comes from: named, built, kept, downloaded; what is refused. @module */

import { assertEquals, assertGreater, assertMatch, assertRejects } from "@std/assert";
import { toFileUrl } from "@std/path";
import { CHECKSUMS, SOURCES } from "../../src/native/checksums.ts";
import { libraryFile, platformKey } from "../../src/native/platform.ts";
import { sha256 } from "../../src/native/sha256.ts";
import { hashSources, kernelSources } from "../../src/toolchain/sources.ts";
import { emptyFolder } from "../empty_folder.ts";
import { ROOT, serveCheckout } from "../support.ts";

const BUILT = `${ROOT}/${libraryFile()}`;
const HERE = toFileUrl(ROOT).href;
const pinned = CHECKSUMS[platformKey()];

Deno.test("checksums.ts says what the built library is, and from which sources", async () => {
  const bytes = await Deno.readFile(BUILT);
  const expected = { file: libraryFile(), sha256: await sha256(bytes), bytes: bytes.length };
  assertEquals(pinned, expected);
  assertEquals(SOURCES, await hashSources(ROOT, await kernelSources(ROOT)));
});

/** Finds the library of the cria at a URL, opens it, and prints its path. */
const program = (root: string) => `
import { findLibrary } from "${root}/src/native/library.ts";
const path = await findLibrary();
Deno.dlopen(path, { cria_row_bytes: { parameters: ["u32", "u32"], result: "i32" } }).close();
console.log(path);
`;

Deno.test("findLibrary() takes the local build, and asks for nothing but that file", async () => {
  await using folder = await emptyFolder();
  const audit = `${folder.path}/audit.jsonl`;
  const permissions = [`--allow-ffi=${BUILT}`, `--allow-read=${BUILT}`];
  const { code, stdout, stderr } = await folder.run(program(HERE), permissions, {
    DENO_AUDIT_PERMISSIONS: audit,
  });
  assertEquals([code, stdout.trim(), stderr], [0, BUILT, ""]);
  const lines = (await Deno.readTextFile(audit)).trim().split("\n");
  assertGreater(lines.length, 0);
  for (const line of lines) {
    const { permission, value }: { permission: string; value: string } = JSON.parse(line);
    assertEquals([permission === "read" || permission === "ffi", value], [true, BUILT]);
  }
});

Deno.test("findLibrary() needs no permission to read the library, only to open it", async () => {
  await using folder = await emptyFolder();
  const { stdout } = await folder.run(program(HERE), [`--allow-ffi=${BUILT}`]);
  assertEquals(stdout.trim(), BUILT);
});

Deno.test("findLibrary() takes what CRIA_LIBRARY names first", async () => {
  await using folder = await emptyFolder();
  const named = `${folder.path}/named.so`;
  await Deno.copyFile(BUILT, named);
  const found = await folder.run(program(HERE), ["-A"], { CRIA_LIBRARY: named });
  assertEquals(found.stdout.trim(), named);
  const missing = await folder.run(program(HERE), ["-A"], { CRIA_LIBRARY: "/nowhere/x.so" });
  assertEquals(missing.code, 1);
  assertMatch(missing.stderr, /LibraryError: Cannot find the library .* "\/nowhere\/x.so"/);
});

Deno.test("findLibrary() downloads beside the module, once, and keeps it by checksum", async () => {
  await using folder = await emptyFolder();
  await using server = serveCheckout();
  const first = await folder.run(program(server.origin), ["-A"]);
  const kept = `${folder.path}/cache/lib/${pinned?.sha256}/${BUILT.split("/").at(-1)}`;
  assertEquals([first.stdout.trim(), first.code], [kept, 0], first.stderr);
  assertEquals(await sha256(await Deno.readFile(kept)), pinned?.sha256);
  const downloads = () => server.requests.filter((path) => path === `/${libraryFile()}`).length;
  assertEquals(downloads(), 1);

  assertEquals((await folder.run(program(server.origin), ["-A"])).stdout.trim(), kept);
  assertEquals(downloads(), 1);

  await Deno.writeTextFile(kept, "damaged");
  assertEquals((await folder.run(program(server.origin), ["-A"])).stdout.trim(), kept);
  assertEquals(downloads(), 2);
  const names = await Array.fromAsync(Deno.readDir(kept.slice(0, kept.lastIndexOf("/"))));
  assertEquals(names.length, 1, "a partial file was left");
});

Deno.test("findLibrary() refuses a download that is not the pinned one", async () => {
  await using folder = await emptyFolder();
  await using server = serveCheckout((path, body) => {
    if (path.endsWith(libraryFile())) body[body.length - 1]! ^= 1;
    return body;
  });
  const { code, stderr } = await folder.run(program(server.origin), ["-A"]);
  assertEquals(code, 1);
  assertMatch(stderr, /LibraryError: Cannot use the library "http.*": its SHA-256 is [0-9a-f]{64}/);
  await assertRejects(() => Deno.stat(`${folder.path}/cache`), Deno.errors.NotFound);
});

Deno.test("findLibrary() says what it lacks", async () => {
  await using folder = await emptyFolder();
  await using server = serveCheckout((path, body) =>
    path.endsWith("checksums.ts") ? new TextEncoder().encode("export const CHECKSUMS = {};") : body
  );
  const none = await folder.run(program(server.origin), ["-A"]);
  assertMatch(
    none.stderr,
    /LibraryError: Cannot find a kernel library for "\w+-\w+": .*no platform/,
  );
  await using whole = serveCheckout();
  const permissions = [
    `--allow-import=${new URL(whole.origin).host}`,
    "--allow-ffi",
    "--allow-read",
  ];
  const nowhere = await folder.run(program(whole.origin), permissions);
  assertMatch(
    nowhere.stderr,
    /LibraryError: Cannot find the cache folder: .*--allow-env=CRIA_CACHE/,
  );
});
