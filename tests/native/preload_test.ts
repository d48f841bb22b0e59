/** Hints: by mincore, the system reads what it is asked for and little else. @module */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { ArgumentError, DisposedError, KernelError } from "../../src/errors.ts";
import { openGguf } from "../../src/format/gguf.ts";
import { readConfig } from "../../src/model/config.ts";
import { modelSource } from "../../src/model/hf_names.ts";
import { rangesOf } from "../../src/model/preload.ts";
import { Weights } from "../../src/model/weights.ts";
import { preload, Region } from "../../src/native/memory.ts";
import { Model } from "../../src/session/model.ts";
import { folderModels, openFolder } from "../conformance/folders.ts";
import { kernels } from "../kernel_support.ts";
import { ROOT, sharedTest, skip } from "../support.ts";

const PAGE = 4096, PAGES = 4096;
const STORY = `${ROOT}/models/story.gguf`;

/** The system's own view of which pages of a file are in memory. */
class PageCache implements Disposable {
  readonly #libc = Deno.dlopen("libc.so.6", {
    open: { parameters: ["buffer", "i32"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
    fsync: { parameters: ["i32"], result: "i32" },
    mmap: { parameters: ["usize", "usize", "i32", "i32", "i32", "i64"], result: "usize" },
    munmap: { parameters: ["usize", "usize"], result: "i32" },
    mincore: { parameters: ["usize", "usize", "buffer"], result: "i32" },
    posix_fadvise: { parameters: ["i32", "i64", "i64", "i32"], result: "i32" },
  });
  readonly #fd: number;
  readonly #base: bigint;

  constructor(path: string) {
    const { open, mmap } = this.#libc.symbols;
    this.#fd = open(new TextEncoder().encode(`${path}\0`), 0);
    this.#base = BigInt(mmap(0n, BigInt(PAGES * PAGE), 1, 1, this.#fd, 0n)); // read, shared
  }

  /** Makes the system forget the file's pages, as far as it will. */
  drop(): void {
    this.#libc.symbols.fsync(this.#fd);
    this.#libc.symbols.posix_fadvise(this.#fd, 0n, 0n, 4); // DONTNEED
  }

  /** How many pages from `first` up to `end` are in memory. */
  count(first = 0, end = PAGES): number {
    const pages = new Uint8Array(PAGES);
    assertEquals(this.#libc.symbols.mincore(this.#base, BigInt(PAGES * PAGE), pages), 0);
    return pages.subarray(first, end).reduce((sum, page) => sum + (page & 1), 0);
  }

  [Symbol.dispose](): void {
    this.#libc.symbols.munmap(this.#base, BigInt(PAGES * PAGE));
    this.#libc.symbols.close(this.#fd);
    this.#libc.close();
  }
}

/** Runs `use` with a file of so many pages. */
async function withFile<T>(use: (path: string) => T | Promise<T>): Promise<T> {
  const path = await Deno.makeTempFile({ prefix: "cria-" });
  try {
    await Deno.writeFile(path, new Uint8Array(PAGES * PAGE).fill(1));
    return await use(path);
  } finally {
    await Deno.remove(path);
  }
}

/** Whether the system forgets pages here: in a file system in memory it cannot. */
async function forgets(): Promise<boolean> {
  if (Deno.build.os !== "linux") return false;
  return await withFile((path) => {
    using cache = new PageCache(path);
    cache.drop();
    return cache.count() < PAGES / 16;
  });
}

/** Waits for something that the system does meanwhile; gives up in the end. */
async function until(done: () => boolean): Promise<void> {
  for (let i = 0; i < 4000 && !done(); i++) await new Promise((go) => setTimeout(go, 5));
  assert(done(), "it never happened");
}

const name = "a preloaded range is read by the system, and nothing far from it";
if (!await forgets()) skip(name, "the system does not forget pages of files here");
else {
  Deno.test(name, async () => {
    await withFile(async (path) => {
      using cache = new PageCache(path);
      using region = Region.map(kernels, path, PAGES * PAGE, null);
      await until(() => cache.count() === PAGES); // mapping asks for all of it
      cache.drop();
      assert(cache.count() < PAGES / 16);
      const first = 1000, end = 3000;
      const range = { memory: region, offset: first * PAGE + 7, bytes: (end - first) * PAGE - 9 };
      await preload(kernels, [range], () => true);
      await until(() => cache.count(first, end) === end - first);
      assert(cache.count(0, first) + cache.count(end) < PAGES / 16);
    });
  });
}

Deno.test("what lies outside a region is refused, and a caller may end it", async () => {
  using region = Region.alloc(kernels, 100);
  const at = (offset: number, bytes: number) => [{ memory: region, offset, bytes }];
  await assertRejects(() => preload(kernels, at(90, 11), () => true), KernelError, "outside");
  await assertRejects(() => preload(kernels, at(2 ** 52, 1), () => true), KernelError, "outside");
  await preload(kernels, at(90, 11), () => false);
  await preload(kernels, at(1, 99), () => true);
});

Deno.test("the ranges of experts that lie apart are their tensors", async () => {
  const { weights: [weights], configs } = folderModels.find(({ name }) => name === "mixtral")!;
  await using folder = await openFolder(weights!, configs.new);
  using model = await Model.load(folder.path, { threads: 1 });
  const source = modelSource(model.file);
  using loaded = await Weights.load(kernels, { ...model.file, ...source }, model.config);
  for (const [index, layer] of loaded.layers.entries()) {
    const found = Array.from(
      rangesOf(layer, model.config),
      ({ bytes, offset }) => `${bytes} ${offset}`,
    );
    for (const { name, bytes, offset } of model.file.tensors.values()) {
      if (!name.startsWith(`model.layers.${index}.block_sparse_moe.experts`)) continue;
      assert(found.includes(`${bytes} ${offset}`), name);
    }
  }
});

for (const needs of ["models/llama-gqa-tied/llama-gqa-tied", "models/mixtral-moe/mixtral-moe"]) {
  const path = `conformance/${needs}.gguf`;
  sharedTest(`the ranges of layers are their tensors: ${needs}`, path, async (path) => {
    using file = await openGguf(path);
    const config = readConfig(file, () => new Float32Array(1));
    using weights = await Weights.load(kernels, { ...file, ...modelSource(file) }, config);
    for (const [index, layer] of weights.layers.entries()) {
      const places = (ranges: Iterable<{ offset: number; bytes: number }>) =>
        Array.from(ranges, ({ offset, bytes }) => `${bytes} at ${offset}`).sort();
      const tensors = [...file.tensors.values()];
      const own = tensors.filter(({ name }) => name.startsWith(`blk.${index}.`));
      assert(own.length >= 9);
      assertEquals(places(rangesOf(layer, config)), places(own));
    }
  });
}

Deno.test("a model preloads layers that it has, and disposal waits for it", async () => {
  const model = await Model.load(STORY, { threads: 1, context: 32 });
  await model.preload();
  await model.preload(new Set([0, 4]));
  for (const layer of [5, -1, 0.5]) {
    await assertRejects(() => model.preload([layer]), ArgumentError, `layer ${layer}`);
  }
  const asking = model.preload();
  model[Symbol.dispose]();
  await asking;
  await assertRejects(() => model.preload(), DisposedError, "disposed");
});
