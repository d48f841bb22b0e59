/** What merges with what: by a list of merges, or by the scores of what comes out. @module */
import type { MergeRules } from "./merge.ts";
import { PairTable } from "./pairs.ts";
import type { Symbols } from "./symbols.ts";
import type { Vocabulary } from "./vocab.ts";

const SLICE = 2048; // merges at a time: about 1 ms
const MOST_PAIRS = 1 << 18; // of characters and pieces that stood side by side

/** A list of merges, "left right", the first one first; made when it is needed, or in slices. */
export class RankedMerges implements MergeRules {
  readonly #table: PairTable;
  readonly #results: Int32Array; // [merge]
  #next = 0;

  /** @param lastCounts whether of equal merges the last one counts rather than the first */
  constructor(
    readonly symbols: Symbols,
    readonly merges: readonly string[],
    readonly lastCounts = false,
  ) {
    this.#table = new PairTable(merges.length);
    this.#results = new Int32Array(merges.length);
  }

  find(left: number, right: number): number {
    if (this.#next < this.merges.length) {
      while (this.fillSome());
    }
    return this.#table.get(left, right) ?? -1;
  }

  cost(merge: number): number {
    return merge;
  }

  result(merge: number): number {
    return this.#results[merge]!;
  }

  /** Enters a few thousand; false when all are there. */
  fillSome(): boolean {
    const end = Math.min(this.#next + SLICE, this.merges.length);
    for (let rank = this.#next; rank < end; rank++) this.#enter(this.merges[rank]!, rank);
    this.#next = end;
    return end < this.merges.length;
  }

  #enter(merge: string, rank: number): void {
    const blank = merge.indexOf(" ", 1);
    if (blank < 0) return; // as in llama.cpp, it merges nothing
    const left = merge.substring(0, blank), right = merge.substring(blank + 1);
    const first = this.symbols.of(left), second = this.symbols.of(right);
    this.#results[rank] = this.symbols.of(left + right);
    if (!this.lastCounts && this.#table.get(first, second) !== undefined) return;
    this.#table.set(first, second, rank);
  }
}

/** Whatever makes a piece merges, that of the highest score first. */
export class ScoredMerges implements MergeRules {
  #table = new PairTable(4096); // the token of a pair, or -1

  constructor(readonly vocabulary: Vocabulary, readonly symbols: Symbols) {}

  find(left: number, right: number): number {
    return this.#table.get(left, right) ?? this.#lookUp(left, right);
  }

  cost(merge: number): number {
    return -this.vocabulary.score(merge);
  }

  result(merge: number): number {
    return merge;
  }

  #lookUp(left: number, right: number): number {
    const piece = this.symbols.text(left) + this.symbols.text(right);
    const found = this.vocabulary.textId(piece) ?? -1;
    const id = found >= 0 && this.cost(found) < Infinity ? found : -1; // no NaN either
    if (this.#table.count >= MOST_PAIRS) this.#table = new PairTable(4096);
    this.#table.set(left, right, id);
    return id;
  }
}
