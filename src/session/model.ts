/** The model that people load: config, tokenizer, sessions, logits. @module */

import {
  type CacheUse,
  contextBytes,
  KvCache,
  largestContext,
  pageCounts,
} from "../cache/kv_cache.ts";
import { type KvType, PAGE_POSITIONS } from "../cache/pages.ts";
import type { PrefixTree } from "../cache/prefix_tree.ts";
import { type CacheStatistics, SharedCache } from "../cache/shared_cache.ts";
import { ArgumentError, ContextError, DisposedError, ModelError } from "../errors.ts";
import type { ModelFile } from "../format/file.ts";
import { fingerprint } from "../format/fingerprint.ts";
import { MAX_BATCH, SequenceBatch } from "../model/batch.ts";
import { cacheShape, type ModelConfig } from "../model/config.ts";
import { rangesOf } from "../model/preload.ts";
import { InputSquares } from "../model/input_squares.ts";
import { Rotations } from "../model/rope.ts";
import { type PieceObserver, Runner, type StepObserver } from "../model/runner.ts";
import { Scheduler } from "../model/scheduler.ts";
import { type EvaluateOptions, type LogitRows, ModelSequence } from "../model/sequence.ts";
import type { SequenceParts } from "../model/sequence.ts";
import { CHUNK_ROWS, MAX_LOGIT_ROWS } from "../model/work.ts";
import { preload, systemMemory } from "../native/memory.ts";
import { sha256 } from "../native/sha256.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { defaultPooling, embed, type EmbedOptions } from "./embed.ts";
import type { Batch, Engine, Sequence } from "./engine.ts";
import { type LoadedParts, type LoadOptions, loadParts } from "./load.ts";
import { type Profile, Profiler } from "./profile.ts";
import { Past } from "./past.ts";
import { rerank, type RerankOptions } from "./rerank.ts";
import { type Prompt, Session, type SessionOptions } from "./session.ts";
import { SnapshotReader } from "./snapshot.ts";
import type { Ranked } from "./vectors.ts";

/** Bytes that a model holds. */
export interface ModelMemory {
  /** The mapped files: shared with other processes, given back under pressure. */
  readonly mappedBytes: number;
  /** Weights that were converted while they were loaded. */
  readonly convertedBytes: number;
  /** Keys and values of the live sequences. */
  readonly kvBytes: number;
  /** Keys and values that are kept for texts that begin alike, and given up when room is needed. */
  readonly cachedBytes: number;
  /** Reserved for activations; committed as they are used. */
  readonly scratchBytes: number;
  /** Resident memory of the process. */
  readonly rssBytes: number;
  /** The most that it ever was, to the MiB. */
  readonly peakRssBytes: number;
}

const DEFAULT_CONTEXT = 4096;

/**
 * A language model, mapped and ready. It holds native memory: dispose of it, best with `using`. In
 * a Worker use `await using`, and terminate the Worker after that: threads and memory are the
 * process's, and a step that is running reads buffers of the Worker.
 *
 * Results are the same to the bit for every thread count, chunk size and instruction set.
 * @example
 * ```ts
 * using model = await Model.load("models/story.gguf", { threads: 2, context: 256 });
 * using session = model.session({ temperature: 0.8, seed: 7 });
 * const text = await session.generate("Once upon a time", { maxTokens: 16 }).text();
 * console.assert(text.length > 0);
 * ```
 */
export class Model implements Engine, Disposable, AsyncDisposable {
  readonly #parts: LoadedParts;
  readonly #options: LoadOptions;
  readonly #runner: Runner;
  readonly #scheduler: Scheduler;
  readonly #rotations: Rotations;
  readonly #sequences = new Set<ModelSequence>();
  #fingerprint: Promise<string> | undefined;
  #cache: SharedCache | undefined;
  readonly #preloads = new Set<Promise<void>>();
  #disposed = false;
  #released = false;
  #freed = Promise.resolve();
  /** Positions of a session. */
  readonly context: number;

  private constructor(parts: LoadedParts, options: LoadOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#runner = new Runner(parts);
    this.context = options.context ?? Math.min(parts.config.contextLength, DEFAULT_CONTEXT);
    const rope = this.#rotations = new Rotations(parts.config, this.context);
    this.#scheduler = new Scheduler({
      ...{ runner: this.#runner, work: parts.work, rope },
      ...{ vocabularySize: parts.config.vocabularySize, dim: parts.config.dim },
      ...{ chunkRows: options.chunkRows, maxQueue: options.maxQueue },
    });
  }

  /**
   * Opens a model file, checks it, maps its weights and starts threads.
   * @param path a GGUF file, a safetensors file, or a folder in Hugging Face layout; told by
   * content, whatever its name
   * @param options threads, context, cache type, instruction set
   * @throws {FormatError} the file breaks its format; the message names file and byte
   * @throws {ModelError} cria cannot run this model; the message says why
   * @throws {LibraryError} the kernel library is not there or not ours
   */
  static async load(path: string, options: LoadOptions = {}): Promise<Model> {
    const model = new Model(await loadParts(path, options), options);
    try {
      model.#refuseTooLarge();
      return model;
    } catch (error) {
      model[Symbol.dispose]();
      throw error;
    }
  }

  /** Refuses a context that this machine has no memory for, before anything is run. */
  #refuseTooLarge(): void {
    const { kernels, weights, work } = this.#parts;
    const shape = cacheShape(this.config), needs = contextBytes(shape, this.kv, this.#use);
    const available = systemMemory(kernels, "available");
    // The weights are to stay in memory as well, as far as they can.
    const room = available - Math.min(weights.mappedBytes, available / 2) - work.bytes;
    if (needs <= room) return;
    const largest = largestContext(shape, this.kv, this.#use, room);
    const [needed, left] = [needs, room].map((bytes) => `${(bytes / 2 ** 30).toFixed(1)} GiB`);
    throw new ModelError(
      `Cannot load "${this.file.path}": a context of ${this.context} needs ${needed} for keys ` +
        `and values, there are ${left}; the largest that fits is ${largest}`,
    );
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

  /** The chat template: what the model was loaded with, else the Jinja source in its file. */
  get chatTemplate(): string | undefined {
    return this.#options.chatTemplate ?? this.#templateOf("tokenizer.chat_template");
  }

  /** The template for chats with tools, where the file has one of its own for them. */
  get toolTemplate(): string | undefined {
    if (this.#options.chatTemplate !== undefined) return undefined;
    return this.#templateOf("tokenizer.chat_template.tool_use");
  }

  #templateOf(key: string): string | undefined {
    const source = this.#parts.file.metadata.get(key);
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
    const { weights } = this.#parts;
    const float = weights.layers.every(({ k }) => k.quant.activation === "float");
    return this.#options.kv ?? (float ? "f32" : "f16");
  }

  /** How long loading took, in milliseconds. */
  get loadMs(): number {
    return this.#parts.loadMs;
  }

  /** What the model holds at this moment; nothing, once it is disposed of and all calls ended. */
  memory(): ModelMemory {
    const { weights, work } = this.#parts, held = (bytes: number) => this.#released ? 0 : bytes;
    return {
      mappedBytes: held(weights.mappedBytes),
      convertedBytes: held(weights.convertedBytes),
      kvBytes: this.#cache?.liveBytes ?? 0,
      cachedBytes: this.#cache?.idleBytes ?? 0,
      scratchBytes: held(work.bytes),
      rssBytes: Deno.memoryUsage().rss,
      peakRssBytes: systemMemory(this.#parts.kernels, "peak"),
    };
  }

  /**
   * Opens a conversation with its own cache of `context` positions.
   * @param options sampler options of all its generations
   */
  session(options: SessionOptions = {}): Session {
    return new Session(this, options);
  }

  /**
   * Makes a session anew from a file that `session.save` wrote.
   * @param path the file
   * @throws {FormatError} the file is none of these, or cut off, or changed; byte and state named
   * @throws {ModelError} it belongs to another model, or to another form of cache
   * @throws {ContextError} it has more tokens than the context
   */
  async restore(path: string): Promise<Session> {
    using reader = await SnapshotReader.open(path);
    const { header } = reader, identity = await this.identity();
    const foreign = header.tokens.find((id) => id >= this.config.vocabularySize);
    if (foreign !== undefined) throw new ModelError(`Cannot restore "${path}": token ${foreign}`);
    for (const what of ["model", "layout"] as const) {
      if (header[what] === identity[what]) continue;
      const state = `its ${what} is ${header[what]}, not ${identity[what]}`;
      throw new ModelError(`Cannot restore "${path}": ${state}`);
    }
    const { length } = header.tokens;
    if (length > this.context) throw new ContextError(length, this.context, `restore "${path}"`);
    using stack = new DisposableStack();
    const sequence = stack.use(new ModelSequence(this.#sharing()));
    const tokens = header.tokens.slice(0, header.cached);
    const { groups } = this.#cache!.cache, needed = this.#cache!.cache.needed(tokens.length);
    const pages = reader.pages(needed.map(({ group }) => groups[group]!.store.pageBytes));
    if (tokens.length > 0) await sequence.load(tokens, pages);
    else for await (const _ of pages); // checks the file
    const session = new Session(this, header.options, new Past(sequence, header.tokens));
    stack.move();
    return session;
  }

  /** What tells this model, and the form of its cache, from others. */
  async identity(): Promise<{ readonly model: string; readonly layout: string }> {
    const { layerCount, kvHeadCount, headDim } = this.config;
    const { quantize } = this.#options, { windows } = cacheShape(this.config);
    const angles = await sha256(new TextEncoder().encode(this.#rotations.key));
    const layout = [
      `${this.kv} of ${layerCount} layers of ${kvHeadCount} × ${headDim}`,
      `pages of ${PAGE_POSITIONS}`,
      `rope ${angles.slice(0, 16)}`,
      ...quantize === undefined ? [] : [`weights in ${quantize}`],
      ...windows.some((window) => window > 0) ? [`windows ${windows.join(" ")}`] : [],
    ];
    const model = await (this.#fingerprint ??= fingerprint(this.file));
    return { model, layout: layout.join(", ") };
  }

  get #use(): CacheUse {
    return { context: this.context, rows: this.#options.chunkRows ?? CHUNK_ROWS };
  }

  /**
   * A new, empty sequence of `context` positions.
   * @param options `keep`: its full pages stay known to texts that begin alike; true if left out
   */
  createSequence({ keep = true }: { readonly keep?: boolean } = {}): Sequence {
    return new ModelSequence(this.#sharing(keep));
  }

  /**
   * New, empty sequences of `context` positions each, which can decode together.
   * @param count how many, 1 to 64
   */
  createBatch(count: number): Batch {
    if (!Number.isInteger(count) || count < 1 || count > MAX_BATCH) {
      throw new ArgumentError(`Cannot make a batch of ${count}: it has 1 to ${MAX_BATCH}`);
    }
    const parts = this.#sharing();
    const sequences = Array.from({ length: count }, () => new ModelSequence(parts));
    return new SequenceBatch(parts.vocabularySize, sequences);
  }

  /** The pages of the cache: how many there are, are in use, and are kept for later only. */
  cacheStatistics(): CacheStatistics {
    this.#refuseDisposed();
    return (this.#cache ??= this.#newCache()).statistics();
  }

  /** Gives up the keys and values that no live sequence needs. */
  clearCache(): void {
    this.#cache?.clear();
  }

  /** What sequences are made of that share one store of pages and, if `keep`, full ones in it. */
  #sharing(keep = true): SequenceParts {
    const { cache, tree } = this.#cache ??= this.#newCache();
    return this.#sequenceParts(this.context, cache, keep ? tree : undefined);
  }

  #newCache(): SharedCache {
    this.#refuseDisposed(); // nobody would free it
    const shape = cacheShape(this.config), { cacheBytes } = this.#options;
    return new SharedCache(this.#parts.kernels, shape, this.kv, this.#use, cacheBytes);
  }

  #sequenceParts(capacity: number, cache: KvCache, tree?: PrefixTree): SequenceParts {
    this.#refuseDisposed();
    const { config: { vocabularySize } } = this.#parts;
    return {
      scheduler: this.#scheduler,
      onCreate: (sequence) => this.#sequences.add(sequence),
      onRelease: (sequence) => this.#sequences.delete(sequence),
      ...{ cache, tree, vocabularySize, capacity },
    };
  }

  /**
   * Asks the system to read the weights of some layers ahead of their use. A hint: after a long
   * pause, or where memory is short, the next token then waits less for the disk. It resolves when
   * the system was asked, not when it is done.
   * @param layers numbers of layers, from 0; all, if left out
   * @throws {ArgumentError} there is no such layer
   * @example
   * ```ts
   * using model = await Model.load("models/story.gguf", { context: 256 });
   * await model.preload([0, 1]);
   * ```
   */
  async preload(layers?: Iterable<number>): Promise<void> {
    this.#refuseDisposed();
    const { kernels, config, weights } = this.#parts;
    const wanted = [...layers ?? Array(config.layerCount).keys()];
    const bad = wanted.find((layer) => !(layer in weights.layers));
    if (bad !== undefined) {
      throw new ArgumentError(`Cannot preload layer ${bad}: there are ${config.layerCount}`);
    }
    const ranges = wanted.flatMap((layer) => [...rangesOf(weights.layers[layer]!, config)]);
    const asking = preload(kernels, ranges, () => !this.#disposed);
    this.#preloads.add(asking);
    try {
      await asking;
    } finally {
      this.#preloads.delete(asking);
    }
  }

  /**
   * Watches the steps that the model runs during some work: which operations, how long, how much
   * they read and computed.
   * @param work what to watch; whatever else the model runs meanwhile counts as well
   * @example
   * ```ts
   * using model = await Model.load("models/story.gguf", { context: 256 });
   * const { operations } = await model.profile(() => model.logits([1, 2, 3]));
   * console.assert(operations[0]!.share > 0);
   * ```
   */
  async profile(work: () => unknown): Promise<Profile> {
    const profiler = new Profiler(this.#parts.weights.named);
    const observer: StepObserver = (recording, times) => profiler.add(recording, times);
    this.#runner.observers.add(observer);
    try {
      await work();
    } finally {
      this.#runner.observers.delete(observer);
    }
    return profiler.result();
  }

  /**
   * Watches what meets the columns of each matrix during some work, as quantising may want to know.
   * Steps run in pieces meanwhile, which takes a little longer.
   * @param work what to watch; whatever else the model runs meanwhile counts as well
   * @returns by tensor, the mean square of the inputs of each column, [columns]
   * @example
   * ```ts
   * using model = await Model.load("models/story.gguf", { context: 256 });
   * const squares = await model.inputSquares(() => model.logits([1, 2, 3]));
   * console.assert(squares.get("blk.0.attn_q.weight")!.length === model.config.dim);
   * ```
   */
  async inputSquares(work: () => unknown): Promise<Map<string, Float32Array>> {
    const { weights, work: buffers } = this.#parts;
    const squares = new InputSquares(weights.named, (offset, to) => buffers.read(offset, to));
    const observer: PieceObserver = (piece) => squares.add(piece);
    this.#runner.pieceObservers.add(observer);
    try {
      await work();
    } finally {
      this.#runner.pieceObservers.delete(observer);
    }
    return squares.result();
  }

  /**
   * Texts as vectors: the states after the final norm, which the output matrix would read, pooled.
   * Texts are read many at a time; each vector is what it would be alone, to the bit. Special
   * tokens in a text are plain text; those that the model wants around it are added.
   * @param texts texts, or token ids to be taken as they are
   * @param options pooling ("mean", where the file names none), whether to normalize, a signal
   * @returns vectors in the order of the texts, [config.dim] each
   * @throws {ContextError} a text is longer than the context
   * @example
   * ```ts
   * using model = await Model.load("models/story.gguf", { context: 256 });
   * const [cat, dog] = await model.embed(["A cat sat down.", "A dog sat down."]);
   * console.assert(cat!.length === model.config.dim && dog!.length === cat!.length);
   * ```
   */
  async embed(texts: readonly Prompt[], options: EmbedOptions = {}): Promise<Float32Array[]> {
    this.#refuseDisposed();
    const { file: { metadata }, tokenizer, context, config: { architecture, dim } } = this;
    const pooling = defaultPooling(metadata, architecture);
    const { freePages: pages } = this.cacheStatistics(), { maxQueue = Infinity } = this.#options;
    const createSequence = () => new ModelSequence(this.#sharing(false));
    const parts = { pooling, tokenizer, dim, context, maxQueue, pages };
    return await embed({ ...parts, createSequence }, texts, options);
  }

  /**
   * Orders documents by how well they answer a query: by asking the model, as models for ranking
   * are meant to be used, or by the cosine of vectors.
   * @param query what is looked for
   * @param documents what is there
   * @param options which of the two, how many are wanted, a signal
   * @returns indices of documents with their scores, best first
   * @throws {ContextError} a document is longer than the context
   * @example
   * ```ts
   * using model = await Model.load("models/story.gguf", { context: 256 });
   * const [best] = await model.rerank("a dog", ["The sun is hot.", "The dog ran home."]);
   * console.assert(best!.index === 1);
   * ```
   */
  async rerank(
    query: string,
    documents: readonly string[],
    options: RerankOptions = {},
  ): Promise<Ranked[]> {
    this.#refuseDisposed();
    const { file: { metadata }, context, config: { architecture } } = this;
    const parts = { engine: this, metadata, architecture, context };
    const freePages = () => this.cacheStatistics().freePages;
    const embed = this.embed.bind(this), { maxQueue = Infinity } = this.#options;
    const createSequence = () => this.createSequence({ keep: false });
    const all = { ...parts, embed, createSequence, freePages, maxQueue };
    return await rerank(all, query, documents, options);
  }

  /**
   * Teacher-forced logits: of every token of a text, given those before it.
   * @param tokens token ids, as many as fit
   * @param options how to watch and stop it
   * @returns row-major, [tokens.length, vocabularySize]
   */
  async logits(tokens: readonly number[], options: EvaluateOptions = {}): Promise<Float32Array> {
    const all = new Float32Array(tokens.length * this.config.vocabularySize);
    for await (const _ of this.#logitRows(tokens, options, all));
    return all;
  }

  /**
   * The same in parts, for texts whose logits would not fit into memory.
   * @param tokens token ids, as many as fit
   * @param options how to watch and stop it
   */
  logitRows(
    tokens: readonly number[],
    options: EvaluateOptions = {},
  ): AsyncGenerator<LogitRows> {
    return this.#logitRows(tokens, options);
  }

  async *#logitRows(
    tokens: readonly number[],
    options: EvaluateOptions,
    place?: Float32Array<ArrayBuffer>,
  ): AsyncGenerator<LogitRows> {
    const capacity = Math.max(tokens.length, 1), shape = cacheShape(this.config);
    const counts = pageCounts(shape, this.kv, { context: capacity, rows: MAX_LOGIT_ROWS }, 0);
    this.#refuseDisposed();
    using cache = new KvCache(this.#parts.kernels, shape, this.kv, counts);
    using sequence = new ModelSequence(this.#sequenceParts(capacity, cache));
    try {
      yield* sequence.logitRows(tokens, options, place);
    } finally {
      this.#scheduler.forget(cache);
    }
  }

  /** Frees everything, sequences included; after the call in flight, if there is one. */
  [Symbol.dispose](): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const sequence of this.#sequences) sequence[Symbol.dispose]();
    const sequences = [...this.#sequences].map(({ busy }) => busy);
    const calls = [this.#scheduler.busy, ...sequences, ...this.#preloads];
    const running = calls.filter((one) => one !== undefined);
    if (running.length === 0) this.#release();
    else this.#freed = Promise.allSettled(running).then(() => this.#release());
  }

  /** The same; resolves when all is freed: `await using`, where calls may be in flight. */
  [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]();
    return this.#freed;
  }

  #refuseDisposed(): void {
    if (this.#disposed) throw new DisposedError("Cannot use the model: it was disposed of");
  }

  #release(): void {
    const { pool, work, weights, file } = this.#parts;
    for (const part of [pool, work, weights, file]) part[Symbol.dispose]();
    this.#cache?.[Symbol.dispose]();
    this.#cache = undefined;
    this.#released = true;
  }
}
