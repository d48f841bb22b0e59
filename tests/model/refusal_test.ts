/** Arguments and files that a model refuses, and what it says about them. @module */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { ArgumentError, FormatError, type LoadOptions, Model, ModelError } from "../../mod.ts";
import { SMOLLM2 } from "../conformance/pack.ts";
import { sharedTest } from "../support.ts";
import { randomModelTest, VOCABULARY } from "./random_model.ts";

const BAD_IDS = [-1, VOCABULARY, 0.5, NaN, Infinity, 2 ** 32];

randomModelTest("token ids that are not in the vocabulary", async (path) => {
  using model = await Model.load(path, { threads: 1, context: 100 });
  using sequence = model.createSequence(), session = model.session();
  for (const id of BAD_IDS) {
    assertThrows(() => sequence.evaluate([1, id]), ArgumentError, `token ${id}`);
    await assertRejects(() => model.logits([id]), ArgumentError, `token ${id}`);
    await assertRejects(() => session.generate([1, id]).text(), ArgumentError, `token ${id}`);
  }
  assertThrows(() => sequence.evaluate([]), ArgumentError, "empty");
  await assertRejects(() => model.logits([]), ArgumentError, "empty");
  await assertRejects(() => session.generate([]).text(), ArgumentError);
  assertEquals([sequence.position, session.position], [0, 0]);
  await sequence.evaluate([0, VOCABULARY - 1]);
  for (const position of [-1, 3, 0.5, NaN]) {
    assertThrows(() => sequence.rewind(position), ArgumentError, "has 2");
    assertThrows(() => session.rewind(position), ArgumentError, "has 0");
  }
});

const BAD_OPTIONS: readonly [options: LoadOptions, message: string][] = [
  [{ threads: 0 }, "threads 0"],
  [{ threads: 1.5 }, "threads 1.5"],
  [{ threads: 257 }, "threads 257"],
  [{ context: 0 }, "context 0"],
  [{ context: NaN }, "context NaN"],
  [{ chunkRows: 0 }, "chunkRows 0"],
  [{ chunkRows: 513 }, "chunkRows 513"],
  [{ cacheBytes: 0 }, "cacheBytes 0"],
  [{ cacheBytes: NaN }, "cacheBytes NaN"],
  [{ isa: "z80" }, '"z80"'],
  [{ kv: JSON.parse('"f8"') }, '"f8"'],
];

randomModelTest("options that cannot be used", async (path) => {
  for (const [options, message] of BAD_OPTIONS) {
    await assertRejects(() => Model.load(path, options), ArgumentError, message);
  }
});

randomModelTest("priorities and guessers that are none", async (path) => {
  using model = await Model.load(path, { threads: 1, context: 100 });
  using session = model.session();
  for (const priority of [NaN, Infinity, JSON.parse('"high"')]) {
    const message = `priority ${priority}`, options = { priority };
    await assertRejects(() => session.generate([1], options).text(), ArgumentError, message);
    await assertRejects(() => model.logits([1], options), ArgumentError, message);
    await assertRejects(() => model.embed([[1]], options), ArgumentError, message);
  }
  for (const [speculate, found] of [["draft", '"draft"'], [{}, "object"], [1, "number"]] as const) {
    const options = { speculate: JSON.parse(JSON.stringify(speculate)) };
    assertThrows(() => session.generate([1], options), ArgumentError, found);
  }
});

randomModelTest("files that cannot be used are named", async (path) => {
  const cut = `${path}.cut`, bytes = Deno.readFileSync(path);
  try {
    Deno.writeFileSync(cut, bytes.subarray(0, bytes.length - 1));
    const error = await assertRejects(() => Model.load(cut), FormatError);
    assertStringIncludes(error.message, cut);
    bytes[bytes.indexOf(0x6c, 60)] = 0x78; // the l of "llama", behind its key
    Deno.writeFileSync(cut, bytes);
    const unknown = await assertRejects(() => Model.load(cut), ModelError);
    assertStringIncludes(unknown.message, cut);
    assertStringIncludes(unknown.message, "xlama");
  } finally {
    Deno.removeSync(cut);
  }
  await assertRejects(() => Model.load(`${path}.none`), Error, `${path}.none`);
});

/** Bytes of a file with another type for one of its matrices, of the same size. */
function retyped(bytes: Uint8Array<ArrayBuffer>, tensor: string, type: number): void {
  const name = new TextEncoder().encode(tensor);
  const at = bytes.findIndex((_, i) => name.every((byte, j) => bytes[i + j] === byte));
  new DataView(bytes.buffer).setUint32(at + name.length + 4 + 2 * 8, type, true);
}

randomModelTest("types that are no weights are named", async (path) => {
  const changed = `${path}.changed`, bytes = Deno.readFileSync(path);
  try {
    retyped(bytes, "blk.0.attn_q.weight", 26);
    Deno.writeFileSync(changed, bytes);
    const error = await assertRejects(() => Model.load(changed), ModelError);
    assertStringIncludes(error.message, 'cannot run tensor "blk.0.attn_q.weight": its type is I32');
    assertStringIncludes(error.message, "IQ4_XS");
  } finally {
    Deno.removeSync(changed);
  }
}, "F32");

sharedTest(
  "a context beyond the machine's memory is refused, with one that fits",
  SMOLLM2,
  async (path) => {
    const load = (context: number) => Model.load(path, { threads: 1, context, kv: "f32" });
    const error = await assertRejects(() => load(1 << 24), ModelError, "the largest that fits is");
    assertStringIncludes(error.message, "needs 720.0 GiB for keys and values");
    const largest = Number(/(\d+)$/.exec(error.message)![1]);
    assert(largest > 1000, error.message);
    using model = await load(Math.floor(largest / 2));
    assert(model.context < largest);
  },
);
