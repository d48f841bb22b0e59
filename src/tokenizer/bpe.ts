/** BPE of GGUF files: bytes dressed as letters, or text, merged by rank, word by word. @module */
import { dressed, undressed } from "./byte_letters.ts";
import { LazyIndex } from "./lazy_index.ts";
import { letterStarts, Merger } from "./merge.ts";
import { cutWords } from "./cut.ts";
import { BPE_VOCABULARIES, type PreTokenizer, preTokenizer } from "./pretokenize.ts";
import { byteTokens } from "./spm.ts";
import { type Metadata, stringList, type Vocabulary } from "./vocab.ts";
import { WordCache } from "./word_cache.ts";

const BLANK = "▁"; // U+2581 stands for a space
const UTF8 = new TextEncoder();

/** Cuts texts into pieces of a byte-level BPE vocabulary. */
export class BpeEncoder {
  readonly addBos: boolean;
  readonly alwaysBos: boolean;
  readonly addSpacePrefix = false;
  readonly #words: PreTokenizer;
  /** From merges, "left right", to their ranks; the lowest is merged first. */
  readonly index: LazyIndex;
  readonly #merger = new Merger();
  readonly #cache = new WordCache();

  /** @throws {ModelError} no merges, or a pre-tokenizer that cria does not know */
  constructor(readonly vocabulary: Vocabulary, metadata: Metadata) {
    const merges = stringList(metadata, "tokenizer.ggml.merges");
    this.index = new LazyIndex(merges.length, (ranks, i) => {
      const rank = merges.length - 1 - i; // from the last, for of equal merges the first counts
      ranks.set(merges[rank]!, rank);
    });
    const vocabularyName = String(metadata.get("tokenizer.ggml.model"));
    const name = BPE_VOCABULARIES.get(vocabularyName) ?? metadata.get("tokenizer.ggml.pre");
    this.#words = preTokenizer(String(name ?? "default"));
    this.addBos = this.#words.addBos !== undefined;
    this.alwaysBos = this.#words.addBos === "always";
  }

  /** Appends the tokens of a text that holds no special tokens. */
  append(text: string, tokens: number[]): void {
    const { blanks, cutters } = this.#words;
    for (const word of cutWords(blanks ? text.replaceAll(" ", BLANK) : text, cutters)) {
      const known = this.#cache.get(word) ?? this.#cache.keep(word, this.#encode(word));
      for (let i = 0; i < known.length; i++) tokens.push(known[i]!);
    }
  }

  /** The bytes that a normal piece stands for. */
  pieceBytes(piece: string): Uint8Array {
    return this.#words.blanks ? UTF8.encode(piece.replaceAll(BLANK, " ")) : undressed(piece);
  }

  #encode(word: string): number[] {
    const text = this.#words.blanks ? word : dressed(word), { wholeWords } = this.#words;
    const isWhole = wholeWords === "all" || (wholeWords === "lines" && word.startsWith("\n"));
    const whole = isWhole ? this.vocabulary.textId(text) : undefined;
    if (whole !== undefined) return [whole];
    const starts = this.#merger.merge(letterStarts(text), text.length, (start, middle, end) => {
      const pair = `${text.substring(start, middle)} ${text.substring(middle, end)}`;
      return this.index.get(pair) ?? NaN;
    });
    const tokens: number[] = [];
    for (let i = 0; i < starts.length; i++) {
      this.#appendPiece(text.substring(starts[i]!, starts[i + 1]), tokens);
    }
    return tokens;
  }

  /**
   * Appends the token of a merged piece, or of each byte of one that is no piece. A byte that is no
   * piece leaves nothing, as in llama.cpp and in tokenizers: SmolLM2 lacks eight that a text may
   * hold, all of them control characters or in planes that no script uses.
   */
  #appendPiece(piece: string, tokens: number[]): void {
    const id = this.vocabulary.textId(piece);
    if (id !== undefined) {
      tokens.push(id);
    } else if (this.#words.blanks) {
      tokens.push(...(byteTokens(this.vocabulary, piece) ?? []));
    } else if (piece.length > 1) {
      for (const letter of piece) this.#appendPiece(letter, tokens);
    }
  }
}
