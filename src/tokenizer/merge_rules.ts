/** What merges with what: by a list of merges, or by the scores of what comes out. @module */
import { LazyIndex, type Table } from "./lazy_index.ts";
import type { MergeRules } from "./merge.ts";
import { PairTable } from "./pairs.ts";
import type { Symbols } from "./symbols.ts";
import type { Vocabulary } from "./vocab.ts";

const FEW = 1 << 12;
const MOST = 1 << 18; // pairs that are remembered: 6 MB

/** Remembers which pairs merge: those of a text are few, and strings are looked up but once. */
abstract class KnownPairs implements MergeRules {
  #known = new PairTable(FEW); // the merge of a pair, or -1

  constructor(readonly symbols: Symbols) {}

  abstract cost(merge: number): number;
  abstract result(merge: number): number;
  /** The merge of two symbols that were not looked up before, or -1. */
  protected abstract lookUp(left: number, right: number): number;

  find(left: number, right: number): number {
    const known = this.#known.get(left, right);
    if (known !== undefined) return known;
    if (this.#known.count >= MOST) this.#known = new PairTable(FEW);
    const merge = this.lookUp(left, right);
    this.#known.set(left, right, merge);
    return merge;
  }
}

/** By a list of merges, "left right", the first one first. */
export class RankedMerges extends KnownPairs {
  /** Ranks of merges. */
  readonly table: Table;
  readonly #ranks: LazyIndex;
  readonly #results: Int32Array; // [merge]

  /** @param lastCounts whether of equal merges the last one counts rather than the first */
  constructor(symbols: Symbols, merges: readonly string[], lastCounts = false) {
    super(symbols);
    this.#results = new Int32Array(merges.length);
    this.table = this.#ranks = new LazyIndex(merges.length, (ranks, i) => {
      const rank = lastCounts ? i : merges.length - 1 - i; // what is entered last counts
      ranks.set(merges[rank]!, rank);
    });
  }

  cost(merge: number): number {
    return merge;
  }

  result(merge: number): number {
    return this.#results[merge]!;
  }

  protected lookUp(left: number, right: number): number {
    const first = this.symbols.text(left), second = this.symbols.text(right);
    const rank = this.#ranks.get(`${first} ${second}`) ?? -1;
    if (rank >= 0) this.#results[rank] = this.symbols.of(first + second);
    return rank;
  }
}

/** Whatever makes a piece merges, that of the highest score first. */
export class ScoredMerges extends KnownPairs {
  constructor(readonly vocabulary: Vocabulary, symbols: Symbols) {
    super(symbols);
  }

  cost(merge: number): number {
    return -this.vocabulary.score(merge);
  }

  result(merge: number): number {
    return merge;
  }

  protected lookUp(left: number, right: number): number {
    const piece = this.symbols.text(left) + this.symbols.text(right);
    const id = this.vocabulary.textId(piece) ?? -1;
    return id >= 0 && this.cost(id) < Infinity ? id : -1; // no NaN either
  }
}
