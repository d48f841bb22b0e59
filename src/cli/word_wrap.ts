/** Breaks text at its words while it comes, for terminals that would break it anywhere. @module */

import { widthOf } from "./layout.ts";

/**
 * Lets text through a word behind, so that no line is wider than the terminal; a space gives way to
 * the line's end. A word that is wider than a line is left to the terminal.
 */
export class WordWrap {
  readonly #width: number;
  #column = 0;
  #space = "";
  #word = "";

  /** @param width columns of the terminal */
  constructor(width: number) {
    this.#width = width;
  }

  /** Takes a piece; returns what can be written. */
  push(piece: string): string {
    let out = "";
    for (const char of piece) {
      if (char === "\n") {
        out += this.flush() + char;
        this.#column = 0;
      } else if (char === " " || char === "\t") {
        out += this.#take();
        this.#space += char;
      } else {
        if (widthOf(char) === 2) out += this.#take(); // a line may end before each of these
        this.#word += char;
      }
    }
    return out;
  }

  /** What is left, when no more comes. */
  flush(): string {
    const out = this.#take() + this.#space;
    this.#column += widthOf(this.#space);
    this.#space = "";
    return out;
  }

  /** The word that is complete, in this line or the next. */
  #take(): string {
    if (this.#word === "") return "";
    const word = this.#word, space = this.#space, width = widthOf(word);
    this.#word = this.#space = "";
    const end = this.#column + widthOf(space.replaceAll("\t", "        ")) + width;
    const breaks = this.#column > 0 && end > this.#width;
    this.#column = (breaks ? width : end) % (this.#width + 1);
    return (breaks ? "\n" : space) + word;
  }
}
