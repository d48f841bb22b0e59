/** The buffers of a forward pass: activations, and the inputs of a run. @module */

import type { Kernels } from "../native/ffi.ts";
import { INPUTS, Region } from "../native/memory.ts";
import { ELEMENT } from "../native/operations.ts";
import type { Quant } from "../quant.ts";
import type { Operand } from "../step/step.ts";
import type { ModelConfig } from "./config.ts";

/** The largest chunk of a prefill, in rows. */
export const MAX_ROWS = 512;
/** The usual one: 1 to 2 % slower than the largest, half its memory, half its wait for abort. */
export const CHUNK_ROWS = 256;
/** The most rows whose logits one step gives. */
export const MAX_LOGIT_ROWS = 64;

/** What rows of a mixture of experts need; a pair is a row and one of its experts. */
export interface ExpertWork {
  readonly h: Operand; // [rows, dim]
  readonly scores: Operand; // [rows, experts]
  readonly weights: Operand; // [rows, used]
  readonly slots: Operand; // I32 [rows, used]
  readonly groups: Operand; // I32 [experts, 3]
  readonly out: Operand; // [pairs, dim]
}

/** Activations of up to `MAX_ROWS` rows; committed by the system as they are first written. */
export class Work implements Disposable {
  readonly #region: Region;
  /** The residual stream, [rows, dim]. */
  readonly x: Operand;
  /** What a product reads, by what its weights ask for. Each fits [pairs, widest input]. */
  readonly forms: Readonly<Record<Quant["activation"], Operand>>;
  readonly q: Operand; // [rows, headCount * headDim]
  readonly k: Operand; // [rows, kvHeadCount * headDim]
  readonly v: Operand; // [rows, kvHeadCount * headDim]
  readonly attended: Operand; // [rows, headCount * headDim]
  readonly branch: Operand; // [rows, dim]: what is normalised before it is added to x
  readonly hidden: Operand; // [pairs, feedForwardDim]
  readonly up: Operand; // [pairs, feedForwardDim], where gate and up cannot be one operation
  readonly experts?: ExpertWork;
  readonly logits: Operand; // [MAX_LOGIT_ROWS, vocabularySize]

  /**
   * @param kernels the library
   * @param config the model's numbers
   */
  constructor(kernels: Kernels, config: ModelConfig) {
    const { dim, headCount, kvHeadCount, headDim, feedForwardDim, vocabularySize } = config;
    const { count, used } = config.experts ?? { count: 0, used: 1 };
    const widest = Math.max(dim, headCount * headDim, feedForwardDim);
    let total = 0;
    const memory = { handle: -1 };
    const reserve = (bytes: number, type: number): Operand => {
      const offset = total;
      total += Math.ceil(bytes / 64) * 64;
      return { memory, type, offset };
    };
    const floats = (width: number) => reserve(MAX_ROWS * width * 4, ELEMENT.F32);
    const integers = (all: number) => reserve(all * 4, ELEMENT.I32);
    // int8 values, then scales and sums of at most 8 bytes per 32, each part rounded up to 64
    const rounded = (type: number) =>
      reserve(MAX_ROWS * used * (Math.ceil(widest * 1.25) + 512), type);
    this.x = floats(dim);
    this.q = floats(headCount * headDim);
    this.k = floats(kvHeadCount * headDim);
    this.v = floats(kvHeadCount * headDim);
    this.attended = floats(headCount * headDim);
    this.branch = floats(config.postNorms ? dim : 0);
    this.hidden = floats(used * feedForwardDim);
    this.up = floats(used * feedForwardDim);
    if (count > 0) {
      this.experts = {
        h: floats(dim),
        scores: floats(count),
        weights: floats(used),
        slots: integers(MAX_ROWS * used),
        groups: integers(3 * count),
        out: floats(used * dim),
      };
    }
    this.forms = {
      float: floats(used * widest),
      block32: rounded(ELEMENT.ACT32),
      block256: rounded(ELEMENT.ACT256),
    };
    this.logits = reserve(MAX_LOGIT_ROWS * vocabularySize * 4, ELEMENT.F32);
    this.#region = Region.alloc(kernels, total);
    memory.handle = this.#region.handle;
  }

  /** Bytes reserved; those in use are fewer. */
  get bytes(): number {
    return this.#region.bytes;
  }

  /**
   * Copies logits out.
   * @param to where they go; its length says how many
   * @param first how many logits stand before them
   */
  readLogits(to: Float32Array<ArrayBuffer>, first = 0): Float32Array<ArrayBuffer> {
    return this.#region.read(this.logits.offset + first * 4, to);
  }

  /**
   * Copies the residual stream out.
   * @param to where it goes; its length says how much
   * @param first how many floats stand before it
   */
  readStream(to: Float32Array<ArrayBuffer>, first: number): Float32Array<ArrayBuffer> {
    return this.#region.read(this.x.offset + first * 4, to);
  }

  /** Copies bytes out, from an operand's offset on. */
  read(offset: number, to: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    return this.#region.read(offset, to);
  }

  /** Gives the memory back. */
  [Symbol.dispose](): void {
    this.#region[Symbol.dispose]();
  }
}

/** The inputs of one step: what changes from run to run while the recording stays. */
export class BatchInputs {
  /** Rows of the batch. */
  readonly rows: number;
  /** Words for block tables. */
  readonly tableWords: number;
  /** Everything, as `Pool.run` takes it. */
  readonly words: Int32Array<ArrayBuffer>;
  readonly tokens: Int32Array; // [rows]
  readonly places: Int32Array; // [rows, (start in tables, position)]
  readonly slots: readonly Int32Array[]; // by group of layers, [rows]
  readonly tables: readonly Int32Array[]; // by group of layers, [tableWords]
  readonly angles: Float32Array; // [rows, dims / 2, (cos, sin)]
  readonly localAngles: Float32Array; // the same for windowed layers that have their own, or []

  /**
   * @param rows rows of the batch
   * @param cache groups of layers that have tables of their own, and words for each table
   * @param dims rotated dimensions of a head
   * @param localDims the same in windowed layers, where those have rotations of their own
   */
  constructor(
    rows: number,
    { groups, tableWords }: { readonly groups: number; readonly tableWords: number },
    dims: number,
    localDims = 0,
  ) {
    this.rows = rows;
    this.tableWords = tableWords;
    const integers = 3 * rows + groups * (rows + tableWords);
    const buffer = new ArrayBuffer(4 * (integers + rows * (dims + localDims)));
    this.words = new Int32Array(buffer);
    let used = 0;
    const take = (count: number) => this.words.subarray(used, used += count);
    const each = (count: number) => Array.from({ length: groups }, () => take(count));
    this.tokens = take(rows);
    this.places = take(2 * rows);
    this.slots = each(rows);
    this.tables = each(tableWords);
    const angles = new Float32Array(buffer, 4 * integers);
    this.angles = angles.subarray(0, rows * dims);
    this.localAngles = angles.subarray(rows * dims);
  }

  /** The operand of one of the arrays above. */
  operand(part: Int32Array | Float32Array): Operand {
    const type = part instanceof Float32Array ? ELEMENT.F32 : ELEMENT.I32;
    return { memory: INPUTS, type, offset: part.byteOffset };
  }
}
