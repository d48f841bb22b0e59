/** One run of positions in the cache of a model, and the batches that extend it. @module */

import { BlockTable, PAGE_POSITIONS, type PageStore } from "../cache/pages.ts";
import type { PrefixNode, PrefixTree } from "../cache/prefix_tree.ts";
import { ArgumentError, ContextError, CriaError, DisposedError } from "../errors.ts";
import type { Rows, Scheduler } from "./scheduler.ts";
import { MAX_LOGIT_ROWS } from "./work.ts";

/** Copies one of some pages out. */
export type PageReader = (index: number, to: Uint8Array<ArrayBuffer>) => unknown;

/** How an evaluation may be watched and stopped. */
export interface EvaluateOptions {
  /** Stops the work, within milliseconds; the promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Higher ones come first where several sequences are at work; 0 if left out. */
  readonly priority?: number | undefined;
  /** Called with the tokens done so far and their total. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Logits of some consecutive tokens. */
export interface LogitRows {
  /** Index of the first token. */
  readonly first: number;
  /** How many tokens. */
  readonly rows: number;
  /** Row-major, [rows, vocabularySize]; the caller's own. */
  readonly logits: Float32Array<ArrayBuffer>;
}

/** What a sequence needs of its model. */
export interface SequenceParts {
  readonly scheduler: Scheduler;
  readonly store: PageStore;
  /** Where full pages are shared, if they are. */
  readonly tree?: PrefixTree | undefined;
  readonly vocabularySize: number;
  /** Tokens that fit. */
  readonly capacity: number;
  /** Called when there is a sequence more. */
  readonly onCreate: (sequence: ModelSequence) => void;
  /** Called when a sequence has given its pages back. */
  readonly onRelease: (sequence: ModelSequence) => void;
}

/** Tokens in the cache, and what comes after them. Holds native memory until disposed of. */
export class ModelSequence implements Disposable {
  readonly #parts: SequenceParts;
  readonly #table: BlockTable;
  readonly #logits: Float32Array<ArrayBuffer>;
  readonly #rows: Rows;
  readonly #tokens: number[]; // in the cache
  readonly #nodes: PrefixNode[]; // of full pages, in the tree
  #busy = false;
  #disposed = false;

  /**
   * @param parts the model's parts, and where pages come from
   * @param past whose tokens and pages it begins with, if not with none
   */
  constructor(parts: SequenceParts, past?: ModelSequence) {
    this.#parts = parts;
    this.#table = past ? past.#table.fork() : new BlockTable(parts.store);
    this.#tokens = past ? [...past.#tokens] : [];
    this.#nodes = past ? [...past.#nodes] : [];
    this.#logits = new Float32Array(parts.vocabularySize);
    this.#rows = this.#asRows();
    parts.onCreate(this);
  }

  /** What the scheduler sees of it. */
  #asRows(): Rows {
    const table = this.#table, tokens = this.#tokens;
    return {
      store: this.#parts.store,
      pages: table.pages,
      get position() {
        return tokens.length;
      },
      reserve: (count) => table.reserve(tokens.length, tokens.length + count),
      slot: (position) => table.slot(position),
      append: (tokens) => this.#append(tokens),
      check: () => this.#refuseDisposed(),
    };
  }

  /** How many tokens are in the cache. */
  get position(): number {
    return this.#tokens.length;
  }

  /** The tokens in the cache. */
  get tokens(): readonly number[] {
    return this.#tokens;
  }

  /** How many tokens fit. */
  get capacity(): number {
    return this.#parts.capacity;
  }

  /** Forgets everything from `position` on. */
  rewind(position: number): void {
    this.#refuseUse();
    if (!Number.isInteger(position) || position < 0 || position > this.position) {
      throw new ArgumentError(`Cannot rewind to ${position}: the sequence has ${this.position}`);
    }
    this.#cut(position);
  }

  #cut(position: number): void {
    this.#tokens.length = position;
    this.#nodes.length = Math.min(this.#nodes.length, Math.floor(position / PAGE_POSITIONS));
    this.#table.trim(position);
  }

  /** Another sequence with the same past, whose pages the two share. */
  fork(): ModelSequence {
    this.#refuseUse();
    return new ModelSequence(this.#parts, this);
  }

  /**
   * Becomes the beginning of a text, as much of it as is known: what this sequence has, or the
   * pages that others have computed, whichever is longer. Everything else is forgotten.
   * @param text the tokens that are to be in the cache
   * @returns how many of them are
   */
  reuse(text: readonly number[]): number {
    this.#refuseUse();
    const own = sharedLength(this.#tokens, text), { tree } = this.#parts;
    this.#cut(own);
    const fullPages = Math.floor(text.length / PAGE_POSITIONS);
    if (!tree || fullPages * PAGE_POSITIONS <= own) return own; // nobody can know more
    const shared = tree.match(text), end = shared.length * PAGE_POSITIONS;
    if (end <= own) return own;
    for (let index = this.#nodes.length; index < shared.length; index++) {
      this.#table.adopt(index, shared[index]!.page);
      this.#nodes.push(shared[index]!);
    }
    for (let at = own; at < end; at++) this.#tokens.push(text[at]!);
    return end;
  }

  /** How many pages hold the tokens, how large they are, and what is in them. */
  get pages(): { count: number; pageBytes: number; read: PageReader } {
    this.#refuseUse();
    const { pageBytes } = this.#parts.store;
    const read: PageReader = (index, to) => this.#parts.store.read(this.#table.pages[index]!, to);
    return { count: this.#table.pages.length, pageBytes, read };
  }

  /**
   * Fills an empty sequence with what another one had; when that fails, it is empty again.
   * @param tokens the tokens
   * @param pages what is in their pages, in order; only trusted when it has come to its end
   */
  load(tokens: readonly number[], pages: AsyncIterable<Uint8Array<ArrayBuffer>>): Promise<void> {
    this.check(tokens);
    return this.#hold(async () => {
      try {
        this.#table.reserve(0, tokens.length);
        let index = 0;
        for await (const page of pages) {
          this.#refuseDisposed();
          this.#parts.store.write(this.#table.pages[index++]!, page);
        }
        this.#append(tokens);
      } catch (error) {
        this.#cut(0);
        throw error;
      }
    });
  }

  /**
   * Appends tokens; see session/engine.ts.
   * @param tokens token ids
   * @param options how to watch and stop it
   * @returns logits after the last token, [vocabularySize], valid until the next call
   */
  evaluate(
    tokens: readonly number[],
    options: EvaluateOptions = {},
  ): Float32Array | Promise<Float32Array> {
    return this.decode(tokens, this.#logits, options);
  }

  /**
   * Appends tokens, where the caller has the place for their logits.
   * @param tokens token ids
   * @param logits where logits of the last tokens go, [rows, vocabularySize]
   * @param options how to watch and stop it; `aside`: never on this thread
   * @returns `logits`
   */
  decode(
    tokens: readonly number[],
    logits: Float32Array<ArrayBuffer>,
    options: EvaluateOptions & { readonly aside?: boolean } = {},
  ): Float32Array | Promise<Float32Array> {
    this.check(tokens);
    const { scheduler } = this.#parts, { priority = 0, signal, onProgress } = options;
    const job = { sequence: this.#rows, tokens, logits, priority };
    const short = tokens.length === 1 && !options.aside && !signal?.aborted;
    if (short && scheduler.runsAtOnce) {
      scheduler.runNow(job);
      return logits;
    }
    return this.#hold(async () => {
      await scheduler.submit({ ...job, signal, onProgress });
      return logits;
    });
  }

  /**
   * Appends tokens and gives the logits of every one of them, in parts.
   * @param tokens token ids
   * @param options how to watch and stop it
   */
  async *logitRows(
    tokens: readonly number[],
    options: EvaluateOptions = {},
  ): AsyncGenerator<LogitRows> {
    this.check(tokens);
    const { vocabularySize } = this.#parts;
    for (let first = 0; first < tokens.length; first += MAX_LOGIT_ROWS) {
      const rows = Math.min(MAX_LOGIT_ROWS, tokens.length - first);
      const logits = new Float32Array(rows * vocabularySize);
      const { onProgress, ...others } = options;
      await this.decode(tokens.slice(first, first + rows), logits, others);
      yield { first, rows, logits };
      onProgress?.(first + rows, tokens.length);
    }
  }

  /** Keeps others off while the sequence is at work, and its pages until that is done. */
  async #hold<T>(work: () => Promise<T>): Promise<T> {
    this.#busy = true;
    try {
      return await work();
    } finally {
      this.#busy = false;
      if (this.#disposed) this.#release();
    }
  }

  /** Tokens are in the cache; pages that have become full are shared. */
  #append(tokens: readonly number[]): void {
    for (const token of tokens) this.#tokens.push(token);
    const { tree } = this.#parts;
    if (!tree) return;
    for (let at; (at = this.#nodes.length * PAGE_POSITIONS) + PAGE_POSITIONS <= this.position;) {
      const index = this.#nodes.length, parent = this.#nodes[index - 1] ?? tree.root;
      const node = tree.add(parent, this.#tokens, at, this.#table.pages[index]!);
      this.#table.adopt(index, node.page); // the same bits, if another was first
      this.#nodes.push(node);
    }
  }

  /** Refuses tokens that it could not evaluate. */
  check(tokens: readonly number[]): void {
    this.#refuseUse();
    const { vocabularySize, capacity } = this.#parts;
    if (tokens.length === 0) throw new ArgumentError("Cannot evaluate an empty list of tokens");
    const bad = tokens.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabularySize);
    if (bad !== undefined) {
      throw new ArgumentError(`Cannot evaluate token ${bad}: the vocabulary has ${vocabularySize}`);
    }
    const needed = this.position + tokens.length;
    if (needed > capacity) throw new ContextError(needed, capacity);
  }

  #refuseDisposed(): void {
    if (this.#disposed) throw new DisposedError("Cannot use a sequence: it was disposed of");
  }

  /** Inputs of a step must not change under it, nor pages: one call at a time. */
  #refuseUse(): void {
    this.#refuseDisposed();
    if (this.#busy) throw new CriaError("Cannot use a sequence: another call on it is running");
  }

  #release(): void {
    this.#table.trim(0);
    this.#parts.onRelease(this);
  }

  /** Gives the pages back, after the call in flight if there is one. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (!this.#busy) this.#release();
  }
}

/** How many tokens two lists begin with alike. */
export function sharedLength(a: readonly number[], b: readonly number[]): number {
  const end = Math.min(a.length, b.length);
  let length = 0;
  while (length < end && a[length] === b[length]) length++;
  return length;
}
