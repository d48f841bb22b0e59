/** Finds each tensor a place that products can read: in its mapped file, or converted. @module */

import { ArgumentError, ModelError } from "../errors.ts";
import type { FilePart } from "../format/file.ts";
import type { Kernels } from "../native/ffi.ts";
import { Region } from "../native/memory.ts";
import {
  dequantize,
  type Quant,
  quantByName,
  quantize,
  QUANTS,
  SMALL_FLOAT_TYPES,
  tensorBytes,
  weightType,
} from "../quant.ts";
import { encodeInt8, rowScale } from "../quant/int8.ts";
import { ELEMENT } from "../native/operations.ts";
import type { Matrix } from "../step/step.ts";
import { turn } from "../turn.ts";
import type { ModelTensor } from "./model_tensor.ts";
import type { RequiredTensor, TensorRole } from "./names.ts";

/** A matrix that products can use, or one for each expert; a vector is one row. */
export interface Weight extends Matrix {
  /** Its type. */
  readonly quant: Quant;
  /** Outputs. */
  readonly rows: number;
  /** Inputs. */
  readonly columns: number;
  /** Where the matrices of experts begin that do not follow each other: offsets in the region. */
  readonly starts?: readonly number[] | undefined; // [experts]
}

/** What matrices of floats can be rounded to while they are loaded; int8 has a scale per row. */
export const LOAD_QUANTS = ["Q8_0", "Q4_0", "int8"] as const;

/** One of them. */
export type LoadQuant = typeof LOAD_QUANTS[number];

/** How weights are loaded. */
export interface WeightOptions {
  /** Rounds matrices of floats to this; those that are quantised already stay. */
  readonly quantize?: LoadQuant | undefined;
  /** Stops loading. */
  readonly signal?: AbortSignal | undefined;
}

/** What weights are loaded from. */
export interface WeightSource {
  /** The files that hold the tensors. */
  readonly files: readonly FilePart[];
  /** The tensors under our names. */
  readonly tensors: ReadonlyMap<string, ModelTensor>;
}

/** A tensor on its way to memory of its own. */
interface Conversion {
  readonly tensor: ModelTensor;
  readonly quant: Quant;
  readonly offset: number; // in the region of converted tensors
  readonly bytes: number;
  readonly perRow: boolean; // blocks of a row share a scale
}

const ALIGNMENT = 64; // of converted tensors: a cache line
const SLICE_ELEMENTS = 1 << 13; // converted in a quarter of a millisecond; at first in three
const SLICE_MS = 4; // of work before the event loop gets its turn

/** The places of all tensors. Holds mapped files and memory until it is disposed of. */
export class WeightStore implements Disposable {
  readonly #mapped = new Map<string, Region>(); // by path
  #converted: Region | undefined;
  #tables: Region | undefined; // of places
  readonly #weights = new Map<string, Weight>();

  private constructor() {}

  /**
   * Maps the files, and converts what cannot be used as it lies there, with pauses for the event
   * loop.
   * @param kernels the library
   * @param source the files and their tensors
   * @param required what the model reads
   * @throws {ModelError} for a tensor of a type that cria cannot run
   */
  static async load(
    kernels: Kernels,
    source: WeightSource,
    required: readonly RequiredTensor[],
    options: WeightOptions,
  ): Promise<WeightStore> {
    using stack = new DisposableStack();
    const store = stack.use(new WeightStore());
    for (const { path, bytes, inode } of source.files) {
      store.#mapped.set(path, Region.map(kernels, path, bytes, inode));
    }
    const conversions = new Map<string, Conversion>(), spread = new Map<string, number[]>();
    let converted = 0;
    for (const { name, role } of required) {
      const tensor = source.tensors.get(name)!; // the config has checked names and shapes
      const quant = quantFor(name, tensor, role, options.quantize);
      const starts = asItLies(tensor, quant);
      if (starts !== undefined) {
        const region = store.#mapped.get(tensor.pieces[0]!.path)!;
        store.#place(name, tensor, quant, region, Math.min(...starts));
        if (starts.length > 1) spread.set(name, starts);
        continue;
      }
      const bytes = tensorBytes(quant, tensor.shape);
      const perRow = options.quantize === "int8" && role === "matrix" && quant.name === "Q8_0" &&
        tensor.type !== "Q8_0";
      conversions.set(name, { tensor, quant, offset: converted, bytes, perRow });
      converted += Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    }
    if (converted > 0) store.#converted = Region.alloc(kernels, converted);
    store.#writeTables(kernels, spread);
    await store.#convert(conversions, options.signal);
    store.#unmapUnused();
    stack.move();
    return store;
  }

  /** A matrix or vector by our name of it; one that the model requires. */
  get(name: string): Weight {
    return this.#weights.get(name)!;
  }

  /** All of them by our names. */
  get all(): ReadonlyMap<string, Weight> {
    return this.#weights;
  }

  /** Bytes of the mapped files. */
  get mappedBytes(): number {
    return [...this.#mapped.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Bytes of weights that were converted. */
  get convertedBytes(): number {
    return this.#converted?.bytes ?? 0;
  }

  #place(name: string, { shape }: ModelTensor, quant: Quant, memory: Region, offset: number): void {
    const columns = shape.at(-1) ?? 1, rows = shape.at(-2) ?? 1;
    this.#weights.set(name, { memory, type: quant.id, offset, quant, rows, columns });
  }

  /** Says where the matrices of experts lie that do not follow each other in their file. */
  #writeTables(kernels: Kernels, spread: ReadonlyMap<string, readonly number[]>): void {
    const count = [...spread.values()].reduce((sum, starts) => sum + starts.length, 0);
    if (count === 0) return;
    const memory = this.#tables = Region.alloc(kernels, 8 * count);
    let offset = 0;
    for (const [name, starts] of spread) {
      const weight = this.#weights.get(name)!;
      const places = { memory, type: ELEMENT.I32, offset };
      this.#weights.set(name, { ...weight, starts, places });
      const table = BigUint64Array.from(starts, (start) => BigInt(start - weight.offset));
      memory.write(offset, new Uint8Array(table.buffer));
      offset += 8 * starts.length;
    }
  }

  async #convert(
    conversions: ReadonlyMap<string, Conversion>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    let since = performance.now();
    for (const [name, conversion] of conversions) {
      const { tensor, quant, offset } = conversion;
      const target = this.#converted!;
      for (const _ of slices(conversion, this.#mapped, target)) {
        if (performance.now() - since < SLICE_MS) continue;
        await turn();
        signal?.throwIfAborted();
        since = performance.now();
      }
      this.#place(name, tensor, quant, target, offset);
    }
  }

  /** Files whose tensors were all converted are not needed any more. */
  #unmapUnused(): void {
    const used = new Set([...this.#weights.values()].map(({ memory }) => memory));
    for (const [path, region] of this.#mapped) {
      if (used.has(region)) continue;
      region[Symbol.dispose]();
      this.#mapped.delete(path);
    }
  }

  /** Unmaps the files and frees what was converted. */
  [Symbol.dispose](): void {
    for (const region of this.#mapped.values()) region[Symbol.dispose]();
    this.#converted?.[Symbol.dispose]();
    this.#tables?.[Symbol.dispose]();
  }
}

/** What a tensor is used as: vectors are plain floats, 8-bit floats become halves. */
function quantFor(
  name: string,
  tensor: ModelTensor,
  role: TensorRole,
  wanted: LoadQuant | undefined,
): Quant {
  const isSmall = SMALL_FLOAT_TYPES.some(({ name }) => name === tensor.type);
  const own = quantByName(isSmall ? "F16" : tensor.type);
  if (own === undefined) {
    const known = [...QUANTS, ...SMALL_FLOAT_TYPES].map(({ name }) => name).join(", ");
    throw new ModelError(
      `Cannot run tensor "${tensor.name}": its type is ${tensor.type}, supported are ${known}`,
    );
  }
  if (role === "vector") return quantByName("F32")!;
  const isFixed = name.includes("ffn_gate_inp"); // a router, whose ranks would change
  const target = own.activation === "float" && !isFixed
    ? quantByName(wanted === "int8" ? "Q8_0" : wanted ?? own.name)!
    : own;
  return tensor.shape.at(-1)! % target.elements === 0 ? target : own;
}

/**
 * Where a tensor begins, if products can read it as it lies: of their type, aligned, in one piece.
 * Matrices of experts may lie apart in a file; then where each of them begins.
 */
function asItLies({ type, plus, pieces, shape }: ModelTensor, quant: Quant): number[] | undefined {
  const [{ path } = { path: "" }] = pieces, isWhole = pieces.length === 1;
  const isUsable = quant.name === type && plus === 0 && (isWhole || shape.length === 3) &&
    pieces.every((piece) => piece.path === path && piece.offset % alignmentOf(quant) === 0);
  if (!isUsable) return undefined;
  if (isWhole) return [pieces[0]!.offset];
  const each = tensorBytes(quant, shape.slice(1)); // a piece has some whole matrices
  return pieces.flatMap(({ offset, bytes }) =>
    Array.from({ length: bytes / each }, (_, i) => offset + i * each)
  );
}

/** What the kernels ask of an operand: whole floats, or the halves that blocks begin with. */
function alignmentOf(quant: Quant): number {
  return quant.name === "F32" ? 4 : 2;
}

/** Converts a tensor slice by slice; yields after each. */
function* slices(
  { tensor, quant, offset, perRow }: Conversion,
  mapped: ReadonlyMap<string, Region>,
  target: Region,
) {
  const own = weightType(tensor.type)!;
  const columns = tensor.shape.at(-1)!, rowsOfSlice = Math.max(1, SLICE_ELEMENTS / columns | 0);
  const step = perRow
    ? rowsOfSlice * columns
    : Math.max(own.elements, quant.elements, SLICE_ELEMENTS); // all are powers of two
  let at = offset;
  for (const piece of tensor.pieces) { // of whole rows, so of whole blocks of either type
    const elements = piece.bytes / own.bytes * own.elements, source = mapped.get(piece.path)!;
    for (let first = 0; first < elements; first += step) {
      const count = Math.min(step, elements - first);
      const bytes = new Uint8Array(count / own.elements * own.bytes);
      source.read(piece.offset + first / own.elements * own.bytes, bytes);
      target.write(at, converted(tensor, quant, bytes, perRow ? columns : 0));
      at += count / quant.elements * quant.bytes;
      yield;
    }
  }
}

/** Some elements in another type; rows with a scale each, where `columns` is set. */
function converted(
  { type, plus }: ModelTensor,
  quant: Quant,
  bytes: Uint8Array<ArrayBuffer>,
  columns: number,
) {
  if (type === quant.name && plus === 0) return bytes; // it only lay askew, or in pieces
  const values = dequantize(type, bytes);
  if (plus !== 0) { for (let i = 0; i < values.length; i++) values[i]! += plus; }
  if (columns === 0) return new Uint8Array(quantize(quant.name, values));
  const wild = values.findIndex((value) => !Number.isFinite(value));
  if (wild >= 0) {
    throw new ArgumentError(`Cannot quantize to int8: value ${wild} is ${values[wild]}`);
  }
  return encodeInt8(values, columns, (row) => rowScale(row, "min-max", undefined));
}
