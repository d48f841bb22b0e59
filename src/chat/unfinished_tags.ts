/** Arguments in tags, one for each, that come in pieces; each character is read once. @module */

import type { TagBody } from "./tool_calls.ts";
import { UnfinishedJson } from "./unfinished_json.ts";

/** Longer than this are neither a tag nor what may stand between two. */
const LONGEST_TAG = 256;

/** Collects arguments up to the end of their call. */
export class UnfinishedTags {
  /** Names and values, as they are written. */
  readonly entries: [key: string, value: string][] = [];
  /** Whether the call has ended. */
  isComplete = false;
  /** Whether it is none. */
  isBroken = false;
  readonly #body: TagBody;
  readonly #before: string;
  readonly #all: string[] = [];
  #held = ""; // what has not been understood: of a value, what may be the end tag
  #key: string | undefined; // of the value that is being read
  #value: string[] = [];
  #json: UnfinishedJson | undefined; // the value, where its own strings may spell the end tag
  readonly #isText: (argument: string) => boolean;

  /**
   * Begins behind the name of the tool.
   * @param before the text before the arguments, for `whole`
   * @param isText whether an argument is a text, and no JSON
   */
  constructor(body: TagBody, before: string, isText: (argument: string) => boolean) {
    this.#isText = isText;
    this.#body = body;
    this.#before = before;
  }

  /** The text so far, and what stood before it. */
  get whole(): string {
    return this.#before + this.#all.join("");
  }

  /** Takes more text; gives back what does not belong to it. */
  add(piece: string): string {
    this.#held += piece;
    this.#all.push(piece);
    while (!this.isComplete && !this.isBroken && this.#step());
    if (!this.isComplete && !this.isBroken) return "";
    const rest = this.#held;
    this.#all.splice(0, this.#all.length, cutEnd(this.#all.join(""), rest.length));
    return rest;
  }

  #step(): boolean {
    return this.#key === undefined ? this.#readTag() : this.#readValue();
  }

  /** Between values: a tag, or the end of the call. */
  #readTag(): boolean {
    const { tag, end } = this.#body, held = this.#held.trimStart();
    if (held.startsWith(end)) {
      this.#held = held.slice(end.length);
      this.isComplete = true;
    } else if (held.startsWith(tag) && held.includes(">")) {
      const close = held.indexOf(">");
      this.isBroken = close > LONGEST_TAG;
      if (this.isBroken) return false;
      this.#key = held.slice(tag.length, close).trim();
      this.#held = held.slice(close + 1);
    } else {
      const mayBe = held.startsWith(tag) || tag.startsWith(held) || end.startsWith(held);
      this.isBroken = !mayBe || this.#held.length > LONGEST_TAG;
      return false;
    }
    return true;
  }

  #readValue(): boolean {
    if (!this.#isText(this.#key!) && this.#value.length === 0 && !this.#readJson()) return false;
    const { tagEnd } = this.#body, end = this.#held.indexOf(tagEnd);
    const read = end < 0 ? Math.max(0, this.#held.length - tagEnd.length + 1) : end;
    this.#value.push(this.#held.slice(0, read));
    this.#held = this.#held.slice(end < 0 ? read : end + tagEnd.length);
    if (end < 0) return false;
    const value = this.#value.join("").replace(/^\n/, "").replace(/\n$/, "");
    this.entries.push([this.#key!, value]);
    this.#key = undefined;
    this.#value = [];
    return true;
  }

  /** Reads an object or a list; false where more text is needed. */
  #readJson(): boolean {
    const begun = this.#held.trimStart();
    if (this.#json === undefined && begun === "") return this.#held.length > LONGEST_TAG;
    if (this.#json === undefined && !/^[[{]/.test(begun)) return true;
    this.#json ??= new UnfinishedJson("");
    this.#held = this.#json.add(this.#json.beginning === "" ? begun : this.#held);
    if (!this.#json.isComplete) return false;
    this.#value.push(this.#json.text);
    this.#json = undefined;
    return true;
  }
}

/** A text without its end. */
function cutEnd(text: string, length: number): string {
  return text.slice(0, text.length - length);
}
