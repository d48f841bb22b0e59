/** Puts rows of many sequences into steps, and runs one step after the other. @module */

import type { KvCache } from "../cache/kv_cache.ts";
import { CacheFullError, QueueFullError } from "../errors.ts";
import { turn } from "../turn.ts";
import { planStep, type Share } from "./plan.ts";
import type { Rotations } from "./rope.ts";
import type { Recording, Runner, StepSizes } from "./runner.ts";
import { CHUNK_ROWS, MAX_LOGIT_ROWS, type Work } from "./work.ts";

/** What the scheduler needs of a sequence. */
export interface Rows {
  /** Where its pages are. */
  readonly cache: KvCache;
  /** The numbers of its pages, by group of layers. */
  readonly pages: readonly (readonly number[])[];
  /** How many tokens it has. */
  readonly position: number;
  /** Makes the next `count` positions writable; throws a `CacheFullError` where it cannot. */
  reserve(count: number): void;
  /** The cache slot of a position in a group of layers. */
  slot(group: number, position: number): number;
  /** These tokens are in the cache now. */
  append(tokens: readonly number[]): void;
  /** Throws when no more than what is under way should be done. */
  check(): void;
}

/** Somebody who wants the states of tokens after the final norm. */
export interface StateTaker {
  /** Of how many tokens: the last ones. */
  readonly rows: number;
  /** Takes some of them as they come, in order: [some rows, dim], the taker's own. */
  readonly take: (states: Float32Array<ArrayBuffer>) => void;
}

/** Tokens to be evaluated. */
export interface Job {
  readonly sequence: Rows;
  readonly tokens: readonly number[];
  /** Where logits of the last tokens go, [rows, vocabularySize]; none are wanted if it is empty. */
  readonly logits: Float32Array<ArrayBuffer>;
  /** Takes states, where no logits are wanted. */
  readonly states?: StateTaker | undefined;
  /** Higher ones come first. */
  readonly priority: number;
  /** Stops it. */
  readonly signal?: AbortSignal | undefined;
  /** Hears how many of its tokens are evaluated. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** What a scheduler works with. */
export interface SchedulerParts {
  readonly runner: Runner;
  readonly work: Work;
  readonly rope: Rotations;
  readonly vocabularySize: number;
  /** Length of a state. */
  readonly dim: number;
  /** Most rows of a step. */
  readonly chunkRows?: number | undefined;
  /** Most jobs at a time, those that wait included. */
  readonly maxQueue?: number | undefined;
}

/** A job on its way; a demand for a plan. */
class Ticket {
  readonly logitRows: number;
  readonly #ends = Promise.withResolvers<void>();
  done = 0; // tokens
  logitsDone = 0; // rows
  stopped = false; // by its signal

  constructor(readonly job: Job, vocabularySize: number) {
    this.logitRows = job.logits.length / vocabularySize;
  }

  get priority(): number {
    return this.job.priority;
  }

  get left(): number {
    return this.job.tokens.length - this.done;
  }

  get promise(): Promise<void> {
    return this.#ends.promise;
  }

  resolve(): void {
    this.#ends.resolve();
  }

  reject(reason: unknown): void {
    this.#ends.reject(reason);
  }
}

/** How many rows of a share give their states: the last ones. */
function stateRowsOf({ demand: { job, left }, rows }: Share<Ticket>): number {
  return Math.max(0, rows - Math.max(0, left - (job.states?.rows ?? 0)));
}

/** The sum of something over all shares. */
function sum(shares: readonly Share<Ticket>[], of: (share: Share<Ticket>) => number): number {
  return shares.reduce((total, share) => total + of(share), 0);
}

const MOST_RECORDINGS = 48;
const LEAST_TABLE_WORDS = 16;
/** Logits copied at a time: 64 rows of a large vocabulary are as many bytes, and take 50 ms. */
const COPIED_LOGITS = 1 << 20;

/** Takes jobs of any sequences; what it gives each does not depend on the others, to the bit. */
export class Scheduler {
  readonly #parts: SchedulerParts;
  readonly #tickets = new Set<Ticket>(); // in the order in which they came
  readonly #recordings = new Map<KvCache, Map<string, Recording>>();
  #shares: readonly Share<Ticket>[] = []; // of the running step
  #control = new Int32Array(1); // of the running step
  #loop: Promise<void> | undefined;

  /** @param parts the model's parts */
  constructor(parts: SchedulerParts) {
    this.#parts = parts;
  }

  /** Whether one token may be run at once, on this thread. */
  get runsAtOnce(): boolean {
    return this.#tickets.size === 0 && this.#parts.runner.runsAtOnce;
  }

  /** Runs one token on this thread; the caller has asked `runsAtOnce`. */
  runNow(job: Job): void {
    job.sequence.reserve(1);
    const ticket = new Ticket(job, this.#parts.vocabularySize);
    const { logitRows } = ticket, shares = [{ demand: ticket, rows: 1, logitRows }];
    this.#parts.runner.runNow(this.#fill(shares));
    for (const _ of this.#deliveries(shares));
  }

  /**
   * Runs a job among others, beside the event loop.
   * @throws {QueueFullError} too many wait already
   */
  submit(job: Job): Promise<void> {
    const { maxQueue = Infinity } = this.#parts;
    if (this.#tickets.size >= maxQueue) throw new QueueFullError(maxQueue);
    const ticket = new Ticket(job, this.#parts.vocabularySize), { signal } = job;
    this.#tickets.add(ticket);
    if (signal) {
      const stop = () => this.#stop(ticket);
      signal.addEventListener("abort", stop, { once: true });
      const forget = () => signal.removeEventListener("abort", stop);
      ticket.promise.then(forget, forget);
      if (signal.aborted) stop();
    }
    this.#loop ??= this.#work();
    return ticket.promise;
  }

  /** Forgets what was recorded for a cache. */
  forget(cache: KvCache): void {
    this.#recordings.delete(cache);
  }

  /** Takes a job out, and ends the running step if it is in it. */
  #stop(ticket: Ticket): void {
    ticket.stopped = true;
    if (this.#shares.some(({ demand }) => demand === ticket)) this.#control[0] = 1;
    else this.#end(ticket, ticket.job.signal!.reason);
  }

  #end(ticket: Ticket, reason?: unknown): void {
    this.#tickets.delete(ticket);
    if (reason === undefined) ticket.resolve();
    else ticket.reject(reason);
  }

  /** Settles when the jobs at hand have ended; undefined where there are none. */
  get busy(): Promise<void> | undefined {
    return this.#loop;
  }

  async #work(): Promise<void> {
    await Promise.resolve(); // whoever else asks now comes along
    while (this.#tickets.size > 0) {
      const several = this.#tickets.size > 1;
      this.#shares = this.#plan();
      if (this.#shares.length > 0) await this.#run(this.#shares);
      this.#shares = [];
      if (several) await turn(); // for those that ended to ask for more
    }
    this.#loop = undefined;
  }

  /** Shares of the next step, with places in the cache; ends those that can have none. */
  #plan(): Share<Ticket>[] {
    for (const ticket of this.#tickets) {
      if (ticket.done === 0) continue; // it was in flight before its sequence was disposed of
      try {
        ticket.job.sequence.check();
      } catch (error) {
        this.#end(ticket, error);
      }
    }
    const [first] = this.#tickets, cache = first?.job.sequence.cache;
    const { chunkRows: rows = CHUNK_ROWS } = this.#parts;
    const waiting = [...this.#tickets].filter(({ job }) => job.sequence.cache === cache);
    const shares = planStep(waiting, { rows, logitRows: MAX_LOGIT_ROWS });
    let full: CacheFullError | undefined;
    const placed = shares.filter(({ demand, rows }) => {
      try {
        demand.job.sequence.reserve(rows);
        return true;
      } catch (error) {
        if (error instanceof CacheFullError) full = error; // it may get a place later
        else this.#end(demand, error);
        return false;
      }
    });
    // Where nobody can go on, the last one gives way.
    if (placed.length === 0 && full) this.#end(shares.at(-1)!.demand, full);
    return placed;
  }

  async #run(shares: readonly Share<Ticket>[]): Promise<void> {
    this.#control = new Int32Array(1);
    try {
      const done = await this.#parts.runner.runAside(this.#fill(shares), this.#control);
      for (const _ of done ? this.#deliveries(shares) : []) await turn();
    } catch (error) {
      for (const { demand } of shares) this.#end(demand, error);
    }
    for (const { demand } of shares) {
      if (demand.stopped) this.#end(demand, demand.job.signal!.reason);
    }
  }

  /**
   * Fills the inputs of a step: first all rows of which nothing is wanted, then those that give
   * states, then those that get logits. Rows of a sequence share its block table.
   */
  #fill(shares: readonly Share<Ticket>[]): Recording {
    const rows = sum(shares, (share) => share.rows), stateRows = sum(shares, stateRowsOf);
    const logitRows = sum(shares, (share) => share.logitRows);
    const pages = sum(shares, ({ demand }) => pageCount(demand.job.sequence));
    const tableWords = Math.max(LEAST_TABLE_WORDS, 2 ** Math.ceil(Math.log2(pages)));
    const { cache } = shares[0]!.demand.job.sequence;
    const recording = this.#recording(cache, { rows, stateRows, logitRows, tableWords });
    const { batch } = recording, positions = new Float64Array(rows);
    const next = { silent: 0, state: rows - logitRows - stateRows, logit: rows - logitRows };
    let start = 0;
    for (const share of shares) {
      const { demand: { job, done }, rows } = share, { sequence, tokens } = job;
      const kind = share.logitRows > 0 ? "logit" : "state";
      const silent = rows - (share.logitRows || stateRowsOf(share));
      batch.tables.forEach((table, group) => table.set(sequence.pages[group]!, start));
      for (let i = 0; i < rows; i++) {
        const row = next[i < silent ? "silent" : kind]++, position = sequence.position + i;
        batch.tokens[row] = tokens[done + i]!;
        batch.slots.forEach((slots, group) => slots[row] = sequence.slot(group, position));
        batch.places[2 * row] = start;
        batch.places[2 * row + 1] = positions[row] = position;
      }
      start += pageCount(sequence);
    }
    this.#parts.rope.fill(positions, batch);
    return recording;
  }

  /** A recording of these sizes, made now or kept from before. */
  #recording(cache: KvCache, sizes: StepSizes): Recording {
    const known = this.#recordings.get(cache) ?? new Map<string, Recording>();
    this.#recordings.set(cache, known);
    const { rows, stateRows, logitRows, tableWords } = sizes;
    const key = [rows, stateRows, logitRows, tableWords].join("/");
    const made = known.get(key) ?? this.#parts.runner.record(cache, sizes);
    known.delete(key); // to the end: used last
    known.set(key, made);
    for (const oldest of known.keys()) {
      if (known.size <= MOST_RECORDINGS) break;
      known.delete(oldest);
    }
    return made;
  }

  /** Gives everybody logits or states, and news; yields where the event loop may want its turn. */
  *#deliveries(shares: readonly Share<Ticket>[]): Generator<void> {
    const { vocabularySize, work, dim } = this.#parts;
    const all = (of: (share: Share<Ticket>) => number) => sum(shares, of);
    let first = 0; // logits of those before
    let state = all(({ rows, logitRows }) => rows - logitRows) - all(stateRowsOf); // its row
    for (const share of shares) {
      const { demand, rows, logitRows } = share, stateRows = stateRowsOf(share);
      const states = stateRows === 0
        ? undefined
        : work.readStream(new Float32Array(stateRows * dim), state * dim);
      state += stateRows;
      const from = demand.logitsDone * vocabularySize, count = logitRows * vocabularySize;
      const to = demand.job.logits.subarray(from, from + count);
      for (let at = 0; at < count; at += COPIED_LOGITS) {
        if (at > 0) yield;
        work.readLogits(to.subarray(at, at + COPIED_LOGITS), first + at);
      }
      first += count;
      demand.logitsDone += logitRows;
      this.#advance(demand, rows, states);
    }
  }

  #advance(ticket: Ticket, rows: number, states?: Float32Array<ArrayBuffer>): void {
    const { job } = ticket, { tokens } = job;
    job.sequence.append(tokens.slice(ticket.done, ticket.done += rows));
    try {
      if (states) job.states?.take(states);
      job.onProgress?.(ticket.done, tokens.length);
      if (ticket.left === 0) this.#end(ticket);
    } catch (error) {
      this.#end(ticket, error);
    }
  }
}

/** Words that a sequence's tables take, each; one may have grown before another could not. */
function pageCount({ pages }: Rows): number {
  return Math.max(...pages.map(({ length }) => length));
}
