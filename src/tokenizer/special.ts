/** Finds special tokens in a text: only what lies between is cut into pieces. @module */
import { STRIPPING } from "./pretokenize.ts";
import { NOWHERE, Trie } from "./trie.ts";
import type { PieceKind, Vocabulary } from "./vocab.ts";

/** A token that is found as a whole. */
interface Special {
  readonly id: number;
  readonly piece: string;
  readonly kind: PieceKind;
  /** Whether it takes white space on its left or right with it. */
  readonly strips: number;
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

const LEFT = 1, RIGHT = 2;
const FREE = -1, INSIDE = -2; // units of a text: of no token, or of one that began before
const FIRSTS = 256;
const SPACE = /\p{White_Space}/u;

/** Which sides a token strips, as the file or its name says. */
function sidesOf(vocabulary: Vocabulary): (id: number) => number {
  const { metadata } = vocabulary, flags = metadata.get("tokenizer.huggingface.strips");
  if (flags instanceof Uint8Array) return (id) => flags[id] ?? 0;
  const rule = STRIPPING.find(({ key, value }) => value.test(String(metadata.get(key) ?? "")));
  if (rule === undefined) return () => 0;
  const { only, except, side } = rule;
  return (id) => {
    const piece = vocabulary.piece(id);
    const strips = only?.includes(piece) ?? !except?.includes(piece);
    return strips ? { left: LEFT, right: RIGHT }[side] : 0;
  };
}

/** The special tokens of a vocabulary. */
export class SpecialTokens {
  readonly #tokens: readonly Special[]; // the longest first
  readonly #trie: Trie;
  readonly #isFirst = new Uint8Array(FIRSTS); // by UTF-16 unit, of its lower bits: begins a token

  constructor(vocabulary: Vocabulary) {
    const tokens: Special[] = [], sides = sidesOf(vocabulary);
    for (let id = 0; id < vocabulary.size; id++) {
      const kind = vocabulary.kind(id), piece = vocabulary.pieces[id]!;
      if (kind !== "control" && kind !== "user" && kind !== "unknown") continue;
      if (piece === "") continue;
      tokens.push({ id, piece, kind, strips: sides(id) });
      this.#isFirst[piece.charCodeAt(0) % FIRSTS] = 1;
    }
    this.#tokens = tokens.sort((a, b) => b.piece.length - a.piece.length);
    this.#trie = new Trie(vocabulary, new Set(tokens.map(({ id }) => id)));
  }

  /**
   * Cuts a text at its special tokens: strings are plain text, numbers are tokens. Longer tokens
   * are found first, wherever they stand. Control tokens count only if `special` says so: in the
   * text of a user they are nothing but text. A filter is asked about each place.
   */
  cut(text: string, special: boolean | SpecialFilter): (string | number)[] {
    if (text === "") return [];
    const places = this.#find(text);
    if (places.size === 0) return [text];
    const owners = new Int32Array(text.length).fill(FREE);
    const filter = typeof special === "function" ? special : undefined;
    for (const token of this.#tokens) {
      if (special === false && token.kind !== "user") continue;
      for (const place of places.get(token.id) ?? []) take(owners, text, token, place, filter);
    }
    return partsOf(text, owners);
  }

  /** Where tokens stand, one over another maybe, by token. */
  #find(text: string): Map<number, number[]> {
    const found = new Map<number, number[]>(), trie = this.#trie;
    trie.fill();
    for (let start = 0; start < text.length; start++) {
      if (this.#isFirst[text.charCodeAt(start) % FIRSTS] === 0) continue;
      for (let at = start, node = 0; at < text.length; at++) {
        node = trie.step(node, text.charCodeAt(at));
        if (node === NOWHERE) break;
        const id = trie.token(node);
        if (id === NOWHERE) continue;
        const places = found.get(id);
        if (places === undefined) found.set(id, [start]);
        else places.push(start);
      }
    }
    return found;
  }
}

/** Gives a token its place, with the white space that goes with it, if all of that is free. */
function take(
  owners: Int32Array,
  text: string,
  { id, piece, kind, strips }: Special,
  start: number,
  filter: SpecialFilter | undefined,
): void {
  const end = start + piece.length;
  for (let at = start; at < end; at++) if (owners[at] !== FREE) return;
  if (filter?.({ piece, kind, start, end }) === false) return;
  owners.fill(INSIDE, start, end);
  owners[start] = id;
  const isBlank = (at: number) => owners[at] === FREE && SPACE.test(text[at]!);
  if (strips & LEFT) { for (let at = start - 1; isBlank(at); at--) owners[at] = INSIDE; }
  if (strips & RIGHT) { for (let at = end; isBlank(at); at++) owners[at] = INSIDE; }
}

/** Tokens, and the text that none has taken. */
function partsOf(text: string, owners: Int32Array): (string | number)[] {
  const parts: (string | number)[] = [];
  for (let at = 0; at < text.length;) {
    const owner = owners[at]!, start = at++;
    if (owner >= 0) parts.push(owner);
    if (owner !== FREE) continue;
    while (at < text.length && owners[at] === FREE) at++;
    parts.push(text.slice(start, at));
  }
  return parts;
}
