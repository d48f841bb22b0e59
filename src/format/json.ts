/** Strict JSON: a name stands once in an object, and long texts are read in pieces. @module */
import { formatError, quote } from "../bytes.ts";
import type { FormatError } from "../errors.ts";
import { turn } from "../turn.ts";

/** A value of JSON. Objects are maps, for names come from outside: "__proto__" is one as well. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;

/** An object of JSON, in the text's order. */
export type JsonObject = ReadonlyMap<string, JsonValue>;

const DEPTH_LIMIT = 64;
const MEMBERS_PER_LOOK = 512; // members between two looks at the clock
const SLICE_MS = 4; // of work before the event loop gets its turn
const PIECE_BYTES = 1 << 18; // decoded at a time: half a millisecond; 16 MB at once take 40
const LONGEST_WORD = 12; // of what is looked at without asking for more: `false`, or a message
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const SPACE = /[ \t\n\r]*/y;
const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const LITERALS = [["true", true], ["false", false], ["null", null]] as const;

/** Where a text comes from. */
interface Origin {
  /** The text as UTF-8. */
  readonly bytes: Uint8Array;
  /** The file, for messages. */
  readonly path: string;
  /** Byte offset in the file at which the text begins. */
  readonly base: number;
}

/** Reads one text; yields now and then, so that the caller can pause. */
class JsonReader {
  #text = ""; // a window of it, decoded
  #dropped = 0; // characters before the window
  #at = 0; // in the window
  #decodedBytes = 0;
  #members = 0;

  constructor(readonly origin: Origin) {}

  /** Lets the window begin where the reader is, and end further on; false at the end. */
  #more(): boolean {
    const { bytes, path, base } = this.origin, start = this.#decodedBytes;
    if (start === bytes.length) return false;
    const rest = this.#text.slice(this.#at); // doubled, if something in it is longer than a piece
    let end = Math.min(bytes.length, start + Math.max(PIECE_BYTES, rest.length));
    while (end < bytes.length && end > start + 1 && (bytes[end]! & 0xc0) === 0x80) end--;
    try {
      this.#text = rest + STRICT.decode(bytes.subarray(start, end));
    } catch {
      throw formatError(path, "its JSON is not UTF-8", base);
    }
    this.#dropped += this.#at;
    this.#at = 0;
    this.#decodedBytes = end;
    return true;
  }

  /** The character that comes next; "" at the end. */
  #peek(): string {
    while (this.#text.length - this.#at < LONGEST_WORD && this.#more());
    return this.#text.charAt(this.#at);
  }

  /** The value that the text is. */
  *read(): Generator<void, JsonValue> {
    this.#skipSpace();
    const value = this.#isContainer() ? yield* this.#container(0) : this.#scalar();
    this.#skipSpace();
    if (this.#peek() !== "") throw this.#unexpected("the end of the JSON");
    return value;
  }

  #isContainer(): boolean {
    const char = this.#peek();
    return char === "{" || char === "[";
  }

  *#container(depth: number): Generator<void, JsonValue> {
    if (depth === DEPTH_LIMIT) throw this.#fail(`its JSON is nested deeper than ${DEPTH_LIMIT}`);
    const isObject = this.#peek() === "{", close = isObject ? "}" : "]";
    this.#at++;
    const members = new Map<string, JsonValue>(), items: JsonValue[] = [];
    const result = isObject ? members : items;
    this.#skipSpace();
    if (this.#peek() === close) return this.#at++, result;
    while (true) {
      const name = isObject ? this.#name(members) : undefined;
      const value = this.#isContainer() ? yield* this.#container(depth + 1) : this.#scalar();
      if (name === undefined) items.push(value);
      else members.set(name, value);
      if (++this.#members % MEMBERS_PER_LOOK === 0) yield;
      this.#skipSpace();
      const next = this.#peek();
      if (next !== close && next !== ",") throw this.#unexpected(`"," or "${close}"`);
      this.#at++;
      if (next === close) return result;
      this.#skipSpace();
    }
  }

  /** A name and its colon. */
  #name(members: ReadonlyMap<string, JsonValue>): string {
    if (this.#peek() !== '"') throw this.#unexpected("a name in quotes");
    const start = this.#dropped + this.#at, name = this.#string();
    if (members.has(name)) throw this.#fail(`its JSON has ${quote(name)} twice`, start);
    this.#skipSpace();
    if (this.#peek() !== ":") throw this.#unexpected('":"');
    this.#at++;
    this.#skipSpace();
    return name;
  }

  #scalar(): JsonValue {
    if (this.#peek() === '"') return this.#string();
    for (const [word, value] of LITERALS) {
      if (!this.#text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return value;
    }
    NUMBER.lastIndex = this.#at;
    const digits = NUMBER.exec(this.#text)?.[0];
    if (digits === undefined) throw this.#unexpected("a value");
    const isAtEnd = this.#text.length - this.#at - digits.length < LONGEST_WORD; // of an exponent
    if (isAtEnd && this.#more()) return this.#scalar();
    this.#at += digits.length;
    return Number(digits);
  }

  #string(): string {
    let text = this.#text, start = this.#at, at = start + 1, isPlain = true;
    for (; text.charCodeAt(at) !== 0x22; at++) {
      if (at >= text.length && this.#more()) {
        [text, start, at] = [this.#text, 0, at - start - 1];
        continue;
      }
      if (!(text.charCodeAt(at) >= 0x20)) throw this.#endless(at);
      if (text.charCodeAt(at) !== 0x5c) continue;
      isPlain = false;
      at++;
    }
    this.#at = at + 1;
    return isPlain ? text.slice(start + 1, at) : this.#unescape(start);
  }

  #endless(at: number): FormatError {
    return this.#fail("its JSON has a string without end", this.#dropped + at);
  }

  #unescape(start: number): string {
    try {
      const value: string = JSON.parse(this.#text.slice(start, this.#at));
      if (value.isWellFormed()) return value;
    } catch { /* said below */ }
    throw this.#fail("its JSON has an escape that is none", this.#dropped + start);
  }

  #skipSpace(): void {
    do {
      if (this.#text.charCodeAt(this.#at) > 0x20) return; // mostly there is none
      SPACE.lastIndex = this.#at;
      this.#at += SPACE.exec(this.#text)![0].length;
    } while (this.#at === this.#text.length && this.#more());
  }

  #unexpected(wanted: string): FormatError {
    const found = this.#peek() && this.#text.slice(this.#at, this.#at + LONGEST_WORD);
    const state = found === "" ? "its JSON ends" : `its JSON has ${quote(found)}`;
    return this.#fail(`${state} where ${wanted} should be`);
  }

  /** An error at a character of the text that is not before the window. */
  #fail(problem: string, at = this.#dropped + this.#at): FormatError {
    const left = new TextEncoder().encode(this.#text.slice(at - this.#dropped)).length;
    const { path, base } = this.origin;
    return formatError(path, problem, base + this.#decodedBytes - left);
  }
}

/**
 * Reads JSON, with pauses for the event loop where it is long.
 *
 * @param bytes the text as UTF-8
 * @param path the file, for messages
 * @param base byte offset in the file at which the text begins
 * @throws {FormatError} it is no JSON, or an object in it has a name twice
 */
export async function readJson(bytes: Uint8Array, path: string, base = 0): Promise<JsonValue> {
  const reading = new JsonReader({ bytes, path, base }).read();
  let since = performance.now();
  while (true) {
    const { done, value } = reading.next();
    if (done) return value;
    if (performance.now() - since < SLICE_MS) continue;
    await turn();
    since = performance.now();
  }
}

/** Whether a value is an object. */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return value instanceof Map;
}

/** Whether a value is a list. */
export function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** A value that GGUF could hold as well; lists and objects are for those who know them. */
export function plain(value: JsonValue | undefined): string | number | boolean | undefined {
  return typeof value === "object" || value === undefined ? undefined : value;
}
