/** An open regular file, read in windows: a header is never in memory as a whole. @module */
import { ByteReader, formatError, quote, WindowEnd } from "../bytes.ts";
import { ArgumentError, type FormatError } from "../errors.ts";

const WINDOW_BYTES = 256 * 1024; // parsed in 2 to 4 ms; then the event loop turns
const HEADER_LIMIT_BYTES = 64 * 1024 * 1024; // the largest vocabularies take 20 MiB
const ITEM_LIMIT = 1 << 19; // the largest models have 100,000 tensors; so many items take 4 s

/** Bytes that can be read at any place: of a file here, or of one on a server. */
export interface ByteSource extends Disposable {
  /** Its path or URL. */
  readonly path: string;
  /** Its size. */
  readonly bytes: number;
  /** Inode of a file, where the system has one. */
  readonly inode: number | null;
  /** Device that holds a file. */
  readonly device: number;
  /** Fills `bytes` from byte `offset` on. */
  read(offset: number, bytes: Uint8Array, signal?: AbortSignal): Promise<void>;
  /** The same once more, after this one is closed; nothing from `end` on will be read. */
  reopen(end: number): Promise<ByteSource>;
}

/** An open regular file. */
export class Source implements ByteSource {
  readonly #file: Deno.FsFile;
  #position = 0; // where the file stands

  private constructor(file: Deno.FsFile, readonly path: string, info: Deno.FileInfo) {
    this.#file = file;
    this.bytes = info.size;
    this.inode = info.ino;
    this.device = info.dev;
  }

  /** Size of the file. */
  readonly bytes: number;
  /** Inode of the file, where the system has one. */
  readonly inode: number | null;
  /** Device that holds the file. */
  readonly device: number;

  /**
   * Opens a regular file; nothing else is even touched, for opening a FIFO would wait for a writer.
   *
   * @throws {ArgumentError} there is no such file, or it may not be read
   * @throws {FormatError} it is a directory, a FIFO, a device
   */
  static async open(path: string): Promise<Source> {
    const before = await reaching(path, () => Deno.stat(path));
    if (!before.isFile) throw irregular(path, before);
    const file = await reaching(path, () => Deno.open(path));
    try {
      const info = await file.stat();
      if (!info.isFile) throw irregular(path, info); // it was swapped meanwhile
      return new Source(file, path, info);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Opens the file again; refuses one that is no longer the same. */
  async reopen(): Promise<Source> {
    const { path, bytes, inode, device } = this;
    const again = await Source.open(path);
    if (again.bytes === bytes && again.inode === inode && again.device === device) return again;
    again[Symbol.dispose]();
    throw formatError(path, "it is no longer the file that was opened");
  }

  /** Fills `bytes` from byte `offset` of the file on. */
  async read(offset: number, bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    if (this.#position !== offset) await this.#file.seek(offset, Deno.SeekMode.Start);
    this.#position = offset;
    for (let at = 0; at < bytes.length;) {
      signal?.throwIfAborted();
      const got = await this.#file.read(bytes.subarray(at));
      if (got === null) throw formatError(this.path, "the file got shorter", offset + at);
      at += got;
      this.#position += got;
    }
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/** Reads a header item after item from a window that moves along the file. */
export class HeaderWindow {
  #reader: ByteReader;
  #itemCount = 0;

  constructor(readonly source: ByteSource) {
    this.#reader = new ByteReader(new Uint8Array(0), source.path, 0, source.bytes);
  }

  /** Byte offset in the file of the next item. */
  get offset(): number {
    return this.#reader.offset;
  }

  /**
   * Reads one item. Where the window ends inside it, the window moves up to its start and `read`
   * runs again: so `read` must not change anything but the reader.
   */
  async item<T>(read: (reader: ByteReader) => T): Promise<T> {
    if (++this.#itemCount > ITEM_LIMIT) {
      throw this.#reader.fail(`its header has more than ${ITEM_LIMIT} entries`);
    }
    while (true) {
      const start = this.#reader.position;
      try {
        return read(this.#reader);
      } catch (error) {
        if (!(error instanceof WindowEnd)) throw error;
        this.#reader.position = start;
        await this.#move(error.bytes - start);
      }
    }
  }

  /** Lets the window begin at the next item and hold at least `needed` bytes. */
  async #move(needed: number): Promise<void> {
    const { offset, left, path, fileBytes } = this.#reader;
    if (offset + needed > HEADER_LIMIT_BYTES) {
      const problem = `its header goes on beyond ${HEADER_LIMIT_BYTES} bytes`;
      throw formatError(path, problem, offset);
    }
    const rest = this.#reader.bytes.subarray(this.#reader.position); // read before, used now
    const bytes = new Uint8Array(Math.min(left, Math.max(needed, WINDOW_BYTES)));
    bytes.set(rest);
    await this.source.read(offset + rest.length, bytes.subarray(rest.length));
    this.#reader = new ByteReader(bytes, path, offset, fileBytes);
  }
}

/** The first bytes of a source, at most `count`. */
export async function startOf(source: ByteSource, count: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(Math.min(source.bytes, count));
  await source.read(0, bytes);
  return bytes;
}

/**
 * The whole of a small file.
 * @returns undefined where there is no such file
 */
export async function readWhole(path: string, limit: number): Promise<Uint8Array | undefined> {
  if (await isMissing(path)) return undefined;
  using source = await Source.open(path);
  if (source.bytes <= limit) return await startOf(source, source.bytes);
  throw formatError(path, `it has ${source.bytes} bytes; the limit is ${limit}`);
}

/** Whether there is nothing at a path. */
export async function isMissing(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return false;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    return false; // whoever opens it says why it cannot be reached
  }
}

/** Whether a path is a folder; what is not there is none. */
export async function isFolder(path: string): Promise<boolean> {
  return (await reaching(path, () => Deno.stat(path))).isDirectory;
}

/** Runs a file operation; says in one sentence why the path cannot be reached. */
async function reaching<T>(path: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    const state = error instanceof Deno.errors.NotFound
      ? "there is no such file"
      : error instanceof Deno.errors.NotCapable
      ? "reading it was not allowed (--allow-read)"
      : error instanceof Deno.errors.PermissionDenied
      ? "its permissions forbid reading it"
      : error instanceof Error
      ? quote(error.message, 200).slice(1, -1)
      : String(error);
    const message = `Cannot open ${quote(path, Infinity)}: ${state}`;
    throw new ArgumentError(message, { cause: error });
  }
}

/** The refusal of what is no regular file. */
function irregular(path: string, info: Deno.FileInfo): FormatError {
  const kind = info.isDirectory
    ? "a directory"
    : info.isFifo
    ? "a FIFO"
    : info.isSocket
    ? "a socket"
    : info.isBlockDevice || info.isCharDevice
    ? "a device"
    : "something special";
  return formatError(path, `it is ${kind}, not a regular file`);
}
