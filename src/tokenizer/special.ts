/** Finds special tokens in a text: only what lies between is cut into pieces. @module */
import type { Vocabulary } from "./vocab.ts";

/** A token that is found as a whole. */
interface Special {
  readonly id: number;
  readonly piece: string;
  /** Whether it takes white space on its left (1) or right (2) with it. */
  readonly strips: number;
  readonly kind: string;
}

/** A place in a text that spells a special token. */
export interface SpecialPlace {
  /** The spelling. */
  readonly piece: string;
  /** What the token is for: `control`, `unknown` or `user`. */
  readonly kind: string;
  /** Where it begins, in UTF-16 units. */
  readonly start: number;
  /** Where it ends. */
  readonly end: number;
}

/** Says whether a place is a special token; if not, it is text. */
export type SpecialFilter = (place: SpecialPlace) => boolean;

const SPACE = /\p{White_Space}/u;

/** Plain text, and where in the whole it begins. */
interface Plain {
  readonly text: string;
  readonly start: number;
}

/** The special tokens of a vocabulary. */
export class SpecialTokens {
  readonly #all: readonly Special[]; // the longest first
  readonly #user: readonly Special[]; // those that are found in any text
  readonly #patterns = new Map<readonly Special[], RegExp>();

  constructor(vocabulary: Vocabulary) {
    const all: Special[] = [];
    for (let id = 0; id < vocabulary.size; id++) {
      const kind = vocabulary.kind(id);
      if (kind !== "control" && kind !== "user" && kind !== "unknown") continue;
      const piece = vocabulary.pieces[id]!;
      if (piece !== "") all.push({ id, piece, kind, strips: vocabulary.strips(id) });
    }
    this.#all = all.sort((a, b) => b.piece.length - a.piece.length);
    this.#user = this.#all.filter(({ kind }) => kind === "user");
  }

  /**
   * Cuts a text at its special tokens: strings are plain text, numbers are tokens. Longer tokens
   * are found first, wherever they stand. Control tokens count only if `special` says so: in the
   * text of a user they are nothing but text. A filter is asked about each place.
   */
  cut(text: string, special: boolean | SpecialFilter): (string | number)[] {
    const tokens = special === false ? this.#user : this.#all;
    const filter = typeof special === "function" ? special : undefined;
    if (text === "") return [];
    if (tokens.length === 0 || !this.#pattern(tokens).test(text)) return [text];
    let parts: (Plain | number)[] = [{ text, start: 0 }];
    for (const token of tokens) {
      if (!text.includes(token.piece)) continue;
      parts = parts.flatMap((part) => typeof part === "number" ? part : cutAt(part, token, filter));
    }
    return parts.map((part) => typeof part === "number" ? part : part.text);
  }

  /** Matches where any of these tokens stands. */
  #pattern(tokens: readonly Special[]): RegExp {
    const known = this.#patterns.get(tokens);
    if (known !== undefined) return known;
    const escaped = tokens.map(({ piece }) => piece.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
    const pattern = new RegExp(escaped.join("|"));
    this.#patterns.set(tokens, pattern);
    return pattern;
  }
}

/** Cuts a text at one token, where the filter lets it; empty texts are left out. */
function cutAt(
  { text, start }: Plain,
  { id, piece, kind, strips }: Special,
  filter: SpecialFilter | undefined,
): (Plain | number)[] {
  const parts: (Plain | number)[] = [];
  let from = 0; // where the plain text begins
  const push = (to: number) => {
    if (to > from) parts.push({ text: text.slice(from, to), start: start + from });
  };
  for (let at = text.indexOf(piece); at >= 0;) {
    const end = at + piece.length;
    const isToken = filter?.({ piece, kind, start: start + at, end: start + end }) ?? true;
    if (isToken) {
      let left = at;
      while (strips & 1 && left > from && SPACE.test(text[left - 1]!)) left--;
      push(left);
      parts.push(id);
      for (from = end; strips & 2 && from < text.length && SPACE.test(text[from]!);) from++;
    }
    at = text.indexOf(piece, isToken ? from : at + 1);
  }
  push(text.length);
  return parts;
}
