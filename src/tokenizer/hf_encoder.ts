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
import { bestCut } from "./unigram.ts";
import { type Metadata, stringList, type Vocabulary } from "./vocab.ts";
import { WordCache } from "./word_cache.ts";

const UTF8 = new TextEncoder();

/** What the model of a `tokenizer.json` says beside its vocabulary. */
interface ModelPart extends Part {
  readonly byte_fallback?: boolean;
  readonly ignore_merges?: boolean;
  readonly fuse_unk?: boolean;
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
    if (this.#model.type === "BPE") {
      const merges = stringList(metadata, "tokenizer.ggml.merges");
      this.#rules = new RankedMerges(this.#symbols, merges, true);
    }
    this.tables = this.#rules === undefined ? [this.#seams] : [this.#seams, this.#rules];
  }

  /** Appends the tokens of a text that holds no special tokens. */
  append(text: string, tokens: number[], isStart: boolean): void {
    const act = (part: string) => {
      const known = this.#cache.get(part) ?? this.#cache.keep(part, this.#encode(part));
      for (let i = 0; i < known.length; i++) tokens.push(known[i]!);
    };
    this.#hasSeams ??= !this.#isBytes && this.#rules !== undefined && this.#hasBytes();
    for (const word of this.#split([this.#normalize(text)], isStart)) {
      if (this.#hasSeams) this.#seams.forEach(word, act);
      else if (word !== "") act(word);
    }
  }

  /** The bytes that a normal piece stands for. */
  pieceBytes(piece: string): Uint8Array {
    return this.#isBytes ? undressed(piece) : UTF8.encode(piece.replaceAll("▁", " "));
  }

  #encode(word: string): number[] {
    const whole = this.#model.ignore_merges ? this.vocabulary.textId(word) : undefined;
    if (whole !== undefined) return [whole];
    if (this.#rules === undefined) return this.#tokensOf(bestCut(word, this.vocabulary));
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

/** Refuses models that cria does not know, and marks on pieces that it would not find. */
function checkModel(part: Part | null): ModelPart {
  const model: ModelPart = part ?? {}, type = String(model.type ?? "BPE");
  if (type !== "BPE" && type !== "Unigram") {
    throw new ModelError(`Cannot tokenize with a model of type "${type}": cria knows BPE, Unigram`);
  }
  for (const key of ["continuing_subword_prefix", "end_of_word_suffix"] as const) {
    if (!model[key]) continue;
    throw new ModelError(`Cannot tokenize with "${key}" ${JSON.stringify(model[key])}: not known`);
  }
  return type === "Unigram" ? { ...model, type, fuse_unk: true } : { ...model, type };
}
