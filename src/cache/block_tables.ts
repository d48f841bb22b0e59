/** The pages of a sequence, in the order of its positions, for each group of layers. @module */

import { firstSeen, type KvCache, SPARE_POSITIONS } from "./kv_cache.ts";
import { PAGE_POSITIONS, type PageStore } from "./pages.ts";

/** What stands for a page that nobody has. */
export const NO_PAGE = -1;

/** The pages of one sequence in one group of layers. */
export class BlockTable {
  readonly #store: PageStore;
  readonly #pages: number[];
  #first: number;

  /**
   * @param store where pages come from
   * @param pages held already by the table, but for those before `first`
   * @param first how many of the first ones were given back
   */
  constructor(store: PageStore, pages: readonly number[] = [], first = 0) {
    this.#store = store;
    this.#pages = [...pages];
    this.#first = first;
  }

  /**
   * Page numbers, [pages up to the last position]. For those that were given back there is page 0,
   * which always exists: C checks all numbers, and reads none of these.
   */
  get pages(): readonly number[] {
    return this.#pages;
  }

  /** The number of the first page that was not given back. */
  get first(): number {
    return this.#first;
  }

  /**
   * Makes positions [from, to) writable: takes pages for them, and a copy of the page that `from`
   * lies in the middle of, if others hold it as well.
   * @throws {CacheFullError} the table is as it was, or has some pages more
   */
  reserve(from: number, to: number): void {
    const index = Math.floor(from / PAGE_POSITIONS), page = this.#pages[index];
    const isHeld = page !== undefined && index >= this.#first;
    if (isHeld && this.#store.holders(page) > 1) this.#replaceByCopy(index, page);
    while (this.#pages.length * PAGE_POSITIONS < to) this.#pages.push(this.#store.take());
  }

  #replaceByCopy(index: number, page: number): void {
    const copy = this.#store.take();
    this.#store.write(copy, this.#store.read(page, new Uint8Array(this.#store.pageBytes)));
    this.#pages[index] = copy;
    this.#store.release(page);
  }

  /** Gives back the pages that `positions` positions do not need. */
  trim(positions: number): void {
    const pages = this.#pages;
    while ((pages.length - 1) * PAGE_POSITIONS >= positions) {
      const page = pages.pop()!;
      if (pages.length >= this.#first) this.#store.release(page);
    }
    this.#first = Math.min(this.#first, pages.length);
  }

  /** Gives back the pages that lie wholly before a position, and takes none for them later. */
  forgetBefore(position: number): void {
    for (; (this.#first + 1) * PAGE_POSITIONS <= position; this.#first++) {
      const page = this.#pages[this.#first];
      if (page !== undefined) this.#store.release(page);
      this.#pages[this.#first] = 0;
    }
  }

  /** Holds a page of others at `index`, at most the number of pages, instead of its own. */
  adopt(index: number, page: number): void {
    const own = this.#pages[index];
    if (own === page || index < this.#first) return;
    this.#store.retain(page);
    this.#pages[index] = page;
    if (own !== undefined) this.#store.release(own);
  }

  /** A table of the same pages. */
  fork(): BlockTable {
    for (const page of this.#pages.slice(this.#first)) this.#store.retain(page);
    return new BlockTable(this.#store, this.#pages, this.#first);
  }

  /** The cache slot of a position that has a page. */
  slot(position: number): number {
    const page = this.#pages[Math.floor(position / PAGE_POSITIONS)]!;
    return page * PAGE_POSITIONS + position % PAGE_POSITIONS;
  }
}

/** The tables of one sequence, by group of layers. Pages behind a group's window are given back. */
export class BlockTables {
  readonly #cache: KvCache;
  readonly #tables: readonly BlockTable[];
  /** Page numbers by group, see `BlockTable.pages`. */
  readonly pages: readonly (readonly number[])[];

  /**
   * @param cache where pages come from
   * @param tables one for each group; empty ones if left out
   */
  constructor(cache: KvCache, tables?: readonly BlockTable[]) {
    this.#cache = cache;
    this.#tables = tables ?? cache.groups.map(({ store }) => new BlockTable(store));
    this.pages = this.#tables.map((table) => table.pages);
  }

  /**
   * Makes positions [from, to) writable.
   * @throws {CacheFullError} the tables are as they were, or have some pages more
   */
  reserve(from: number, to: number): void {
    for (const table of this.#tables) table.reserve(from, to);
  }

  /** Gives back the pages that `positions` positions do not need. */
  trim(positions: number): void {
    for (const table of this.#tables) table.trim(positions);
  }

  /** Gives back what lies before the windows of a row at `position`, but for some to spare. */
  forgetBehind(position: number, spare: number = SPARE_POSITIONS): void {
    this.#tables.forEach((table, group) => {
      table.forgetBefore(firstSeen(this.#cache.groups[group]!, position) - spare);
    });
  }

  /** Whether all is there that a row at `position` sees. */
  canGoOnAt(position: number): boolean {
    return this.#tables.every(({ first }, group) =>
      first * PAGE_POSITIONS <= firstSeen(this.#cache.groups[group]!, position)
    );
  }

  /** The pages at `index`, by group; `NO_PAGE` where it was given back. */
  at(index: number): number[] {
    return this.#tables.map(({ first, pages }) => index < first ? NO_PAGE : pages[index]!);
  }

  /** Holds pages of others at `index`, by group, instead of its own; not those of long ago. */
  adopt(index: number, pages: readonly number[]): void {
    this.#tables.forEach((table, group) => table.adopt(index, pages[group]!));
  }

  /** Tables of the same pages. */
  fork(): BlockTables {
    return new BlockTables(this.#cache, this.#tables.map((table) => table.fork()));
  }

  /** The cache slot of a position in a group. */
  slot(group: number, position: number): number {
    return this.#tables[group]!.slot(position);
  }
}
