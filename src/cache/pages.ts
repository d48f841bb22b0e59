/** The key and value cache: pages of a fixed number of positions, and who holds them. @module */

import { CacheFullError } from "../errors.ts";
import type { Kernels } from "../native/ffi.ts";
import { Region } from "../native/memory.ts";
import { ELEMENT } from "../native/operations.ts";
import type { CachePages } from "../step/step.ts";

/** Positions in a page: a multiple of 16 (a group of keys) that divides 256 (a chunk). */
export const PAGE_POSITIONS = 64;

/** What the cache holds its numbers as: floats, or codes of a byte with a scale per 32. */
export type KvType = "f32" | "f16" | "q8_0";

/** All of them. */
export const KV_TYPES: readonly KvType[] = ["f32", "f16", "q8_0"];

/** By type: its element, and the bytes of a key or a value of so many dimensions. */
const FORMS: Readonly<Record<KvType, { element: number; bytes: (headDim: number) => number }>> = {
  f32: { element: ELEMENT.F32, bytes: (headDim) => 4 * headDim },
  f16: { element: ELEMENT.F16, bytes: (headDim) => 2 * headDim },
  q8_0: { element: ELEMENT.Q8_0, bytes: (headDim) => headDim + 2 * Math.ceil(headDim / 32) },
};

/** The sizes that a page depends on. */
export interface PageShape {
  readonly layerCount: number;
  readonly kvHeadCount: number;
  readonly headDim: number;
}

/**
 * Pages in one region. A page holds `PAGE_POSITIONS` positions of some layers: [layer] { keys,
 * values }. Memory is reserved at once and committed by the system as pages are first written.
 *
 * Pages are counted by who holds them: a page of several holders is read only, and whoever wants
 * to write into it takes a copy.
 */
export class PageStore implements Disposable {
  readonly #region: Region;
  readonly #free: number[];
  readonly #holders: Uint32Array; // by page
  readonly #layers: readonly CachePages[];
  /** Bytes of one page. */
  readonly pageBytes: number;
  /** Pages that exist. */
  readonly pageCount: number;
  /** Asked when no page is free: gives some back that can be had again, or says that it cannot. */
  reclaim: () => boolean = () => false;

  /**
   * @param kernels the library
   * @param shape how many layers, and their sizes
   * @param type element type
   * @param pageCount how many pages to reserve
   */
  constructor(kernels: Kernels, shape: PageShape, type: KvType, pageCount: number) {
    const { layerCount, kvHeadCount, headDim } = shape;
    const half = pageBytesOf({ ...shape, layerCount: 1 }, type) / 2;
    this.pageBytes = 2 * half * layerCount;
    this.pageCount = pageCount;
    this.#free = Array.from({ length: pageCount }, (_, page) => pageCount - 1 - page);
    this.#holders = new Uint32Array(pageCount);
    const memory = this.#region = Region.alloc(kernels, this.pageBytes * pageCount);
    const id = FORMS[type].element;
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

  /** Pages that somebody holds. */
  get usedPages(): number {
    return this.pageCount - this.#free.length;
  }

  /** The cache of one of its layers, for a recorder. */
  layer(index: number): CachePages {
    return this.#layers[index]!;
  }

  /**
   * Takes a free page, with one holder.
   * @throws {CacheFullError} all pages are held, and none of them can be reclaimed
   */
  take(): number {
    if (this.#free.length === 0 && !this.reclaim()) {
      throw new CacheFullError(this.pageCount, this.pageCount * this.pageBytes);
    }
    const page = this.#free.pop()!;
    this.#holders[page] = 1;
    return page;
  }

  /** One holder more. */
  retain(page: number): void {
    this.#holders[page]!++;
  }

  /** One holder less; the last one frees the page. */
  release(page: number): void {
    if (--this.#holders[page]! === 0) this.#free.push(page);
  }

  /** How many hold a page. */
  holders(page: number): number {
    return this.#holders[page]!;
  }

  /** Copies a page out, [pageBytes]. */
  read(page: number, to: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    return this.#region.read(page * this.pageBytes, to);
  }

  /** Fills a page, [pageBytes]. */
  write(page: number, from: Uint8Array<ArrayBuffer>): void {
    this.#region.write(page * this.pageBytes, from);
  }

  /** Gives the memory back. */
  [Symbol.dispose](): void {
    this.#region[Symbol.dispose]();
  }
}

/** Bytes of a page. */
export function pageBytesOf(shape: PageShape, type: KvType): number {
  const { layerCount, kvHeadCount, headDim } = shape;
  return 2 * layerCount * kvHeadCount * PAGE_POSITIONS * FORMS[type].bytes(headDim);
}
