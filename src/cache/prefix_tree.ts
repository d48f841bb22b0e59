/** What sequences have in common: full pages, found by the tokens that led to them. @module */

import { NO_PAGE } from "./block_tables.ts";
import { firstSeen, type KvCache } from "./kv_cache.ts";
import { PAGE_POSITIONS } from "./pages.ts";

/** A full page of all layers, and what may follow. It depends on all tokens up to it. */
export interface PrefixNode {
  /** The page before it; none at the root. */
  readonly parent: PrefixNode | undefined;
  /** How many pages lead to it, itself included. */
  readonly depth: number;
  /** Its tokens, as `keyOf` writes them. */
  readonly key: string;
  /** The pages, which the tree holds, by group of layers; `NO_PAGE` where one was given up. */
  readonly pages: number[];
  /** Pages that may follow. */
  readonly children: Map<string, PrefixNode>;
  /** When it was used last: a count of uses. */
  usedAt: number;
  /** Sequences that have come so far and no further. */
  users: number;
}

/**
 * Keeps full pages of keys and values by their tokens, also when no sequence needs them at the
 * moment. Where two sequences have computed the same page, one of the two is enough, for they are
 * equal to the bit. Under pressure the pages go that were used least recently: where layers see
 * all, the last ones of a text first, as those before are worth nothing without them; where they
 * see a window, any.
 */
export class PrefixTree {
  readonly #cache: KvCache;
  readonly #nodes = new Set<PrefixNode>();
  #uses = 0;
  /** What every text begins with: nothing. */
  readonly root: PrefixNode = {
    ...{ parent: undefined, depth: 0, key: "", pages: [], usedAt: 0, users: 0 },
    children: new Map(),
  };

  /** @param cache where the pages are; asked for a page, it may ask the tree for some */
  constructor(cache: KvCache) {
    this.#cache = cache;
    cache.groups.forEach(({ store }, group) => {
      store.reclaim = () => this.#reclaim(group, 1 / 16) > 0;
    });
  }

  /** How many texts' ends are known: nodes, for tests. */
  get size(): number {
    return this.#nodes.size;
  }

  /** Pages of a group that only the tree holds. */
  idlePages(group: number): number {
    let count = 0;
    for (const node of this.#nodes) if (this.#isIdle(node, group)) count++;
    return count;
  }

  #isIdle({ pages }: PrefixNode, group: number): boolean {
    const page = pages[group]!;
    return page !== NO_PAGE && this.#cache.groups[group]!.store.holders(page) === 1;
  }

  /**
   * The longest known beginning of a text, page by page; only whole pages are known. What a row
   * behind it sees is all there; pages behind windows need not be.
   */
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
    return found.slice(0, this.#usable(found));
  }

  /** How many nodes of a path make a beginning that can be gone on from. */
  #usable(path: readonly PrefixNode[]): number {
    const runs = this.#cache.groups.map(() => 0); // pages without a gap, up to a node
    let usable = 0;
    for (const { pages, depth } of path) {
      const isWhole = this.#cache.groups.every((layers, group) => {
        runs[group] = pages[group] === NO_PAGE ? 0 : runs[group]! + 1;
        const first = Math.floor(firstSeen(layers, depth * PAGE_POSITIONS) / PAGE_POSITIONS);
        return runs[group]! >= depth - first;
      });
      if (isWhole) usable = depth;
    }
    return usable;
  }

  /**
   * Makes full pages known.
   * @param parent those before them
   * @param tokens the tokens of the pages
   * @param pages the pages, by group; `NO_PAGE` where there is none
   * @returns their node; that of other pages, if the same tokens were known
   */
  add(parent: PrefixNode, tokens: readonly number[], pages: readonly number[]): PrefixNode {
    const key = keyOf(tokens, 0), known = parent.children.get(key);
    const node: PrefixNode = known ?? {
      ...{ parent, key, depth: parent.depth + 1, pages: pages.map(() => NO_PAGE) },
      ...{ children: new Map(), usedAt: 0, users: 0 },
    };
    node.usedAt = ++this.#uses;
    pages.forEach((page, group) => {
      if (page === NO_PAGE || node.pages[group] !== NO_PAGE) return;
      this.#cache.groups[group]!.store.retain(page);
      node.pages[group] = page;
    });
    if (known) return known;
    parent.children.set(key, node);
    this.#nodes.add(node);
    return node;
  }

  /**
   * Counts a sequence at one node that it was at another: nodes on its way stay known.
   * @param from where it was, if anywhere
   * @param to where it is, if anywhere
   */
  move(from: PrefixNode | undefined, to: PrefixNode | undefined): void {
    if (to) to.users++;
    if (!from) return;
    from.users--;
    this.#prune(from);
  }

  /** Gives up a share of the idle pages of a group, those first that were used least recently. */
  #reclaim(group: number, share: number): number {
    const idle = [...this.#nodes].filter((node) => this.#isIdle(node, group));
    idle.sort((a, b) => a.usedAt - b.usedAt);
    const most = Math.ceil(idle.length * share), isWindowed = this.#cache.groups[group]!.window > 0;
    let given = 0;
    for (const node of idle) {
      if (given >= most) break;
      given += isWindowed ? this.#giveUp(node, group) : this.#dropBranch(node, most - given);
    }
    return given;
  }

  /** Gives up one page; the node stays as far as it is good for anything. */
  #giveUp(node: PrefixNode, group: number): number {
    this.#cache.groups[group]!.store.release(node.pages[group]!);
    node.pages[group] = NO_PAGE;
    this.#prune(node);
    return 1;
  }

  /** Drops up to `most` nodes that follow an idle one, the last ones first, and then itself. */
  #dropBranch(node: PrefixNode, most: number): number {
    let given = 0;
    for (let at = node; given < most && this.#nodes.has(node);) {
      const [child] = at.children.values();
      if (child) {
        at = child;
        continue;
      }
      if (at.users > 0) break;
      this.#drop(at);
      at = at.parent!;
      given++;
    }
    return given;
  }

  /** Drops nodes that have neither pages nor children nor users, from one up. */
  #prune(node: PrefixNode): void {
    for (let at = node; this.#nodes.has(at); at = at.parent!) {
      const isNeeded = at.users > 0 || at.children.size > 0;
      if (isNeeded || at.pages.some((page) => page !== NO_PAGE)) return;
      this.#drop(at);
    }
  }

  #drop(node: PrefixNode): void {
    node.parent!.children.delete(node.key);
    this.#nodes.delete(node);
    node.pages.forEach((page, group) => {
      if (page !== NO_PAGE) this.#cache.groups[group]!.store.release(page);
    });
  }

  /** Forgets everything that no sequence holds. */
  clear(): void {
    this.#cache.groups.forEach((_, group) => this.#reclaim(group, 1));
  }
}

/** The tokens of a page as a key. */
function keyOf(tokens: readonly number[], at: number): string {
  return tokens.slice(at, at + PAGE_POSITIONS).join();
}
