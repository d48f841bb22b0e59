/** What sequences have in common: full pages, found by the tokens that led to them. @module */

import { PAGE_POSITIONS, type PageStore } from "./pages.ts";

/** A full page, and what may follow it. Its keys and values depend on all tokens up to it. */
export interface PrefixNode {
  /** The page before it; none at the root. */
  readonly parent: PrefixNode | undefined;
  /** Its tokens, as `keyOf` writes them. */
  readonly key: string;
  /** The page, which the tree holds; -1 at the root. */
  readonly page: number;
  /** Pages that may follow. */
  readonly children: Map<string, PrefixNode>;
  /** When it was used last: a count of uses. */
  usedAt: number;
}

/**
 * Keeps full pages of keys and values by their tokens, also when no sequence needs them at the
 * moment. Where two sequences have computed the same page, one of the two is enough, for they are
 * equal to the bit. Under pressure the pages go that were used least recently.
 */
export class PrefixTree {
  readonly #store: PageStore;
  readonly #nodes = new Set<PrefixNode>();
  #uses = 0;
  /** What every text begins with: nothing. */
  readonly root: PrefixNode = {
    ...{ parent: undefined, key: "", page: -1, usedAt: 0 },
    children: new Map(),
  };

  /** @param store where the pages are; asked for a page, it may ask the tree for some */
  constructor(store: PageStore) {
    this.#store = store;
    store.reclaim = () => this.reclaim();
  }

  /** Pages that only the tree holds. */
  get idlePages(): number {
    let count = 0;
    for (const { page } of this.#nodes) if (this.#store.holders(page) === 1) count++;
    return count;
  }

  /** The longest known beginning of a text, page by page; only whole pages are known. */
  match(tokens: readonly number[]): PrefixNode[] {
    const found: PrefixNode[] = [];
    for (let node = this.root, at = 0; at + PAGE_POSITIONS <= tokens.length;) {
      const next = node.children.get(keyOf(tokens, at));
      if (!next) break;
      next.usedAt = ++this.#uses;
      found.push(next);
      node = next;
      at += PAGE_POSITIONS;
    }
    return found;
  }

  /**
   * Makes a full page known.
   * @param parent the page before it
   * @param tokens the text
   * @param at where the tokens of the page begin
   * @param page the page
   * @returns its node; that of another page, if the same tokens were known
   */
  add(parent: PrefixNode, tokens: readonly number[], at: number, page: number): PrefixNode {
    const key = keyOf(tokens, at), known = parent.children.get(key);
    if (known) {
      known.usedAt = ++this.#uses;
      return known;
    }
    const node = { parent, key, page, children: new Map(), usedAt: ++this.#uses };
    this.#store.retain(page);
    parent.children.set(key, node);
    this.#nodes.add(node);
    return node;
  }

  /** Gives up some of the idle pages, those first that were used least recently. */
  reclaim(): boolean {
    const idle = [...this.#nodes].filter(({ page }) => this.#store.holders(page) === 1);
    idle.sort((a, b) => a.usedAt - b.usedAt);
    const most = Math.max(1, Math.ceil(idle.length / 16));
    let given = 0;
    for (const node of idle) given += this.#dropBranch(node, most - given);
    return given > 0;
  }

  /** Drops up to `most` pages that follow an idle one, the last ones first, and then itself. */
  #dropBranch(node: PrefixNode, most: number): number {
    if (most <= 0 || !this.#nodes.has(node) || this.#store.holders(node.page) > 1) return 0;
    let given = 0;
    for (const child of node.children.values()) given += this.#dropBranch(child, most - given);
    if (given >= most || node.children.size > 0) return given;
    this.#drop(node);
    return given + 1;
  }

  #drop(node: PrefixNode): void {
    node.parent!.children.delete(node.key);
    this.#nodes.delete(node);
    this.#store.release(node.page);
  }

  /** Forgets everything. */
  clear(): void {
    for (const { page } of this.#nodes) this.#store.release(page);
    this.#nodes.clear();
    this.root.children.clear();
  }
}

/** The tokens of a page as a key. */
function keyOf(tokens: readonly number[], at: number): string {
  return tokens.slice(at, at + PAGE_POSITIONS).join();
}
