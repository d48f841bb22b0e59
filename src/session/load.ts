/** Loading: opens, checks and maps a model file, and starts threads for it. @module */

import { KV_TYPES, type KvType } from "../cache/pages.ts";
import { ArgumentError, CriaError, ModelError } from "../errors.ts";
import type { ModelFile } from "../format/file.ts";
import { openModelFile } from "../format/open.ts";
import { isUrl } from "../format/url_source.ts";
import { Kernels } from "../native/ffi.ts";
import { findLibrary } from "../native/library.ts";
import { environment } from "../native/cache_folder.ts";
import { Pool } from "../native/pool.ts";
import { defaultThreads } from "../native/threads.ts";
import { Tokenizer } from "../tokenizer/tokenizer.ts";
import { type ModelConfig, readConfig } from "../model/config.ts";
import { modelSource } from "../model/hf_names.ts";
import { LOAD_QUANTS } from "../model/weight_store.ts";
import { type ModelTensor, readSmallTensor } from "../model/model_tensor.ts";
import { Weights } from "../model/weights.ts";
import { MAX_ROWS, Work } from "../model/work.ts";
import { turn } from "../turn.ts";

/** How a model is loaded. */
export interface LoadOptions {
  /** Threads, this one included; physical cores by default. */
  readonly threads?: number | undefined;
  /** Positions of a session; the model's own, at most 4,096, by default. */
  readonly context?: number | undefined;
  /** What keys and values are kept as; by default "f32" under float weights, else "f16". */
  readonly kv?: KvType | undefined;
  /**
   * Bytes that keys and values of all sequences may take; a quarter of the system's memory, but at
   * least one context, by default.
   */
  readonly cacheBytes?: number | undefined;
  /**
   * Rounds matrices of floats while they are loaded, into memory of their own: half a byte or one
   * for each weight; int8 has one scale per row. What the file has quantised stays as it is.
   */
  readonly quantize?: "Q8_0" | "Q4_0" | "int8" | undefined;
  /**
   * The chat template, in place of the file's: Jinja, or the name of a known form (chatml, gemma,
   * llama2, llama3, mistral, phi3).
   */
  readonly chatTemplate?: string | undefined;
  /** Most evaluations at a time, those that wait included; as many as there are, by default. */
  readonly maxQueue?: number | undefined;
  /** Instruction set; the best one, or `CRIA_ISA`, by default. */
  readonly isa?: string | undefined;
  /** Rows of a prefill chunk, 1 to 512; changes speed and never a result. */
  readonly chunkRows?: number | undefined;
  /** Stops loading. */
  readonly signal?: AbortSignal | undefined;
}

let kernels: Kernels | undefined;

/** The kernel library, opened once. */
async function openKernels(signal: AbortSignal | undefined): Promise<Kernels> {
  const path = await findLibrary(signal);
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
  readonly loadMs: number;
}

/** What is known of a model before its weights are loaded. */
interface ReadModel {
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer;
  readonly tensors: ReadonlyMap<string, ModelTensor>;
}

/**
 * Opens, checks and maps a model file, and starts threads for it.
 * @param path a GGUF file, a safetensors file, or a folder in Hugging Face layout
 * @param options how
 * @throws {CriaError} saying what the file has that cannot be used
 */
export async function loadParts(path: string, options: LoadOptions): Promise<LoadedParts> {
  const startedAt = performance.now();
  checkOptions(options);
  refuseUrl(path);
  options.signal?.throwIfAborted();
  const library = openKernels(options.signal);
  library.catch(() => {}); // the file's own errors come first
  const file = await openModelFile(path);
  try {
    await turn(); // between the parts: each takes a few milliseconds
    const model = await naming(path, () => readModel(file));
    await turn();
    await model.tokenizer.prepare();
    const opened = await library;
    await turn();
    options.signal?.throwIfAborted();
    const native = await startNative(opened, file, model, options);
    const { config, tokenizer } = model;
    return { file, config, tokenizer, ...native, loadMs: performance.now() - startedAt };
  } catch (error) {
    file[Symbol.dispose]();
    throw error;
  }
}

/** Weights are mapped, so a model on a server can only be looked at. */
function refuseUrl(path: string): void {
  if (!isUrl(path)) return;
  const state = "it is on a server; only its header can be looked at (cria inspect, openGguf)";
  throw new ModelError(`Cannot load "${path}": ${state}: download it first`);
}

/** What the file says. */
function readModel(file: ModelFile): ReadModel {
  const source = modelSource(file);
  const config = readConfig(source, (name) => readSmallTensor(source.tensors.get(name)!));
  if (config.headDim % 16 !== 0) {
    throw new ModelError(`Cannot run heads of ${config.headDim}: multiples of 16 are supported`);
  }
  const tokenizer = Tokenizer.from(file);
  return { config, tokenizer, tensors: source.tensors };
}

/** Maps the file, reserves buffers, starts threads; leaves nothing behind when one fails. */
async function startNative(
  kernels: Kernels,
  { files, path }: ModelFile,
  { config, tensors }: ReadModel,
  options: LoadOptions,
): Promise<Pick<LoadedParts, "kernels" | "weights" | "work" | "pool">> {
  using stack = new DisposableStack();
  const weights = stack.use(
    await naming(path, () => Weights.load(kernels, { files, tensors }, config, options)),
  );
  const work = stack.use(new Work(kernels, config));
  const isa = options.isa ?? environment("CRIA_ISA");
  const pool = stack.use(new Pool(kernels, options.threads ?? defaultThreads(), isa));
  stack.move();
  return { kernels, weights, work, pool };
}

/** Errors of a model name its file. */
async function naming<T>(path: string, action: () => T | Promise<T>): Promise<T> {
  try {
    return await action();
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

function checkOptions(options: LoadOptions): void {
  const { threads, context, kv, quantize, chunkRows, maxQueue, cacheBytes } = options;
  const count = (name: string, value: number | undefined, most: number) => {
    if (value === undefined || (Number.isInteger(value) && value >= 1 && value <= most)) return;
    throw new ArgumentError(`Cannot use ${name} ${value}: it is a whole number from 1 to ${most}`);
  };
  count("threads", threads, 256);
  count("context", context, 1 << 24);
  count("chunkRows", chunkRows, MAX_ROWS);
  count("maxQueue", maxQueue, 1 << 20);
  if (cacheBytes !== undefined && !(cacheBytes > 0)) {
    throw new ArgumentError(`Cannot use cacheBytes ${cacheBytes}: it is a number above 0`);
  }
  if (kv !== undefined && !KV_TYPES.includes(kv)) {
    throw new ArgumentError(`Cannot keep keys and values as "${kv}": there are ${KV_TYPES}`);
  }
  if (quantize !== undefined && !LOAD_QUANTS.includes(quantize)) {
    const known = LOAD_QUANTS.join(", ");
    throw new ArgumentError(`Cannot quantize to "${quantize}" while loading: there are ${known}`);
  }
}
