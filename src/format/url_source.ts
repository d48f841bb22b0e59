/** A file on a server, read in ranges: only what is looked at is fetched. @module */
import { formatError, quote } from "../bytes.ts";
import { ArgumentError, CriaError } from "../errors.ts";
import type { ByteSource } from "./source.ts";

const FIRST_BYTES = 256 * 1024;
const LARGEST_BYTES = 4 * 1024 * 1024; // of one request; each asks for twice as much as the last
const SMALL_FILE_BYTES = 8 * 1024 * 1024; // fetched whole where a server knows no ranges
const TIMEOUT_MS = 60_000; // of one request, its body included

/** How files are fetched. */
export interface UrlOptions {
  /** Stops fetching. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds that one request may take, its body included (default a minute). */
  readonly timeoutMs?: number | undefined;
}

/** Some bytes of a file, and what the server said about it. */
interface Answer {
  readonly offset: number;
  readonly data: Uint8Array;
  readonly total: number;
  readonly version: string | null;
}

/** A file as it was first seen. */
type Seen = Pick<UrlSource, "path" | "bytes" | "version">;

/** A file on a server. */
export class UrlSource implements ByteSource {
  readonly path: string;
  readonly bytes: number;
  /** The server's mark of this version: ETag, or else when it was changed. */
  readonly version: string | null;
  readonly inode = null;
  readonly device = 0;
  readonly #options: UrlOptions;
  readonly #end: number; // nothing behind it is fetched in advance
  #held: Pick<Answer, "offset" | "data"> = { offset: 0, data: new Uint8Array(0) };
  #step = FIRST_BYTES;

  private constructor({ path, bytes, version }: Seen, options: UrlOptions, end = bytes) {
    this.path = path;
    this.bytes = bytes;
    this.version = version;
    this.#options = options;
    this.#end = end;
  }

  /**
   * Asks a server for the start of a file, and so for its size.
   *
   * @throws {ArgumentError} the server has no such file, or it is large and cannot be had in parts
   * @throws {FormatError} the server's answers contradict each other
   * @throws {CriaError} there is no answer
   */
  static async open(path: string, options: UrlOptions = {}): Promise<UrlSource> {
    const answer = await ask(path, 0, FIRST_BYTES, options);
    const source = new UrlSource({ path, bytes: answer.total, version: answer.version }, options);
    source.#held = answer;
    return source;
  }

  /** The same file, without asking for it: each answer must be about this version. */
  reopen(end: number): Promise<UrlSource> {
    const { timeoutMs } = this.#options; // the signal was for opening
    return Promise.resolve(new UrlSource(this, { timeoutMs }, end));
  }

  /** Fills `bytes` from byte `offset` of the file on. */
  async read(offset: number, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      signal?.throwIfAborted();
      const held = this.#held.data.subarray(Math.max(0, offset + at - this.#held.offset));
      const some = held.subarray(0, bytes.length - at);
      if (offset + at < this.#held.offset || some.length === 0) {
        await this.#fetch(offset + at, bytes.length - at, signal ?? this.#options.signal);
        continue;
      }
      bytes.set(some, at);
      at += some.length;
    }
  }

  /** Holds at least the next byte, at most what comes in handy. */
  async #fetch(start: number, needed: number, signal: AbortSignal | undefined): Promise<void> {
    const ahead = Math.min(start + Math.max(needed, this.#step), this.#end);
    const end = Math.min(Math.max(ahead, start + needed), start + LARGEST_BYTES, this.bytes);
    if (end <= start) throw formatError(this.path, "the file ends", start);
    const answer = await ask(this.path, start, end, { ...this.#options, signal });
    if (answer.total !== this.bytes || answer.version !== this.version) {
      throw formatError(this.path, "the file changed on the server while it was read", start);
    }
    this.#held = answer;
    this.#step = Math.min(LARGEST_BYTES, this.#step * 2);
  }

  /** Does nothing: no connection is kept. */
  [Symbol.dispose](): void {
    this.#held = { offset: 0, data: new Uint8Array(0) };
  }
}

/** Whether a path is the URL of a file on a server. */
export function isUrl(path: string): boolean {
  return /^https?:\/\//i.test(path);
}

/** Asks for the bytes from `start` up to `end`, or up to where the file ends. */
async function ask(
  path: string,
  start: number,
  end: number,
  { signal, timeoutMs = TIMEOUT_MS }: UrlOptions,
): Promise<Answer> {
  signal?.throwIfAborted();
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), timeoutMs);
  try {
    const response = await fetch(path, {
      headers: { range: `bytes=${start}-${end - 1}`, "accept-encoding": "identity" },
      signal: signal === undefined ? timeout.signal : AbortSignal.any([signal, timeout.signal]),
    });
    try {
      return await answerOf(path, response, start, end);
    } finally {
      await response.body?.cancel().catch(() => {}); // whatever else the server would send
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw failure(path, error, timeout.signal.aborted ? timeoutMs : undefined);
  } finally {
    clearTimeout(timer);
  }
}

/** Takes the bytes out of an answer, whatever kind it is. */
async function answerOf(
  path: string,
  response: Response,
  start: number,
  end: number,
): Promise<Answer> {
  const { status, headers } = response;
  if (/^https:/i.test(path) && !response.url.startsWith("https:")) {
    throw new ArgumentError(`Cannot open ${quote(path, 300)}: it leads to an unsafe address`);
  }
  const version = headers.get("etag") ?? headers.get("last-modified");
  if (status === 206) {
    const total = totalOf(path, headers.get("content-range"), start, end);
    const data = await bodyOf(path, response, start, Math.min(end, total) - start);
    return { offset: start, data, total, version };
  }
  if (status === 200) return await wholeOf(path, response, version);
  if (status === 416 && /^bytes \*\/0$/.test(headers.get("content-range") ?? "")) {
    return { offset: 0, data: new Uint8Array(0), total: 0, version };
  }
  const state = STATES[status] ?? "the server does not give it";
  throw new ArgumentError(`Cannot open ${quote(path, 300)}: ${state} (HTTP status ${status})`);
}

/** What statuses mean to someone who wants a file. */
const STATES: Readonly<Record<number, string>> = {
  401: "the server wants to know who asks",
  403: "the server forbids it",
  404: "the server has no such file",
  410: "the server has no such file any more",
  416: "the server has fewer bytes than it said",
  429: "the server has had too many requests",
};

/** The size of the file by `Content-Range`, which must name the bytes that were asked for. */
function totalOf(path: string, range: string | null, start: number, end: number): number {
  const found = /^bytes (\d+)-(\d+)\/(\d+)$/i.exec(range?.trim() ?? "");
  const [first = NaN, last = NaN, total = NaN] = found?.slice(1).map(Number) ?? [];
  const asked = `bytes ${start} to ${end - 1}`;
  if (first === start && last === Math.min(end, total) - 1 && Number.isSafeInteger(total)) {
    return total;
  }
  const sent = range === null ? "no range" : quote(range);
  throw formatError(path, `asked for ${asked}, the server answered with ${sent}`, start);
}

/** Exactly `length` bytes of a body. */
async function bodyOf(
  path: string,
  response: Response,
  start: number,
  length: number,
): Promise<Uint8Array> {
  const data = new Uint8Array(length);
  let at = 0;
  for await (const chunk of response.body ?? []) {
    if (at + chunk.length > length) {
      throw formatError(path, `the server sent more than the ${length} bytes it named`, start);
    }
    data.set(chunk, at);
    at += chunk.length;
  }
  if (at === length) return data;
  throw formatError(path, `the server sent ${at} of the ${length} bytes it named`, start);
}

/** A file whose server gives no ranges: all of it, if it is small. */
async function wholeOf(path: string, response: Response, version: string | null): Promise<Answer> {
  const refuse = (state: string) =>
    new ArgumentError(`Cannot open ${quote(path, 300)}: the server gives no ranges, and ${state}`);
  const given = response.headers.get("content-length");
  const most = `at most ${SMALL_FILE_BYTES} bytes are fetched whole`;
  if (given !== null && Number(given) > SMALL_FILE_BYTES) {
    throw refuse(`the file has ${Number(given)} bytes: ${most}`);
  }
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of response.body ?? []) {
    total += chunk.length;
    if (total > SMALL_FILE_BYTES) throw refuse(`the file is large: ${most}`);
    chunks.push(chunk);
  }
  if (given !== null && Number(given) !== total) {
    throw formatError(path, `the server sent ${total} of the ${Number(given)} bytes it named`);
  }
  const data = new Uint8Array(total);
  let at = 0;
  for (const chunk of chunks) {
    data.set(chunk, at);
    at += chunk.length;
  }
  return { offset: 0, data, total, version };
}

/** The error of a request, as a sentence about the URL. */
function failure(path: string, error: unknown, timeoutMs: number | undefined): unknown {
  if (error instanceof CriaError) return error;
  const state = timeoutMs !== undefined
    ? `the server took more than ${timeoutMs / 1000} s`
    : error instanceof Deno.errors.NotCapable
    ? "fetching it was not allowed (--allow-net)"
    : error instanceof Error
    ? quote(error.message, 200).slice(1, -1)
    : String(error);
  return new CriaError(`Cannot read ${quote(path, 300)}: ${state}`, { cause: error });
}
