/** SentencePiece-style BPE: characters merged by score, bytes where no piece fits. @module */
import { quote } from "../bytes.ts";
import { ModelError } from "../errors.ts";
import type { Table } from "./lazy_index.ts";
import { Merger } from "./merge.ts";
import { ScoredMerges } from "./merge_rules.ts";
import { Seams } from "./seams.ts";
import { slicesOf } from "./slices.ts";
import { Symbols } from "./symbols.ts";
import type { Vocabulary } from "./vocab.ts";
import { WordCache } from "./word_cache.ts";

const BLANK = "▁"; // U+2581 stands for a space
const UTF8 = new TextEncoder();

/** Cuts texts into pieces of a vocabulary with scores. */
export class SpmEncoder {
  readonly addBos = true;
  readonly addSpacePrefix = true;
  readonly tables: readonly Table[];
  readonly #merger = new Merger();
  readonly #symbols: Symbols;
  readonly #rules: ScoredMerges;
  readonly #seams: Seams;
  readonly #cache = new WordCache();
  #word = new Int32Array(256); // symbols of a word

  constructor(readonly vocabulary: Vocabulary) {
    this.#symbols = new Symbols(vocabulary, (piece) => vocabulary.textId(piece));
    this.#rules = new ScoredMerges(vocabulary, this.#symbols);
    this.#seams = new Seams(vocabulary);
    this.tables = [this.#seams];
  }

  /** Appends the tokens of a text that holds no special tokens. */
  *append(text: string, tokens: number[]): Generator<void> {
    const seams = this.#seams;
    const isSeam = (given: string, at: number) =>
      seams.isSeam(given.charCodeAt(at - 1), given.charCodeAt(at));
    for (const slice of slicesOf(text.replaceAll(" ", BLANK), isSeam)) {
      seams.forEach(slice, (word) => {
        const known = this.#cache.get(word) ?? this.#cache.keep(word, this.#encode(word));
        for (let i = 0; i < known.length; i++) tokens.push(known[i]!);
      });
      yield;
    }
  }

  /** The bytes that a normal piece stands for. */
  pieceBytes(piece: string): Uint8Array {
    return UTF8.encode(piece.replaceAll(BLANK, " "));
  }

  #encode(text: string): number[] {
    if (this.#word.length < text.length) this.#word = new Int32Array(2 * text.length);
    const symbols = this.#word, count = this.#symbols.characters(text, symbols);
    const left = this.#merger.merge(symbols, count, this.#rules), tokens: number[] = [];
    for (let i = 0; i < left; i++) {
      const symbol = symbols[i]!;
      if (symbol < this.vocabulary.size) tokens.push(symbol);
      else for (const id of this.#bytesOf(this.#symbols.text(symbol))) tokens.push(id);
    }
    return tokens;
  }

  /** The tokens of a character that is no piece. */
  #bytesOf(char: string): readonly number[] {
    const bytes = byteTokens(this.vocabulary, char);
    if (bytes !== undefined) return bytes;
    const { unknownToken } = this.vocabulary;
    if (unknownToken !== undefined) return [unknownToken];
    const state = "the vocabulary has neither a piece nor bytes for it";
    throw new ModelError(`Cannot encode ${quote(char)}: ${state}`);
  }
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
export function bytePiece(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}
