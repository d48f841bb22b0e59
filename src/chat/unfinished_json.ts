/** An object of JSON that comes in pieces; each character is read once. @module */

/** So much of it is at hand before it is complete. */
const BEGINNING = 512;

/** Collects an object up to its end. */
export class UnfinishedJson {
  /** The first characters, at most 512. */
  beginning = "";
  /** Whether the object has ended. */
  isComplete = false;
  readonly #before: string;
  readonly #parts: string[] = [];
  #depth = 0;
  #inString = false;
  #isEscaped = false;

  /** @param before the text before it, for `whole` */
  constructor(before: string) {
    this.#before = before;
  }

  /** The text so far. */
  get text(): string {
    return this.#parts.join("");
  }

  /** The text so far, and what stood before it. */
  get whole(): string {
    return this.#before + this.text;
  }

  /** Takes more text; gives back what does not belong to it. */
  add(piece: string): string {
    const end = this.#end(piece) ?? piece.length, part = piece.slice(0, end);
    if (this.beginning.length < BEGINNING) {
      this.beginning = (this.beginning + part).slice(0, BEGINNING);
    }
    this.#parts.push(part);
    return piece.slice(end);
  }

  /** The place behind the bracket that closes the first one. */
  #end(piece: string): number | undefined {
    for (let at = 0; at < piece.length; at++) {
      const char = piece[at]!;
      if (this.#inString) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (char === "\\") this.#isEscaped = true;
        else if (char === '"') this.#inString = false;
      } else if (char === '"') this.#inString = true;
      else if (char === "{" || char === "[") this.#depth++;
      else if ((char === "}" || char === "]") && --this.#depth === 0) {
        this.isComplete = true;
        return at + 1;
      }
    }
    return undefined;
  }
}
