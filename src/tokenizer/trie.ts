/** The pieces of a vocabulary by their beginnings. @module */
import type { Table } from "./lazy_index.ts";
import { PairTable } from "./pairs.ts";
import type { Vocabulary } from "./vocab.ts";

const SLICE = 1024; // pieces at a time: about 1 ms

/** Where nothing goes on. */
export const NOWHERE = -1;

/** Walks from node to node, by UTF-16 units; filled when it is needed, or in slices before. */
export class Trie implements Table {
  readonly #steps = new PairTable(4096); // (node, unit) to a node
  readonly #tokens: number[] = [NOWHERE]; // [node]
  #next = 0;

  /** @param only the tokens that it has; those that stand for text where they are not given */
  constructor(readonly vocabulary: Vocabulary, readonly only?: ReadonlySet<number>) {}

  /** The node that a unit leads to from another, the first of which is 0. */
  step(node: number, unit: number): number {
    return this.#steps.get(node, unit) ?? NOWHERE;
  }

  /** The node of a text. */
  nodeOf(text: string): number {
    let node = 0;
    for (let at = 0; at < text.length && node !== NOWHERE; at++) {
      node = this.step(node, text.charCodeAt(at));
    }
    return node;
  }

  /** The token of the piece that ends at a node. */
  token(node: number): number {
    return this.#tokens[node]!;
  }

  /** Enters all that is not there yet. */
  fill(): void {
    while (this.fillSome());
  }

  fillSome(): boolean {
    const end = Math.min(this.#next + SLICE, this.vocabulary.size);
    for (; this.#next < end; this.#next++) {
      const id = this.#next;
      if (this.only?.has(id) ?? this.vocabulary.isText(id)) this.#add(id);
    }
    return end < this.vocabulary.size;
  }

  #add(id: number): void {
    const piece = this.vocabulary.pieces[id]!;
    let node = 0;
    for (let at = 0; at < piece.length; at++) {
      let next = this.step(node, piece.charCodeAt(at));
      if (next === NOWHERE) {
        next = this.#tokens.push(NOWHERE) - 1;
        this.#steps.set(node, piece.charCodeAt(at), next);
      }
      node = next;
    }
    this.#tokens[node] = id;
  }
}
