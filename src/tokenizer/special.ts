/** Finds special tokens in a text: only what lies between is cut into pieces. @module */
import type { Vocabulary } from "./vocab.ts";

/** A token that is found as a whole. */
interface Special {
  readonly id: number;
  readonly piece: string;
  /** Whether it takes white space on its left (1) or right (2) with it. */
  readonly strips: number;
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
      if (piece !== "") all.push({ id, piece, strips: vocabulary.strips(id) });
    }
    this.#all = all.sort((a, b) => b.piece.length - a.piece.length);
    this.#user = this.#all.filter(({ id }) => vocabulary.kind(id) === "user");
  }

  /**
   * Cuts a text at its special tokens: strings are plain text, numbers are tokens. Longer tokens
   * are found first, wherever they stand. Control tokens count only if `special` says so: in the
   * text of a user they are nothing but text.
   */
  cut(text: string, special: boolean): (string | number)[] {
    const tokens = special ? this.#all : this.#user;
    if (text === "") return [];
    if (tokens.length === 0 || !this.#pattern(tokens).test(text)) return [text];
    let parts: (string | number)[] = [text];
    for (const token of tokens) {
      if (!text.includes(token.piece)) continue;
      parts = parts.flatMap((part) => typeof part === "string" ? cutAt(part, token) : part);
    }
    return parts;
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

/** Cuts a text at one token; empty strings are left out. */
function cutAt(text: string, { id, piece, strips }: Special): (string | number)[] {
  const parts: (string | number)[] = [], pieces = text.split(piece);
  for (let [i, between] of pieces.entries()) {
    if (i > 0) parts.push(id);
    if (strips & 2 && i > 0) between = between.replace(/^\p{White_Space}+/u, "");
    if (strips & 1 && i < pieces.length - 1) between = between.replace(/\p{White_Space}+$/u, "");
    if (between !== "") parts.push(between);
  }
  return parts;
}
