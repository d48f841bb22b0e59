/** Byte-level BPE: bytes dressed as letters, merged by rank, word by word. @module */
import { dressed, undressed } from "./byte_letters.ts";
import { LazyIndex } from "./lazy_index.ts";
import { Merger } from "./merge.ts";
import { cutWords, type PreTokenizer, preTokenizer } from "./pretokenize.ts";
import { type Metadata, stringList, type Vocabulary } from "./vocab.ts";
import { WordCache } from "./word_cache.ts";

/** Cuts texts into pieces of a byte-level BPE vocabulary. */
export class BpeEncoder {
  readonly addBos: boolean;
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
    const name = metadata.get("tokenizer.ggml.pre") ?? "default";
    this.#words = preTokenizer(String(name));
    this.addBos = this.#words.addBos ?? false;
  }

  /** Appends the tokens of a text that holds no special tokens. */
  append(text: string, tokens: number[]): void {
    for (const word of cutWords(text, this.#words)) {
      const known = this.#cache.get(word) ?? this.#cache.keep(word, this.#encode(word));
      for (let i = 0; i < known.length; i++) tokens.push(known[i]!);
    }
  }

  /** The bytes that a normal piece stands for. */
  pieceBytes(piece: string): Uint8Array {
    return undressed(piece);
  }

  #encode(word: string): number[] {
    const text = dressed(word);
    const whole = this.#words.wholeWords ? this.vocabulary.textId(text) : undefined;
    if (whole !== undefined) return [whole];
    const letters: number[] = [];
    for (let i = 0; i < text.length; i++) letters.push(i);
    const starts = this.#merger.merge(letters, text.length, (start, middle, end) => {
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
    } else if (piece.length > 1) {
      for (const letter of piece) this.#appendPiece(letter, tokens);
    }
  }
}
