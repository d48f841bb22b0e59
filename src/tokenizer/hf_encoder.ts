/** Cuts texts as a `tokenizer.json` says: normalised, into words, into pieces. @module */
import { ModelError } from "../errors.ts";
import { undressed } from "./byte_letters.ts";
import { type Normalizer, normalizer, type Part, type Splitter, splitter } from "./hf_text.ts";
import { LazyIndex } from "./lazy_index.ts";
import { letterStarts, Merger } from "./merge.ts";
import { blankWords, byteTokens } from "./spm.ts";
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
  /** From merges, "left right", to their ranks; the lowest is merged first. */
  readonly index: LazyIndex | undefined;
  readonly #model: ModelPart;
  readonly #normalize: Normalizer;
  readonly #split: Splitter;
  readonly #isBytes: boolean; // pieces are letters that stand for bytes
  readonly #merger = new Merger();
  readonly #cache = new WordCache();
  #words: RegExp | undefined; // how a word falls into parts that never merge

  /** @throws {ModelError} a part that cria does not know, by name, with those that it knows */
  constructor(readonly vocabulary: Vocabulary, metadata: Metadata) {
    const part = (name: string) => readPart(metadata, name);
    this.#model = checkModel(part("model"));
    this.#normalize = normalizer(part("normalizer"));
    this.#split = splitter(part("pre_tokenizer"));
    this.#isBytes = ["normalizer", "pre_tokenizer", "decoder"].some((name) =>
      JSON.stringify(part(name)).includes('"ByteLevel"')
    );
    if (this.#model.type === "BPE") this.index = mergeRanks(metadata);
  }

  /** Appends the tokens of a text that holds no special tokens. */
  append(text: string, tokens: number[], isStart: boolean): void {
    this.#words ??= this.#isBytes ? /[^]+/g : blankWords(this.vocabulary);
    for (const word of this.#split([this.#normalize(text)], isStart)) {
      for (const part of word.match(this.#words) ?? []) {
        const known = this.#cache.get(part) ?? this.#cache.keep(part, this.#encode(part));
        for (let i = 0; i < known.length; i++) tokens.push(known[i]!);
      }
    }
  }

  /** The bytes that a normal piece stands for. */
  pieceBytes(piece: string): Uint8Array {
    return this.#isBytes ? undressed(piece) : UTF8.encode(piece.replaceAll("▁", " "));
  }

  #encode(word: string): number[] {
    if (this.#model.type === "Unigram") {
      return this.#tokensOf(word, bestCut(word, this.vocabulary));
    }
    const whole = this.#model.ignore_merges ? this.vocabulary.textId(word) : undefined;
    if (whole !== undefined) return [whole];
    const text = this.#knowsUnknown() ? word : this.#known(word);
    const merged = this.#merger.merge(letterStarts(text), text.length, (start, middle, end) => {
      const pair = `${text.substring(start, middle)} ${text.substring(middle, end)}`;
      return this.index!.get(pair) ?? NaN;
    });
    return this.#tokensOf(text, merged);
  }

  /** The tokens of pieces: a character that is none becomes its bytes, or the unknown token. */
  #tokensOf(text: string, starts: readonly number[]): number[] {
    const { vocabulary } = this, tokens: number[] = [];
    let isAfterUnknown = false;
    starts.forEach((start, i) => {
      const piece = text.substring(start, starts[i + 1]);
      const id = vocabulary.textId(piece);
      const known = id === undefined ? this.#bytesOf(piece) : [id];
      if (known !== undefined) tokens.push(...known);
      else if (!(isAfterUnknown && this.#model.fuse_unk) && vocabulary.unknownToken !== undefined) {
        tokens.push(vocabulary.unknownToken);
      }
      isAfterUnknown = known === undefined;
    });
    return tokens;
  }

  #bytesOf(piece: string): number[] | undefined {
    return this.#model.byte_fallback ? byteTokens(this.vocabulary, piece) : undefined;
  }

  #knowsUnknown(): boolean {
    return this.vocabulary.unknownToken !== undefined || this.#model.byte_fallback === true;
  }

  /** A word without characters that no token stands for: they leave nothing, its rest merges. */
  #known(word: string): string {
    return Array.from(word).filter((char) => this.vocabulary.textId(char) !== undefined).join("");
  }
}

/** From merges to their ranks. */
function mergeRanks(metadata: Metadata): LazyIndex {
  const merges = stringList(metadata, "tokenizer.ggml.merges");
  return new LazyIndex(merges.length, (ranks, i) => {
    ranks.set(merges[i]!, i); // of equal merges the last counts here
  });
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
