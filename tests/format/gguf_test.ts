/** GGUF: what sound files hold, and how every kind of broken one is refused. @module */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { ArgumentError, CriaError, FormatError, ModelError } from "../../src/errors.ts";
import type { ModelFile } from "../../src/format/file.ts";
import { openGguf } from "../../src/format/gguf.ts";
import { sharedFolder, skip } from "../support.ts";
import {
  floats,
  type GgufBytes,
  ggufBytes,
  pair,
  type PairBytes,
  stringPair,
  stringsPair,
  type TensorBytes,
  TYPES,
  u32Pair,
} from "./gguf_bytes.ts";

/** Runs `use` with a file of these bytes. */
async function withFile<T>(bytes: Uint8Array, use: (path: string) => Promise<T>): Promise<T> {
  const path = await Deno.makeTempFile({ prefix: "cria-", suffix: ".gguf" });
  try {
    await Deno.writeFile(path, bytes);
    return await use(path);
  } finally {
    await Deno.remove(path);
  }
}

function open(file: GgufBytes): Promise<ModelFile> {
  return withFile(ggufBytes(file), openGguf);
}

const NORM = floats("norm", 8);
const PAIRS = [stringPair("general.architecture", "test"), u32Pair("test.count", 7)];

Deno.test("metadata of every type comes back", async () => {
  using file = await open({
    pairs: [
      pair("u8", TYPES.u8, (to) => to.u8(255)),
      pair("i8", TYPES.i8, (to) => to.u8(-128)),
      pair("u16", TYPES.u16, (to) => to.raw([0xff, 0xff])),
      pair("i16", TYPES.i16, (to) => to.raw([0xff, 0xff])),
      pair("u32", TYPES.u32, (to) => to.u32(2 ** 32 - 1)),
      pair("i32", TYPES.i32, (to) => to.u32(2 ** 31)),
      pair("f32", TYPES.f32, (to) => to.f32(0.1)),
      pair("true", TYPES.bool, (to) => to.u8(1)),
      pair("u64", TYPES.u64, (to) => to.u64(2 ** 53 - 1)),
      pair("huge", TYPES.u64, (to) => to.u64(2n ** 64n - 1n)),
      pair("i64", TYPES.i64, (to) => to.u64(2n ** 64n - 1n)),
      pair("f64", TYPES.f64, (to) => to.f64(Infinity)),
      stringPair("string", "ñ 模型 🦙"),
      stringPair("empty", ""),
      stringsPair("strings", ["Ġthe", "", "🦙", "\0", "a\x01\0\0\0\0\0\0\0b", "plain"]),
      stringsPair("broken", ["fine", Uint8Array.of(0xff), "é"]),
      pair("floats", TYPES.array, (to) => to.u32(TYPES.f32).u64(2).f32(1).f32(-2)),
      pair("bools", TYPES.array, (to) => to.u32(TYPES.bool).u64(2).raw([1, 0])),
      pair("none", TYPES.array, (to) => to.u32(TYPES.i64).u64(0)),
      pair(
        "nested",
        TYPES.array,
        (to) => to.u32(TYPES.array).u64(1).u32(TYPES.u8).u64(2).raw([3, 4]),
      ),
    ],
  });
  assertEquals(Object.fromEntries(file.metadata) as Record<string, unknown>, {
    u8: 255,
    i8: -128,
    u16: 65535,
    i16: -1,
    u32: 2 ** 32 - 1,
    i32: -(2 ** 31),
    f32: Math.fround(0.1),
    true: true,
    u64: 2 ** 53 - 1,
    huge: 2n ** 64n - 1n,
    i64: -1,
    f64: Infinity,
    string: "ñ 模型 🦙",
    empty: "",
    strings: ["Ġthe", "", "🦙", "\0", "a\x01\0\0\0\0\0\0\0b", "plain"],
    broken: ["fine", "\ufffd", "é"],
    floats: new Float32Array([1, -2]),
    bools: [true, false],
    none: new BigInt64Array(0),
    nested: [new Uint8Array([3, 4])],
  });
});

Deno.test("tensors are found with row-major shapes and absolute offsets", async () => {
  for (const alignment of [8, 32, 64]) {
    const bytes = ggufBytes({
      version: alignment === 64 ? 2 : 3,
      alignment,
      pairs: [...PAIRS, u32Pair("general.alignment", alignment)],
      tensors: [floats("a", 3, 5), NORM],
    });
    await withFile(bytes, async (path) => {
      using file = await openGguf(path);
      assertEquals(file.tensor("a").shape, [5, 3]);
      assertEquals([...file.tensors.keys()], ["a", "norm"]);
      const { offset, bytes: size, type } = file.tensor("norm");
      assertEquals([size, type, offset % alignment], [32, "F32", 0]);
      assertEquals(new Float32Array(bytes.slice(offset, offset + size).buffer)[7], 8);
      assertEquals(file.fileBytes, bytes.length);
    });
  }
});

Deno.test("a tensor that is not there is named", async () => {
  using file = await open({ tensors: [NORM] });
  let message = "";
  try {
    file.tensor("nrom");
  } catch (error) {
    assert(error instanceof ModelError);
    message = error.message;
  }
  assertMatch(message, /^Cannot find tensor "nrom": .* has 1 others$/);
});

Deno.test("headers longer than a window come back whole", async () => {
  const pieces = Array.from({ length: 40_000 }, (_, i) => `Ġ${i} été`);
  pieces[20_000] = "long ".repeat(300_000);
  using file = await open({ pairs: [...PAIRS, stringsPair("pieces", pieces)], tensors: [NORM] });
  assert(pieces.every((piece, i) => (file.metadata.get("pieces") as string[])[i] === piece));
  assertEquals(file.tensors.size, 1);
});

const named = (key: string | Uint8Array): PairBytes => ({ ...u32Pair("", 1), key });
const wide: TensorBytes = { ...floats("w", 4, 4), name: "w" };
const listed = (type: number, count: number | bigint) =>
  pair("x", TYPES.array, (to) => to.u32(type).u64(count));

/** Broken files, and what must be said about each. */
const BROKEN: readonly (readonly [what: string, file: GgufBytes | Uint8Array, says: RegExp])[] = [
  ["nothing at all", new Uint8Array(0), /empty/],
  ["another magic", { magic: "GGUX" }, /begins with "GGUX".* magic "GGUF" \(at byte 0\)/],
  ["a web page", new TextEncoder().encode("<!DOCTYPE html><p>"), /a web page/],
  ["version 1", { version: 1 }, /version is 1; cria reads 2 and 3 \(at byte 4\)/],
  ["version 4", { version: 4 }, /version is 4/],
  ["the other byte order", { version: 3 << 24 }, /big-endian/],
  ["too many tensors", { tensorCount: 2n ** 63n }, /tensor count is 9223372036854775808/],
  ["too many pairs", { pairCount: 2 ** 40 }, /metadata count is 1099511627776, but only 0/],
  ["a key without letters", { pairs: [named("")] }, /key is empty/],
  ["a key too long", { pairs: [named("k".repeat(65536))] }, /65536 bytes long, more than 65535/],
  ["a key that is not text", { pairs: [named(Uint8Array.of(0xc3))] }, /key is not UTF-8/],
  ["a key beyond the file", { pairs: [{ ...named("k"), keyLength: 999 }] }, /is 999, but only/],
  ["a key twice", { pairs: [...PAIRS, ...PAIRS] }, /"general.architecture" is there twice/],
  ["an unknown type", { pairs: [pair("x", 13, (to) => to.u64(0))] }, /"x" has type 13/],
  [
    "a string beyond the file",
    { pairs: [pair("x", TYPES.string, (to) => to.string("abc", 2n ** 64n - 1n))] },
    /length of metadata "x" is 18446744073709551615, but only/,
  ],
  ["a bool of 2", { pairs: [pair("x", TYPES.bool, (to) => to.u8(2))] }, /bool of value 2/],
  [
    "bools of 2",
    { pairs: [pair("x", TYPES.array, (to) => to.u32(TYPES.bool).u64(2).raw([1, 2]))] },
    /a bool that is not 0 or 1/,
  ],
  ["a list of unknown type", { pairs: [listed(99, 0)] }, /element of metadata "x" has type 99/],
  ["a list that wraps", { pairs: [listed(TYPES.u64, 2n ** 61n)] }, /is 2305843009213693952, but/],
  [
    "a list that is cut in a string",
    { pairs: [pair("x", TYPES.array, (to) => to.u32(8).u64(2).string("a").string("b", 9))] },
    /length of a string in metadata "x" is 9, but only 1/,
  ],
  [
    "lists in lists in lists",
    {
      pairs: [pair("x", TYPES.array, (to) => {
        for (let i = 0; i < 20_000; i++) to.u32(TYPES.array).u64(1);
      })],
    },
    /nests arrays over 4 deep/,
  ],
  [
    "a list of too many lists",
    {
      pairs: [pair("x", TYPES.array, (to) => {
        to.u32(TYPES.array).u64(600_000).raw(new Uint8Array(12 * 600_000));
      })],
    },
    /more than 524288 entries/,
  ],
  ["no alignment", { pairs: [u32Pair("general.alignment", 0)] }, /alignment is "0"/],
  ["an odd alignment", { pairs: [u32Pair("general.alignment", 48)] }, /alignment is "48"/],
  ["a huge alignment", { pairs: [u32Pair("general.alignment", 2 ** 31)] }, /alignment is "2147/],
  ["a word for alignment", { pairs: [stringPair("general.alignment", "32")] }, /alignment is "32"/],
  ["five dimensions", { tensors: [floats("w", 8, 1, 1, 1, 1)] }, /"w" has 5 dimensions/],
  ["no dimension", { tensors: [floats("w")] }, /"w" has 0 dimensions/],
  ["a dimension of 0", { tensors: [floats("w", 8, 0)] }, /has dimension 0/],
  ["a negative dimension", { tensors: [{ ...wide, dimensions: [4, 2n ** 63n] }] }, /9223372036/],
  [
    "a product that wraps",
    { tensors: [{ ...wide, dimensions: [2 ** 32, 2 ** 32] }] },
    /4294967296/,
  ],
  ["an unknown tensor type", { tensors: [{ ...wide, type: 4 }] }, /"w" has type 4, which ggml/],
  [
    "half a block",
    { tensors: [{ ...wide, type: 8, dimensions: [33, 1] }] },
    /rows of 33 elements, but Q8_0 has blocks of 32/,
  ],
  ["an unaligned offset", { tensors: [{ ...wide, offset: 7 }] }, /offset 7, no multiple of .* 32/],
  ["an offset that wraps", { tensors: [{ ...wide, offset: 2n ** 64n - 32n }] }, /beyond the file/],
  ["data beyond the file", { tensors: [{ ...NORM, data: NORM.data.slice(1) }] }, /ends at byte/],
  [
    "overlapping tensors",
    { tensors: [{ ...floats("a", 64), offset: 0 }, { ...floats("b", 64), offset: 32 }] },
    /tensor "b" overlaps "a"/,
  ],
  ["a tensor twice", { tensors: [NORM, NORM] }, /tensor "norm" is there twice/],
  ["a name too long", { tensors: [floats("n".repeat(65), 8)] }, /65 bytes long, more than 64/],
  ["a name that wraps", { tensors: [{ ...NORM, nameLength: 2n ** 64n - 1n }] }, /184467440737/],
  [
    "a name that would ring a bell",
    { tensors: [floats("a\x1b[31m\x07\u0085\u202eb", 3, 0)] },
    /"a\\u001b\[31m\\u0007\\u\{85\}\\u\{202e\}b"/,
  ],
];

for (const [what, file, says] of BROKEN) {
  Deno.test(`refused: ${what}`, async () => {
    const bytes = file instanceof Uint8Array ? file : ggufBytes(file);
    await withFile(bytes, async (path) => {
      const error = await assertRejects(() => openGguf(path), FormatError);
      assertEquals(error.message.split(/[\n\r\v\f\u0085\u2028\u2029]/).length, 1);
      assert(error.message.startsWith(`Cannot read "${path}": `), error.message);
      assertMatch(error.message, says);
      assertEquals(error.path, path);
    });
  });
}

Deno.test("one part of a split model by another name is refused", async () => {
  const pairs = [
    pair("split.count", TYPES.u16, (to) => to.raw([3, 0])),
    pair("split.no", TYPES.u16, (to) => to.raw([0, 0])),
  ];
  await assertRejects(() => open({ pairs }), FormatError, "parts of a model");
});

Deno.test("what is no regular file is refused at once", async () => {
  const folder = await Deno.makeTempDir({ prefix: "cria-" });
  try {
    await assertRejects(() => openGguf(folder), FormatError, "it is a directory");
    const missing = `${folder}/none.gguf`;
    await assertRejects(() => openGguf(missing), ArgumentError, "there is no such file");
    if (Deno.build.os === "windows") return;
    const fifo = `${folder}/fifo.gguf`;
    await new Deno.Command("mkfifo", { args: [fifo] }).output();
    await assertRejects(() => openGguf(fifo), FormatError, "it is a FIFO");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

const WHOLE = ggufBytes({
  pairs: [...PAIRS, stringsPair("tokenizer.ggml.tokens", ["a", "Ġb"]), listed(TYPES.f32, 0)],
  tensors: [floats("a", 3, 5), NORM],
});

/** Opens changed bytes; they must open or be refused, never anything else. */
async function survives(path: string, bytes: Uint8Array): Promise<boolean> {
  await Deno.writeFile(path, bytes);
  try {
    using _file = await openGguf(path);
    return true;
  } catch (error) {
    assert(error instanceof CriaError, String(error));
    return false;
  }
}

Deno.test("a file cut anywhere is refused", async () => {
  await withFile(WHOLE, async (path) => {
    for (let length = 0; length < WHOLE.length; length++) {
      assert(!(await survives(path, WHOLE.subarray(0, length))), `opened with ${length} bytes`);
    }
    assert(await survives(path, WHOLE));
  });
});

Deno.test("a file with wrong bytes opens or is refused", async () => {
  const seed = Number(Deno.env.get("CRIA_SEED") ?? 7);
  let state = seed;
  const random = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * below);
  };
  const values = [0, 1, 4, 8, 9, 127, 128, 255];
  await withFile(WHOLE, async (path) => {
    for (let round = 0; round < 1000; round++) {
      const bytes = WHOLE.slice();
      for (let i = random(4); i >= 0; i--) {
        bytes[random(bytes.length)] = values[random(values.length)]!;
      }
      try {
        await survives(path, bytes);
      } catch (error) {
        throw new Error(`seed ${seed}, round ${round}`, { cause: error });
      }
    }
  });
});

/** One file of the generator of faults. */
interface Fault {
  readonly file: string;
  readonly what: string;
  readonly expected: "accept" | "reject" | "either";
  readonly scope: "container" | "model" | "valid";
  readonly mention?: string;
}

async function checkFault(folder: string, fault: Fault): Promise<void> {
  const path = `${folder}/${fault.file}`;
  try {
    using _file = await openGguf(path);
    assert(fault.expected !== "reject" || fault.scope === "model", `${fault.file} was opened`);
  } catch (error) {
    assert(error instanceof FormatError, `${fault.file}: ${error}`);
    assert(fault.expected !== "accept", error.message);
    assert(error.message.includes(path) && !error.message.includes("\n"), error.message);
    const rest = error.message.replace(path, "");
    assertMatch(rest, new RegExp(fault.mention ?? "[A-Za-z]{3}", "i"));
  }
}

const generator = `${sharedFolder()}/faults/make_bad_gguf.py`;
const python = (...args: string[]) => new Deno.Command("python3", { args });

/** Whether the generator can run here. */
function canGenerate(): boolean {
  try {
    return sharedFolder() !== undefined && python("-c", "import numpy").outputSync().success;
  } catch {
    return false;
  }
}

const faults = "all generated faults are refused, all tricky sound files open";
if (canGenerate()) {
  Deno.test(faults, async () => {
    const folder = await Deno.makeTempDir({ prefix: "cria-" });
    try {
      assert((await python(generator, folder).output()).success);
      const { files } = JSON.parse(await Deno.readTextFile(`${folder}/manifest.json`));
      const list = (files as Fault[]).filter(({ file }) => file.startsWith("gguf/"));
      assert(list.length > 70);
      for (const fault of list) await checkFault(folder, fault);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
} else skip(faults, "it needs python3 with numpy, and faults/ in CRIA_SHARED");
