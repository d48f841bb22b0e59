/** Strict JSON: a name stands once in an object, and long texts are read in slices. @module */
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
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const SPACE = /[ \t\n\r]*/y;
const LITERALS = [["true", true], ["false", false], ["null", null]] as const;

/** Where a text comes from, for messages. */
interface Origin {
  /** The file. */
  readonly path: string;
  /** Byte offset in the file at which the text begins. */
  readonly base: number;
}

/** Reads one text; yields now and then, so that the caller can pause. */
class JsonReader {
  #at = 0;
  #members = 0;

  constructor(readonly text: string, readonly origin: Origin) {}

  /** The value that the text is. */
  *read(): Generator<void, JsonValue> {
    this.#skipSpace();
    const value = this.#isContainer() ? yield* this.#container(0) : this.#scalar();
    this.#skipSpace();
    if (this.#at < this.text.length) throw this.#unexpected("the end of the JSON");
    return value;
  }

  #isContainer(): boolean {
    const char = this.text[this.#at];
    return char === "{" || char === "[";
  }

  *#container(depth: number): Generator<void, JsonValue> {
    if (depth === DEPTH_LIMIT) throw this.#fail(`its JSON is nested deeper than ${DEPTH_LIMIT}`);
    const isObject = this.text[this.#at++] === "{", close = isObject ? "}" : "]";
    const members = new Map<string, JsonValue>(), items: JsonValue[] = [];
    const result = isObject ? members : items;
    this.#skipSpace();
    if (this.text[this.#at] === close) return this.#at++, result;
    while (true) {
      const name = isObject ? this.#name(members) : undefined;
      const value = this.#isContainer() ? yield* this.#container(depth + 1) : this.#scalar();
      if (name === undefined) items.push(value);
      else members.set(name, value);
      if (++this.#members % MEMBERS_PER_LOOK === 0) yield;
      this.#skipSpace();
      const next = this.text[this.#at];
      if (next !== close && next !== ",") throw this.#unexpected(`"," or "${close}"`);
      this.#at++;
      if (next === close) return result;
      this.#skipSpace();
    }
  }

  /** A name and its colon. */
  #name(members: ReadonlyMap<string, JsonValue>): string {
    const start = this.#at;
    if (this.text[start] !== '"') throw this.#unexpected("a name in quotes");
    const name = this.#string();
    if (members.has(name)) throw this.#fail(`its JSON has ${quote(name)} twice`, start);
    this.#skipSpace();
    if (this.text[this.#at] !== ":") throw this.#unexpected('":"');
    this.#at++;
    this.#skipSpace();
    return name;
  }

  #scalar(): JsonValue {
    if (this.text[this.#at] === '"') return this.#string();
    for (const [word, value] of LITERALS) {
      if (!this.text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return value;
    }
    NUMBER.lastIndex = this.#at;
    const digits = NUMBER.exec(this.text)?.[0];
    if (digits === undefined) throw this.#unexpected("a value");
    this.#at += digits.length;
    return Number(digits);
  }

  #string(): string {
    const { text } = this, start = this.#at;
    let at = start + 1, isPlain = true;
    for (; text.charCodeAt(at) !== 0x22; at++) {
      if (!(text.charCodeAt(at) >= 0x20)) throw this.#fail("its JSON has a string without end", at);
      if (text.charCodeAt(at) !== 0x5c) continue;
      isPlain = false;
      at++;
    }
    this.#at = at + 1;
    return isPlain ? text.slice(start + 1, at) : this.#unescape(start);
  }

  #unescape(start: number): string {
    try {
      const value: string = JSON.parse(this.text.slice(start, this.#at));
      if (value.isWellFormed()) return value;
    } catch { /* said below */ }
    throw this.#fail("its JSON has an escape that is none", start);
  }

  #skipSpace(): void {
    if (this.text.charCodeAt(this.#at) > 0x20) return; // mostly there is none
    SPACE.lastIndex = this.#at;
    this.#at += SPACE.exec(this.text)![0].length;
  }

  #unexpected(wanted: string): FormatError {
    const found = this.text.slice(this.#at, this.#at + 12);
    const state = found === "" ? "its JSON ends" : `its JSON has ${quote(found)}`;
    return this.#fail(`${state} where ${wanted} should be`);
  }

  #fail(problem: string, at = this.#at): FormatError {
    const before = new TextEncoder().encode(this.text.slice(0, at)).length;
    return formatError(this.origin.path, problem, this.origin.base + before);
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
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw formatError(path, "its JSON is not UTF-8", base);
  }
  const reading = new JsonReader(text, { path, base }).read();
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
