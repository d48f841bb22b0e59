/** WordPiece vocabularies of GGUF files: small letters, words between blanks and signs. @module */
import type { Table } from "./lazy_index.ts";
import { BORDERS, slicesOf } from "./slices.ts";
import { Trie } from "./trie.ts";
import type { Metadata, Vocabulary } from "./vocab.ts";
import { WordCache } from "./word_cache.ts";
import { longestPieces } from "./word_piece.ts";

const BLANK = "▁"; // U+2581 stands before the pieces that words begin with
const UTF8 = new TextEncoder();
const WHITE = /\p{White_Space}/v;
const DROPPED = /[\ufffd\p{Cc}\p{Cf}\p{Co}]/v;
/** What is a word by itself: punctuation, signs of ASCII, Chinese characters. */
const ALONE = new RegExp(
  "[\\p{P}[\\p{S}&&\\p{ASCII}]\\u3400-\\u4dbf\\u4e00-\\u9fff\\uf900-\\ufaff\\u{20000}-\\u{2a6df}" +
    "\\u{2a700}-\\u{2b81f}\\u{2b920}-\\u{2ceaf}\\u{2f800}-\\u{2fa1f}]",
  "v",
);
const ACCENT = /\p{M}/v;

/** Cuts texts into pieces of a vocabulary of words and their parts. */
export class WpmEncoder {
  readonly addBos = true;
  readonly alwaysBos = true; // as in llama.cpp
  readonly addSeparator = true;
  readonly addSpacePrefix = false;
  readonly tables: readonly Table[];
  readonly #trie: Trie;
  readonly #cache = new WordCache();
  readonly #isLower: boolean;
  readonly #isBare: boolean; // without accents

  constructor(readonly vocabulary: Vocabulary, metadata: Metadata) {
    this.#trie = new Trie(vocabulary);
    this.tables = [this.#trie];
    const flag = (name: string, otherwise: boolean): boolean => {
      const value = metadata.get(`tokenizer.ggml.normalizer.${name}`);
      return typeof value === "boolean" ? value : otherwise;
    };
    this.#isLower = flag("lowercase", true);
    this.#isBare = flag("strip_accents", this.#isLower);
  }

  /** Appends the tokens of a text that holds no special tokens. */
  *append(text: string, tokens: number[]): Generator<void> {
    this.#trie.fill();
    for (const slice of slicesOf(text, BORDERS.word)) {
      for (const word of this.#words(slice)) {
        const known = this.#cache.get(word) ?? this.#cache.keep(word, this.#encode(word));
        for (let i = 0; i < known.length; i++) tokens.push(known[i]!);
      }
      yield;
    }
  }

  /** The bytes that a normal piece stands for. */
  pieceBytes(piece: string): Uint8Array {
    return UTF8.encode(piece.replaceAll(BLANK, " "));
  }

  #encode(word: string): readonly number[] {
    const { unknownToken } = this.vocabulary;
    return longestPieces(BLANK + word, this.#trie, 0, 0) ??
      (unknownToken === undefined ? [] : [unknownToken]);
  }

  #words(text: string): string[] {
    const words: string[] = [];
    let word = "";
    const end = () => {
      if (word !== "") words.push(word);
      word = "";
    };
    for (const whole of text) {
      const char = this.#isBare ? firstOf(whole.normalize("NFD")) : whole;
      if (WHITE.test(char)) end();
      else if (DROPPED.test(char) || (this.#isBare && ACCENT.test(char))) continue;
      else {
        const isAlone = ALONE.test(char);
        if (isAlone) end();
        word += this.#isLower ? firstOf(char.toLowerCase()) : char;
        if (isAlone) end();
      }
    }
    end();
    return words;
  }
}

/** The first character of a text: llama.cpp maps each to one, and leaves the rest of it out. */
function firstOf(text: string): string {
  return String.fromCodePoint(text.codePointAt(0)!);
}
