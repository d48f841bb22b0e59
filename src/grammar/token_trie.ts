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
  /** Bytes of the longest token. */
  readonly longest: number;
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
    const tree = new Tree();
    for (let token = 0; token < size; token++) {
      bytes.push(ends.has(token) ? NOTHING : vocabulary.bytes(token));
      if (bytes[token]!.length > 0) tree.add(bytes[token]!, token);
      if (token % SLICE === SLICE - 1) yield;
    }
    const trie = new TokenTrie(tree, bytes, [...ends]);
    for (const _ of trie.#layOut(tree)) yield;
    return trie;
  }

  private constructor(tree: Tree, bytes: readonly Uint8Array[], endTokens: readonly number[]) {
    const { count } = tree;
    this.size = bytes.length;
    this.endTokens = endTokens;
    this.#bytes = bytes;
    this.byte = new Uint8Array(count);
    this.depth = new Uint16Array(count);
    this.next = new Int32Array(count);
    this.token = new Int32Array(count).fill(-1);
    this.same = new Int32Array(bytes.length).fill(-1);
    this.longest = bytes.reduce((most, { length }) => Math.max(most, length), 0);
  }

  /** The bytes of a token. */
  bytes(token: number): Uint8Array {
    return this.#bytes[token] ?? NOTHING;
  }

  /** Numbers the nodes depth first, children in the order of their bytes. */
  *#layOut(tree: Tree): Generator<undefined, void, undefined> {
    const open: number[] = [0], places: number[] = [];
    for (let at = 0; open.length > 0;) {
      const node = open.pop()!;
      if (node < 0) {
        this.next[places[~node]!] = at;
        continue;
      }
      places[node] = at;
      this.byte[at] = tree.byte[node]!;
      this.depth[at] = tree.depth[node]!;
      this.token[at] = tree.tokens[node]!;
      open.push(~node, ...tree.childrenOf(node));
      if (++at % SLICE === 0) yield;
    }
    for (const [token, other] of tree.same) this.same[token] = other;
  }

  /** The fewest tokens that spell some bytes; undefined where none do. */
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

/** The tree while it grows: nodes as they come, found by parent and byte. */
class Tree {
  count = 1;
  readonly byte: number[] = [0];
  readonly depth: number[] = [0];
  readonly tokens: number[] = [-1];
  readonly same: [token: number, other: number][] = [];
  readonly #first: number[] = [-1]; // the last child that came
  readonly #sibling: number[] = [-1]; // the one that came before
  readonly #found = new Map<number, number>();

  add(bytes: Uint8Array, token: number): void {
    let node = 0;
    for (const byte of bytes) node = this.#found.get(node * 256 + byte) ?? this.#grow(node, byte);
    const other = this.tokens[node]!;
    if (other >= 0) this.same.push([token, other]);
    this.tokens[node] = token;
  }

  #grow(parent: number, byte: number): number {
    const node = this.count++;
    this.byte.push(byte);
    this.depth.push(this.depth[parent]! + 1);
    this.tokens.push(-1);
    this.#first.push(-1);
    this.#sibling.push(this.#first[parent]!);
    this.#first[parent] = node;
    this.#found.set(parent * 256 + byte, node);
    return node;
  }

  /** The children of a node, the last byte first. */
  childrenOf(node: number): number[] {
    const children: number[] = [];
    for (let child = this.#first[node]!; child >= 0; child = this.#sibling[child]!) {
      children.push(child);
    }
    return children.sort((a, b) => this.byte[b]! - this.byte[a]!);
  }
}
