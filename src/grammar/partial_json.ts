/** The beginning of a text of JSON, read as far as it is certain. @module */

/** What a text is inside of. */
type Bracket = "{" | "[";

/**
 * Reads JSON as it comes: what there is of a value, with strings that have begun, and without
 * names, numbers and words that may still go on. The text must be the beginning of valid JSON.
 * @example
 * ```ts
 * const reader = new PartialJson();
 * reader.push('{"name": "An');
 * reader.value(); // { name: "An" }
 * ```
 */
export class PartialJson {
  #text = "";
  #at = 0; // what has been looked at
  readonly #open: Bracket[] = [];
  #inString = false;
  #isName = false; // the string that is open, or the next one, names a member
  #safe = 0; // up to here the text can be completed
  #closers = ""; // with these

  /**
   * Takes more of the text.
   * @returns whether more of the value is certain now
   */
  push(more: string): boolean {
    const before = this.#completed;
    this.#text += more;
    while (this.#at < this.#text.length && this.#step());
    return this.#completed !== before;
  }

  /** What is certain of the value; undefined before anything is. */
  value(): unknown {
    const text = this.#completed;
    return text.trim() === "" ? undefined : JSON.parse(text);
  }

  /** The text as far as it can be completed, and so it is. */
  get #completed(): string {
    return this.#text.slice(0, this.#safe) + this.#closers;
  }

  /** Looks at what comes next; false where more must come first. */
  #step(): boolean {
    return this.#inString ? this.#stepInString() : this.#stepOutside();
  }

  #stepInString(): boolean {
    const pattern = /"|[^"\\]+|\\u[dD][89abAB]..\\u....|\\u(?![dD][89abAB])....|\\[^u]/sy;
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) return false; // an escape that has only begun
    this.#at += found.length;
    if (found === '"') this.#inString = false;
    if (!this.#isName) this.#keep(this.#inString ? '"' : "");
    return true;
  }

  #stepOutside(): boolean {
    const pattern = /[\s:]+|[{}[\],"]|[^\s:{}[\],"]+(?=[\s,}\]])/y;
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) return false; // a number or word that may go on
    this.#at += found.length;
    const last = this.#open.at(-1);
    switch (found) {
      case "{":
      case "[":
        this.#open.push(found);
        this.#isName = found === "{";
        this.#keep("");
        break;
      case "}":
      case "]":
        this.#open.pop();
        this.#keep("");
        break;
      case ",":
        this.#isName = last === "{";
        break;
      case '"':
        this.#inString = true;
        if (!this.#isName) this.#keep('"');
        break;
      default:
        if (/[\s:]/.test(found)) {
          if (found.includes(":")) this.#isName = false;
        } else this.#keep("");
    }
    return true;
  }

  /** Remembers that the text can be completed here. */
  #keep(closers: string): void {
    this.#safe = this.#at;
    const closing = this.#open.map((bracket) => bracket === "{" ? "}" : "]").reverse();
    this.#closers = closers + closing.join("");
  }
}
