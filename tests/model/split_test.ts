/** Models in several GGUF files, and in one that is larger than 4 GiB. @module */

import { assertEquals, assertRejects } from "@std/assert";
import { Model } from "../../mod.ts";
import { FormatError } from "../../src/errors.ts";
import { type MetadataValue, type ModelFile } from "../../src/format/file.ts";
import { openGguf } from "../../src/format/gguf.ts";
import { writeGguf } from "../../src/format/write.ts";
import { folderTest } from "../format/folder.ts";
import { randomModelTest, someTokens, writeRandomModel } from "./random_model.ts";

const TOKENS = someTokens(12);

async function logitsOf(path: string): Promise<Float32Array> {
  using model = await Model.load(path, { threads: 2, context: 64 });
  return await model.logits(TOKENS);
}

/** What may be wrong with one part of a split model. */
interface Fault {
  readonly part: number;
  readonly metadata?: Readonly<Record<string, MetadataValue>>;
  /** One tensor more, or one less. */
  readonly shift?: -1 | 1;
}

/** Writes a model in three parts, the first of them with metadata only. */
async function split(file: ModelFile, at: (name: string) => string, fault?: Fault): Promise<void> {
  const all = [...file.tensors.values()], half = Math.floor(all.length / 2);
  const ranges = [[0, 0], [0, half], [half, all.length]] as const;
  for (const [no, [first, end]] of ranges.entries()) {
    const isOdd = fault?.part === no;
    const tensors = all.slice(first, end + (isOdd ? fault.shift ?? 0 : 0));
    const metadata = new Map<string, MetadataValue>([
      ...no === 0 ? file.metadata : [],
      ["split.no", no],
      ["split.count", 3],
      ["split.tensors.count", all.length],
      ...Object.entries(isOdd ? fault.metadata ?? {} : {}),
    ]);
    const data = ReadableStream.from(tensors.map(({ name }) => file.tensor(name).read()));
    await writeGguf(at(partName(no)), { metadata, tensors }, data);
  }
}

const partName = (no: number) => `model-0000${no + 1}-of-00003.gguf`;

/** Registers a test over a split model. */
function splitTest(
  name: string,
  fault: Fault | undefined,
  fn: (at: (name: string) => string, whole: string) => Promise<void>,
): void {
  folderTest(name, async (at) => {
    const whole = writeRandomModel();
    try {
      using file = await openGguf(whole);
      await split(file, at, fault);
      await fn(at, whole);
    } finally {
      await Deno.remove(whole);
    }
  });
}

splitTest(
  "a split model runs from any of its parts, as from one file",
  undefined,
  async (at, whole) => {
    const expected = await logitsOf(whole);
    for (const no of [0, 1, 2]) assertEquals(await logitsOf(at(partName(no))), expected);
    using file = await openGguf(at(partName(2)));
    using one = await openGguf(whole);
    assertEquals([file.files.length, file.tensors.size], [3, one.tensors.size]);
    assertEquals(file.metadata.get("general.architecture"), "llama");
  },
);

for (
  const [what, fault, says] of [
    ["a part of another number", { part: 1, metadata: { "split.no": 2 } }, '"split.no" is "2"'],
    ["another count", { part: 2, metadata: { "split.count": 4 } }, '"split.count" is "4", not 3'],
    ["other metadata", { part: 2, metadata: { "llama.block_count": 9 } }, "is not that of"],
    ["a tensor twice", { part: 1, shift: 1 }, "as well"],
    ["a tensor too few", { part: 1, shift: -1 }, "but its parts have"],
  ] as const
) {
  splitTest(`a split model with ${what} is refused`, fault, async (at) => {
    await assertRejects(() => openGguf(at(partName(0))), FormatError, says);
  });
}

splitTest(
  "a part whose file has another name is refused, and one that is gone",
  undefined,
  async (at) => {
    await Deno.rename(at(partName(1)), at("model-00004-of-00003.gguf"));
    await assertRejects(() => openGguf(at(partName(0))), Error, "there is no such file");
    await Deno.rename(at("model-00004-of-00003.gguf"), at("part.gguf"));
    await assertRejects(() => openGguf(at("part.gguf")), FormatError, "its name does not end as");
  },
);

const SHIFT = 4.5 * 2 ** 30;

/** Lets the tensors of a GGUF file lie 4.5 GiB further on, behind a hole that takes no room. */
async function shiftTensors(from: string, to: string): Promise<void> {
  const bytes = await Deno.readFile(from), view = new DataView(bytes.buffer);
  using file = await openGguf(from);
  const text = new TextDecoder("latin1").decode(bytes);
  const data = Math.min(...[...file.tensors.values()].map(({ offset }) => offset));
  for (const { name, shape, offset } of file.tensors.values()) {
    const at = text.lastIndexOf(name, data) + name.length + 4 + 8 * shape.length + 4;
    assertEquals(view.getBigUint64(at, true), BigInt(offset - data)); // it is that field
    view.setBigUint64(at, BigInt(offset - data + SHIFT), true);
  }
  using out = await Deno.open(to, { write: true, createNew: true });
  await out.write(bytes.subarray(0, data));
  await out.truncate(bytes.length + SHIFT);
  await out.seek(data + SHIFT, Deno.SeekMode.Start);
  await out.write(bytes.subarray(data));
}

randomModelTest("weights beyond 4 GiB are read where they lie", async (path) => {
  const far = `${path}.far`;
  try {
    await shiftTensors(path, far);
    assertEquals((await Deno.stat(far)).size > 2 ** 32, true);
    assertEquals(await logitsOf(far), await logitsOf(path));
    using file = await openGguf(far);
    using near = await openGguf(path);
    const name = "output_norm.weight";
    assertEquals(await file.tensor(name).read(), await near.tensor(name).read());
  } finally {
    await Deno.remove(far);
  }
});
