/** The stream of a quantisation: reads tensors, has them encoded, keeps the account. @module */
import { quote } from "../bytes.ts";
import { CriaError } from "../errors.ts";
import { Source } from "../format/source.ts";
import type { ModelTensor, Piece } from "../model/model_tensor.ts";
import { layoutNamed, weightType } from "../quant.ts";
import { Crew } from "./crew.ts";
import { countMagnitudes, matrixScale } from "../quant/int8.ts";
import { addDamage, type Damage, type Result, type Scaling, UNHARMED } from "./job.ts";
import type { PlannedTensor } from "./plan.ts";
import type { Importance, QuantizedTensor, QuantizeOptions } from "./quantize.ts";

const PART_ELEMENTS = 1 << 18; // of a job: 10 to 50 ms of a worker

/** One part of the stream, as far as it is known before it is there. */
interface Part {
  readonly tensor: number; // its place in the plan
  readonly result: Promise<Result>;
}

/** Reads the tensors, has them encoded, and keeps the account. */
export class Work implements Disposable {
  readonly #plan: readonly PlannedTensor[];
  readonly #options: QuantizeOptions;
  readonly #damages: Damage[];
  readonly #importance: Importance | undefined;
  readonly #crew: Crew;

  constructor(
    plan: readonly PlannedTensor[],
    options: QuantizeOptions,
    importance: Importance | undefined,
  ) {
    this.#plan = plan;
    this.#options = options;
    this.#importance = importance;
    this.#damages = plan.map(() => UNHARMED);
    this.#crew = new Crew(options.workers ?? navigator.hardwareConcurrency);
  }

  /** The bytes of all new tensors in order; so many parts at work that no worker waits. */
  async *parts(): AsyncGenerator<Uint8Array> {
    const { signal, onProgress } = this.#options;
    const allBytes = this.#plan.reduce((sum, { tensor }) => sum + bytesOf(tensor), 0);
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
    using reader = new PieceReader(this.#options.signal);
    for (const [index, planned] of this.#plan.entries()) {
      const { tensor, type } = planned, { type: from, plus } = tensor;
      const scaling = await this.#scaling(reader, planned);
      for await (const bytes of reader.parts(tensor)) {
        const readBytes = bytes.length;
        const result = isCopied(planned)
          ? Promise.resolve({ bytes, ...UNHARMED })
          : this.#crew.do({ from, to: type, bytes, plus, scaling });
        yield { part: { tensor: index, result }, readBytes };
      }
    }
  }

  /** How int8 is scaled; one scale for a whole matrix takes another look at all of it. */
  async #scaling(
    reader: PieceReader,
    { name, tensor, oneScale }: PlannedTensor,
  ): Promise<Scaling | undefined> {
    if (!oneScale) return undefined;
    const { scope = "row", clipping = "min-max", signal } = this.#options;
    const columns = tensor.shape.at(-1)!;
    if (scope === "row") return { columns, clipping, importance: this.#importance?.get(name) };
    const sum = countMagnitudes(new Float32Array(0));
    let largest = 0;
    for await (const bytes of reader.parts(tensor)) {
      const part = await aborting(this.#crew.do({ from: tensor.type, bytes }), signal);
      const { counts = sum } = part;
      largest = Math.max(largest, part.largest);
      for (let bin = 0; bin < sum.length; bin++) sum[bin]! += counts[bin]!;
    }
    return { columns, clipping, scale: matrixScale(sum, largest, clipping) };
  }

  /** Errors of a part name its tensor. */
  async #naming<T>(tensor: number, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof CriaError) || error === this.#options.signal?.reason) throw error;
      const state = error.message.replace(/^Cannot quantize "\w+": /, "");
      const { name, pieces: [piece] } = this.#plan[tensor]!.tensor;
      const where = quote(piece?.path ?? "the config", Infinity);
      throw new CriaError(`Cannot quantize ${quote(name)} of ${where}: ${state}`);
    }
  }

  /** What became of each tensor. */
  results(): QuantizedTensor[] {
    return this.#plan.map(({ name, type, instead }, index) => {
      const { signal, noise, largest } = this.#damages[index]!;
      const sqnrDb = noise === 0 ? null : 10 * Math.log10(signal / noise);
      return { name, type, sqnrDb, maxError: largest, ...instead && { instead } };
    });
  }

  [Symbol.dispose](): void {
    this.#crew[Symbol.dispose]();
  }
}

/** Whether nothing is to be done but to copy: one scale per row is another thing than Q8_0. */
function isCopied({ tensor, type, oneScale }: PlannedTensor): boolean {
  return type === tensor.type && !oneScale && tensor.plus === 0;
}

/** Reads tensors in parts of whole rows; one file is open at a time. */
class PieceReader implements Disposable {
  #source: Source | undefined;

  constructor(readonly signal: AbortSignal | undefined) {}

  /** The bytes of a tensor, some `PART_ELEMENTS` at a time. */
  async *parts(tensor: ModelTensor): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    let left = bytesOf(tensor),
      part = new Uint8Array(Math.min(partBytes(tensor), left)),
      filled = 0;
    if (tensor.values) yield new Uint8Array(tensor.values.slice().buffer);
    for (const piece of tensor.pieces) {
      for (let at = 0; at < piece.bytes;) {
        this.signal?.throwIfAborted();
        const count = Math.min(piece.bytes - at, part.length - filled);
        await this.#read(piece, at, part.subarray(filled, filled + count));
        at += count;
        filled += count;
        if (filled < part.length) continue;
        left -= filled;
        yield part;
        part = new Uint8Array(Math.min(partBytes(tensor), left));
        filled = 0;
      }
    }
  }

  async #read({ path, offset }: Piece, at: number, bytes: Uint8Array): Promise<void> {
    if (this.#source?.path !== path) {
      this.#source?.[Symbol.dispose]();
      this.#source = undefined;
      this.#source = await Source.open(path);
    }
    await this.#source.read(offset + at, bytes);
  }

  [Symbol.dispose](): void {
    this.#source?.[Symbol.dispose]();
  }
}

/** Bytes of a tensor in its files. */
function bytesOf({ pieces, values }: ModelTensor): number {
  return pieces.reduce((sum, { bytes }) => sum + bytes, values?.byteLength ?? 0);
}

/** Bytes of whole rows, some `PART_ELEMENTS`. */
function partBytes({ type, shape }: ModelTensor): number {
  const { elements, bytes } = weightType(type) ?? layoutNamed(type)!;
  const columns = shape.at(-1)!;
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
