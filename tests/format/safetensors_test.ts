/** Safetensors: the rules of the format, shards and their index, folders. @module */

import { assertEquals, assertRejects } from "@std/assert";
import { FormatError } from "../../src/errors.ts";
import { openModelFile } from "../../src/format/open.ts";
import { openSafetensors } from "../../src/format/safetensors.ts";
import { folderOf, rawSafetensors, safetensorsBytes, type StTensor } from "./safetensors_bytes.ts";

const zeros = (name: string, ...shape: number[]): StTensor => {
  const data = new Uint8Array(4 * shape.reduce((a, b) => a * b, 1));
  return { name, dtype: "F32", shape, data };
};

Deno.test("a safetensors file opens by its path, with what it says about itself", async () => {
  const header = '{"b":{"dtype":"BF16","shape":[3],"data_offsets":[24,30]},' +
    '"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},' +
    '"none":{"dtype":"I64","shape":[0,7],"data_offsets":[24,24]}}';
  await using folder = await folderOf({ "x": rawSafetensors(header, new Uint8Array(30)) });
  using file = await openModelFile(`${folder.path}/x`);
  assertEquals([file.format, file.fileBytes], ["safetensors", 8 + header.length + 30]);
  assertEquals([...file.metadata], [["format", "pt"]]);
  assertEquals([...file.tensors.keys()], ["a", "none", "b"]);
  const { type, shape, offset, bytes } = file.tensor("b");
  assertEquals([type, shape, offset, bytes], ["BF16", [3], 8 + header.length + 24, 6]);
});

const A = '"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}';
const D = new Uint8Array(24);
const tensor = (text: string) => `{"a":${text}}`;

for (
  const [what, bytes, says] of [
    ["a length beyond the limit", rawSafetensors(`{${A}}`, D, 100_000_001), "the limit is"],
    ["a length beyond the file", rawSafetensors(`{${A}}`, D, 1000), "are left"],
    ["a name twice", rawSafetensors(`{${A},${A}}`, D), '"a" twice'],
    [
      "a name twice by an escape",
      rawSafetensors(`{${A},${A.replace("a", "\\u0061")}}`, D),
      "twice",
    ],
    ["two shapes", rawSafetensors(tensor('{"dtype":"F32","shape":[6],"shape":[6]}'), D), "twice"],
    ["JSON without end", rawSafetensors(`{${A}`, D), "its JSON ends"],
    ["more than JSON", rawSafetensors(`{${A}}}`, D), "where the end of the JSON should be"],
    ["another padding", rawSafetensors(`{${A}}\0`, D), "where the end of the JSON should be"],
    ["metadata of numbers", rawSafetensors(`{"__metadata__":{"a":1},${A}}`, D), "is no text"],
    ["no dtype", rawSafetensors(tensor('{"shape":[6],"data_offsets":[0,24]}'), D), "has dtype"],
    [
      "a negative size",
      rawSafetensors(tensor('{"dtype":"F32","shape":[-6],"data_offsets":[0,24]}'), D),
      "no whole number",
    ],
    [
      "a size beyond 2^53 times 0",
      rawSafetensors(tensor(
        '{"dtype":"F32","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}',
      )),
      "no number of bytes",
    ],
    [
      "half a byte",
      rawSafetensors(tensor('{"dtype":"F4","shape":[3],"data_offsets":[0,1]}'), D.subarray(0, 1)),
      "no number of bytes",
    ],
    [
      "a hole before the first",
      rawSafetensors(
        tensor('{"dtype":"F32","shape":[2],"data_offsets":[8,16]}'),
        new Uint8Array(16),
      ),
      "leaves a hole of 8 bytes behind the header",
    ],
    ["bytes of nobody", rawSafetensors(`{${A}}`, new Uint8Array(40)), "16 bytes follow"],
    ["a cut file", rawSafetensors(`{${A}}`, D.subarray(8)), "the file has only"],
    ["nesting", rawSafetensors(`{"a":${"[".repeat(1e5)}`), "nested deeper than 64"],
  ] as const
) {
  Deno.test(`safetensors with ${what} are refused`, async () => {
    await using folder = await folderOf({ "model.safetensors": bytes });
    const error = await assertRejects(() => openSafetensors(folder.path), FormatError, says);
    assertEquals(error.message.includes("model.safetensors"), true);
  });
}

const SHARDS = {
  "m1.safetensors": safetensorsBytes([zeros("a", 2), zeros("b", 3)]),
  "m2.safetensors": safetensorsBytes([zeros("c", 4)]),
};
const INDEX = { a: "m1.safetensors", b: "m1.safetensors", c: "m2.safetensors" };
const sharded = (weight_map: object, files: object = SHARDS) =>
  folderOf({ ...files, "model.safetensors.index.json": { weight_map } });

Deno.test("shards open by their folder and by any of them; other files stay alone", async () => {
  await using folder = await sharded(INDEX, {
    ...SHARDS,
    "other.safetensors": safetensorsBytes([zeros("d", 1)]),
  });
  const namesOf = async (name: string) => {
    using file = await openModelFile(`${folder.path}/${name}`);
    return [[...file.tensors.keys()].join(""), file.files.length, file.tensors.has("c")];
  };
  assertEquals(await namesOf(""), ["abc", 2, true]);
  assertEquals(await namesOf("m2.safetensors"), ["abc", 2, true]);
  assertEquals(await namesOf("other.safetensors"), ["d", 1, false]);
});

for (
  const [what, index, says] of [
    ["points above the folder", { ...INDEX, a: "../m1.safetensors" }, "no name of a file in this"],
    ["points anywhere", { ...INDEX, a: "/etc/passwd" }, "no name of a file in this folder"],
    ["points to the folder", { ...INDEX, a: ".." }, "no name of a file in this folder"],
    ["names a number", { ...INDEX, a: 1 }, "no name of a file in this folder"],
    ["names a file that is not there", { ...INDEX, d: "m3.safetensors" }, "no such file"],
    ["misses a tensor", { a: INDEX.a, c: INDEX.c }, 'tensor "b" is here, but the index has it now'],
    ["has a tensor elsewhere", { ...INDEX, b: "m2.safetensors" }, 'has it in "m2.safetensors"'],
    ["has a tensor too many", { ...INDEX, d: "m1.safetensors" }, 'tensor "d" is not in'],
    ["is empty", {}, "it names 0 files"],
  ] as const
) {
  Deno.test(`an index that ${what} is refused`, async () => {
    await using folder = await sharded(index);
    await assertRejects(() => openSafetensors(folder.path), Error, says);
  });
}

Deno.test("a tensor that two shards have is refused", async () => {
  const twice = safetensorsBytes([zeros("c", 4), zeros("a", 2)]);
  await using folder = await sharded(INDEX, { ...SHARDS, "m2.safetensors": twice });
  await assertRejects(() => openSafetensors(folder.path), FormatError, '"a" is here, but');
});

Deno.test("an index with a name twice is refused", async () => {
  const text = '{"weight_map":{"a":"m1.safetensors","a":"m2.safetensors"}}';
  await using folder = await folderOf({ ...SHARDS, "model.safetensors.index.json": text });
  await assertRejects(() => openSafetensors(folder.path), FormatError, '"a" twice');
});

Deno.test("a folder without weights is refused", async () => {
  await using folder = await folderOf({ "config.json": {} });
  await assertRejects(() => openModelFile(folder.path), FormatError, "neither");
});
