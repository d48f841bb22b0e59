/** Unigram vocabularies of GGUF files: a table normalises, Viterbi's algorithm cuts. @module */
import { Charsmap } from "./charsmap.ts";
import type { Table } from "./lazy_index.ts";
import { Trie } from "./trie.ts";
import { bestCut, type Scores } from "./unigram.ts";
import type { Metadata, Vocabulary } from "./vocab.ts";

const BLANK = "▁"; // U+2581 stands for a space
const UTF8 = new TextEncoder(), TEXT = new TextDecoder("utf-8", { ignoreBOM: true });

/** Cuts texts into pieces of a vocabulary with likelihoods. */
export class UgmEncoder {
  readonly addBos = false;
  readonly addEos = true;
  readonly addSpacePrefix = false; // it puts blanks where they belong by itself
  readonly tables: readonly Table[];
  readonly #trie: Trie;
  readonly #charsmap: Charsmap | undefined;
  readonly #prefixes: boolean;
  readonly #mergesBlanks: boolean;
  #scores: Scores | undefined;

  /** @throws {ModelError} a table for normalising that is cut short */
  constructor(readonly vocabulary: Vocabulary, metadata: Metadata) {
    this.#trie = new Trie(vocabulary);
    this.tables = [this.#trie];
    const map = metadata.get("tokenizer.ggml.precompiled_charsmap");
    if (ArrayBuffer.isView(map) && map.byteLength > 0) {
      this.#charsmap = new Charsmap(new Uint8Array(map.buffer, map.byteOffset, map.byteLength));
    }
    this.#prefixes = metadata.get("tokenizer.ggml.add_space_prefix") === true;
    this.#mergesBlanks = metadata.get("tokenizer.ggml.remove_extra_whitespaces") === true;
  }

  /** Appends the tokens of a text that holds no special tokens. */
  *append(text: string, tokens: number[]): Generator<void> {
    this.#scores ??= scoresOf(this.vocabulary);
    const { unknownToken } = this.vocabulary;
    let isAfterUnknown = false;
    for (const piece of bestCut(this.#normalize(text), this.#trie, this.#scores)) {
      const id = this.vocabulary.textId(piece) ?? unknownToken, isUnknown = id === unknownToken;
      if (id !== undefined && !(isUnknown && isAfterUnknown)) tokens.push(id);
      isAfterUnknown = isUnknown;
    }
    yield;
  }

  /** The bytes that a normal piece stands for. */
  pieceBytes(piece: string): Uint8Array {
    return UTF8.encode(piece.replaceAll(BLANK, " "));
  }

  /** A text with its characters replaced, and blanks for spaces. */
  #normalize(text: string): string {
    const plain = this.#charsmap === undefined ? text : this.#mapped(text, this.#charsmap);
    if (this.#mergesBlanks) return plain.replace(/^ +| +$/g, "").replace(/^(?=[^])| +/g, BLANK);
    const words = this.#prefixes ? plain.replace(/^( *)(?=[^ ])/, "$1 ") : plain;
    return words.replaceAll(" ", BLANK);
  }

  #mapped(text: string, charsmap: Charsmap): string {
    const bytes = UTF8.encode(text), parts: string[] = [];
    let copied = 0; // up to here
    for (let at = 0; at < bytes.length;) {
      const found = charsmap.match(bytes, at, "longest");
      if (found !== undefined) {
        parts.push(TEXT.decode(bytes.subarray(copied, at)), found.text);
        copied = at + found.length;
      }
      at += found?.length ?? charLength(bytes[at]!);
    }
    parts.push(TEXT.decode(bytes.subarray(copied)));
    return parts.join("");
  }
}

/** Scores as llama.cpp has them: pieces added by hand cost nothing, and only normal ones count. */
function scoresOf(vocabulary: Vocabulary): Scores {
  let least = Infinity;
  for (let id = 0; id < vocabulary.size; id++) {
    if (vocabulary.kind(id) === "normal") least = Math.min(least, vocabulary.score(id));
  }
  const score = (id: number) => vocabulary.kind(id) === "user" ? 0 : vocabulary.score(id);
  return { score, least };
}

/** How many bytes a character has, by the first of them. */
function charLength(byte: number): number {
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}
