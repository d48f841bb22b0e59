/** Sessions in files: tokens, options, and the keys and values of the cache. @module */

import { ArgumentError, FormatError } from "../errors.ts";
import { Source } from "../format/source.ts";
import { type Append, writeWholeFile } from "../format/whole_file.ts";
import type { SequencePages } from "./engine.ts";

/** "CRIASESS" and the version of the layout below. */
const MAGIC = new TextEncoder().encode("CRIASESS\u0001\0\0\0");
const START_BYTES = MAGIC.length + 4; // with the length of the header
const HEADER_LIMIT = 64 << 20; // of JSON: a context of some million tokens
const DIGEST_BYTES = 32;

/** What a file says before its pages. */
export interface SnapshotHeader {
  /** The model file, as `fingerprint` tells it. */
  readonly model: string;
  /** What pages look like: the number type, and all lengths. */
  readonly layout: string;
  /** Tokens of the session. */
  readonly tokens: readonly number[];
  /** How many of them are in the cache. */
  readonly cached: number;
  /** Sampler options of the session. */
  readonly options: Readonly<Record<string, unknown>>;
}

/**
 * Writes a snapshot: a file of that name is whole or the one from before. Layout: magic and
 * version, length of the header (u32), header (JSON), pages, and the SHA-256 of the header's bytes
 * and of the SHA-256 of each page.
 */
export async function writeSnapshot(
  path: string,
  header: SnapshotHeader,
  pages: SequencePages,
): Promise<void> {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const fill = async (append: Append) => {
    await append(MAGIC);
    await append(new Uint8Array(Uint32Array.of(json.length).buffer));
    await append(json);
    const digests = [json];
    for (const [index, bytes] of pages.sizes.entries()) {
      const page = new Uint8Array(bytes);
      pages.read(index, page);
      await append(page);
      digests.push(await digest([page]));
    }
    await append(await digest(digests));
  };
  try {
    await writeWholeFile(path, fill, { overwrite: true });
  } catch (error) {
    if (!(error instanceof Error && error.cause instanceof Deno.errors.NotFound)) throw error;
    throw new ArgumentError(`Cannot save a session to "${path}": there is no such folder`);
  }
}

/** A snapshot that is being read. */
export class SnapshotReader implements Disposable {
  readonly #source: Source;
  readonly #digests: Uint8Array<ArrayBuffer>[];
  /** What it says of itself. */
  readonly header: SnapshotHeader;
  /** Where the pages begin. */
  readonly pagesAt: number;

  private constructor(source: Source, json: Uint8Array<ArrayBuffer>) {
    this.#source = source;
    this.#digests = [json];
    this.pagesAt = START_BYTES + json.length;
    this.header = parseHeader(source.path, json);
  }

  /**
   * Opens a snapshot and reads its header.
   * @throws {FormatError} it is none, or of another version, or cut off
   */
  static async open(path: string): Promise<SnapshotReader> {
    const source = await Source.open(path);
    try {
      const { bytes: size } = source, start = new Uint8Array(START_BYTES);
      if (size < START_BYTES) {
        throw new FormatError(`Cannot restore "${path}": it ends after ${size} bytes`, path, size);
      }
      await source.read(0, start);
      if (MAGIC.some((byte, i) => i < 8 && byte !== start[i])) {
        throw new FormatError(`Cannot restore "${path}": it is no session of cria`, path, 0);
      }
      const view = new DataView(start.buffer), version = view.getUint32(8, true);
      if (version !== 1) {
        const state = `its version is ${version}, this program reads 1`;
        throw new FormatError(`Cannot restore "${path}": ${state}`, path, 8);
      }
      const length = view.getUint32(MAGIC.length, true);
      if (length > HEADER_LIMIT || START_BYTES + length > size) {
        const state = `a header of ${length} bytes in a file of ${size}`;
        throw new FormatError(`Cannot restore "${path}": ${state}`, path, MAGIC.length);
      }
      const json = new Uint8Array(length);
      await source.read(START_BYTES, json);
      return new SnapshotReader(source, json);
    } catch (error) {
      source[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * The pages; after the last one the checksum is compared.
   * @param sizes bytes of each that has to be there
   * @throws {FormatError} the file is longer or shorter, or not what was written
   */
  async *pages(sizes: readonly number[]): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const { path, bytes } = this.#source;
    const end = sizes.reduce((sum, size) => sum + size, this.pagesAt);
    if (end + DIGEST_BYTES !== bytes) {
      const state = `${bytes} bytes instead of ${end + DIGEST_BYTES}`;
      throw new FormatError(`Cannot restore "${path}": it has ${state}`, path, bytes);
    }
    let at = this.pagesAt;
    for (const size of sizes) {
      const page = new Uint8Array(size);
      await this.#source.read(at, page);
      at += size;
      this.#digests.push(await digest([page]));
      yield page;
    }
    const stored = new Uint8Array(DIGEST_BYTES);
    await this.#source.read(end, stored);
    const expected = await digest(this.#digests);
    if (stored.some((byte, i) => byte !== expected[i])) {
      throw new FormatError(`Cannot restore "${path}": its checksum does not fit`, path, end);
    }
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#source[Symbol.dispose]();
  }
}

/** The SHA-256 of some parts, one behind the other. */
async function digest(parts: readonly Uint8Array<ArrayBuffer>[]): Promise<Uint8Array<ArrayBuffer>> {
  const all = parts.length === 1 ? parts[0]! : await new Blob([...parts]).bytes();
  return new Uint8Array(await crypto.subtle.digest("SHA-256", all));
}

function parseHeader(path: string, json: Uint8Array): SnapshotHeader {
  const wrong = (state: string) =>
    new FormatError(`Cannot restore "${path}": its header ${state}`, path, START_BYTES);
  let header: Partial<SnapshotHeader> | null;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(json));
  } catch {
    throw wrong("is no JSON");
  }
  const { model, layout, tokens, cached, options } = header ?? {};
  const isCount = (n: unknown) => Number.isSafeInteger(n) && (n as number) >= 0;
  if (typeof model !== "string" || typeof layout !== "string") throw wrong("names no model");
  if (!Array.isArray(tokens) || !tokens.every(isCount)) throw wrong("has no list of tokens");
  if (!isCount(cached) || cached! > tokens.length) {
    throw wrong(`has ${cached} of ${tokens.length} tokens in the cache`);
  }
  if (typeof options !== "object" || options === null) throw wrong("has no options");
  return { model, layout, tokens, cached: cached!, options };
}
