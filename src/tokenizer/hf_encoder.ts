/** Cuts texts as a `tokenizer.json` says: normalised, into words, into pieces. @module */
import { ModelError } from "../errors.ts";
import { undressed } from "./byte_letters.ts";
import { type Normalizer, normalizer, type Part, type Splitter, splitter } from "./hf_text.ts";
import type { Table } from "./lazy_index.ts";
import { Merger } from "./merge.ts";
import { RankedMerges } from "./merge_rules.ts";
import { Seams } from "./seams.ts";
import { bytePiece, byteTokens } from "./spm.ts";
import { Symbols } from "./symbols.ts";
import { Trie } from "./trie.ts";
import { bestCut, type Scores } from "./unigram.ts";
import { type Metadata, stringList, type Vocabulary } from "./vocab.ts";
import { WordCache } from "./word_cache.ts";
import { longestPieces } from "./word_piece.ts";

const UTF8 = new TextEncoder();
const STEP = 2048; // words before the event loop may have its turn

/** What the model of a `tokenizer.json` says beside its vocabulary. */
interface ModelPart extends Part {
  readonly byte_fallback?: boolean;
  readonly ignore_merges?: boolean;
  readonly fuse_unk?: boolean;
  readonly max_input_chars_per_word?: number;
  readonly continuing_subword_prefix?: string | null;
  readonly end_of_word_suffix?: string | null;
}

/** Cuts texts into pieces of a vocabulary that came with a `tokenizer.json`. */
export class HuggingFaceEncoder {
  readonly addBos = false;
  readonly addSpacePrefix = false;
  readonly tables: readonly Table[];
  readonly #model: ModelPart;
  readonly #normalize: Normalizer;
  readonly #split: Splitter;
  readonly #isBytes: boolean; // pieces are letters that stand for bytes
  readonly #symbols: Symbols;
  readonly #rules: RankedMerges | undefined;
  readonly #seams: Seams;
  readonly #trie: Trie;
  #least: number | undefined; // the lowest score
  readonly #merger = new Merger();
  readonly #cache = new WordCache();
  #word = new Int32Array(256); // symbols of a word
  #hasSeams: boolean | undefined; // whether what lies between seams can be cut alone

  /** @throws {ModelError} a part that cria does not know, by name, with those that it knows */
  constructor(readonly vocabulary: Vocabulary, metadata: Metadata) {
    const part = (name: string) => readPart(metadata, name);
    this.#model = checkModel(part("model"));
    this.#normalize = normalizer(part("normalizer"));
    this.#split = splitter(part("pre_tokenizer"));
    this.#isBytes = ["normalizer", "pre_tokenizer", "decoder"].some((name) =>
      JSON.stringify(part(name)).includes('"ByteLevel"')
    );
    this.#symbols = new Symbols(vocabulary, (piece) => vocabulary.idOf(piece));
    this.#seams = new Seams(vocabulary);
    this.#trie = new Trie(vocabulary);
    if (this.#model.type === "BPE") {
      const merges = stringList(metadata, "tokenizer.ggml.merges");
      this.#rules = new RankedMerges(this.#symbols, merges, true);
    }
    const seams = this.#isBytes ? [] : [this.#seams];
    this.tables = this.#rules === undefined ? [this.#trie] : [...seams, this.#rules.table];
  }

  /** Appends the tokens of a text that holds no special tokens. */
  *append(text: string, tokens: number[], isStart: boolean): Generator<void> {
    const act = (part: string) => {
      const known = this.#cache.get(part) ?? this.#cache.keep(part, this.#encode(part));
      for (let i = 0; i < known.length; i++) tokens.push(known[i]!);
    };
    this.#hasSeams ??= !this.#isBytes && this.#rules !== undefined && this.#hasBytes();
    const normal = this.#normalize(text);
    if (normal === "") return; // not even a prefix
    for (const [i, word] of this.#split([normal], isStart).entries()) {
      if (i % STEP === 0) yield;
      if (this.#hasSeams) this.#seams.forEach(word, act);
      else if (word !== "") act(word);
    }
  }

  /** The bytes that a normal piece stands for. */
  pieceBytes(piece: string): Uint8Array {
    if (this.#model.type !== "WordPiece") {
      return this.#isBytes ? undressed(piece) : UTF8.encode(piece.replaceAll("▁", " "));
    }
    const prefix = this.#model.continuing_subword_prefix ?? "";
    const goesOn = prefix !== "" && piece.startsWith(prefix);
    return UTF8.encode(goesOn ? piece.slice(prefix.length) : ` ${piece}`);
  }

  #encode(word: string): number[] {
    const whole = this.#model.ignore_merges ? this.vocabulary.textId(word) : undefined;
    if (whole !== undefined) return [whole];
    if (this.#model.type === "WordPiece") return this.#longestPieces(word);
    if (this.#rules === undefined) return this.#tokensOf(bestCut(word, this.#trie, this.#scores()));
    const text = this.#knowsUnknown() ? word : this.#known(word);
    if (this.#word.length < text.length) this.#word = new Int32Array(2 * text.length);
    const count = this.#symbols.characters(text, this.#word);
    const left = this.#merger.merge(this.#word, count, this.#rules);
    return this.#tokensOf(
      Array.from(this.#word.subarray(0, left), (one) => this.#symbols.text(one)),
    );
  }

  /** The tokens of pieces: a character that is none becomes its bytes, or the unknown token. */
  #tokensOf(pieces: readonly string[]): number[] {
    const { vocabulary } = this, tokens: number[] = [];
    let isAfterUnknown = false;
    for (const piece of pieces) {
      const id = vocabulary.textId(piece);
      const known = id === undefined ? this.#bytesOf(piece) : [id];
      if (known !== undefined) tokens.push(...known);
      else if (!(isAfterUnknown && this.#model.fuse_unk) && vocabulary.unknownToken !== undefined) {
        tokens.push(vocabulary.unknownToken);
      }
      isAfterUnknown = known === undefined;
    }
    return tokens;
  }

  /** What pieces are worth; the least of them may be that of an added token. */
  #scores(): Scores {
    const { vocabulary } = this, score = (id: number) => vocabulary.score(id);
    if (this.#least === undefined) {
      this.#least = Infinity;
      for (let id = 0; id < vocabulary.size; id++) this.#least = Math.min(this.#least, score(id));
    }
    return { score, least: this.#least };
  }

  #longestPieces(word: string): number[] {
    const { max_input_chars_per_word: most = 100, continuing_subword_prefix: prefix } = this.#model;
    this.#trie.fill();
    const rest = this.#trie.nodeOf(prefix ?? ""), isLong = Array.from(word).length > most;
    const found = isLong ? undefined : longestPieces(word, this.#trie, 0, rest);
    const { unknownToken } = this.vocabulary;
    return found ?? (unknownToken === undefined ? [] : [unknownToken]);
  }

  #bytesOf(piece: string): number[] | undefined {
    return this.#model.byte_fallback ? byteTokens(this.vocabulary, piece) : undefined;
  }

  /** Whether there is a token for every byte: then no character leaves its neighbours a gap. */
  #hasBytes(): boolean {
    const pieces = Array.from({ length: 256 }, (_, byte) => bytePiece(byte));
    return this.#model.byte_fallback === true &&
      pieces.every((piece) => this.vocabulary.idOf(piece) !== undefined);
  }

  #knowsUnknown(): boolean {
    return this.vocabulary.unknownToken !== undefined || this.#model.byte_fallback === true;
  }

  /** A word without characters that no token stands for: they leave nothing, its rest merges. */
  #known(word: string): string {
    return Array.from(word).filter((char) => this.vocabulary.textId(char) !== undefined).join("");
  }
}

/** A part of `tokenizer.json`, as the metadata has it. */
function readPart(metadata: Metadata, name: string): Part | null {
  const text = metadata.get(`tokenizer.huggingface.${name}`);
  return typeof text === "string" ? JSON.parse(text) : null;
}

const MODELS = ["BPE", "Unigram", "WordPiece"];

/** Refuses models that cria does not know, and marks on pieces that it would not find. */
function checkModel(part: Part | null): ModelPart {
  const model: ModelPart = part ?? {}, type = String(model.type ?? "BPE");
  if (!MODELS.includes(type)) {
    const known = MODELS.join(", ");
    throw new ModelError(`Cannot tokenize with a model of type "${type}": cria knows ${known}`);
  }
  for (const key of ["continuing_subword_prefix", "end_of_word_suffix"] as const) {
    if (!model[key] || type === "WordPiece") continue;
    throw new ModelError(`Cannot tokenize with "${key}" ${JSON.stringify(model[key])}: not known`);
  }
  return type === "Unigram" ? { ...model, type, fuse_unk: true } : { ...model, type };
}
