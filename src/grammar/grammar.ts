/** A compiled grammar, and the states that a text goes through under it. @module */

import { ArgumentError } from "../errors.ts";
import type { Rules } from "./expression.ts";
import { TokenMasks } from "./masks.ts";
import { Network } from "./network.ts";
import { Frames, Stack, type Tops } from "./stack.ts";
import type { TokenTrie } from "./token_trie.ts";

/**
 * A grammar, compiled. It knows no vocabulary: `begin` binds it to one.
 *
 * States are kept by whoever needs them; all else, masks too, is shared and bounded.
 */
export class Grammar {
  readonly #network: Network;
  readonly #frames: Frames;
  readonly #masks = new WeakMap<TokenTrie, TokenMasks>();

  /**
   * Compiles rules.
   * @throws ArgumentError for left recursion, or a root that no text of finite length meets
   */
  constructor(rules: Rules) {
    this.#network = new Network(rules);
    this.#frames = new Frames(this.#network);
  }

  /** The state before any text. */
  begin(trie: TokenTrie): GrammarState {
    let masks = this.#masks.get(trie);
    if (masks === undefined) {
      masks = new TokenMasks(this.#network, this.#frames, trie);
      this.#masks.set(trie, masks);
    }
    const start = this.#network.starts[this.#network.root]!;
    const tops = this.#frames.enter(new Stack(undefined, -1, 0), start);
    return new GrammarState({ network: this.#network, frames: this.#frames, masks, trie }, tops);
  }

  /** Whether a whole text meets the grammar. */
  matches(text: string | Uint8Array): boolean {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    let tops = this.#frames.enter(
      new Stack(undefined, -1, 0),
      this.#network.starts[this.#network.root]!,
    );
    for (const byte of bytes) {
      if (tops.stacks.length === 0) return false;
      tops = this.#frames.step(tops.stacks, byte);
    }
    return tops.ended;
  }
}

/** What all states of a text share. */
interface StateParts {
  readonly network: Network;
  readonly frames: Frames;
  readonly masks: TokenMasks;
  readonly trie: TokenTrie;
}

/** More ways than this of reading one text are taken for a mistake in the grammar. */
const MOST_READINGS = 100_000;

/** Where a text stands in a grammar; it never changes. */
export class GrammarState {
  readonly #parts: StateParts;
  readonly #tops: Tops;
  #mask: Uint32Array | undefined;

  /** Grammars make them. */
  constructor(parts: StateParts, tops: Tops) {
    this.#parts = parts;
    this.#tops = tops;
    if (tops.stacks.length > MOST_READINGS) {
      const state = `it can be read in over ${MOST_READINGS} ways`;
      throw new ArgumentError(`Cannot go on under this grammar: ${state}`);
    }
  }

  /** Whether the text may end here. */
  get mayEnd(): boolean {
    return this.#tops.ended;
  }

  /** Whether more text may follow. */
  get mayGoOn(): boolean {
    return this.#tops.stacks.length > 0;
  }

  /** The tokens that may follow, as a bit set: token t is bit t & 31 of word t >> 5. */
  get mask(): Uint32Array {
    return this.#mask ??= this.#parts.masks.mask(this.#tops);
  }

  /** Fewest bytes to where the text may end; Infinity where it cannot be reached. */
  get bytesToEnd(): number {
    if (this.#tops.ended) return 0;
    const { frames } = this.#parts;
    return this.#tops.stacks.reduce((least, top) => Math.min(least, frames.toEnd(top)), Infinity);
  }

  /** The state after a token; undefined where it must not follow. */
  after(token: number): GrammarState | undefined {
    const bytes = this.#parts.trie.bytes(token);
    return bytes.length === 0 ? undefined : this.afterBytes(bytes);
  }

  /** The state after some bytes; undefined where they must not follow. */
  afterBytes(bytes: Uint8Array): GrammarState | undefined {
    let tops = this.#tops;
    for (const byte of bytes) {
      tops = this.#parts.frames.step(tops.stacks, byte);
      if (tops.stacks.length === 0 && !tops.ended) return undefined;
    }
    return new GrammarState(this.#parts, tops);
  }

  /** Whether this is the state of the same text, or one that nothing can tell from it. */
  equals(other: GrammarState): boolean {
    const [own, others] = [this.#tops, other.#tops];
    return own.ended === others.ended && own.stacks.length === others.stacks.length &&
      own.stacks.every((stack, at) => stack === others.stacks[at]);
  }

  /** One of the shortest texts that complete this one. */
  shortestEnd(): Uint8Array {
    const { frames, network: { states, distances } } = this.#parts, text: number[] = [];
    for (let tops = this.#tops; !tops.ended;) {
      const least = (a: Stack, b: Stack) => frames.toEnd(b) < frames.toEnd(a) ? b : a;
      const best = tops.stacks.reduce(least);
      const { bytes } = states[best.frame]!;
      let edge = 0;
      for (let at = 3; at < bytes.length; at += 3) {
        if (distances[bytes[at + 2]!]! < distances[bytes[edge + 2]!]!) edge = at;
      }
      const [first, last] = [bytes[edge]!, bytes[edge + 1]!];
      const byte = FILLERS.find((filler) => filler >= first && filler <= last) ?? first;
      text.push(byte);
      tops = frames.step(tops.stacks, byte);
    }
    return Uint8Array.from(text);
  }

  /**
   * The fewest tokens that spell the shortest completion; undefined where the vocabulary cannot.
   * @param most how many there may be
   */
  closing(most: number): readonly number[] | undefined {
    const tokens = this.#parts.trie.spell(this.shortestEnd());
    return tokens === undefined || tokens.length > most ? undefined : tokens;
  }
}

/** What a completion is made of where characters are free: "a" or "0". */
const FILLERS = [0x61, 0x30];
