/** The vocabulary of a model: pieces, kinds, scores and tokens with a role. @module */
import { ArgumentError, ModelError } from "../errors.ts";
import { LazyIndex } from "./lazy_index.ts";

/** Metadata of a model file, as far as a tokenizer reads it. */
export type Metadata = ReadonlyMap<string, unknown>;

/** What a piece is for; "user" pieces are those that were added by hand and are never split. */
export type PieceKind = "normal" | "unknown" | "control" | "user" | "unused" | "byte";

/** The kinds by GGUF's number; 0 and unknown numbers count as normal. */
const KINDS: readonly PieceKind[] = [
  "normal",
  "normal",
  "unknown",
  "control",
  "user",
  "unused",
  "byte",
];
const NORMAL = 1, UNKNOWN = 2, CONTROL = 3, BYTE = 6;

/** Pieces that end a generation wherever they occur, whatever the metadata names as the end. */
const END_PIECES: ReadonlySet<string> = new Set([
  "<|eot_id|>",
  "<|eom_id|>",
  "<|im_end|>",
  "<|end|>",
  "<|endoftext|>",
  "<|end_of_text|>",
  "<end_of_turn>",
  "<turn|>",
  "<end_of_utterance>",
  "<|return|>",
  "<|call|>",
  "<|calls|>",
  "<|flush|>",
  "<|tool_response>",
  "<EOT>",
  "_<EOT>",
  "<eos>",
  "</s>",
  "[EOS]",
  "[EOT]",
  "<｜end▁of▁sentence｜>",
  // What comes after one of these, in code, belongs to another file: llama.cpp ends there as well.
  "<|fim_pad|>",
  "<fim-pad>",
  "<fim_pad>",
  "<PAD>",
  "[PAD]",
  "<|fim_repo|>",
  "<|repo_name|>",
  "<fim-repo>",
  "<REPO>",
  "<reponame>",
  "<|file_sep|>",
  "[e~[",
]);

/** Metadata keys of tokens that end a generation. */
const END_KEYS = ["eos_token_id", "eot_token_id", "eom_token_id"];

/** Tokens with a role. */
export interface Roles {
  readonly bos?: number;
  readonly eos?: number;
  readonly unknown?: number;
  readonly separator?: number;
}

/** The pieces of a model and what they are for. */
export class Vocabulary {
  /** Text of each token, as the file has it. */
  readonly pieces: readonly string[]; // [size]
  /** The token that texts begin with. */
  readonly bosToken: number | undefined;
  /** The token that texts end with. */
  readonly eosToken: number | undefined;
  /** The token of what no piece covers. */
  readonly unknownToken: number | undefined;
  /** The token between two texts. */
  readonly separatorToken: number | undefined;
  /** Every token that ends a generation. */
  readonly endTokens: ReadonlySet<number>;
  readonly #kinds: Uint8Array; // [size], GGUF's numbers
  readonly #scores: ArrayLike<number> | undefined; // [size]
  /** From pieces to tokens. */
  readonly index: LazyIndex;

  /**
   * @param metadata of a model file
   * @param roles tokens that this kind of vocabulary has by convention, where the file is silent
   * @throws {ModelError} lists that are missing or of different lengths, tokens out of range
   */
  constructor(
    readonly metadata: Metadata,
    roles: Roles = {},
  ) {
    this.pieces = stringList(metadata, "tokenizer.ggml.tokens");
    const size = this.pieces.length;
    if (size === 0) throw new ModelError('Cannot read "tokenizer.ggml.tokens": it is empty');
    this.#scores = numberList(metadata, "tokenizer.ggml.scores", size);
    const kinds = numberList(metadata, "tokenizer.ggml.token_type", size);
    this.#kinds = kinds === undefined ? new Uint8Array(size).fill(NORMAL) : new Uint8Array(kinds);
    this.bosToken = this.#role("bos_token_id", roles.bos);
    this.eosToken = this.#role("eos_token_id", roles.eos);
    this.unknownToken = this.#role("unknown_token_id", roles.unknown);
    this.separatorToken = this.#role("seperator_token_id", roles.separator); // as GGUF spells it
    this.endTokens = this.#findEnds();
    this.index = new LazyIndex(size, (ids, id) => {
      // Of two equal pieces the later one counts, unless only the earlier can stand in a text.
      const piece = this.pieces[id]!;
      if (this.isText(id) || !ids.has(piece)) ids.set(piece, id);
    });
  }

  /** How many tokens there are. */
  get size(): number {
    return this.pieces.length;
  }

  /** The piece of a token, as the file has it. */
  piece(id: number): string {
    const piece = this.pieces[id];
    if (piece !== undefined) return piece;
    const state = `it is none of 0 to ${this.size - 1}`;
    throw new ArgumentError(`Cannot look up token ${id}: ${state}`);
  }

  /** What a token is for. */
  kind(id: number): PieceKind {
    return KINDS[this.#kinds[id] ?? NORMAL] ?? "normal";
  }

  /** How likely a piece is: higher ones are merged first. */
  score(id: number): number {
    return this.#scores?.[id] ?? 0;
  }

  /** The token of that piece, of whatever kind. */
  idOf(piece: string): number | undefined {
    return this.index.get(piece);
  }

  /** The token of a piece of text: never a control token, an unknown one or a byte. */
  textId(piece: string): number | undefined {
    const id = this.idOf(piece);
    return id === undefined || !this.isText(id) ? undefined : id;
  }

  /** Whether a token stands for a piece of text. */
  isText(id: number): boolean {
    const kind = this.#kinds[id];
    return kind !== CONTROL && kind !== UNKNOWN && kind !== BYTE;
  }

  /** The token with that role, if the model has one. */
  #role(key: string, otherwise: number | undefined): number | undefined {
    const value = this.metadata.get(`tokenizer.ggml.${key}`);
    const id = value ?? (otherwise !== undefined && otherwise < this.size ? otherwise : undefined);
    if (id === undefined) return undefined;
    if (typeof id === "number" && Number.isInteger(id) && id >= 0 && id < this.size) return id;
    const state = `${String(id)} is no token of ${this.size}`;
    throw new ModelError(`Cannot read "tokenizer.ggml.${key}": ${state}`);
  }

  /** Collects the tokens that end a generation, and makes them control tokens if they are not. */
  #findEnds(): ReadonlySet<number> {
    const ends = new Set<number>();
    if (this.eosToken !== undefined) ends.add(this.eosToken);
    const more = this.metadata.get("tokenizer.ggml.eos_token_ids"); // of a generation_config.json
    if (more instanceof Int32Array) { for (const id of more) if (id < this.size) ends.add(id); }
    for (const key of END_KEYS) {
      const id = this.#role(key, undefined);
      if (id !== undefined) ends.add(id);
    }
    for (let id = 0; id < this.size; id++) {
      const piece = this.pieces[id]!;
      if (!"<[_".includes(piece.charAt(0)) || !END_PIECES.has(piece)) continue;
      ends.add(id);
      this.#kinds[id] = CONTROL;
    }
    return ends;
  }
}

/** A list of strings in the metadata; it must be there. */
export function stringList(metadata: Metadata, key: string): readonly string[] {
  const list = metadata.get(key);
  if (Array.isArray(list) && (list.length === 0 || typeof list[0] === "string")) return list;
  const state = list === undefined ? "it is missing" : "it is no list of strings";
  throw new ModelError(`Cannot read "${key}": ${state}`);
}

/** A list of numbers, one for each token; it may be missing. */
function numberList(metadata: Metadata, key: string, size: number): ArrayLike<number> | undefined {
  const list = metadata.get(key);
  if (list === undefined) return undefined;
  if (!ArrayBuffer.isView(list) || list instanceof DataView || typeof at(list, 0) === "bigint") {
    throw new ModelError(`Cannot read "${key}": it is no list of numbers`);
  }
  const numbers = list as Float32Array | Int32Array;
  if (numbers.length === size) return numbers;
  const state = `it has ${numbers.length} entries for ${size} tokens`;
  throw new ModelError(`Cannot read "${key}": ${state}`);
}

/** An element of some typed array. */
function at(list: ArrayBufferView, index: number): unknown {
  return (list as Float32Array | BigInt64Array)[index];
}
