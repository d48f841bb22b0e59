/** A bounds-checked little-endian reader over a window of a file. @module */
import { FormatError } from "./errors.ts";

/**
 * Puts a name from outside between quotes for a message: one line, nothing that a terminal would
 * obey, and at most `longest` characters.
 */
export function quote(name: string, longest = 80): string {
  const short = name.length > longest ? `${name.slice(0, longest - 1)}…` : name;
  return JSON.stringify(short).replace(
    /[\u007f-\u009f\u2028\u2029\p{Cf}]/gu,
    (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`,
  );
}

/** The sentence that every refused file is answered with. */
export function formatError(path: string, problem: string, offset?: number): FormatError {
  return new FormatError(`Cannot read ${quote(path, Infinity)}: ${problem}`, path, offset);
}

/** Signals that the file goes on but the window ends: read on with `bytes` in the window. */
export class WindowEnd extends Error {
  override name = "WindowEnd";
  /** @param bytes how many bytes, from the start of the window, the read needs */
  constructor(readonly bytes: number) {
    super("the window ends");
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads little-endian numbers, strings and arrays in order. Reading beyond the file throws a
 * `FormatError`; reading beyond the window, where the file goes on, throws a `WindowEnd`.
 */
export class ByteReader {
  /** Position in the window; moves only when a read succeeds. */
  position = 0;
  readonly #view: DataView;

  /**
   * @param bytes the window
   * @param path the file, for messages
   * @param base byte offset of the window in the file
   * @param fileBytes size of the whole file
   */
  constructor(
    readonly bytes: Uint8Array,
    readonly path: string,
    readonly base = 0,
    readonly fileBytes: number = base + bytes.length,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Byte offset in the file of what is read next. */
  get offset(): number {
    return this.base + this.position;
  }

  /** Bytes of the file that are not read yet. */
  get left(): number {
    return this.fileBytes - this.offset;
  }

  /** An error that names the file and the byte. */
  fail(problem: string, offset = this.offset): FormatError {
    return formatError(this.path, problem, offset);
  }

  /** Steps over `count` bytes and returns the position where they begin in the window. */
  take(count: number, what: string): number {
    if (count > this.left) {
      throw this.fail(`${what} takes ${count} bytes, ${this.left} are left`);
    }
    const start = this.position;
    if (start + count > this.bytes.length) throw new WindowEnd(start + count);
    this.position = start + count;
    return start;
  }

  /** An unsigned 8-bit number. */
  u8(what: string): number {
    return this.#view.getUint8(this.take(1, what));
  }

  /** A signed 8-bit number. */
  i8(what: string): number {
    return this.#view.getInt8(this.take(1, what));
  }

  /** An unsigned 16-bit number. */
  u16(what: string): number {
    return this.#view.getUint16(this.take(2, what), true);
  }

  /** A signed 16-bit number. */
  i16(what: string): number {
    return this.#view.getInt16(this.take(2, what), true);
  }

  /** An unsigned 32-bit number. */
  u32(what: string): number {
    return this.#view.getUint32(this.take(4, what), true);
  }

  /** A signed 32-bit number. */
  i32(what: string): number {
    return this.#view.getInt32(this.take(4, what), true);
  }

  /** A float. */
  f32(what: string): number {
    return this.#view.getFloat32(this.take(4, what), true);
  }

  /** A double. */
  f64(what: string): number {
    return this.#view.getFloat64(this.take(8, what), true);
  }

  /** A 64-bit number; a bigint only where a number would not be exact. */
  u64(what: string): number | bigint {
    const start = this.take(8, what);
    const high = this.#view.getUint32(start + 4, true);
    if (high < 2 ** 21) return high * 2 ** 32 + this.#view.getUint32(start, true);
    return this.#view.getBigUint64(start, true);
  }

  /** A signed 64-bit number; a bigint only where a number would not be exact. */
  i64(what: string): number | bigint {
    const value = this.#view.getBigInt64(this.take(8, what), true);
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  /** A 64-bit count of things that take at least `eachBytes` each: refused if they cannot fit. */
  count(what: string, eachBytes: number): number {
    const offset = this.offset;
    const count = this.u64(what);
    if (typeof count === "bigint" || count > this.left / eachBytes) {
      throw this.fail(`${what} is ${count}, but only ${this.left} bytes are left`, offset);
    }
    return count;
  }

  /** `count` bytes, not copied. */
  raw(count: number, what: string): Uint8Array {
    const start = this.take(count, what);
    return this.bytes.subarray(start, start + count);
  }

  /** A string of `count` bytes that must be UTF-8. */
  text(count: number, what: string): string {
    const offset = this.offset;
    const bytes = this.raw(count, what);
    try {
      return UTF8.decode(bytes);
    } catch {
      throw this.fail(`${what} is not UTF-8`, offset);
    }
  }
}
