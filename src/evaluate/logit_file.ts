/** Files of log-probabilities as llama-perplexity saves them: what a model is compared with. */

import { formatError } from "../bytes.ts";
import { ArgumentError } from "../errors.ts";
import { type Append, writeWholeFile } from "../format/whole_file.ts";
import { rowWords } from "./log_probs.ts";

/*
 * Little-endian: "_logits_", u32 context, i32 vocabulary, i32 chunks, i32 tokens[chunks * context],
 * then of each chunk the rows after the tokens from context / 2 to context - 2 (log_probs.ts).
 * tools/perplexity/perplexity.cpp of llama.cpp defines it. Typed arrays have the byte order of the
 * machine; every platform that Deno runs on is little-endian.
 */
const MAGIC = "_logits_";
const HEAD_BYTES = 20;
const MOST = 2 ** 31 - 1;

/** What a file is about. */
export interface LogitFileHeader {
  /** Tokens of a chunk. */
  readonly context: number;
  /** Tokens of the vocabulary. */
  readonly vocabularySize: number;
  /** All chunks, [context] each. */
  readonly chunks: readonly (readonly number[])[];
}

/** The first token of a chunk that has a row: what comes before is there to be read. */
export function firstScored(context: number): number {
  return Math.floor(context / 2);
}

/** How many rows a chunk has: nothing follows its last token. */
export function rowsOf(context: number): number {
  return context - 1 - firstScored(context);
}

/** Where a row of a chunk lies. */
function offsetOf(header: LogitFileHeader, chunk: number, row: number): number {
  const { context, vocabularySize, chunks } = header;
  const before = HEAD_BYTES + 4 * context * chunks.length;
  return before + 2 * rowWords(vocabularySize) * (chunk * rowsOf(context) + row);
}

/** Puts rows where they belong, in any order. */
export type PutRows = (chunk: number, row: number, words: Uint16Array) => Promise<void>;

/**
 * Writes a file that gets its name when it is whole; one that is there is replaced.
 * @param path the file
 * @param header what it is about
 * @param fill puts all rows
 */
export async function writeLogitFile(
  path: string,
  header: LogitFileHeader,
  fill: (put: PutRows) => Promise<void>,
): Promise<void> {
  const { context, vocabularySize, chunks } = header;
  await writeWholeFile(path, async (append: Append) => {
    const numbers = Int32Array.of(context, vocabularySize, chunks.length);
    await append(new TextEncoder().encode(MAGIC));
    await append(new Uint8Array(numbers.buffer));
    for (const chunk of chunks) await append(new Uint8Array(Int32Array.from(chunk).buffer));
    let last = Promise.resolve(); // one write at a time: the file has one position
    await fill((chunk, row, words) => {
      const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
      return last = last.then(() => append(bytes, offsetOf(header, chunk, row)));
    });
  }, { overwrite: true });
}

/** An opened file; rows are read when they are asked for. */
export class LogitFile implements Disposable {
  readonly #file: Deno.FsFile;
  #last: Promise<unknown> = Promise.resolve(); // read: the file has one position

  private constructor(file: Deno.FsFile, readonly path: string, readonly header: LogitFileHeader) {
    this.#file = file;
  }

  /**
   * Opens a file and reads its tokens.
   * @throws {FormatError} it is none of these, or has more or fewer bytes than its header says
   */
  static async open(path: string): Promise<LogitFile> {
    using stack = new DisposableStack();
    const file = stack.use(await Deno.open(path));
    const { size } = await file.stat();
    const header = await readHeader(file, path, size);
    stack.move();
    return new LogitFile(file, path, header);
  }

  /**
   * Some rows of a chunk.
   * @returns [rows, rowWords(vocabularySize)]
   */
  rows(chunk: number, row: number, rows: number): Promise<Uint16Array> {
    const words = new Uint16Array(rows * rowWords(this.header.vocabularySize));
    const offset = offsetOf(this.header, chunk, row);
    const read = this.#last.catch(() => {}).then(async () => {
      await this.#file.seek(offset, Deno.SeekMode.Start);
      await readAll(this.#file, new Uint8Array(words.buffer), this.path, offset);
      return words;
    });
    this.#last = read;
    return read;
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}

/** Reads and checks everything before the rows. */
async function readHeader(
  file: Deno.FsFile,
  path: string,
  size: number,
): Promise<LogitFileHeader> {
  const head = new Uint8Array(Math.min(HEAD_BYTES, size));
  await readAll(file, head, path, 0);
  if (!new TextDecoder().decode(head).startsWith(MAGIC)) {
    throw formatError(path, `it holds no log-probabilities: it does not begin with ${MAGIC}`);
  }
  if (size < HEAD_BYTES) throw formatError(path, `it ends in its header`, size);
  const [context = 0, vocabularySize = 0, count = 0] = new Int32Array(head.slice(8).buffer);
  const sizes = { context, vocabulary: vocabularySize, chunks: count };
  const least: Readonly<Record<string, number>> = { context: 3, vocabulary: 1, chunks: 1 };
  for (const [name, value] of Object.entries(sizes)) {
    if (value < least[name]!) throw formatError(path, `it has a ${name} of ${value}`);
  }
  const perChunk = 2 * rowWords(vocabularySize) * rowsOf(context);
  const wanted = HEAD_BYTES + 4 * context * count + perChunk * count;
  if (size !== wanted) throw formatError(path, sizeProblem(size, wanted, perChunk, sizes), size);
  const tokens = new Int32Array(context * count);
  await readAll(file, new Uint8Array(tokens.buffer), path, HEAD_BYTES);
  const bad = tokens.findIndex((id) => id < 0 || id >= vocabularySize);
  if (bad >= 0) {
    const state = `token ${tokens[bad]} is none of a vocabulary of ${vocabularySize}`;
    throw formatError(path, state, HEAD_BYTES + 4 * bad);
  }
  const chunks = Array.from({ length: count }, (_, chunk) => {
    return [...tokens.subarray(chunk * context, (chunk + 1) * context)];
  });
  return { context, vocabularySize, chunks };
}

/** What is wrong with the size of a file. */
function sizeProblem(
  size: number,
  wanted: number,
  perChunk: number,
  { context, chunks }: { readonly context: number; readonly chunks: number },
): string {
  if (size > wanted) return `it goes on after its ${chunks} chunks`;
  const whole = Math.floor((size - HEAD_BYTES - 4 * context * chunks) / perChunk);
  return `it ends after ${Math.max(0, whole)} of its ${chunks} chunks`;
}

/** Fills an array from a file. */
async function readAll(
  file: Deno.FsFile,
  to: Uint8Array,
  path: string,
  offset: number,
): Promise<void> {
  for (let at = 0; at < to.length;) {
    const count = await file.read(to.subarray(at));
    if (count === null) throw formatError(path, "it has become shorter", offset + at);
    at += count;
  }
}

/** The most tokens that a chunk can have in a file. */
export function checkContext(context: number): void {
  if (Number.isInteger(context) && context >= 3 && context <= MOST) return;
  throw new ArgumentError(`Cannot save logits of chunks of ${context}: they have 3 tokens or more`);
}
