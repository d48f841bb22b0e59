/** Remembers the tokens of words: most of a text is words that it had before. @module */

const LONGEST_WORD = 48; // UTF-16 units
const MOST_WORDS = 1 << 16; // some 10 MB; an English novel has 20,000

/** Tokens by word; forgets everything when it is full. */
export class WordCache {
  readonly #tokens = new Map<string, readonly number[]>();

  get(word: string): readonly number[] | undefined {
    return this.#tokens.get(word);
  }

  /** Remembers the tokens of a word, and returns them. */
  keep(word: string, tokens: readonly number[]): readonly number[] {
    if (word.length > LONGEST_WORD) return tokens;
    if (this.#tokens.size >= MOST_WORDS) this.#tokens.clear();
    this.#tokens.set(word, tokens);
    return tokens;
  }
}
