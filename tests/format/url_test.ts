/** Models on servers: little of them is fetched, and no server is trusted. @module */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { ArgumentError, CriaError, FormatError, ModelError } from "../../src/errors.ts";
import { openGguf } from "../../src/format/gguf.ts";
import { openModelFile } from "../../src/format/open.ts";
import { UrlSource } from "../../src/format/url_source.ts";
import { Model } from "../../src/session/model.ts";
import { cria, criaJson } from "../cli/program.ts";
import { ROOT } from "../support.ts";
import { endless, type Manners, partOf, serveFile } from "./file_server.ts";
import { floats, ggufBytes } from "./gguf_bytes.ts";

const STORY = `${ROOT}/models/story.gguf`;
const story = await Deno.readFile(STORY);
const small = ggufBytes({ tensors: [floats("a", 8)] });

Deno.test("a URL shows what the file shows, and only its start is fetched", async () => {
  await using server = serveFile(story);
  using here = await openGguf(STORY);
  using there = await openGguf(server.url);
  assertEquals([there.fileBytes, there.path], [story.length, server.url]);
  assertEquals(there.metadata, here.metadata);
  const places = (file: typeof here) =>
    [...file.tensors.values()].map(({ name, offset, bytes, type }) => [name, offset, bytes, type]);
  assertEquals(places(there), places(here));
  const fetched = server.ranges.reduce((sum, [start, end]) => sum + end - start, 0);
  assert(fetched <= 1024 * 1024 && fetched < story.length / 2, `${fetched} bytes`);
});

Deno.test("a tensor on a server: its bytes are fetched, and no others", async () => {
  await using server = serveFile(story);
  using here = await openGguf(STORY);
  using there = await openGguf(server.url);
  server.ranges.length = 0;
  const name = "blk.2.ffn_up.weight";
  const [ours, theirs] = [here.tensor(name), there.tensor(name)];
  assertEquals((await theirs.dequantize()).data, (await ours.dequantize()).data);
  const { offset, bytes } = theirs;
  assertEquals([server.ranges[0]?.[0], server.ranges.at(-1)?.[1]], [offset, offset + bytes]);
  server.ranges.length = 0;
  const rows = await theirs.dequantize({ rows: [3, 5] });
  assert(rows.equals((await ours.dequantize()).slice([3, 5])));
  const row = bytes / theirs.shape[0]!;
  assertEquals(server.ranges, [[offset + 3 * row, offset + 5 * row]]);
});

Deno.test("requests grow from 256 KiB to 4 MiB, whatever is read", async () => {
  const file = new Uint8Array(24 * 1024 * 1024).map((_, i) => i * 7 >> 3);
  await using server = serveFile(file);
  using source = await UrlSource.open(server.url);
  const all = new Uint8Array(file.length), KIB = 1024;
  for (let at = 0; at < all.length; at += 100_000) {
    await source.read(at, all.subarray(at, at + 100_000));
  }
  assertEquals(all, file);
  const sizes = server.ranges.map(([start, end]) => (end - start) / KIB);
  assertEquals(sizes.slice(0, 7), [256, 256, 512, 1024, 2048, 4096, 4096]);
  assertEquals(Math.max(...sizes), 4096);
  await source.read(5, all.subarray(0, 10)); // backwards
  assertEquals(all.subarray(0, 10), file.subarray(5, 15));
});

Deno.test("a redirect is followed, at every request", async () => {
  await using server = serveFile(story);
  const moved = { answer: () => Response.redirect(server.url, 302) };
  await using door = serveFile(small, moved);
  using file = await openGguf(door.url);
  assertEquals([file.path, file.tensors.size], [door.url, 47]);
  assertEquals(door.ranges, server.ranges);
});

Deno.test("a small file comes from a server without ranges", async () => {
  const answer = () => new Response(small);
  await using server = serveFile(small, { answer });
  using file = await openModelFile(server.url);
  assertEquals((await file.tensor("a").dequantize()).toArray(), [1, 2, 3, 4, 5, 6, 7, 8]);
});

const text = (body: string) => () =>
  new Response(body, { headers: { "content-type": "text/html" } });
const status = (code: number) => () => new Response("no", { status: code });
const ranged = (range: string, body: BodyInit = small) => () =>
  new Response(body, { status: 206, headers: { "content-range": range } });
const whole = `bytes 0-${small.length - 1}/${small.length}`;

type Answer = NonNullable<Manners["answer"]>;
type Kind = typeof CriaError | typeof FormatError;

/** Servers that cannot be read from, and what is said of them. */
const HOSTILE: readonly [what: string, answer: Answer, kind: Kind, says: string][] = [
  ["no such file", status(404), ArgumentError, "the server has no such file (HTTP status 404)"],
  ["a forbidden file", status(403), ArgumentError, "forbids it (HTTP status 403)"],
  ["a broken server", status(500), ArgumentError, "HTTP status 500"],
  ["no range at all", status(416), ArgumentError, "HTTP status 416"],
  ["a web page", text("<!doctype html><p>Log in"), FormatError, "a web page"],
  ["an empty file", () => partOf(new Uint8Array(0), [0, 1]), FormatError, "it is empty"],
  ["no Content-Range", () => new Response(small, { status: 206 }), FormatError, "with no range"],
  [
    "another start",
    ranged(`bytes 8-${small.length - 1}/${small.length}`),
    FormatError,
    "bytes 8-",
  ],
  ["another end", ranged(`bytes 0-7/${small.length}`), FormatError, "answered with"],
  ["more than was asked", ranged("bytes 0-999999/1000000"), FormatError, "answered with"],
  ["no size", ranged(`bytes 0-${small.length - 1}/*`), FormatError, "answered with"],
  ["an absurd size", ranged(`bytes 0-262143/${"9".repeat(30)}`), FormatError, "answered with"],
  ["noise for a range", ranged("bytes \u00ff\u009b31m"), FormatError, "answered with"],
  [
    "a short body",
    ranged(whole, small.subarray(0, 40)),
    FormatError,
    "the server sent 40 of the",
  ],
  ["a long body", ranged(whole, endless()), FormatError, "sent more than the"],
  ["an endless file", () => new Response(endless()), ArgumentError, "the server gives no ranges"],
  [
    "a large file in one piece",
    () => new Response(endless(), { headers: { "content-length": "9000000" } }),
    ArgumentError,
    "the file has 9000000 bytes",
  ],
  ["a redirect in a circle", (_a, _b, { url }) => Response.redirect(url), CriaError, "redirect"],
];

for (const [what, answer, kind, says] of HOSTILE) {
  Deno.test(`a server with ${what} is refused`, async () => {
    await using server = serveFile(small, { answer });
    const error = await assertRejects(() => openModelFile(server.url), kind, says);
    assert(error.message.startsWith("Cannot ") && error.message.includes(server.url));
    assert(!/\p{Cc}/u.test(error.message), error.message);
  });
}

for (
  const [what, later] of [
    ["another ETag", (at) => partOf(story, at, { etag: '"two"' })],
    ["no ETag", (at) => partOf(story, at)],
    ["another size", (at) => partOf(story.slice(0, -1), at, { etag: '"one"' })],
  ] as readonly [string, (asked: readonly [number, number]) => Response][]
) {
  Deno.test(`a file that has ${what} half way is refused`, async () => {
    const answer: Answer = (asked, count) => count > 1 ? later(asked) : undefined;
    await using server = serveFile(story, { answer });
    using source = await UrlSource.open(server.url);
    const bytes = new Uint8Array(300_000);
    await assertRejects(() => source.read(0, bytes), FormatError, "changed on the server");
  });
}

Deno.test("a server that stays silent is given up", async () => {
  const silence = Promise.withResolvers<Response>();
  await using server = serveFile(small, { answer: () => silence.promise });
  const opening = openGguf(server.url, { timeoutMs: 100 });
  await assertRejects(() => opening, CriaError, "the server took more than 0.1 s");
  silence.resolve(new Response());
});

Deno.test("a body that stalls is given up, or stopped by a signal", async () => {
  const stalled = () => ranged(whole, new ReadableStream({ start() {} }))();
  await using server = serveFile(small, { answer: stalled });
  const opening = openGguf(server.url, { timeoutMs: 100 });
  await assertRejects(() => opening, CriaError, "the server took more than 0.1 s");
  const stop = new AbortController();
  const stopped = openGguf(server.url, { signal: stop.signal });
  stop.abort(new Error("enough"));
  await assertRejects(() => stopped, Error, "enough");
});

Deno.test("a server that is not there is told", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${listener.addr.port}/x.gguf`;
  listener.close();
  await assertRejects(() => openGguf(url), CriaError, `Cannot read "${url}"`);
});

Deno.test("cria inspect takes a URL; what must load the model says that it cannot", async () => {
  await using server = serveFile(story);
  const [there, here] = await Promise.all([
    criaJson(["inspect", server.url]),
    criaJson(["inspect", STORY]),
  ]);
  assertEquals(there, here);
  await assertRejects(() => Model.load(server.url), ModelError, "download it first");
  const { code, stderr } = await cria(["run", server.url, "-p", "x"]);
  assertEquals(code, 1);
  assertEquals(
    stderr,
    `cria: Cannot load "${server.url}": it is on a server; only its header can be looked at ` +
      `(cria inspect, openGguf): download it first\n`,
  );
});
