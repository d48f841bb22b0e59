/** BPE of GGUF files: bytes dressed as letters, or text, merged by rank, word by word. @module */
import { dressed, LETTERS, undressed, utf8Bytes } from "./byte_letters.ts";
import type { Table } from "./lazy_index.ts";
import { Merger } from "./merge.ts";
import { RankedMerges } from "./merge_rules.ts";
import { Symbols } from "./symbols.ts";
import { cutWords } from "./cut.ts";
import { BPE_VOCABULARIES, type PreTokenizer, preTokenizer } from "./pretokenize.ts";
import { type Border, BORDERS, slicesOf } from "./slices.ts";
import { byteTokens } from "./spm.ts";
import { type Metadata, stringList, type Vocabulary } from "./vocab.ts";
import { WordCache } from "./word_cache.ts";

const BLANK = "▁"; // U+2581 stands for a space
const UTF8 = new TextEncoder();

/** Cuts texts into pieces of a vocabulary with merges. */
export class BpeEncoder {
  readonly addBos: boolean;
  readonly alwaysBos: boolean;
  readonly addSpacePrefix = false;
  readonly tables: readonly Table[];
  readonly #isBorder: Border | undefined;
  readonly #words: PreTokenizer;
  readonly #symbols: Symbols;
  readonly #rules: RankedMerges;
  readonly #merger = new Merger();
  readonly #cache = new WordCache();
  #word = new Int32Array(256); // symbols of a word
  #letters: Int32Array | undefined; // [256], the symbols of bytes

  /** @throws {ModelError} no merges, or a pre-tokenizer that cria does not know */
  constructor(readonly vocabulary: Vocabulary, metadata: Metadata) {
    const merges = stringList(metadata, "tokenizer.ggml.merges");
    this.#symbols = new Symbols(vocabulary, (piece) => vocabulary.idOf(piece));
    this.#rules = new RankedMerges(this.#symbols, merges);
    this.tables = [this.#rules.table];
    const vocabularyName = String(metadata.get("tokenizer.ggml.model"));
    const name = BPE_VOCABULARIES.get(vocabularyName) ?? metadata.get("tokenizer.ggml.pre");
    this.#words = preTokenizer(String(name ?? "default"));
    this.#isBorder = BORDERS[this.#words.reach ?? "word"];
    this.addBos = this.#words.addBos !== undefined;
    this.alwaysBos = this.#words.addBos === "always";
  }

  /** Appends the tokens of a text that holds no special tokens. */
  *append(text: string, tokens: number[]): Generator<void> {
    const { blanks, cutters } = this.#words;
    for (const slice of slicesOf(text, this.#isBorder)) {
      for (const word of cutWords(blanks ? slice.replaceAll(" ", BLANK) : slice, cutters)) {
        const known = this.#cache.get(word) ?? this.#cache.keep(word, this.#encode(word));
        for (let i = 0; i < known.length; i++) tokens.push(known[i]!);
      }
      yield;
    }
  }

  /** The bytes that a normal piece stands for. */
  pieceBytes(piece: string): Uint8Array {
    return this.#words.blanks ? UTF8.encode(piece.replaceAll(BLANK, " ")) : undressed(piece);
  }

  #encode(word: string): number[] {
    const { wholeWords } = this.#words;
    if (wholeWords === "all" || (wholeWords === "lines" && word.startsWith("\n"))) {
      const whole = this.vocabulary.textId(this.#words.blanks ? word : dressed(word));
      if (whole !== undefined) return [whole];
    }
    const count = this.#symbolsOf(word), symbols = this.#word, tokens: number[] = [];
    const left = this.#merger.merge(symbols, count, this.#rules);
    for (let i = 0; i < left; i++) {
      if (this.#isToken(symbols[i]!)) tokens.push(symbols[i]!);
      else this.#appendBytes(this.#symbols.text(symbols[i]!), tokens);
    }
    return tokens;
  }

  /** Writes down the letters of a word, which its merges begin with. Returns how many. */
  #symbolsOf(word: string): number {
    if (this.#word.length < 3 * word.length) this.#word = new Int32Array(4 * word.length);
    const symbols = this.#word;
    if (this.#words.blanks) return this.#symbols.characters(word, symbols);
    const letters = this.#letters ??= Int32Array.from(LETTERS, (one) => this.#symbols.of(one));
    const count = utf8Bytes(word, symbols);
    for (let i = 0; i < count; i++) symbols[i] = letters[symbols[i]!]!;
    return count;
  }

  #isToken(symbol: number): boolean {
    return symbol < this.vocabulary.size && this.vocabulary.isText(symbol);
  }

  /**
   * Appends the token of each byte of what is no piece. A byte that is no piece leaves nothing, as
   * in llama.cpp and in tokenizers: SmolLM2 lacks eight that a text may hold, all of them control
   * characters or in planes that no script uses.
   */
  #appendBytes(piece: string, tokens: number[]): void {
    if (this.#words.blanks) return void tokens.push(...byteTokens(this.vocabulary, piece) ?? []);
    for (const letter of piece.length > 1 ? piece : "") {
      const id = this.vocabulary.textId(letter);
      if (id !== undefined) tokens.push(id);
    }
  }
}
