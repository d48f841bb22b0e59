/** Holds a generation to a grammar: which tokens may come, and how it ends in time. @module */

import type { Grammar, GrammarState } from "../grammar/grammar.ts";
import { TokenTrie } from "../grammar/token_trie.ts";
import { CriaError } from "../errors.ts";
import { inSlices } from "../turn.ts";
import type { TokenizerLike } from "./engine.ts";

const TRIES = new WeakMap<TokenizerLike, Map<string, Promise<TokenTrie>>>();

/**
 * The vocabulary of a tokenizer as a tree; built once, with pauses for the event loop.
 * @param marks control tokens that count by their spelling; others stand for no text
 */
export function tokenTrie(
  tokenizer: TokenizerLike,
  marks: readonly string[] = [],
): Promise<TokenTrie> {
  const { bytesOf, ids } = spelling(tokenizer, marks), key = ids.join();
  const known = TRIES.get(tokenizer) ?? new Map<string, Promise<TokenTrie>>();
  const trie = known.get(key) ?? buildTrie(tokenizer, bytesOf);
  TRIES.set(tokenizer, known.set(key, trie));
  return trie;
}

/** The bytes of each token, those of some control tokens as well. */
function spelling(
  tokenizer: TokenizerLike,
  marks: readonly string[],
): { bytesOf: (token: number) => Uint8Array; ids: readonly number[] } {
  const spelled = new Map<number, Uint8Array>();
  for (const mark of marks) {
    const id = tokenizer.idOf(mark);
    if (id === undefined || tokenizer.kind(id) !== "control") continue;
    spelled.set(id, new TextEncoder().encode(mark));
  }
  const bytesOf = (token: number) => spelled.get(token) ?? tokenizer.decodeBytes([token]);
  return { bytesOf, ids: [...spelled.keys()] };
}

function buildTrie(
  tokenizer: TokenizerLike,
  bytes: (token: number) => Uint8Array,
): Promise<TokenTrie> {
  return inSlices(TokenTrie.build({
    size: tokenizer.vocabularySize,
    bytes,
    endTokens: tokenizer.endTokens,
  }));
}

/** Tokens of the marks around what a model thinks before it answers. */
export interface ThoughtMarks {
  /** Begins a thought; undefined where that takes more than a token. */
  readonly open: number | undefined;
  /** Ends it. */
  readonly close: readonly number[];
}

/** Chooses one of the allowed tokens. */
export type Choose = (allowed: Uint32Array) => number;

/** How a generation is held. */
export interface ConstraintOptions {
  /** Goes on as long as the grammar lets it. */
  readonly ignoreEos: boolean;
  /** Refuses to begin what cannot be completed; it would be cut off otherwise. */
  readonly mustFit: boolean;
}

/** The state of one generation under a grammar. */
export class Constraint {
  readonly #trie: TokenTrie;
  readonly #options: ConstraintOptions;
  readonly #ends: ReadonlySet<number>;
  #state: GrammarState;
  #marks: ThoughtMarks | undefined; // while a thought may still begin, or goes on
  #everything: Uint32Array | undefined; // all tokens but those that end a text
  #closingMark: readonly number[] | undefined; // what is left of it, once a thought must end
  #closing: readonly number[] | undefined; // what is left of a completion, once room runs out
  #fits: boolean | undefined; // whether a text that meets the grammar fits at all

  /** Begins before any text. */
  constructor(grammar: Grammar, trie: TokenTrie, options: ConstraintOptions) {
    this.#trie = trie;
    this.#options = options;
    this.#ends = new Set(trie.endTokens);
    this.#state = grammar.begin(trie);
  }

  /** Whether nothing more may follow. */
  get isComplete(): boolean {
    return !this.#state.mayGoOn;
  }

  /** Whether the text may end here. */
  get mayEnd(): boolean {
    return this.#state.mayEnd;
  }

  /** Whether the shortest way to an end was taken for want of room. */
  get isCutShort(): boolean {
    return this.#closing !== undefined;
  }

  /** Lets the model think first; what it thinks is held to nothing. */
  thinkFirst(marks: ThoughtMarks): void {
    this.#marks = marks;
  }

  /**
   * The next token of a thought: any, as long as there is room for its end and a whole text.
   * @param room how many tokens there may still be, this one included
   * @param choose chooses one of several
   */
  think(room: number, choose: Choose): number {
    const [next, ...rest] = this.#closingMark ?? [];
    if (next !== undefined) {
      this.#closingMark = rest;
      return next;
    }
    const { close = [] } = this.#marks ?? {}, left = room - 1 - close.length;
    if (this.#isInReach(this.#state, left) || !this.#isInReach(this.#state, room - close.length)) {
      return choose(this.#everything ??= this.#allButEnds());
    }
    this.#closingMark = close;
    return this.think(room, choose);
  }

  /**
   * Takes what a token has of the answer that also ended a thought.
   * @throws CriaError when the grammar does not allow it
   */
  skip(text: string): void {
    const after = this.#state.afterBytes(new TextEncoder().encode(text));
    if (after === undefined) {
      throw new CriaError(
        `Cannot go on with ${JSON.stringify(text)}: the grammar does not allow it`,
      );
    }
    this.#state = after;
  }

  #allButEnds(): Uint32Array {
    const all = new Uint32Array((this.#trie.size + 31) >>> 5).fill(-1);
    for (const token of this.#trie.endTokens) all[token >>> 5]! &= ~(1 << (token & 31));
    return all;
  }

  /**
   * The next token. As long as a whole text fits, one that fits will be there in the end: a token
   * after which no end would be in reach is not taken, but the shortest way to the end instead.
   * @param room how many tokens there may still be, this one included
   * @param choose chooses one of several
   * @returns undefined where the text has to end here
   * @throws CriaError when the vocabulary has no token that can follow
   */
  next(room: number, choose: Choose): number | undefined {
    if (this.#closing !== undefined) return this.#close();
    this.#fits ??= this.#isInReach(this.#state, room);
    if (!this.#fits && this.#options.mustFit) {
      throw new CriaError(`Cannot generate: no whole text fits the ${room} tokens that are left`);
    }
    const { open, close = [] } = this.#marks ?? {};
    this.#marks = undefined; // a thought begins with the first token, or not at all
    const mayThink = open !== undefined && this.#isInReach(this.#state, room - 2 - close.length);
    const allowed = mayThink ? withToken(this.#allowed(), open) : this.#allowed();
    const only = onlyToken(allowed);
    if (only === undefined) {
      throw new CriaError("Cannot choose a token: the vocabulary has none that the grammar allows");
    }
    const token = only >= 0 ? only : choose(allowed);
    if (this.#ends.has(token)) return token;
    if (mayThink && token === open) {
      this.#marks = { open: undefined, close };
      return token;
    }
    const after = this.#state.after(token);
    if (after === undefined) {
      throw new CriaError(`Cannot go on with token ${token}: the grammar does not allow it`);
    }
    if (this.#fits && !this.#isInReach(after, room - 1)) {
      this.#closing = this.#state.closing(room);
      if (this.#closing !== undefined) return this.#close();
    }
    this.#state = after;
    return token;
  }

  /** Takes the next token of a completion. */
  #close(): number | undefined {
    const [token, ...rest] = this.#closing!;
    if (token === undefined) return undefined;
    this.#closing = rest;
    this.#state = this.#state.after(token)!;
    return token;
  }

  #isInReach(state: GrammarState, room: number): boolean {
    return state.bytesToEnd <= room || state.closing(room) !== undefined;
  }

  #allowed(): Uint32Array {
    const { mask, mayEnd, mayGoOn } = this.#state;
    if (!(this.#options.ignoreEos && mayEnd && mayGoOn)) return mask;
    const allowed = mask.slice();
    for (const token of this.#trie.endTokens) allowed[token >>> 5]! &= ~(1 << (token & 31));
    return onlyToken(allowed) === undefined ? mask : allowed;
  }
}

function withToken(allowed: Uint32Array, token: number): Uint32Array {
  const more = allowed.slice();
  more[token >>> 5]! |= 1 << (token & 31);
  return more;
}

/** The only token of a set; -1 where there are more, undefined where there is none. */
function onlyToken(allowed: Uint32Array): number | undefined {
  let found: number | undefined;
  for (let word = 0; word < allowed.length; word++) {
    const bits = allowed[word]!;
    if (bits === 0) continue;
    if (found !== undefined || (bits & (bits - 1)) !== 0) return -1;
    found = word * 32 + 31 - Math.clz32(bits);
  }
  return found;
}
