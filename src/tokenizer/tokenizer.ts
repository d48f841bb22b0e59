/** The tokenizer of a model: text to tokens and back, from the metadata of its file. @module */
import { quote } from "../bytes.ts";
import { ArgumentError, ModelError } from "../errors.ts";
import { turn } from "../turn.ts";
import { BpeEncoder } from "./bpe.ts";
import { HuggingFaceEncoder } from "./hf_encoder.ts";
import type { Table } from "./lazy_index.ts";
import { BPE_VOCABULARIES } from "./pretokenize.ts";
import { type SpecialFilter, SpecialTokens } from "./special.ts";
import { SpmEncoder } from "./spm.ts";
import { UgmEncoder } from "./ugm.ts";
import { type Metadata, type PieceKind, type Roles, Vocabulary } from "./vocab.ts";
import { WpmEncoder } from "./wpm.ts";

export type { SpecialFilter, SpecialPlace } from "./special.ts";

/** How a text is encoded. */
export interface EncodeOptions {
  /** Puts BOS before and EOS after the text where the model wants them; default true. */
  readonly bos?: boolean;
  /**
   * Finds control tokens such as `<|im_end|>` in the text; default false. A function is asked about
   * each place that spells a special token, those of the kind `user` included.
   */
  readonly special?: boolean | SpecialFilter;
}

/** How tokens are decoded. */
export interface DecodeOptions {
  /** Writes control tokens out as well; default false: they leave nothing. */
  readonly special?: boolean;
}

/** Cuts plain text into pieces; one implementation for each kind of vocabulary. */
interface PieceEncoder {
  /** Whether texts begin with BOS where the file does not say. */
  readonly addBos: boolean;
  /** Whether a space comes before a text where the file does not say. */
  readonly addSpacePrefix: boolean;
  /** Whether texts begin with BOS even where the file says no. */
  readonly alwaysBos?: boolean;
  /** Whether texts end with EOS where the file does not say. */
  readonly addEos?: boolean;
  /** Whether texts end with the token that stands between two, whatever the file says. */
  readonly addSeparator?: boolean;
  /** What it looks up beside the vocabulary. */
  readonly tables: readonly Table[];
  /**
   * Appends the tokens of a text that holds no special tokens, some at each step.
   * @param isStart whether it is where all text starts
   */
  append(text: string, tokens: number[], isStart: boolean): Iterable<void>;
  /** The bytes that a normal piece stands for. */
  pieceBytes(piece: string): Uint8Array;
}

/** One kind of vocabulary. */
interface Family {
  /** Its tokens by convention, where the file is silent. */
  readonly roles: Roles;
  /** Makes its encoder. */
  readonly encoder: (vocabulary: Vocabulary, metadata: Metadata) => PieceEncoder;
}

/** Every kind of vocabulary that cria knows. */
const FAMILIES: Readonly<Record<string, Family>> = {
  llama: {
    roles: { bos: 1, eos: 2, unknown: 0 },
    encoder: (vocabulary) => new SpmEncoder(vocabulary),
  },
  gpt2: {
    roles: {},
    encoder: (vocabulary, metadata) => new BpeEncoder(vocabulary, metadata),
  },
  t5: {
    roles: { eos: 1, unknown: 2 },
    encoder: (vocabulary, metadata) => new UgmEncoder(vocabulary, metadata),
  },
  bert: {
    roles: { bos: 101, unknown: 100, separator: 102 },
    encoder: (vocabulary, metadata) => new WpmEncoder(vocabulary, metadata),
  },
  huggingface: {
    roles: {},
    encoder: (vocabulary, metadata) => new HuggingFaceEncoder(vocabulary, metadata),
  },
};

const SLICE_MS = 4; // of work before the event loop gets its turn
const NOTHING = new Uint8Array(0);
const UTF8 = new TextEncoder();

/**
 * Text to tokens and back.
 *
 * @example
 * ```ts ignore
 * const tokenizer = Tokenizer.from(file);
 * const tokens = tokenizer.encode("Hello"); // [19556]
 * tokenizer.decode(tokens); // "Hello"
 * ```
 */
export class Tokenizer {
  /** Whether `encode` begins with `bosToken`. */
  readonly addBos: boolean;
  /** Whether `encode` ends with `eosToken`, or what stands between texts. */
  readonly addEos: boolean;
  readonly #vocabulary: Vocabulary;
  readonly #encoder: PieceEncoder;
  readonly #addSpacePrefix: boolean;
  readonly #closing: number | undefined; // what comes after a text
  readonly #known: Uint8Array[] = []; // what tokens stand for, of those that were decoded
  #special: SpecialTokens | undefined; // found by the first encode

  private constructor(metadata: Metadata, family: Family) {
    this.#vocabulary = new Vocabulary(metadata, family.roles);
    this.#encoder = family.encoder(this.#vocabulary, metadata);
    const { addBos, addSpacePrefix, alwaysBos = false, addEos = false, addSeparator = false } =
      this.#encoder;
    const hasBos = alwaysBos || flag(metadata, "add_bos_token", addBos);
    this.addBos = hasBos && this.bosToken !== undefined;
    const hasEos = flag(metadata, "add_eos_token", addEos);
    const { separatorToken } = this.#vocabulary;
    this.#closing = addSeparator ? separatorToken : hasEos ? this.eosToken : undefined;
    this.addEos = this.#closing !== undefined;
    this.#addSpacePrefix = addSpacePrefix && flag(metadata, "add_space_prefix", true);
  }

  /**
   * The tokenizer of an opened model file; a file with nothing but a vocabulary will do.
   *
   * @throws {ModelError} a vocabulary of a kind that cria does not know, or one that is incomplete
   */
  static from(file: { readonly metadata: Metadata }): Tokenizer {
    const name = file.metadata.get("tokenizer.ggml.model");
    if (name === undefined) {
      throw new ModelError('Cannot read "tokenizer.ggml.model": the file has no tokenizer');
    }
    const key = BPE_VOCABULARIES.has(String(name)) ? "gpt2" : String(name);
    const family = Object.hasOwn(FAMILIES, key) ? FAMILIES[key] : undefined;
    if (family !== undefined) return new Tokenizer(file.metadata, family);
    const known = Object.keys(FAMILIES).join(", ");
    throw new ModelError(`Cannot tokenize with vocabulary ${quote(key)}: cria knows ${known}`);
  }

  /** How many tokens there are. */
  get vocabularySize(): number {
    return this.#vocabulary.size;
  }

  /** The token that texts begin with. */
  get bosToken(): number | undefined {
    return this.#vocabulary.bosToken;
  }

  /** The token that texts end with. */
  get eosToken(): number | undefined {
    return this.#vocabulary.eosToken;
  }

  /** Every token that ends a generation: end of text, of turn, of message. */
  get endTokens(): ReadonlySet<number> {
    return this.#vocabulary.endTokens;
  }

  /** The piece of a token as the file has it: "Ġthe". */
  piece(id: number): string {
    return this.#vocabulary.piece(id);
  }

  /** What a token is for. */
  kind(id: number): PieceKind {
    return this.#vocabulary.kind(id);
  }

  /** The token of a piece as the file has it, if there is one. */
  idOf(piece: string): number | undefined {
    return this.#vocabulary.idOf(piece);
  }

  /**
   * Builds the tables that `encode` needs, with pauses for the event loop. Without it the first
   * `encode` builds them in one go, some 20 ms for 50,000 tokens.
   */
  async prepare(): Promise<void> {
    let since = performance.now();
    for (const table of [this.#vocabulary.index, ...this.#encoder.tables]) {
      while (table.fillSome()) {
        if (performance.now() - since < SLICE_MS) continue;
        await turn();
        since = performance.now();
      }
    }
  }

  /** The tokens of a text. Control tokens in it are plain text unless `special` is set. */
  encode(text: string, options: EncodeOptions = {}): number[] {
    const tokens: number[] = [], steps = this.#encode(text, options, tokens);
    while (!steps.next().done);
    return tokens;
  }

  /**
   * The same as `encode`, with pauses for the event loop: a million characters take a tenth of a
   * second, in slices that end where words or lines do.
   */
  async encodeAsync(text: string, options: EncodeOptions = {}): Promise<number[]> {
    const tokens: number[] = [];
    let since = performance.now();
    for (const _ of this.#encode(text, options, tokens)) {
      if (performance.now() - since < SLICE_MS) continue;
      await turn();
      since = performance.now();
    }
    return tokens;
  }

  /** Appends the tokens of a text; the event loop may have its turn at each step. */
  *#encode(
    text: string,
    { bos = true, special = false }: EncodeOptions,
    tokens: number[],
  ): Generator<void> {
    this.#special ??= new SpecialTokens(this.#vocabulary);
    if (bos && this.addBos) tokens.push(this.bosToken!);
    let isFirst = true; // in the text, or after a special token
    for (const [i, part] of this.#special.cut(text.toWellFormed(), special).entries()) {
      if (typeof part === "number") {
        tokens.push(part);
      } else {
        const prefix = isFirst && this.#addSpacePrefix ? " " : "";
        yield* this.#encoder.append(prefix + part, tokens, i === 0);
      }
      isFirst = typeof part === "number";
    }
    if (bos && this.addEos) tokens.push(this.#closing!);
  }

  /** The bytes that tokens stand for; they need not be whole characters. */
  decodeBytes(ids: Iterable<number>, { special = false }: DecodeOptions = {}): Uint8Array {
    let bytes = new Uint8Array(256), count = 0;
    for (const id of ids) {
      const part = this.#bytes(id, special);
      if (count + part.length > bytes.length) bytes = grown(bytes, count + part.length);
      for (let i = 0; i < part.length; i++) bytes[count++] = part[i]!;
    }
    return bytes.slice(0, count);
  }

  /** The text of tokens; bytes that are no UTF-8 become U+FFFD. */
  decode(ids: Iterable<number>, options: DecodeOptions = {}): string {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(this.decodeBytes(ids, options));
  }

  /** Decodes tokens one by one, as they are generated. */
  stream({ special = false }: DecodeOptions = {}): TokenStream {
    return new TokenStream((id) => this.#bytes(id, special));
  }

  /** What a token stands for; it must not be changed. */
  #bytes(id: number, special: boolean): Uint8Array {
    const known = this.#known[id];
    if (known !== undefined) return known;
    const bytes = this.#decodeOne(id, special), kind = this.#vocabulary.kind(id);
    if (kind !== "control" && kind !== "unknown") this.#known[id] = bytes;
    return bytes;
  }

  #decodeOne(id: number, special: boolean): Uint8Array {
    const piece = this.#vocabulary.pieces[id];
    if (piece === undefined) {
      const state = `the vocabulary has ${this.vocabularySize} tokens`;
      throw new ArgumentError(`Cannot decode token ${id}: ${state}`);
    }
    switch (this.#vocabulary.kind(id)) {
      case "normal":
        return this.#encoder.pieceBytes(piece);
      case "byte":
        return Uint8Array.of(Number(piece.slice(1, -1))); // "<0x0A>"
      case "user":
        return UTF8.encode(piece);
      case "control":
      case "unknown":
        return special ? UTF8.encode(piece) : NOTHING;
      case "unused":
        return NOTHING;
    }
  }
}

/** Turns tokens into text as they come; a character is given out only when it is whole. */
export class TokenStream {
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  readonly #bytes: (id: number) => Uint8Array;

  /**
   * A stream at the beginning of a text.
   *
   * @param bytes what a token stands for
   */
  constructor(bytes: (id: number) => Uint8Array) {
    this.#bytes = bytes;
  }

  /** The text that this token completes: often a word, sometimes nothing yet. */
  push(id: number): string {
    return this.#decoder.decode(this.#bytes(id), { stream: true });
  }

  /** What is left: U+FFFD for a character that was never completed. Then it can begin anew. */
  flush(): string {
    return this.#decoder.decode();
  }
}

/** The same bytes with room for at least so many. */
function grown(bytes: Uint8Array<ArrayBuffer>, count: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.max(2 * bytes.length, count));
  larger.set(bytes);
  return larger;
}

/** A flag of the metadata. */
function flag(metadata: Metadata, key: string, otherwise: boolean): boolean {
  const value = metadata.get(`tokenizer.ggml.${key}`);
  return typeof value === "boolean" ? value : otherwise;
}
