/** Perplexity and divergence beside plain sums and numpy's figures, and what is refused. @module */

import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import {
  ArgumentError,
  ContextError,
  CriaError,
  divergence,
  FormatError,
  Model,
  ModelError,
  perplexity,
  saveLogits,
} from "../../mod.ts";
import { encodeRow, rowWords } from "../../src/evaluate/log_probs.ts";
import { logSumExp } from "../conformance/pack.ts";
import { randomModelTest, someTokens } from "../model/random_model.ts";

const BASE = `${import.meta.dirname}/base.kld`;
const MODEL = `${import.meta.dirname}/../conformance/models/phi3.gguf`;
/** What make_divergence.py writes down. */
const golden: {
  readonly tokens: readonly number[];
  readonly expected: Readonly<Record<string, unknown>>;
  readonly rows: readonly {
    readonly logits: readonly (number | null)[];
    readonly words: readonly number[];
  }[];
} = JSON.parse(Deno.readTextFileSync(`${import.meta.dirname}/divergence.json`));
const CONTEXT = 24;

/** Runs something with a path for a file that is removed in the end. */
async function withFile(work: (path: string, folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "cria-test-" });
  try {
    await work(`${folder}/base.kld`, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Holds numbers of any depth against the expected ones. */
function assertNear(actual: unknown, expected: unknown, name: string): void {
  if (typeof expected === "number") {
    assertAlmostEquals(Number(actual), expected, 2e-6 + 2e-4 * Math.abs(expected), name);
    return;
  }
  const found = actual as Record<string, unknown>;
  for (const [key, value] of Object.entries(expected as object)) {
    assertNear(found[key], value, `${name}.${key}`);
  }
}

Deno.test("divergence: every figure is numpy's, from logits of llama.cpp", async () => {
  using model = await Model.load(MODEL, { threads: 2, context: CONTEXT });
  const text = golden.tokens;
  const found = await divergence(model, BASE, { text });
  assertNear(found, golden.expected, "divergence");
  assertEquals(Object.keys(found).sort(), Object.keys(golden.expected).sort());
});

Deno.test("rows in 16 bits have the words of numpy's, of an odd vocabulary too", () => {
  for (const { logits, words } of golden.rows) {
    const found = new Uint16Array(rowWords(logits.length)).fill(7);
    encodeRow(Float32Array.from(logits, (logit) => logit ?? -Infinity), found);
    assertEquals([...found], words);
  }
});

Deno.test("saveLogits writes what divergence reads, byte for byte in size and head", async () => {
  using model = await Model.load(MODEL, { threads: 2, context: CONTEXT });
  await withFile(async (path, folder) => {
    const saved = await saveLogits(model, [...golden.tokens, 5], path, { context: CONTEXT });
    const { nll, tokens, chunks } = golden.expected;
    assertNear(saved, { nll, tokens, chunks }, "saved");
    const [own, theirs] = [path, BASE].map((file) => Deno.readFileSync(file));
    assertEquals(own!.length, theirs!.length);
    const head = 20 + 4 * golden.tokens.length;
    assertEquals(own!.subarray(0, head), theirs!.subarray(0, head));
    const self = await divergence(model, path);
    const halfStep = 16 / 65535 / 2; // what rounding to 16 bits may cost
    for (const kld of Object.values(self.kld.percentiles)) assert(Math.abs(kld) <= halfStep);
    assertEquals([self.sameTop.value, self.nll], [1, saved.nll]);
    const some = await divergence(model, path, { chunks: 2 });
    assertEquals([some.chunks, some.tokens], [2, 22]);
    assertEquals([...Deno.readDirSync(folder)].length, 1);
  });
});

randomModelTest("perplexity is the plain sum over logits, in any company", async (path) => {
  const tokens = someTokens(300), context = 40;
  using plain = await Model.load(path, { threads: 1, context, chunkRows: 1 });
  let sum = 0, squares = 0, count = 0;
  for (let at = 0; at < tokens.length; at += context) {
    const chunk = tokens.slice(at, at + context), logits = await plain.logits(chunk);
    const size = plain.config.vocabularySize;
    for (let row = 0; row + 1 < chunk.length; row++, count++) {
      const one = logits.subarray(row * size, (row + 1) * size);
      const nll = logSumExp(one) - one[chunk[row + 1]!]!;
      sum += nll, squares += nll * nll;
    }
  }
  const result = await perplexity(plain, tokens, { context });
  const error = Math.sqrt((squares / count - (sum / count) ** 2) / (count - 1));
  assertEquals([result.tokens, result.chunks, result.context], [count, 8, context]);
  assertAlmostEquals(result.nll, sum / count, 1e-12);
  assertAlmostEquals(result.nllError, error, 1e-10);
  assertEquals(result.perplexity, Math.exp(result.nll));
  assertAlmostEquals(result.perplexityError, result.perplexity * error, 1e-6);
  const { pageBytes } = plain.cacheStatistics();
  for (const options of [{ threads: 3 }, { chunkRows: 7 }, { cacheBytes: pageBytes }]) {
    using model = await Model.load(path, { threads: 1, context, ...options });
    assertEquals(await perplexity(model, tokens, { context }), result);
    assertEquals(model.cacheStatistics().usedPages, 0);
  }
});

randomModelTest(
  "perplexity: a single predicted token has no error; chunks are counted",
  async (path) => {
    using model = await Model.load(path, { threads: 1, context: 8 });
    const one = await perplexity(model, [5, 6], { context: 8 });
    assertEquals([one.tokens, one.nllError, one.perplexityError], [1, NaN, NaN]);
    const all = await perplexity(model, someTokens(17), { context: 8 });
    assertEquals([all.tokens, all.chunks], [14, 2]); // a chunk of one token is left out
    const first = await perplexity(model, someTokens(17), { context: 8, chunks: 1 });
    assertEquals([first.tokens, first.chunks], [7, 1]);
    const heard: number[] = [];
    await perplexity(model, someTokens(17), {
      context: 8,
      onProgress: ({ tokens, totalTokens }) => void heard.push(tokens / totalTokens),
    });
    assertEquals([heard.length, heard.at(-1)], [14, 1]);
  },
);

randomModelTest("perplexity: what is refused or stopped leaves nothing behind", async (path) => {
  using model = await Model.load(path, { threads: 1, context: 16 });
  const reason = new Error("enough"), text = someTokens(64);
  const refused: readonly [work: (file: string) => Promise<unknown>, says: string][] = [
    [() => perplexity(model, [5]), "fewer than two tokens"],
    [() => perplexity(model, text, { context: 1 }), "chunks of 1"],
    [() => perplexity(model, text, { context: 2.5 }), "chunks of 2.5"],
    [() => perplexity(model, text, { context: 32 }), "31 tokens do not fit a context of 16"],
    [() => perplexity(model, [5, 999], { context: 16 }), "999"],
    [(file) => saveLogits(model, text, file, { context: 2 }), "chunks of 2"],
    [(file) => saveLogits(model, text, file, { context: 65 }), "no whole chunk of 65"],
    [(file) => saveLogits(model, text, `${file}/x`, { context: 8 }), "its folder is not there"],
  ];
  await withFile(async (file, folder) => {
    for (const [work, says] of refused) await assertRejects(() => work(file), CriaError, says);
    const control = new AbortController();
    const onProgress = () => control.abort(reason), options = { context: 16, onProgress };
    const stopped = () => saveLogits(model, text, file, { ...options, signal: control.signal });
    await assertRejects(stopped, Error, "enough");
    const aborted = { context: 16, signal: AbortSignal.abort(reason) };
    await assertRejects(() => perplexity(model, text, aborted), Error, "enough");
    assertEquals([...Deno.readDirSync(folder)], []);
    assertEquals(model.memory().kvBytes, 0);
  });
});

Deno.test("divergence refuses files that are cut off, foreign or of something else", async () => {
  using model = await Model.load(MODEL, { threads: 1, context: CONTEXT });
  const whole = Deno.readFileSync(BASE),
    words = (at: number, ...values: number[]) => {
      const bytes = whole.slice();
      new Uint8Array(bytes.buffer).set(new Uint8Array(Int32Array.from(values).buffer), at);
      return bytes;
    };
  const rows = 20 + 4 * golden.tokens.length;
  const refused: readonly [
    bytes: Uint8Array,
    kind: typeof FormatError | typeof ModelError,
    says: string,
  ][] = [
    [new Uint8Array(0), FormatError, "does not begin with _logits_"],
    [new TextEncoder().encode("GGUF and more of it, and more"), FormatError, "does not begin"],
    [whole.subarray(0, 8), FormatError, "it ends in its header (at byte 8)"],
    [whole.subarray(0, rows - 1), FormatError, "it ends after 0 of its 6 chunks"],
    [whole.subarray(0, whole.length - 1), FormatError, "it ends after 5 of its 6 chunks"],
    [new Uint8Array([...whole, 0]), FormatError, "it goes on after its 6 chunks"],
    [words(8, 2), FormatError, "it has a context of 2"],
    [words(8, -5), FormatError, "it has a context of -5"],
    [words(12, 0), FormatError, "it has a vocabulary of 0"],
    [words(16, -1), FormatError, "it has a chunks of -1"],
    [words(8, 2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1), FormatError, "it ends after 0"],
    [words(12, 287), ModelError, "its vocabulary has 287 tokens, that of the model 288"],
    [words(24, 288), FormatError, "token 288 is none of a vocabulary of 288 (at byte 24)"],
    [words(24, -1), FormatError, "token -1"],
    [words(rows, 0x7fc00000), FormatError, "row 0 of chunk 0 has a step of NaN"],
    [words(rows + 4, 0x42000000), FormatError, "from 32"],
  ];
  await withFile(async (file) => {
    for (const [bytes, kind, says] of refused) {
      await Deno.writeFile(file, bytes);
      await assertRejects(() => divergence(model, file), kind, says, says);
    }
    await assertRejects(() => divergence(model, `${file}.not`), Deno.errors.NotFound);
    using small = await Model.load(MODEL, { threads: 1, context: 8 });
    await assertRejects(() => divergence(small, BASE), ContextError, "context of 8");
    const text = [...golden.tokens.slice(0, 30), 4, ...golden.tokens.slice(31)];
    const says = `token 30 is ${golden.tokens[30]}, that of the text is 4`;
    await assertRejects(() => divergence(model, BASE, { text }), ArgumentError, says);
    const short = golden.tokens.slice(0, 30);
    await assertRejects(
      () => divergence(model, BASE, { text: short }),
      ArgumentError,
      "is missing",
    );
  });
});

randomModelTest("divergence refuses another vocabulary", async (path) => {
  using model = await Model.load(path, { threads: 1, context: CONTEXT });
  const says = "its vocabulary has 288 tokens, that of the model 320";
  await assertRejects(() => divergence(model, BASE), ModelError, says);
});
