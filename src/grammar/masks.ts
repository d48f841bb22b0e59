/**
 * Which tokens may follow: a walk along vocabulary and grammar together (Willard and Louf 2023,
 * arXiv:2307.09702). What a token does above the bottom of a cut stack is worked out once for each
 * configuration; only where it gets below, the rest is walked anew (XGrammar, Dong et al. 2024,
 * arXiv:2411.15100). @module
 */

import type { Network } from "./network.ts";
import { DEAD, LEAVES, READS, RelativeAutomaton } from "./relative.ts";
import type { Frames, Stack, Tops } from "./stack.ts";
import type { TokenTrie } from "./token_trie.ts";

/** What a configuration allows by itself. */
interface OwnMask {
  /** Allowed tokens as a bit set, or as a list where they are few. */
  readonly bits: Uint32Array | undefined; // [words]
  readonly tokens: Int32Array;
  /** Nodes of the vocabulary where the bottom is reached in the middle of a token. */
  readonly exits: Int32Array;
}

/** Bytes that masks of configurations may take. */
const CACHE_BYTES = 8 << 20;
/** What a mask takes besides its arrays, about. */
const OVERHEAD_BYTES = 200;

/** Works out masks for one grammar and one vocabulary. */
export class TokenMasks {
  readonly #trie: TokenTrie;
  readonly #walkers: readonly MaskWalker[];

  /** Prepares; nothing is worked out yet. */
  constructor(network: Network, frames: Frames, trie: TokenTrie) {
    this.#trie = trie;
    const tries = trie.rest === undefined ? [trie] : [trie, trie.rest];
    this.#walkers = tries.map((one) => new MaskWalker(network, frames, one));
  }

  /** The tokens that may follow, and those that end where the text may end. */
  mask({ stacks, ended }: Tops): Uint32Array {
    const mask = new Uint32Array((this.#trie.size + 31) >>> 5);
    for (const walker of this.#walkers) walker.add(mask, stacks);
    if (ended) {
      for (const token of this.#trie.endTokens) {
        mask[token >>> 5]! |= 1 << (token & 31);
      }
    }
    return mask;
  }
}

/** Works out which tokens of one tree may follow. */
class MaskWalker {
  readonly #trie: TokenTrie;
  readonly #relative: RelativeAutomaton;
  readonly #own = new Map<number, OwnMask>(); // in the order of their last use
  #ownBytes = 0;
  #generation = 0;
  readonly #path: Int32Array; // [longest + 1], configurations on the way to a node
  readonly #words: number;

  /** Prepares; nothing is worked out yet. */
  constructor(network: Network, frames: Frames, trie: TokenTrie) {
    this.#trie = trie;
    this.#relative = new RelativeAutomaton(network, frames, trie.longest);
    this.#path = new Int32Array(trie.longest + 1);
    this.#words = (trie.size + 31) >>> 5;
  }

  /** Adds the tokens that may follow. */
  add(mask: Uint32Array, stacks: readonly Stack[]): void {
    this.#relative.refresh();
    if (this.#generation !== this.#relative.generation) {
      this.#generation = this.#relative.generation;
      this.#own.clear();
      this.#ownBytes = 0;
    }
    for (const [below, configuration] of this.#relative.cut(stacks)) {
      this.#addOwn(mask, configuration, below);
    }
  }

  /** Adds what a configuration allows, by itself and through what is below. */
  #addOwn(mask: Uint32Array, configuration: number, below: Stack): void {
    const { bits, tokens, exits } = this.#ownOf(configuration);
    if (bits !== undefined) { for (let i = 0; i < mask.length; i++) mask[i]! |= bits[i]!; }
    for (const token of tokens) mask[token >>> 5]! |= 1 << (token & 31);
    if (exits.length > 0) this.#follow(mask, exits, below);
  }

  /** Goes on from nodes in the middle of tokens, what stood above a stack being complete. */
  #follow(mask: Uint32Array, nodes: ArrayLike<number>, stack: Stack): void {
    if (stack.parent === undefined) return; // the text has ended: nothing comes after it
    const { configuration, below } = this.#relative.leave(stack);
    const exits: number[] = [];
    for (let i = 0; i < nodes.length; i++) {
      const node = nodes[i]!;
      if (node === 0) this.#addOwn(mask, configuration, below);
      else this.#walk(configuration, node, mask, exits);
    }
    if (exits.length > 0) this.#follow(mask, exits, below);
  }

  #ownOf(configuration: number): OwnMask {
    const known = this.#own.get(configuration);
    const own = known ?? this.#workOut(configuration);
    if (known === undefined) this.#ownBytes += sizeOf(own);
    else this.#own.delete(configuration);
    this.#own.set(configuration, own);
    for (const [oldest, { bits, tokens, exits }] of this.#own) {
      if (this.#ownBytes <= CACHE_BYTES || oldest === configuration) break;
      this.#own.delete(oldest);
      this.#ownBytes -= sizeOf({ bits, tokens, exits });
    }
    return own;
  }

  #workOut(configuration: number): OwnMask {
    const bits = new Uint32Array(this.#words), exits: number[] = [];
    this.#walk(configuration, 0, bits, exits);
    const tokens: number[] = [];
    for (let word = 0; word < bits.length && tokens.length <= bits.length; word++) {
      for (let left = bits[word]!; left !== 0; left &= left - 1) {
        tokens.push(word * 32 + 31 - Math.clz32(left & -left));
      }
    }
    const isShort = tokens.length <= bits.length;
    return {
      bits: isShort ? undefined : bits,
      tokens: Int32Array.from(isShort ? tokens : []),
      exits: Int32Array.from(exits),
    };
  }

  /** Walks everything below a node; adds the tokens there, and the nodes where the bottom shows. */
  #walk(configuration: number, from: number, mask: Uint32Array, exits: number[]): void {
    const { byte, depth, next, token, same } = this.#trie;
    const relative = this.#relative, path = this.#path, { classes, classCount } = relative;
    let { table, flags } = relative;
    if ((flags[configuration]! & LEAVES) !== 0) exits.push(from);
    path[depth[from]!] = configuration;
    for (let node = from + 1, end = next[from]!; node < end;) {
      const at = depth[node]!, before = path[at - 1]!, letter = byte[node]!;
      let now = table[before * classCount + classes[letter]!]!;
      if (now < 0) {
        now = relative.step(before, letter);
        ({ table, flags } = relative);
      }
      if (now === DEAD) {
        node = next[node]!;
        continue;
      }
      for (let id = token[node]!; id >= 0; id = same[id]!) mask[id >>> 5]! |= 1 << (id & 31);
      const flag = flags[now]!, after = next[node]!;
      if ((flag & LEAVES) !== 0 && after > node + 1) exits.push(node);
      if ((flag & READS) !== 0) {
        path[at] = now;
        node++;
      } else node = after;
    }
  }
}

function sizeOf({ bits, tokens, exits }: OwnMask): number {
  return (bits?.byteLength ?? 0) + tokens.byteLength + exits.byteLength + OVERHEAD_BYTES;
}
