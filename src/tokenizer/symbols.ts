/** Numbers for what BPE merges: tokens, and texts that are none. @module */
import type { Vocabulary } from "./vocab.ts";

const UNSEEN = -1;

/** Numbers texts: those below the size of the vocabulary are its tokens. */
export class Symbols {
  readonly #texts: string[] = []; // of those that are no tokens
  readonly #numbers = new Map<string, number>();
  readonly #chars = new Int32Array(0x10000).fill(UNSEEN); // by UTF-16 unit, for whole characters

  /** @param idOf the token of a piece, if it has one */
  constructor(
    readonly vocabulary: Vocabulary,
    readonly idOf: (piece: string) => number | undefined,
  ) {}

  /** The number of a text; it gets one if it has none. */
  of(text: string): number {
    const known = this.idOf(text) ?? this.#numbers.get(text);
    if (known !== undefined) return known;
    const number = this.vocabulary.size + this.#texts.length;
    this.#texts.push(text);
    this.#numbers.set(text, number);
    return number;
  }

  /** The text of a symbol. */
  text(symbol: number): string {
    const { size, pieces } = this.vocabulary;
    return symbol < size ? pieces[symbol]! : this.#texts[symbol - size]!;
  }

  /** Writes down the characters of a text. Returns how many there are. */
  characters(text: string, out: Int32Array): number {
    let count = 0;
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at), isPair = (unit & 0xfc00) === 0xd800;
      if (!isPair && this.#chars[unit] === UNSEEN) this.#chars[unit] = this.of(text[at]!);
      out[count++] = isPair ? this.of(text.substring(at, ++at + 1)) : this.#chars[unit]!;
    }
    return count;
  }
}
