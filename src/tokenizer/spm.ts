/** SentencePiece-style BPE: characters merged by score, bytes where no piece fits. @module */
import { quote } from "../bytes.ts";
import { ModelError } from "../errors.ts";
import { letterStarts, Merger } from "./merge.ts";
import type { Vocabulary } from "./vocab.ts";
import { WordCache } from "./word_cache.ts";

const BLANK = "▁"; // U+2581 stands for a space
const UTF8 = new TextEncoder();

/** Cuts texts into pieces of a vocabulary with scores. */
export class SpmEncoder {
  readonly addBos = true;
  readonly addSpacePrefix = true;
  readonly index = undefined; // the vocabulary has all it needs
  readonly #merger = new Merger();
  readonly #cache = new WordCache();
  #words: RegExp | undefined; // how a text falls into parts that never merge

  constructor(readonly vocabulary: Vocabulary) {}

  /** Appends the tokens of a text that holds no special tokens. */
  append(text: string, tokens: number[]): void {
    this.#words ??= blankWords(this.vocabulary);
    for (const word of text.replaceAll(" ", BLANK).match(this.#words) ?? []) {
      const known = this.#cache.get(word) ?? this.#cache.keep(word, this.#encode(word));
      for (let i = 0; i < known.length; i++) tokens.push(known[i]!);
    }
  }

  /** The bytes that a normal piece stands for. */
  pieceBytes(piece: string): Uint8Array {
    return UTF8.encode(piece.replaceAll(BLANK, " "));
  }

  #encode(text: string): number[] {
    const merged = this.#merger.merge(letterStarts(text), text.length, (start, _middle, end) => {
      const id = this.vocabulary.textId(text.substring(start, end));
      return id === undefined ? NaN : -this.vocabulary.score(id);
    });
    return merged.flatMap((start, i) => {
      const piece = text.substring(start, merged[i + 1]);
      return this.vocabulary.textId(piece) ??
        byteTokens(this.vocabulary, piece) ?? this.#unknown(piece);
    });
  }

  #unknown(char: string): number[] {
    const { unknownToken } = this.vocabulary;
    if (unknownToken !== undefined) return [unknownToken];
    const state = "the vocabulary has neither a piece nor bytes for it";
    throw new ModelError(`Cannot encode ${quote(char)}: ${state}`);
  }
}

/**
 * How a text with blanks for spaces falls into words that can be merged alone, and remembered.
 *
 * Where no piece holds a blank after another character, nothing ever merges across the start of a
 * word. That holds for Llama's vocabulary; else the whole text is one word.
 */
export function blankWords(vocabulary: Vocabulary): RegExp {
  const across = new RegExp(`[^${BLANK}]${BLANK}`);
  const spans = vocabulary.pieces.some((piece, id) =>
    across.test(piece) && vocabulary.textId(piece) === id
  );
  return spans ? /[^]+/g : new RegExp(`${BLANK}*[^${BLANK}]+|${BLANK}+`, "g");
}

/** The tokens of a character's bytes; undefined where one has none. */
export function byteTokens(vocabulary: Vocabulary, char: string): number[] | undefined {
  const tokens: number[] = [];
  for (const byte of UTF8.encode(char)) {
    const id = vocabulary.idOf(bytePiece(byte));
    if (id === undefined) return undefined;
    tokens.push(id);
  }
  return tokens;
}

/** The piece that stands for a byte: "<0x0A>". */
function bytePiece(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}
