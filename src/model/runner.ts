/** Records batches and runs them, on this thread or beside it. @module */

import type { KvCache } from "../cache/kv_cache.ts";
import { OP_WORDS } from "../native/operations.ts";
import type { Pool, RunnableStep } from "../native/pool.ts";
import { Step } from "../step/step.ts";
import type { ModelConfig } from "./config.ts";
import { recordForward } from "./forward.ts";
import type { Weights } from "./weights.ts";
import { BatchInputs, type Work } from "./work.ts";

/** What a step that would block for longer than this runs beside the event loop. */
const SYNCHRONOUS_MS = 4;
/** What a core reads in a millisecond, for a first guess: on the slow side. */
const BYTES_PER_MS = 5e6;

/** A step and the inputs that it was recorded over. */
export interface Recording {
  readonly step: Step;
  readonly batch: BatchInputs;
}

/** The sizes of a step. */
export interface StepSizes {
  /** Rows of the batch. */
  readonly rows: number;
  /** How many rows give their final states, before those that get logits. */
  readonly stateRows: number;
  /** How many of the last rows get logits. */
  readonly logitRows: number;
  /** Words for block tables. */
  readonly tableWords: number;
}

/** What steps are recorded from. */
export interface RunnerParts {
  readonly config: ModelConfig;
  readonly weights: Weights;
  readonly work: Work;
  readonly pool: Pool;
}

/** Hears what every operation of a step took, after it was run. */
export type StepObserver = (recording: Recording, nanoseconds: BigUint64Array<ArrayBuffer>) => void;

/** Some operations of a step that run side by side. */
export interface Piece {
  readonly step: RunnableStep;
  readonly batch: BatchInputs;
}

/** Sees each piece of a step before it runs: what it reads is there. */
export type PieceObserver = (piece: Piece) => void;

/** Takes turns on a pool. */
export class Runner {
  readonly #parts: RunnerParts;
  #tokenMs: number;
  #running = false;
  /** They hear of every step; where there are none, nothing is measured. */
  readonly observers = new Set<StepObserver>();

  /** They see every piece of a step; where there are none, steps run whole. */
  readonly pieceObservers = new Set<PieceObserver>();

  /** @param parts the model's parts */
  constructor(parts: RunnerParts) {
    this.#parts = parts;
    this.#tokenMs = parts.weights.bytesPerToken / (BYTES_PER_MS * Math.min(4, parts.pool.threads));
  }

  /** Whether a step of one row may run at once, on this thread. */
  get runsAtOnce(): boolean {
    const isFree = !this.#running && this.pieceObservers.size === 0;
    return isFree && this.#tokenMs < SYNCHRONOUS_MS;
  }

  /**
   * Records the pass for a shape of batch over a cache.
   * @param cache where the rows' keys and values lie
   * @param sizes how many rows, of which kinds
   */
  record(cache: KvCache, { tableWords, ...sizes }: StepSizes): Recording {
    const { config, weights, work } = this.#parts;
    const step = new Step(), { rope, localRope } = config;
    const tables = { groups: cache.groups.length, tableWords };
    const batch = new BatchInputs(sizes.rows, tables, rope.dims, localRope?.dims);
    recordForward({ step, config, weights, work, batch, cache, ...sizes });
    return { step, batch };
  }

  /** Runs on this thread; the caller has asked `runsAtOnce`. */
  runNow(recording: Recording, nanoseconds = this.#times(recording)): void {
    const { step, batch } = recording, start = performance.now();
    this.#parts.pool.run(step, batch.words, nanoseconds);
    if (batch.rows === 1) this.#learn(performance.now() - start);
    this.#tell(recording, nanoseconds);
  }

  /**
   * Runs beside the event loop; one at a time.
   * @param recording what to run
   * @param control one word; when it becomes anything but 0, the rest is not computed
   * @returns whether all of it was run
   */
  async runAside(recording: Recording, control: Int32Array<ArrayBuffer>): Promise<boolean> {
    this.#running = true;
    try {
      const { step, batch } = recording, nanoseconds = this.#times(recording);
      const start = performance.now();
      const done = this.pieceObservers.size > 0
        ? await this.#runInPieces(recording, control)
        : await this.#parts.pool.runAside(step, batch.words, nanoseconds, control);
      if (batch.rows === 1) this.#learn(performance.now() - start);
      if (done) this.#tell(recording, nanoseconds);
      return done;
    } finally {
      this.#running = false;
    }
  }

  async #runInPieces(
    { step, batch }: Recording,
    control: Int32Array<ArrayBuffer>,
  ): Promise<boolean> {
    for (const piece of pieces(step)) {
      for (const observer of this.pieceObservers) observer({ step: piece, batch });
      const done = await this.#parts.pool.runAside(piece, batch.words, undefined, control);
      if (!done) return false;
    }
    return true;
  }

  /** Room for the time of each operation, if anybody wants to know. */
  #times({ step }: Recording): BigUint64Array<ArrayBuffer> | undefined {
    return this.observers.size > 0 ? new BigUint64Array(step.count) : undefined;
  }

  #tell(recording: Recording, nanoseconds: BigUint64Array<ArrayBuffer> | undefined): void {
    if (!nanoseconds) return;
    for (const observer of this.observers) observer(recording, nanoseconds);
  }

  #learn(ms: number): void {
    this.#tokenMs = this.#tokenMs * 0.7 + ms * 0.3;
  }
}

/** A step cut where operations do not run together. */
function* pieces({ words, count }: RunnableStep): Generator<RunnableStep> {
  const { size } = OP_WORDS;
  for (let first = 0, next = 1; first < count; first = next++) {
    while (next < count && (words[next * size + 1]! & 1) === 1) next++;
    yield { words: words.subarray(first * size, next * size), count: next - first };
  }
}
