/** Keeps special tokens that a message spells from being read as such. @module */

/** A stretch of rendered text. */
export interface Segment {
  /** The text. */
  readonly text: string;
  /** Whether special tokens may be found in it: false for what a message has spelled. */
  readonly special: boolean;
}

/**
 * Swaps the first character of everything in a message that spells a special token, or that could
 * begin one at the message's end, for a private-use character, and swaps it back after rendering.
 *
 * So a template may trim, compare, split and join messages as it likes: all other text is as it
 * was, and what a message has spelled is known wherever it ends up. Private-use characters that
 * the messages contain themselves are not used.
 */
export class Disguise {
  readonly #pattern: RegExp | undefined;
  readonly #openings: readonly string[];
  readonly #masks = new Map<string, string>(); // character -> private-use character
  readonly #faces = new Map<string, string>(); // and back
  readonly #taken: Set<string>;
  #nextMask = 0xE000;

  /**
   * Prepares for one rendering.
   * @param spellings of all special tokens
   * @param context all texts whose private-use characters must stay their own
   */
  constructor(spellings: readonly string[], context: readonly string[]) {
    const escaped = spellings.map((text) => text.replace(/[\\^$.*+?()[\]{}|\/-]/g, "\\$&"));
    this.#pattern = escaped.length === 0
      ? undefined
      : new RegExp(`(?=${escaped.join("|")}).`, "gsu");
    // A role may be a word that a token's spelling begins with; markup begins otherwise.
    this.#openings = spellings.filter((text) => !/^[\p{L}\p{N}]/u.test(text));
    this.#taken = new Set(context.flatMap((text) => text.match(/\p{Co}/gu) ?? []));
  }

  /** The same value with every text in it disguised, keys included. */
  cover(value: unknown): unknown {
    if (typeof value === "string") return this.#coverText(value);
    if (Array.isArray(value)) return value.map((item) => this.cover(item));
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    return Object.fromEntries(
      entries.map(([key, item]) => [this.#coverText(key), this.cover(item)]),
    );
  }

  /** Rendered text with all characters swapped back, cut where they were. */
  uncover(rendered: string): Segment[] {
    if (this.#faces.size === 0) return rendered === "" ? [] : [{ text: rendered, special: true }];
    const parts = rendered.split(new RegExp(`([${[...this.#faces.keys()].join("")}]+)`, "u"));
    return parts.map((part, index) => ({
      text: index % 2 === 0 ? part : [...part].map((mask) => this.#faces.get(mask)).join(""),
      special: index % 2 === 0,
    })).filter(({ text }) => text !== "");
  }

  #coverText(text: string): string {
    const pattern = this.#pattern;
    if (!pattern) return text;
    const covered = text.replace(pattern, (face) => this.#mask(face));
    return this.#coverEnd(covered);
  }

  /** Covers characters from which on the rest of the text is the beginning of a spelling. */
  #coverEnd(text: string): string {
    const longest = Math.max(0, ...this.#openings.map((opening) => opening.length - 1));
    const characters = [...text];
    let tail = "";
    for (let at = characters.length - 1; at >= 0 && tail.length < longest; at--) {
      const face = characters[at]!;
      tail = face + tail;
      if (
        this.#openings.some((opening) => opening.length > tail.length && opening.startsWith(tail))
      ) {
        characters[at] = this.#mask(face);
      }
    }
    return characters.join("");
  }

  /** The private-use character that stands for a character. */
  #mask(face: string): string {
    const known = this.#masks.get(face);
    if (known !== undefined) return known;
    const mask = this.#freeMask();
    this.#masks.set(face, mask);
    this.#faces.set(mask, face);
    return mask;
  }

  /** The next private-use character that no text contains. */
  #freeMask(): string {
    for (;;) {
      const mask = String.fromCodePoint(this.#nextMask);
      this.#nextMask = this.#nextMask === 0xF8FF ? 0xF0000 : this.#nextMask + 1;
      if (!this.#taken.has(mask)) return mask;
    }
  }
}

/** Every text in a value, keys included. */
export function textsOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (Array.isArray(value)) return value.flatMap(textsOf);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => [key, ...textsOf(item)]);
}
