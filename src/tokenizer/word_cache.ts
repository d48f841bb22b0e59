/** Remembers the tokens of words: most of a text is words that it had before. @module */

const LONGEST_WORD = 48; // UTF-16 units
const MOST_WORDS = 1 << 16; // some 10 MB; an English novel has 20,000

/** Tokens by word; forgets everything when it is full. */
export class WordCache {
  readonly #tokens = new Map<string, readonly number[]>();
  readonly #single: (readonly number[] | undefined)[] = new Array(0x10000); // by UTF-16 unit

  get(word: string): readonly number[] | undefined {
    return word.length === 1 ? this.#single[word.charCodeAt(0)] : this.#tokens.get(word);
  }

  /** Remembers the tokens of a word, and returns them. */
  keep(word: string, tokens: readonly number[]): readonly number[] {
    if (word.length > LONGEST_WORD) return tokens;
    if (this.#tokens.size >= MOST_WORDS) this.#tokens.clear();
    if (word.length === 1) this.#single[word.charCodeAt(0)] = tokens;
    else this.#tokens.set(word, tokens);
    return tokens;
  }
}
