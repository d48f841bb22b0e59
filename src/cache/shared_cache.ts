/** The cache that sequences of a model share: pages, and the tree that finds them. @module */

import { ArgumentError } from "../errors.ts";
import type { Kernels } from "../native/ffi.ts";
import { systemMemory } from "../native/memory.ts";
import { type CacheShape, type CacheUse, contextBytes, KvCache, pageCounts } from "./kv_cache.ts";
import type { KvType, PageStore } from "./pages.ts";
import { PrefixTree } from "./prefix_tree.ts";

/**
 * How full the cache of a model is. Layers that see a window only have pages of their own; they are
 * counted alike.
 */
export interface CacheStatistics {
  /** Bytes of a page of each kind, together: keys and values of 64 positions in all layers. */
  readonly pageBytes: number;
  /** Pages that exist. */
  readonly pageCount: number;
  /** Pages in use, idle ones included. */
  readonly usedPages: number;
  /** Pages that no live sequence needs, kept for texts that begin alike. */
  readonly idlePages: number;
  /**
   * Pages that can be had, of the kind of layers that has the fewest: those not in use, and idle
   * ones.
   */
  readonly freePages: number;
}

/** Of the system's memory, for keys and values; committed as they are written. */
const CACHE_SHARE = 1 / 4;

/** Pages within a budget of bytes; those that no sequence needs stay until room is wanted. */
export class SharedCache implements Disposable {
  /** The pages. */
  readonly cache: KvCache;
  /** Which tokens full pages are of. */
  readonly tree: PrefixTree;

  /**
   * Reserves the pages.
   * @param kernels the library
   * @param shape the model's sizes
   * @param type what keys and values are kept as
   * @param use what one sequence needs
   * @param bytes the budget; a quarter of the system's memory, if left out
   * @throws ArgumentError when one context needs more than the budget
   */
  constructor(kernels: Kernels, shape: CacheShape, type: KvType, use: CacheUse, bytes?: number) {
    const needed = contextBytes(shape, type, use);
    if (bytes !== undefined && bytes < needed) {
      const state = `a context of ${use.context} needs ${needed}`;
      throw new ArgumentError(`Cannot keep the cache in ${bytes} bytes: ${state}`);
    }
    const budget = bytes ?? systemMemory(kernels, "total") * CACHE_SHARE;
    this.cache = new KvCache(kernels, shape, type, pageCounts(shape, type, use, budget));
    this.tree = new PrefixTree(this.cache);
  }

  /** Bytes that only the tree holds. */
  get idleBytes(): number {
    return this.#idlePages().reduce((sum, pages, group) => {
      return sum + pages * this.cache.groups[group]!.store.pageBytes;
    }, 0);
  }

  /** Bytes of live sequences. */
  get liveBytes(): number {
    return this.cache.usedBytes - this.idleBytes;
  }

  /** How many pages there are, are in use, and are kept for later only. */
  statistics(): CacheStatistics {
    const { groups } = this.cache, idle = this.#idlePages();
    const sum = (of: (store: PageStore) => number) =>
      groups.reduce((total, { store }) => total + of(store), 0);
    return {
      pageBytes: sum(({ pageBytes }) => pageBytes),
      pageCount: sum(({ pageCount }) => pageCount),
      usedPages: sum(({ usedPages }) => usedPages),
      idlePages: idle.reduce((total, pages) => total + pages, 0),
      freePages: Math.min(
        ...groups.map(({ store }, group) => store.pageCount - store.usedPages + idle[group]!),
      ),
    };
  }

  /** Gives up what no live sequence needs. */
  clear(): void {
    this.tree.clear();
  }

  /** Frees the pages. */
  [Symbol.dispose](): void {
    this.cache[Symbol.dispose]();
  }

  /** Pages that only the tree holds, by group of layers. */
  #idlePages(): number[] {
    return this.cache.groups.map((_, group) => this.tree.idlePages(group));
  }
}
