/** The key and value cache: pages of a fixed number of positions, and who holds them. @module */

import { ContextError } from "../errors.ts";
import type { Kernels } from "../native/ffi.ts";
import { Region } from "../native/memory.ts";
import { ELEMENT } from "../native/operations.ts";
import type { CachePages } from "../step/step.ts";

/** Positions in a page: a multiple of 16 (a group of keys) that divides 256 (a chunk). */
export const PAGE_POSITIONS = 64;

/** What the cache holds its numbers as. */
export type KvType = "f16" | "f32";

/** The sizes that a page depends on. */
export interface CacheShape {
  readonly layerCount: number;
  readonly kvHeadCount: number;
  readonly headDim: number;
}

/**
 * Pages in one region. A page holds `PAGE_POSITIONS` positions of all layers: [layer] { keys,
 * values }. Memory is reserved at once and committed by the system as pages are first written.
 */
export class PageStore implements Disposable {
  readonly #region: Region;
  readonly #free: number[];
  readonly #layers: readonly CachePages[];
  /** Bytes of one page. */
  readonly pageBytes: number;
  /** Pages that exist. */
  readonly pageCount: number;

  /**
   * @param kernels the library
   * @param shape the model's sizes
   * @param type element type
   * @param pageCount how many pages to reserve
   */
  constructor(kernels: Kernels, shape: CacheShape, type: KvType, pageCount: number) {
    const { layerCount, kvHeadCount, headDim } = shape;
    const element = type === "f32" ? 4 : 2;
    const half = kvHeadCount * headDim * PAGE_POSITIONS * element;
    this.pageBytes = 2 * half * layerCount;
    this.pageCount = pageCount;
    this.#free = Array.from({ length: pageCount }, (_, page) => pageCount - 1 - page);
    const memory = this.#region = Region.alloc(kernels, this.pageBytes * pageCount);
    const id = type === "f32" ? ELEMENT.F32 : ELEMENT.F16;
    this.#layers = Array.from({ length: layerCount }, (_, layer) => ({
      keys: { memory, type: id, offset: layer * 2 * half },
      values: { memory, type: id, offset: (layer * 2 + 1) * half },
      heads: kvHeadCount,
      headDim,
      pagePositions: PAGE_POSITIONS,
      pageCount,
      pageBytes: this.pageBytes,
    }));
  }

  /** The cache of one layer, for a recorder. */
  layer(index: number): CachePages {
    return this.#layers[index]!;
  }

  /** Takes a free page. */
  take(): number {
    const page = this.#free.pop();
    if (page === undefined) {
      const positions = this.pageCount * PAGE_POSITIONS;
      throw new ContextError(positions + 1, positions);
    }
    return page;
  }

  /** Gives a page back. */
  release(page: number): void {
    this.#free.push(page);
  }

  /** Gives the memory back. */
  [Symbol.dispose](): void {
    this.#region[Symbol.dispose]();
  }
}

/** The pages of one sequence, in the order of its positions. */
export class BlockTable {
  readonly #store: PageStore;
  readonly #pages: number[] = [];

  /** @param store where pages come from */
  constructor(store: PageStore) {
    this.#store = store;
  }

  /** Page numbers, [pages in use]. */
  get pages(): readonly number[] {
    return this.#pages;
  }

  /** Takes pages until `positions` positions have a place. */
  reserve(positions: number): void {
    while (this.#pages.length * PAGE_POSITIONS < positions) this.#pages.push(this.#store.take());
  }

  /** Gives back the pages that `positions` positions do not need. */
  trim(positions: number): void {
    while ((this.#pages.length - 1) * PAGE_POSITIONS >= positions) {
      this.#store.release(this.#pages.pop()!);
    }
  }

  /** The cache slot of a position that has a page. */
  slot(position: number): number {
    const page = this.#pages[Math.floor(position / PAGE_POSITIONS)]!;
    return page * PAGE_POSITIONS + position % PAGE_POSITIONS;
  }
}
