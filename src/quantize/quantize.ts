/** Quantises a model file: reads, encodes and writes it in a stream. @module */
import { quote } from "../bytes.ts";
import { ArgumentError, CriaError, ModelError } from "../errors.ts";
import type { MetadataValue, ModelFile, TensorInfo } from "../format/file.ts";
import { openModelFile } from "../format/open.ts";
import { Source } from "../format/source.ts";
import { refuseTaken } from "../format/whole_file.ts";
import { writeGguf } from "../format/write.ts";
import { layoutNamed } from "../quant.ts";
import { Crew } from "./crew.ts";
import { addDamage, type Damage, type Result } from "./job.ts";
import { type PlannedTensor, planTensors, type Target, targetNamed } from "./plan.ts";

/** How a file is quantised. */
export interface QuantizeOptions {
  /** "Q8_0", "Q4_K", ...: see `TARGETS`. */
  readonly type: string;
  /** Takes the place of a file that is there, never of the input. */
  readonly overwrite?: boolean | undefined;
  /** Rounds again what was rounded to fewer than 8 bits before. */
  readonly requantize?: boolean | undefined;
  /** Workers; as many as there are processors by default. */
  readonly workers?: number | undefined;
  /** Stops it; nothing is left behind. */
  readonly signal?: AbortSignal | undefined;
  /** Hears how far it is. */
  readonly onProgress?: ((doneBytes: number, allBytes: number) => void) | undefined;
}

/** What became of a tensor. */
export interface QuantizedTensor {
  /** Its name. */
  readonly name: string;
  /** ggml's name of its type now. */
  readonly type: string;
  /** Signal to noise in decibels; null where nothing was lost. */
  readonly sqnrDb: number | null;
  /** The largest error of a weight. */
  readonly maxError: number;
  /** The type that it could not have, as its rows are no whole blocks of that. */
  readonly instead?: string | undefined;
}

/** What became of a file. */
export interface QuantizeResult {
  /** What was asked for. */
  readonly type: string;
  /** Size of the input. */
  readonly inBytes: number;
  /** Size of the output. */
  readonly outBytes: number;
  /** All tensors, in the file's order. */
  readonly tensors: readonly QuantizedTensor[];
}

/**
 * Quantises a model file. Tensors pass through in parts of some megabytes, so that memory does not
 * grow with the file; the output gets its name when it is whole.
 *
 * @param input a model file of any format that cria reads
 * @param output the GGUF file to be
 * @param options to what, and how
 * @throws {ArgumentError} the output is there already, or is the input
 * @throws {ModelError} a tensor cannot be quantised so
 * @example
 * ```ts ignore
 * await quantizeFile("model.F16.gguf", "model.Q4_K.gguf", { type: "Q4_K" });
 * ```
 */
export async function quantizeFile(
  input: string,
  output: string,
  options: QuantizeOptions,
): Promise<QuantizeResult> {
  const { type, overwrite = false, requantize = false, signal } = options;
  const target = targetNamed(type);
  signal?.throwIfAborted();
  using file = await openModelFile(input);
  refuseFormat(file);
  await refuseSame(file, output);
  await refuseTaken(output, overwrite);
  const plan = planTensors(file, target, requantize);
  const tensors = plan.map(({ info: { name, shape }, type }) => ({ name, shape, type }));
  const { numberTypes } = file;
  using work = new Work(plan, options);
  const contents = { metadata: describe(file, target), numberTypes, tensors };
  await writeGguf(output, contents, work.parts(), { overwrite, signal });
  const { size } = await Deno.stat(output);
  return { type, inBytes: inputBytes(file), outBytes: size, tensors: work.results() };
}

/** What is written is GGUF, with the names and the order of rows that GGUF has. */
function refuseFormat({ format, path }: ModelFile): void {
  if (format === "gguf") return;
  const state = `it is ${format}, and only GGUF can be written again so far`;
  throw new ModelError(`Cannot quantize ${quote(path, Infinity)}: ${state}`);
}

/** Refuses to write over what is being read, by whatever name. */
async function refuseSame(file: ModelFile, output: string): Promise<void> {
  const there = await Deno.stat(output).catch(() => undefined);
  if (there === undefined) return;
  const paths = new Set([file.path, ...[...file.tensors.values()].map(({ path }) => path)]);
  for (const path of paths) {
    const own = await Deno.stat(path);
    const isSame = own.ino !== null && own.ino === there.ino && own.dev === there.dev;
    if (!isSame && await Deno.realPath(path) !== await Deno.realPath(output)) continue;
    throw new ArgumentError(`Cannot write ${quote(output, Infinity)}: it is the input`);
  }
}

/** Bytes of all files that the tensors lie in. */
function inputBytes(file: ModelFile): number {
  const paths = new Set([...file.tensors.values()].map(({ path }) => path)).add(file.path);
  if (paths.size === 1) return file.fileBytes;
  return [...paths].reduce((sum, path) => sum + Deno.statSync(path).size, 0);
}

/** The metadata of the new file. */
function describe(file: ModelFile, { fileType }: Target): Map<string, MetadataValue> {
  const kept = [...file.metadata].filter(([key]) => !key.startsWith("split."));
  return new Map(kept).set("general.file_type", fileType).set("general.quantization_version", 2);
}

const PART_ELEMENTS = 1 << 18; // of a job: 10 to 50 ms of a worker

/** One part of the stream, as far as it is known before it is there. */
interface Part {
  readonly tensor: number; // its place in the plan
  readonly result: Promise<Result>;
}

/** Reads the tensors, has them encoded, and keeps the account. */
class Work implements Disposable {
  readonly #plan: readonly PlannedTensor[];
  readonly #options: QuantizeOptions;
  readonly #damages: Damage[];
  readonly #crew: Crew;

  constructor(plan: readonly PlannedTensor[], options: QuantizeOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#damages = plan.map(() => ({ signal: 0, noise: 0, largest: 0 }));
    this.#crew = new Crew(options.workers ?? navigator.hardwareConcurrency);
  }

  /** The bytes of all new tensors in order; so many parts at work that no worker waits. */
  async *parts(): AsyncGenerator<Uint8Array> {
    const { signal, onProgress } = this.#options;
    const allBytes = this.#plan.reduce((sum, { info }) => sum + info.bytes, 0);
    const waiting: Part[] = [];
    const next = async (): Promise<Uint8Array> => {
      const { tensor, result } = waiting.shift()!;
      const { bytes, ...damage } = await this.#naming(tensor, aborting(result, signal));
      this.#damages[tensor] = addDamage(this.#damages[tensor]!, damage);
      return bytes;
    };
    let doneBytes = 0;
    for await (const { part, readBytes } of this.#read()) {
      waiting.push(part);
      doneBytes += readBytes;
      if (waiting.length > 2 * this.#crew.count) yield await next();
      onProgress?.(doneBytes, allBytes);
    }
    while (waiting.length > 0) yield await next();
  }

  /** Reads part after part and hands them to the crew. */
  async *#read(): AsyncGenerator<{ part: Part; readBytes: number }> {
    let source: Source | undefined;
    try {
      for (const [tensor, { info, type }] of this.#plan.entries()) {
        if (source?.path !== info.path) {
          source?.[Symbol.dispose]();
          source = await Source.open(info.path);
        }
        const size = partBytes(info);
        for (let at = 0; at < info.bytes; at += size) {
          this.#options.signal?.throwIfAborted();
          const bytes = new Uint8Array(Math.min(size, info.bytes - at));
          await source.read(info.offset + at, bytes);
          const readBytes = bytes.length;
          const result = type === info.type
            ? Promise.resolve({ bytes, signal: 0, noise: 0, largest: 0 })
            : this.#crew.encode({ from: info.type, to: type, bytes });
          yield { part: { tensor, result }, readBytes };
        }
      }
    } finally {
      source?.[Symbol.dispose]();
    }
  }

  /** Errors of a part name its tensor. */
  async #naming<T>(tensor: number, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof CriaError) || error === this.#options.signal?.reason) throw error;
      const state = error.message.replace(/^Cannot quantize "\w+": /, "");
      const { name, path } = this.#plan[tensor]!.info;
      throw new CriaError(`Cannot quantize ${quote(name)} of ${quote(path, Infinity)}: ${state}`);
    }
  }

  /** What became of each tensor. */
  results(): QuantizedTensor[] {
    return this.#plan.map(({ info: { name }, type, instead }, index) => {
      const { signal, noise, largest } = this.#damages[index]!;
      const sqnrDb = noise === 0 ? null : 10 * Math.log10(signal / noise);
      return { name, type, sqnrDb, maxError: largest, ...instead && { instead } };
    });
  }

  [Symbol.dispose](): void {
    this.#crew[Symbol.dispose]();
  }
}

/** Bytes of whole rows, some `PART_ELEMENTS`. */
function partBytes(info: TensorInfo): number {
  const { elements, bytes } = layoutNamed(info.type)!;
  const columns = info.shape.at(-1)!;
  return Math.max(1, Math.floor(PART_ELEMENTS / columns)) * (columns / elements) * bytes;
}

/** The promise, or the abort if that comes first. */
async function aborting<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason);
  signal.addEventListener("abort", stop);
  try {
    signal.throwIfAborted();
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
