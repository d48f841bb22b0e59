/** The cache of a model: pages for each kind of layer, and how much each needs. @module */

import type { Kernels } from "../native/ffi.ts";
import type { CachePages } from "../step/step.ts";
import { type KvType, PAGE_POSITIONS, pageBytesOf, PageStore } from "./pages.ts";

/** The sizes that a cache depends on. */
export interface CacheShape {
  /** What each layer sees: so many positions, its own included, or all of them if 0; [layers]. */
  readonly windows: readonly number[];
  readonly kvHeadCount: number;
  readonly headDim: number;
}

/** Layers that see alike: their keys and values come and go together. */
export interface LayerGroup {
  /** Positions that each sees; 0: all. */
  readonly window: number;
  /** Which layers. */
  readonly layers: readonly number[];
}

/**
 * Positions that stay behind a window: tokens that were just evaluated can be taken back (guesses
 * that were wrong, logits that were wanted of several) without computing any anew.
 */
export const SPARE_POSITIONS = 64;
const MAX_PAGES = 1 << 16;

/** Layers by their windows; those that see all come first. */
export function groupLayers(windows: readonly number[]): LayerGroup[] {
  return [...new Set(windows)].sort((a, b) => a - b).map((window) => {
    const layers = windows.flatMap((other, layer) => other === window ? [layer] : []);
    return { window, layers };
  });
}

/** The first position that a row at `position`, and all that follow, see. */
export function firstSeen({ window }: LayerGroup, position: number): number {
  return window === 0 ? 0 : Math.max(0, position - window + 1);
}

/** What a cache is for. */
export interface CacheUse {
  /** Positions of one sequence. */
  readonly context: number;
  /** The most rows of it that a step evaluates: windowed layers keep those, and their windows. */
  readonly rows: number;
}

/** The most pages of a group that one sequence holds at a time. */
function pagesOf({ window }: LayerGroup, { context, rows }: CacheUse): number {
  const all = Math.ceil(context / PAGE_POSITIONS);
  const seen = SPARE_POSITIONS + window - 1 + rows; // they may begin anywhere in a page
  return window === 0 ? all : Math.min(all, Math.ceil((seen - 1) / PAGE_POSITIONS) + 1);
}

/** Bytes of a page of a group. */
function groupPageBytes(shape: CacheShape, { layers }: LayerGroup, type: KvType): number {
  return pageBytesOf({ ...shape, layerCount: layers.length }, type);
}

/** The most bytes that one sequence holds at a time. */
export function contextBytes(shape: CacheShape, type: KvType, use: CacheUse): number {
  return groupLayers(shape.windows).reduce((sum, group) => {
    return sum + pagesOf(group, use) * groupPageBytes(shape, group, type);
  }, 0);
}

/** The longest context whose sequence fits into so many bytes, up to that of `use`. */
export function largestContext(
  shape: CacheShape,
  type: KvType,
  use: CacheUse,
  bytes: number,
): number {
  let fits = 0, tooLong = Math.ceil(use.context / PAGE_POSITIONS) + 1; // in pages
  while (tooLong - fits > 1) {
    const middle = Math.floor((fits + tooLong) / 2), context = middle * PAGE_POSITIONS;
    if (contextBytes(shape, type, { ...use, context }) <= bytes) fits = middle;
    else tooLong = middle;
  }
  return Math.min(use.context, fits * PAGE_POSITIONS);
}

/**
 * How many pages each group gets of so many bytes: in the proportions in which one sequence of the
 * whole context needs them, and at least what that needs.
 */
export function pageCounts(
  shape: CacheShape,
  type: KvType,
  use: CacheUse,
  bytes: number,
): number[] {
  const one = contextBytes(shape, type, use);
  return groupLayers(shape.windows).map((group) => {
    const least = pagesOf(group, use);
    return Math.min(Math.max(least, Math.floor(least * bytes / one)), Math.max(least, MAX_PAGES));
  });
}

/** Pages of all layers of a model: for each group of layers a store of its own. */
export class KvCache implements Disposable {
  readonly #places: readonly { readonly group: number; readonly index: number }[]; // [layers]
  /** The groups and their stores. */
  readonly groups: readonly (LayerGroup & { readonly store: PageStore })[];

  /**
   * @param kernels the library
   * @param shape the model's sizes
   * @param type element type
   * @param counts pages of each group
   */
  constructor(kernels: Kernels, shape: CacheShape, type: KvType, counts: readonly number[]) {
    using stack = new DisposableStack();
    this.groups = groupLayers(shape.windows).map((group, index) => {
      const pageShape = { ...shape, layerCount: group.layers.length };
      return {
        ...group,
        store: stack.use(new PageStore(kernels, pageShape, type, counts[index]!)),
      };
    });
    this.#places = shape.windows.map((_, layer) => {
      const group = this.groups.findIndex(({ layers }) => layers.includes(layer));
      return { group, index: this.groups[group]!.layers.indexOf(layer) };
    });
    stack.move();
  }

  /** The group of a layer, by its index. */
  groupOf(layer: number): number {
    return this.#places[layer]!.group;
  }

  /** The cache of one layer, for a recorder. */
  layer(layer: number): CachePages {
    const { group, index } = this.#places[layer]!;
    return this.groups[group]!.store.layer(index);
  }

  /** Bytes of what somebody holds. */
  get usedBytes(): number {
    return this.groups.reduce((sum, { store }) => sum + store.usedPages * store.pageBytes, 0);
  }

  /** Which pages a sequence of `position` tokens needs to go on, group by group. */
  needed(position: number): { readonly group: number; readonly index: number }[] {
    const end = Math.ceil(position / PAGE_POSITIONS);
    return this.groups.flatMap((layers, group) => {
      const first = Math.floor(firstSeen(layers, position) / PAGE_POSITIONS);
      return Array.from(
        { length: Math.max(0, end - first) },
        (_, i) => ({ group, index: first + i }),
      );
    });
  }

  /** Gives the memory back. */
  [Symbol.dispose](): void {
    for (const { store } of this.groups) store[Symbol.dispose]();
  }
}
