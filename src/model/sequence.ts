/** One run of positions in the cache of a model, and the batches that extend it. @module */

import { BlockTables } from "../cache/block_tables.ts";
import type { KvCache } from "../cache/kv_cache.ts";
import { PAGE_POSITIONS } from "../cache/pages.ts";
import type { PrefixNode, PrefixTree } from "../cache/prefix_tree.ts";
import { ArgumentError, ContextError, CriaError, DisposedError } from "../errors.ts";
import type { Rows, Scheduler, StateTaker } from "./scheduler.ts";
import { MAX_LOGIT_ROWS } from "./work.ts";

/**
 * From so many tokens on, one step for all of them is faster than a step for each on this thread,
 * even in the smallest models: bench/rows_bench.ts. A step takes all threads however few its rows
 * are: units of work that nobody is free for are done by those who are.
 */
const PARALLEL_ROWS = 2;

/** Some pages of the cache, of one size or another. */
export interface SequencePages {
  /** Bytes of each. */
  readonly sizes: readonly number[];
  /** Copies one of them out. */
  readonly read: (index: number, to: Uint8Array<ArrayBuffer>) => unknown;
}

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
  readonly cache: KvCache;
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
  readonly #tables: BlockTables;
  #logits: Float32Array<ArrayBuffer> | undefined; // where they are wanted, [vocabularySize]
  readonly #rows: Rows;
  readonly #tokens: number[]; // in the cache
  #node: PrefixNode | undefined; // of its last full page, in the tree
  #flight: Promise<unknown> | undefined;
  #disposed = false;

  /**
   * @param parts the model's parts, and where pages come from
   * @param past whose tokens and pages it begins with, if not with none
   */
  constructor(parts: SequenceParts, past?: ModelSequence) {
    this.#parts = parts;
    this.#tables = past ? past.#tables.fork() : new BlockTables(parts.cache);
    this.#tokens = past ? [...past.#tokens] : [];
    this.#moveTo(past ? past.#node : parts.tree?.root);
    this.#rows = this.#asRows();
    parts.onCreate(this);
  }

  /** What the scheduler sees of it. */
  #asRows(): Rows {
    const tables = this.#tables, tokens = this.#tokens;
    return {
      cache: this.#parts.cache,
      pages: tables.pages,
      get position() {
        return tokens.length;
      },
      reserve: (count) => tables.reserve(tokens.length, tokens.length + count),
      slot: (group, position) => tables.slot(group, position),
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

  /**
   * Forgets everything from `position` on. Where pages behind a window would be needed again and
   * are gone, it goes back further, to where the tree has them or to the beginning.
   */
  rewind(position: number): void {
    this.#refuseUse();
    if (!Number.isInteger(position) || position < 0 || position > this.position) {
      throw new ArgumentError(`Cannot rewind to ${position}: the sequence has ${this.position}`);
    }
    if (this.#tables.canGoOnAt(position)) this.#cut(position);
    else this.reuse(this.#tokens.slice(0, position));
  }

  /** Goes back to a position from which it can go on. */
  #cut(position: number): void {
    this.#tokens.length = position;
    let node = this.#node;
    while (node && node.depth * PAGE_POSITIONS > position) node = node.parent;
    this.#moveTo(node);
    this.#tables.trim(position);
  }

  #moveTo(node: PrefixNode | undefined): void {
    this.#parts.tree?.move(this.#node, node);
    this.#node = node;
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
    const shared = sharedLength(this.#tokens, text), { tree } = this.#parts;
    const own = this.#tables.canGoOnAt(shared) ? shared : 0;
    const couldBeKnown = Math.floor(text.length / PAGE_POSITIONS) * PAGE_POSITIONS > own;
    const known = couldBeKnown && tree?.match(text) || [], end = known.length * PAGE_POSITIONS;
    this.#cut(own);
    if (end <= own) return own;
    this.#tables.forgetBehind(end, 0); // the tree need not have more
    for (const node of known.slice(this.#node!.depth)) this.#adopt(node);
    for (let at = own; at < end; at++) this.#tokens.push(text[at]!);
    return end;
  }

  /** Goes on to a node, and holds its pages instead of its own. */
  #adopt(node: PrefixNode): void {
    this.#tables.adopt(node.depth - 1, node.pages);
    this.#moveTo(node);
  }

  /**
   * Does something with the pages that it needs to go on; nothing else may happen to them.
   * @param work what is done with them, and with the tokens in them
   */
  withPages<T>(work: (pages: SequencePages) => Promise<T>): Promise<T> {
    this.#refuseUse();
    const pages = this.#pages();
    return this.#hold(() => work(pages));
  }

  #pages(): SequencePages {
    const { cache } = this.#parts, needed = cache.needed(this.position);
    return {
      sizes: needed.map(({ group }) => cache.groups[group]!.store.pageBytes),
      read: (at, to) => {
        const { group, index } = needed[at]!;
        return cache.groups[group]!.store.read(this.#tables.pages[group]![index]!, to);
      },
    };
  }

  /**
   * Fills an empty sequence with what another one had; when that fails, it is empty again.
   * @param tokens the tokens
   * @param pages what was in its `pages`, in order; only trusted when it has come to its end
   */
  load(tokens: readonly number[], pages: AsyncIterable<Uint8Array<ArrayBuffer>>): Promise<void> {
    this.check(tokens);
    return this.#hold(async () => {
      try {
        const { cache } = this.#parts, needed = cache.needed(tokens.length);
        this.#tables.forgetBehind(tokens.length, 0);
        this.#tables.reserve(tokens.length, tokens.length);
        let at = 0;
        for await (const page of pages) {
          this.#refuseDisposed();
          const { group, index } = needed[at++]!;
          cache.groups[group]!.store.write(this.#tables.pages[group]![index]!, page);
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
    this.#logits ??= new Float32Array(this.#parts.vocabularySize);
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
    const { scheduler } = this.#parts, { priority = 0, signal, onProgress } = options;
    this.check(tokens, priority);
    const job = { sequence: this.#rows, tokens, logits, priority };
    const isShort = tokens.length < PARALLEL_ROWS && !options.aside && !signal?.aborted;
    if (isShort && scheduler.runsAtOnce) {
      scheduler.runNow(job);
      return logits;
    }
    return this.#hold(async () => {
      await scheduler.submit({ ...job, signal, onProgress });
      return logits;
    });
  }

  /**
   * Appends tokens and gives states after the final norm, what the output matrix would read.
   * @param tokens token ids
   * @param states whose, and where they go
   * @param options how to watch and stop it
   */
  async states(
    tokens: readonly number[],
    states: StateTaker,
    { priority = 0, signal, onProgress }: EvaluateOptions = {},
  ): Promise<void> {
    this.check(tokens, priority);
    const { scheduler } = this.#parts, logits = new Float32Array(0);
    const job = { sequence: this.#rows, tokens, logits, states, priority, signal, onProgress };
    await this.#hold(() => scheduler.submit(job));
  }

  /**
   * Appends tokens and gives the logits of every one of them, in parts.
   * @param tokens token ids
   * @param options how to watch and stop it
   * @param place where they go, [tokens.length, vocabularySize]; each part has its own if left out
   */
  async *logitRows(
    tokens: readonly number[],
    options: EvaluateOptions = {},
    place: Float32Array<ArrayBuffer> | undefined = undefined,
  ): AsyncGenerator<LogitRows> {
    this.check(tokens);
    const { vocabularySize } = this.#parts;
    for (let first = 0; first < tokens.length; first += MAX_LOGIT_ROWS) {
      const rows = Math.min(MAX_LOGIT_ROWS, tokens.length - first);
      const logits = place
        ? place.subarray(first * vocabularySize, (first + rows) * vocabularySize)
        : new Float32Array(rows * vocabularySize);
      const { onProgress, ...others } = options;
      await this.decode(tokens.slice(first, first + rows), logits, others);
      yield { first, rows, logits };
      onProgress?.(first + rows, tokens.length);
    }
  }

  /** Keeps others off while the sequence is at work, and its pages until that is done. */
  #hold<T>(work: () => Promise<T>): Promise<T> {
    const flight = (async () => await work())().finally(() => {
      this.#flight = undefined;
      if (this.#disposed) this.#release();
    });
    this.#flight = flight;
    return flight;
  }

  /** Settles when the call in flight has ended; undefined where there is none. */
  get busy(): Promise<unknown> | undefined {
    return this.#flight;
  }

  /** Tokens are in the cache; pages that have become full are shared, old ones given back. */
  #append(tokens: readonly number[]): void {
    for (const token of tokens) this.#tokens.push(token);
    const { tree } = this.#parts;
    while (tree && (this.#node!.depth + 1) * PAGE_POSITIONS <= this.position) {
      const { depth } = this.#node!, at = depth * PAGE_POSITIONS;
      const text = this.#tokens.slice(at, at + PAGE_POSITIONS);
      this.#adopt(tree.add(this.#node!, text, this.#tables.at(depth))); // the same bits, if known
    }
    this.#tables.forgetBehind(this.position);
  }

  /** Refuses tokens that it could not evaluate, and a priority that has no place in an order. */
  check(tokens: readonly number[], priority = 0): void {
    this.#refuseUse();
    if (!Number.isFinite(priority)) {
      throw new ArgumentError(`Cannot evaluate with priority ${priority}: it is no finite number`);
    }
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
    if (this.#flight) throw new CriaError("Cannot use a sequence: another call on it is running");
  }

  #release(): void {
    this.#moveTo(undefined);
    this.#tables.trim(0);
    this.#parts.onRelease(this);
  }

  /** Gives the pages back, after the call in flight if there is one. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (!this.#flight) this.#release();
  }
}

/** How many tokens two lists begin with alike. */
export function sharedLength(a: readonly number[], b: readonly number[]): number {
  const end = Math.min(a.length, b.length);
  let length = 0;
  while (length < end && a[length] === b[length]) length++;
  return length;
}
