/** Tells calls of tools from the text around them, while both are being written. @module */

import { isRecord, openingOf, type ToolCall, type ToolFormat } from "./tool_calls.ts";
import { BARE_MARK } from "./tool_calls.ts";
import { UnfinishedTags } from "./unfinished_tags.ts";
import { UnfinishedJson } from "./unfinished_json.ts";

/** What is known of a call. */
export interface ToolCallEvent {
  /** Which call of the turn it is, from 0. */
  readonly index: number;
  /** Its id. */
  readonly id: string;
  /** Its name. */
  readonly name: string;
  /** The whole call, once it is complete. */
  readonly call?: ToolCall;
}

/** Text and calls that have become certain. */
export interface ParsedTools {
  /** Text outside of calls. */
  readonly text: string;
  /** Calls whose names are known now, and calls that are complete. */
  readonly events: readonly ToolCallEvent[];
}

/** Where in its text the parser is. */
type State = "text" | "before" | "name" | "json" | "close" | "between";

/** No name is longer: what is, is no call. */
const LONGEST_NAME = 256;

/**
 * Takes a model's text apart. A call is reported when its name is there, and when it is whole;
 * what begins like a call and is none comes out as text. Each character is looked at once or so,
 * however the text is cut.
 * @example
 * ```ts
 * import { PLAIN_FORMAT } from "./tool_calls.ts";
 *
 * const parser = new ToolParser(PLAIN_FORMAT, (index) => `call0000${index}`);
 * const written = '<tool_call>{"name": "now", "arguments": {}}</tool_call>';
 * const { text, events } = parser.push("I see. " + written);
 * console.assert(text === "I see." && events.at(-1)?.call?.name === "now");
 * ```
 */
export class ToolParser {
  readonly #format: ToolFormat;
  readonly #idOf: (index: number) => string;
  readonly #isText: (tool: string, argument: string) => boolean;
  readonly #open: string;
  #state: State = "text";
  #held = ""; // what is not certain yet: all since a call began, but for its JSON
  #at = 0; // how much of `held` has been understood
  #space = ""; // white space before a call
  #json: UnfinishedJson | UnfinishedTags | undefined; // the arguments, or all of a call
  #isList = false; // calls stand in brackets
  #name: string | undefined; // of the call that is being read
  #count = 0;
  #isFirst = true; // nothing but white space has come
  #text = "";
  #events: ToolCallEvent[] = [];

  /**
   * Begins with no text.
   * @param format how calls are written
   * @param idOf the id of a call
   * @param isText whether an argument is a text, for forms that do not say
   */
  constructor(
    format: ToolFormat,
    idOf: (index: number) => string,
    isText: (tool: string, argument: string) => boolean = () => false,
  ) {
    this.#isText = isText;
    this.#format = format;
    this.#idOf = idOf;
    this.#open = openingOf(format);
  }

  /** Takes a piece of text; returns what has become certain. */
  push(piece: string): ParsedTools {
    this.#held += piece;
    while (this.#step());
    return this.#take();
  }

  /** What was held back, when no more comes. */
  flush(): ParsedTools {
    if (this.#state === "between") this.#held = this.#held.trimEnd();
    this.#giveUp();
    return this.#take();
  }

  #take(): ParsedTools {
    const taken = { text: this.#text, events: this.#events };
    this.#text = "";
    this.#events = [];
    return taken;
  }

  /** Does one thing; false where more text is needed. */
  #step(): boolean {
    switch (this.#state) {
      case "text":
        return this.#format.bare ? this.#seekBare() : this.#seek();
      case "before":
        return this.#begin();
      case "name":
        return this.#readName();
      case "json":
        return this.#readJson();
      case "close":
        return this.#readClose();
      case "between":
        return this.#readBetween();
    }
  }

  /** Passes text on up to the mark of a call; holds what may be one, and white space before it. */
  #seek(): boolean {
    const held = this.#held, at = held.indexOf(this.#open);
    if (at >= 0) {
      const end = textEnd(held, at);
      this.#text += held.slice(0, end);
      this.#space = held.slice(end, at);
      this.#held = held.slice(at);
      this.#at = this.#format.section[0] === "" ? 0 : this.#open.length;
      this.#isList = false;
      this.#state = "before";
      return true;
    }
    const end = textEnd(held, held.length - openLength(held, this.#open));
    this.#text += held.slice(0, end);
    this.#held = held.slice(end);
    return false;
  }

  /** Without a mark, only a whole answer can be a call: one that begins with the right member. */
  #seekBare(): boolean {
    const { body } = this.#format;
    const begun = this.#isFirst ? this.#held.trimStart() : "";
    if (this.#isFirst && "nameKey" in body) {
      const inner = begun.startsWith(BARE_MARK) ? begun.slice(BARE_MARK.length) : begun;
      const packed = inner.replace(/\s+/g, "").slice(0, 16);
      const wanted = [body.nameKey, body.argumentsKey, "type", "function"].map((key) =>
        `{"${key}"`
      );
      if (BARE_MARK.startsWith(begun) || wanted.some((one) => one.startsWith(packed))) return false;
      if (wanted.some((one) => packed.startsWith(one))) {
        this.#at = this.#held.length - inner.trimStart().length;
        this.#state = "before";
        this.#isFirst = false;
        return true;
      }
    }
    this.#isFirst = false;
    this.#text += this.#held;
    this.#held = "";
    return false;
  }

  /** Reads what stands before the body of a call. */
  #begin(): boolean {
    const { call: [open], body } = this.#format;
    const at = pass(this.#held, this.#at, this.#isList ? "" : open);
    if (at === undefined) return this.#fail();
    const start = skipSpace(this.#held, at);
    if (at < 0 || start === this.#held.length) return false;
    this.#name = undefined;
    if (!("nameKey" in body)) {
      this.#at = start;
      this.#state = "name";
      return true;
    }
    const char = this.#held[start]!;
    if (char === "[" && !this.#isList) {
      this.#isList = true;
      this.#at = start + 1;
      return true;
    }
    if (char !== "{") return this.#fail();
    return this.#beginJson(start);
  }

  #beginJson(start: number): boolean {
    const before = this.#held.slice(0, start);
    return this.#beginBody(before, new UnfinishedJson(before));
  }

  #beginBody(before: string, json: UnfinishedJson | UnfinishedTags): boolean {
    this.#json = json;
    this.#held = this.#held.slice(before.length);
    this.#at = 0;
    this.#state = "json";
    return true;
  }

  /** Reads a name and what separates it from the arguments. */
  #readName(): boolean {
    const { body } = this.#format;
    if ("nameKey" in body) return this.#fail();
    const mark = ("separator" in body ? body.separator : body.nameEnd).trim(),
      end = this.#held.indexOf(mark, this.#at);
    const length = (end < 0 ? this.#held.length - mark.length : end) - this.#at;
    if (length > LONGEST_NAME) return this.#fail();
    if (end < 0) return false;
    const header = this.#held.slice(this.#at, end), idMark = "idMark" in body ? body.idMark : mark;
    const name = header.split(idMark ?? mark)[0]!.trim();
    if (name === "") return this.#fail();
    if ("tag" in body) {
      this.#announce(name);
      const before = this.#held.slice(0, end + mark.length);
      const isText = (argument: string) => this.#isText(name, argument);
      return this.#beginBody(before, new UnfinishedTags(body, before, isText));
    }
    const start = skipSpace(this.#held, end + mark.length);
    if (start === this.#held.length) return false;
    if (this.#held[start] !== "{") return this.#fail();
    this.#announce(name);
    return this.#beginJson(start);
  }

  /** Reads the JSON of a call. */
  #readJson(): boolean {
    const json = this.#json!;
    this.#held = json.add(this.#held);
    if (json instanceof UnfinishedTags) {
      if (json.isBroken) return this.#fail();
    } else if (this.#name === undefined) this.#spyName(json.beginning);
    if (!json.isComplete) return false;
    const call = json instanceof UnfinishedTags ? this.#taggedCall(json) : this.#callOf(json.text);
    if (call === undefined) return this.#fail();
    this.#json = undefined;
    this.#space = "";
    this.#announce(call.name);
    const id = this.#idOf(this.#count);
    this.#events.push({ index: this.#count++, id, name: call.name, call: { id, ...call } });
    this.#name = undefined;
    this.#state = "close";
    return true;
  }

  /** The name that an unfinished object begins with. */
  #spyName(begun: string): void {
    const { body } = this.#format;
    if (!("nameKey" in body)) return;
    const found = /^\{\s*(?:"tool_call_id"\s*:\s*"[^"]*"\s*,\s*)?"(\w+)"\s*:\s*"([^"\\]+)"/
      .exec(begun);
    if (found?.[1] === body.nameKey) this.#announce(found[2]!);
  }

  #announce(name: string): void {
    if (this.#name === name) return;
    this.#name = name;
    this.#events.push({ index: this.#count, id: this.#idOf(this.#count), name });
  }

  /** A call in tags: what is no text is JSON, or what Python makes of it. */
  #taggedCall({ entries }: UnfinishedTags): Omit<ToolCall, "id"> {
    const name = this.#name!;
    const values = entries.map(([key, value]): [string, unknown] => {
      return [key, this.#isText(name, key) ? value : valueOf(value)];
    });
    return { name, arguments: Object.fromEntries(values) };
  }

  /** A call without its id; undefined where the JSON is none, or no call. */
  #callOf(json: string): Omit<ToolCall, "id"> | undefined {
    let value: unknown;
    try {
      value = JSON.parse(json);
    } catch {
      return undefined;
    }
    if (!isRecord(value)) return undefined;
    const { body } = this.#format;
    if (!("nameKey" in body)) return { name: this.#name!, arguments: value };
    const inner = isRecord(value.function) ? value.function : value;
    const name = inner[body.nameKey];
    const given = inner[body.argumentsKey] ?? inner.arguments ?? inner.parameters ?? {};
    if (typeof name !== "string" || name === "" || !isRecord(given)) return undefined;
    return { name, arguments: given };
  }

  /** Reads what stands after a call; where it is missing, the call is one all the same. */
  #readClose(): boolean {
    const [, close] = this.#format.call, at = pass(this.#held, 0, close);
    if (at !== undefined && at < 0) return false;
    this.#held = this.#held.slice(at ?? 0);
    this.#state = "between";
    return true;
  }

  /** After a call: another one, the end of all, or text. */
  #readBetween(): boolean {
    const { section, call, between } = this.#format, held = this.#held;
    const start = skipSpace(held, 0);
    if (start === held.length) return false;
    if (this.#isList) {
      if (held[start] === "]") return this.#done(start + 1);
      if (held[start] === ",") return this.#next(start + 1);
    } else {
      const next = between === undefined || call[0] === "" ? undefined : pass(held, 0, call[0]);
      if (next !== undefined) return next < 0 ? false : this.#next(0);
    }
    const closing = section[1].replace(/^\s*\]/, "");
    const end = closing === "" ? undefined : pass(held, 0, closing);
    if (end !== undefined && end < 0) return false;
    return this.#done(end ?? 0);
  }

  #next(at: number): boolean {
    this.#at = at;
    this.#state = "before";
    return true;
  }

  /** All calls of a section are read. */
  #done(at: number): boolean {
    this.#held = this.#held.slice(at);
    this.#at = 0;
    if (this.#isList) {
      this.#isList = false;
      this.#state = "close"; // a mark may follow
      return true;
    }
    this.#state = "text";
    this.#isFirst = false;
    return true;
  }

  /** What was read is no call: it is text, and reading goes on behind it. */
  #fail(): boolean {
    const read = this.#json ? 0 : Math.max(this.#at, 1);
    this.#text += this.#space + (this.#json?.whole ?? this.#held.slice(0, read));
    this.#held = this.#held.slice(read);
    this.#reset();
    return true;
  }

  #giveUp(): void {
    this.#text += this.#space + (this.#json?.whole ?? "") + this.#held;
    this.#held = "";
    this.#reset();
  }

  #reset(): void {
    this.#space = "";
    this.#json = undefined;
    this.#at = 0;
    this.#name = undefined;
    this.#isList = false;
    this.#isFirst = false;
    this.#state = "text";
  }
}

const PYTHON: Readonly<Record<string, unknown>> = { True: true, False: false, None: null };

/** What a value of an argument means that is no text; what is no JSON is a text after all. */
function valueOf(written: string): unknown {
  if (Object.hasOwn(PYTHON, written)) return PYTHON[written];
  try {
    return JSON.parse(written);
  } catch {
    return written;
  }
}

/** Longer runs of white space are nothing that stands between the parts of a call. */
const MOST_SPACE = 64;

/** The first place from `at` on that is no white space. */
function skipSpace(text: string, at: number): number {
  const last = Math.min(text.length, at + MOST_SPACE);
  while (at < last && isSpace(text, at)) at++;
  return at;
}

function isSpace(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code <= 0x20
    ? code === 0x20 || code >= 9 && code <= 13
    : code >= 0xA0 && /\s/.test(text[at]!);
}

/** Where a text ends, without the white space at its end. */
function textEnd(text: string, end: number): number {
  const least = Math.max(0, end - MOST_SPACE);
  while (end > least && isSpace(text, end - 1)) end--;
  return end;
}

/**
 * Where a text goes on behind something that is written with any white space.
 * @returns -1 where more text is needed, undefined where it is something else
 */
function pass(text: string, at: number, what: string): number | undefined {
  for (const char of what.replace(/\s+/g, "")) {
    at = skipSpace(text, at);
    if (at === text.length) return -1;
    if (text[at] !== char) return undefined;
    at++;
  }
  return at;
}

/** Length of the longest end of a text that begins a mark. */
function openLength(text: string, mark: string): number {
  for (let length = Math.min(mark.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(mark.slice(0, length))) return length;
  }
  return 0;
}
