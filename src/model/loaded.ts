/** A loaded model as sessions see it: config, tokenizer, sequences, logits. @module */

import { type KvType, PAGE_POSITIONS, PageStore } from "../cache/pages.ts";
import { ArgumentError, CriaError, DisposedError, ModelError } from "../errors.ts";
import type { ModelFile } from "../format/file.ts";
import { openModelFile } from "../format/open.ts";
import { Kernels } from "../native/ffi.ts";
import { findLibrary } from "../native/library.ts";
import { environment } from "../native/cache_folder.ts";
import { Pool } from "../native/pool.ts";
import { defaultThreads } from "../native/threads.ts";
import { Tokenizer } from "../tokenizer/tokenizer.ts";
import { type ModelConfig, readConfig } from "./config.ts";
import { RopeTable } from "./rope.ts";
import { Runner } from "./runner.ts";
import { type EvaluateOptions, type LogitRows, ModelSequence } from "./sequence.ts";
import { readSmallTensor, Weights } from "./weights.ts";
import { MAX_ROWS, Work } from "./work.ts";

/** How a model is loaded. */
export interface LoadOptions {
  /** Threads, this one included; physical cores by default. */
  readonly threads?: number | undefined;
  /** Positions of a session; the model's own, at most 4,096, by default. */
  readonly context?: number | undefined;
  /** What keys and values are kept as; by default "f32" under float weights, else "f16". */
  readonly kv?: KvType | undefined;
  /** Instruction set; the best one, or `CRIA_ISA`, by default. */
  readonly isa?: string | undefined;
  /** Rows of a prefill chunk, 1 to 512; changes speed and never a result. */
  readonly chunkRows?: number | undefined;
  /** Stops loading. */
  readonly signal?: AbortSignal | undefined;
}

/** Bytes that a model holds. */
export interface ModelMemory {
  /** The mapped file: shared with other processes, given back under pressure. */
  readonly mappedBytes: number;
  /** Keys and values of the live sequences. */
  readonly kvBytes: number;
  /** Reserved for activations; committed as they are used. */
  readonly scratchBytes: number;
  /** Resident memory of the process. */
  readonly rssBytes: number;
}

const DEFAULT_CONTEXT = 4096;
let kernels: Kernels | undefined;

/** The kernel library, opened once. */
async function openKernels(): Promise<Kernels> {
  const path = await findLibrary();
  if (kernels?.path !== path) kernels = new Kernels(path);
  return kernels;
}

/** The parts that loading makes. */
export interface LoadedParts {
  readonly file: ModelFile;
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer;
  readonly kernels: Kernels;
  readonly weights: Weights;
  readonly work: Work;
  readonly pool: Pool;
  readonly options: LoadOptions;
  readonly loadMs: number;
}

/**
 * Opens, checks and maps a model file, and starts threads for it.
 * @param path a GGUF file
 * @param options how
 * @throws {CriaError} saying what the file has that cannot be used
 */
export async function loadParts(path: string, options: LoadOptions): Promise<LoadedParts> {
  const startedAt = performance.now();
  checkOptions(options);
  options.signal?.throwIfAborted();
  const library = openKernels();
  library.catch(() => {}); // the file's own errors come first
  const file = await openModelFile(path);
  try {
    const model = naming(path, () => readModel(file));
    options.signal?.throwIfAborted();
    const native = startNative(await library, file, model.config, options, path);
    return { file, ...model, ...native, options, loadMs: performance.now() - startedAt };
  } catch (error) {
    file[Symbol.dispose]();
    throw error;
  }
}

/** What the file says. */
function readModel(file: ModelFile): Pick<LoadedParts, "config" | "tokenizer"> {
  const config = readConfig(file, (name) => readSmallTensor(file, name));
  if (config.headDim % 16 !== 0) {
    throw new ModelError(`Cannot run heads of ${config.headDim}: multiples of 16 are supported`);
  }
  const tokenizer = Tokenizer.from(file);
  return { config, tokenizer };
}

/** Maps the file, reserves buffers, starts threads; leaves nothing behind when one fails. */
function startNative(
  kernels: Kernels,
  file: ModelFile,
  config: ModelConfig,
  options: LoadOptions,
  path: string,
): Pick<LoadedParts, "kernels" | "weights" | "work" | "pool"> {
  using stack = new DisposableStack();
  const weights = stack.use(naming(path, () => new Weights(kernels, file, config)));
  const work = stack.use(new Work(kernels, config));
  const isa = options.isa ?? environment("CRIA_ISA");
  const pool = stack.use(new Pool(kernels, options.threads ?? defaultThreads(), isa));
  stack.move();
  return { kernels, weights, work, pool };
}

/** Errors of a model name its file. */
function naming<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof CriaError && !error.message.includes(path)) {
      error.message = `Cannot load "${path}": ${lowerFirst(error.message)}`;
    }
    throw error;
  }
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}

function checkOptions({ threads, context, kv, chunkRows }: LoadOptions): void {
  const count = (name: string, value: number | undefined, most: number) => {
    if (value === undefined || (Number.isInteger(value) && value >= 1 && value <= most)) return;
    throw new ArgumentError(`Cannot use ${name} ${value}: it is a whole number from 1 to ${most}`);
  };
  count("threads", threads, 256);
  count("context", context, 1 << 24);
  count("chunkRows", chunkRows, MAX_ROWS);
  if (kv !== undefined && kv !== "f16" && kv !== "f32") {
    throw new ArgumentError(`Cannot keep keys and values as "${kv}": there are f16 and f32`);
  }
}

/** A model that can be run. Holds native memory: dispose of it, best with `using`. */
export class LoadedModel implements Disposable {
  readonly #parts: LoadedParts;
  readonly #runner: Runner;
  readonly #rope: RopeTable;
  readonly #sequences = new Set<ModelSequence>();
  #disposed = false;
  /** Positions of a session. */
  readonly context: number;

  /** @param parts what `loadParts` made; the model takes it over */
  constructor(parts: LoadedParts) {
    this.#parts = parts;
    this.#runner = new Runner(parts);
    this.#rope = new RopeTable(parts.config.rope);
    const { contextLength } = parts.config;
    this.context = parts.options.context ?? Math.min(contextLength, DEFAULT_CONTEXT);
  }

  /** The model's numbers and flags. */
  get config(): ModelConfig {
    return this.#parts.config;
  }

  /** The opened file: metadata and where its tensors lie. */
  get file(): ModelFile {
    return this.#parts.file;
  }

  /** Text to tokens and back. */
  get tokenizer(): Tokenizer {
    return this.#parts.tokenizer;
  }

  /** The Jinja source of the model's chat template, where the file has one. */
  get chatTemplate(): string | undefined {
    const source = this.#parts.file.metadata.get("tokenizer.chat_template");
    return typeof source === "string" ? source : undefined;
  }

  /** Threads, the caller's included. */
  get threads(): number {
    return this.#parts.pool.threads;
  }

  /** The instruction set in use. */
  get isa(): string {
    return this.#parts.pool.isa;
  }

  /** What keys and values are kept as: no coarser than the weights, unless asked for. */
  get kv(): KvType {
    const { options, weights } = this.#parts;
    const float = weights.layers.every(({ k }) => k.quant.activation === "float");
    return options.kv ?? (float ? "f32" : "f16");
  }

  /** How long loading took, in milliseconds. */
  get loadMs(): number {
    return this.#parts.loadMs;
  }

  /** What the model holds at this moment. */
  memory(): ModelMemory {
    let kvBytes = 0;
    for (const sequence of this.#sequences) kvBytes += sequence.kvBytes;
    return {
      mappedBytes: this.#parts.weights.mappedBytes,
      kvBytes,
      scratchBytes: this.#parts.work.bytes,
      rssBytes: Deno.memoryUsage().rss,
    };
  }

  /** A new, empty sequence of `context` positions. */
  createSequence(): ModelSequence {
    return this.#newSequence(this.context);
  }

  #newSequence(capacity: number): ModelSequence {
    if (this.#disposed) throw new DisposedError("Cannot use the model: it was disposed of");
    const { kernels, config, work, options } = this.#parts;
    const pages = Math.ceil(capacity / PAGE_POSITIONS);
    const store = new PageStore(kernels, config, this.kv, pages);
    const sequence: ModelSequence = new ModelSequence({
      runner: this.#runner,
      work,
      rope: this.#rope,
      store,
      vocabularySize: config.vocabularySize,
      capacity,
      chunkRows: options.chunkRows,
      onRelease: () => this.#sequences.delete(sequence),
    });
    this.#sequences.add(sequence);
    return sequence;
  }

  /**
   * Teacher-forced logits: of every token of a text, given those before it.
   * @param tokens token ids, as many as fit
   * @param options how to watch and stop it
   * @returns row-major, [tokens.length, vocabularySize]
   */
  async logits(tokens: readonly number[], options: EvaluateOptions = {}): Promise<Float32Array> {
    const { vocabularySize } = this.config;
    const all = new Float32Array(tokens.length * vocabularySize);
    for await (const { first, logits } of this.logitRows(tokens, options)) {
      all.set(logits, first * vocabularySize);
    }
    return all;
  }

  /**
   * The same in parts, for texts whose logits would not fit into memory.
   * @param tokens token ids, as many as fit
   * @param options how to watch and stop it
   */
  async *logitRows(
    tokens: readonly number[],
    options: EvaluateOptions = {},
  ): AsyncGenerator<LogitRows> {
    using sequence = this.#newSequence(Math.max(tokens.length, 1));
    yield* sequence.logitRows(tokens, options);
  }

  /** Frees everything, sequences included; after the call in flight, if there is one. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const sequence of this.#sequences) sequence[Symbol.dispose]();
    const running = this.#runner.close();
    if (running) running.then(() => this.#release());
    else this.#release();
  }

  #release(): void {
    const { pool, work, weights, file } = this.#parts;
    for (const part of [pool, work, weights, file]) part[Symbol.dispose]();
  }
}
