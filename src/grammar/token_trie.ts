/** A vocabulary as a tree of bytes, laid out in the order in which it is walked. @module */

/** What a grammar must know of a vocabulary. */
export interface TokenBytes {
  /** How many tokens there are. */
  readonly size: number;
  /** The bytes that a token stands for; none for one that never matches text. */
  bytes(token: number): Uint8Array;
  /** Tokens that end a text. */
  readonly endTokens: Iterable<number>;
}

/** How many tokens are read, or nodes laid out, before somebody else may have a turn. */
const SLICE = 2048;

/**
 * Tokens with more bytes have a tree of their own. They are few (436 of 49,152 in one vocabulary),
 * but near the end of a counted repetition they would make masks differ that others have in common.
 */
const LONG = 14;

/** The tokens of a vocabulary by their bytes. Node 0 is the root; a node's children follow it. */
export class TokenTrie {
  /** How many tokens there are. */
  readonly size: number;
  /** Tokens that end a text. */
  readonly endTokens: readonly number[];
  /** The byte that leads to each node. */
  readonly byte: Uint8Array; // [nodes]
  /** How many bytes lead to each node. */
  readonly depth: Uint16Array; // [nodes]
  /** The node after everything below each node. */
  readonly next: Int32Array; // [nodes]
  /** A token that ends at each node, or -1. */
  readonly token: Int32Array; // [nodes]
  /** Another token with the same bytes, or -1. */
  readonly same: Int32Array; // [size]
  /** Bytes of the longest token in the tree. */
  readonly longest: number;
  /** A tree of the tokens that are too long for this one, where there are any. */
  readonly rest: TokenTrie | undefined;
  readonly #bytes: readonly Uint8Array[];

  /** Builds the tree in one go. */
  static from(vocabulary: TokenBytes): TokenTrie {
    const building = TokenTrie.build(vocabulary);
    for (;;) {
      const { done, value } = building.next();
      if (done) return value;
    }
  }

  /** Builds the tree, with pauses in which other work may be done. */
  static *build(vocabulary: TokenBytes): Generator<undefined, TokenTrie, undefined> {
    const { size } = vocabulary, bytes: Uint8Array[] = [];
    const ends = new Set(vocabulary.endTokens);
    const tree = new Tree(), long = new Tree();
    for (let token = 0; token < size; token++) {
      bytes.push(ends.has(token) ? NOTHING : vocabulary.bytes(token));
      const { length } = bytes[token]!;
      if (length > 0) (length > LONG ? long : tree).add(bytes[token]!, token);
      if (token % SLICE === SLICE - 1) yield;
    }
    const rest = long.count > 1 ? new TokenTrie(long, bytes, [...ends], undefined) : undefined;
    const trie = new TokenTrie(tree, bytes, [...ends], rest);
    for (const _ of trie.#layOut(tree)) yield;
    if (rest !== undefined) { for (const _ of rest.#layOut(long)) yield; }
    return trie;
  }

  private constructor(
    tree: Tree,
    bytes: readonly Uint8Array[],
    endTokens: readonly number[],
    rest: TokenTrie | undefined,
  ) {
    const { count } = tree;
    this.rest = rest;
    this.size = bytes.length;
    this.endTokens = endTokens;
    this.#bytes = bytes;
    this.byte = new Uint8Array(count);
    this.depth = new Uint16Array(count);
    this.next = new Int32Array(count);
    this.token = new Int32Array(count).fill(-1);
    this.same = new Int32Array(bytes.length).fill(-1);
    this.longest = tree.depth.reduce((most, depth) => Math.max(most, depth), 0);
  }

  /** The bytes of a token. */
  bytes(token: number): Uint8Array {
    return this.#bytes[token] ?? NOTHING;
  }

  /** Numbers the nodes depth first, children in the order of their bytes. */
  *#layOut(tree: Tree): Generator<undefined, void, undefined> {
    const path: number[] = [], places: number[] = []; // open nodes, and their numbers here
    for (let node = 0, at = 0; node >= 0;) {
      path.push(node);
      places.push(at);
      this.byte[at] = tree.byte[node]!;
      this.depth[at] = tree.depth[node]!;
      this.token[at] = tree.tokens[node]!;
      if (++at % SLICE === 0) yield;
      node = tree.first[node]!;
      while (node < 0 && path.length > 0) {
        this.next[places.pop()!] = at;
        node = tree.sibling[path.pop()!]!;
      }
    }
    for (const [token, other] of tree.same) this.same[token] = other;
  }

  /** The fewest tokens of this tree that spell some bytes; undefined where none do. */
  spell(text: Uint8Array): number[] | undefined {
    const fewest = new Float64Array(text.length + 1).fill(Infinity);
    const first = new Int32Array(text.length);
    fewest[text.length] = 0;
    for (let from = text.length - 1; from >= 0; from--) {
      for (let node = 0, at = from; at < text.length; at++) {
        node = this.#child(node, text[at]!);
        if (node < 0) break;
        if (this.token[node]! < 0 || 1 + fewest[at + 1]! >= fewest[from]!) continue;
        fewest[from] = 1 + fewest[at + 1]!;
        first[from] = this.token[node]!;
      }
    }
    if (fewest[0] === Infinity) return undefined;
    const tokens: number[] = [];
    for (let at = 0; at < text.length; at += this.bytes(tokens.at(-1)!).length) {
      tokens.push(first[at]!);
    }
    return tokens;
  }

  /** The node that a byte leads to, or -1. */
  #child(node: number, byte: number): number {
    const end = this.next[node]!;
    for (let child = node + 1; child < end; child = this.next[child]!) {
      if (this.byte[child] === byte) return child;
    }
    return -1;
  }
}

const NOTHING = new Uint8Array(0);

/** The tree while it grows; the children of a node are in the order of their bytes. */
class Tree {
  count = 1;
  readonly byte: number[] = [0];
  readonly depth: number[] = [0];
  readonly tokens: number[] = [-1];
  readonly same: [token: number, other: number][] = [];
  /** The first child of each node, or -1. */
  readonly first: number[] = [-1];
  /** The next child of each node's parent, or -1. */
  readonly sibling: number[] = [-1];
  readonly #roots = new Int32Array(256).fill(-1); // the root has the most, and is asked most often

  add(bytes: Uint8Array, token: number): void {
    let node = 0;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (at > 0) node = this.#child(node, byte);
      else {
        if (this.#roots[byte]! < 0) this.#roots[byte] = this.#child(0, byte);
        node = this.#roots[byte]!;
      }
    }
    const other = this.tokens[node]!;
    if (other >= 0) this.same.push([token, other]);
    this.tokens[node] = token;
  }

  /** The child that a byte leads to; made where it is not there yet. */
  #child(parent: number, byte: number): number {
    const { byte: bytes, sibling } = this;
    let before = -1, after = this.first[parent]!;
    while (after >= 0 && bytes[after]! < byte) {
      before = after;
      after = sibling[after]!;
    }
    if (after >= 0 && bytes[after] === byte) return after;
    const node = this.count++;
    bytes.push(byte);
    this.depth.push(this.depth[parent]! + 1);
    this.tokens.push(-1);
    this.first.push(-1);
    sibling.push(after);
    if (before < 0) this.first[parent] = node;
    else sibling[before] = node;
    return node;
  }
}
