/** The recorder: each method appends an operation; C runs the whole step. @module */

import { ELEMENT, OP_WORDS, OPERATION_NAMES, OPERATIONS } from "../native/operations.ts";
import type { OperationName } from "../native/operations.ts";
import type { Memory } from "../native/memory.ts";

/** Where data lies and what it is: an element type by its id, at a byte offset of a memory. */
export interface Operand {
  /** A region, or the inputs of the run. */
  readonly memory: Memory;
  /** ggml's id of a weight type, or one of `ELEMENT`. */
  readonly type: number;
  /** Byte offset. */
  readonly offset: number;
}

/** The gate of a feed-forward block. */
export type Activation = "silu" | "gelu";
/** Which dimensions RoPE turns together. */
export type RopePairs = "neighbours" | "halves";

/** The matrix of a product, or one for each expert. */
export interface Matrix extends Operand {
  /**
   * Where the matrices of experts lie that do not follow each other: I32 [experts][2], bytes behind
   * this operand, low word first.
   */
  readonly places?: Operand | undefined;
}

/** Sizes common to all operations: rows of the batch, outputs, inputs. */
interface Sizes {
  readonly rows: number;
  readonly n?: number;
  readonly k?: number;
}

/** Pages of a key and value cache of one layer, see kernels/attention.h. */
export interface CachePages {
  /** Keys of page 0: [heads][positions / 16][headDim][16]. */
  readonly keys: Operand;
  /** Values of page 0: [heads][positions][headDim]. */
  readonly values: Operand;
  /** Key heads. */
  readonly heads: number;
  /** Dimensions of a head. */
  readonly headDim: number;
  /** Positions in a page, a multiple of 16. */
  readonly pagePositions: number;
  /** Pages that exist. */
  readonly pageCount: number;
  /** Bytes from one page to the next. */
  readonly pageBytes: number;
}

/** Rows that multiply each with the matrix of its own expert: weights are [experts, n, k]. */
export interface Groups {
  /** Matrices of each weight. */
  readonly experts: number;
  /** I32 [min(experts, rows)][(expert, first row, rows)], as `route` writes them. */
  readonly list: Operand;
}

const ACTIVATIONS: Record<Activation, number> = { silu: 0, gelu: 1 };
const PAIRS: Record<RopePairs, number> = { neighbours: 0, halves: 1 };
const NOTHING: Operand = { memory: { handle: -1 }, type: ELEMENT.NONE, offset: 0 };

/**
 * A list of operations in the layout of `cria_op`. Recording computes nothing; what the
 * operations mean, to the order of their additions, stands in kernels/*.h, and in plain
 * TypeScript in reference.ts. Strides are in elements.
 */
export class Step {
  #words = new Int32Array(64 * OP_WORDS.size);
  #floats = new Float32Array(this.#words.buffer);
  #count = 0;

  /** The recorded words, for a pool. */
  get words(): Int32Array<ArrayBuffer> {
    return this.#words.subarray(0, this.#count * OP_WORDS.size);
  }

  /** Operations recorded so far. */
  get count(): number {
    return this.#count;
  }

  /** Operations recorded inside run side by side, with no barrier between them. */
  together(record: () => void): void {
    const start = this.#count;
    record();
    for (let op = start + 1; op < this.#count; op++) this.#words[op * OP_WORDS.size + 1] = 1;
  }

  /** out[row] = weight[tokens[row]] * scale; `n` rows of `k`. */
  embed(a: Sizes & { tokens: Operand; weight: Operand; out: Operand; scale: number }): void {
    this.#record("embed", a, [a.tokens, a.weight, a.out], [], [a.scale]);
  }

  /** RMSNorm of each of `heads` groups of `k`; `out` may be activations (then one head). */
  norm(
    a: Sizes & { x: Operand; weight: Operand; out: Operand; epsilon: number } & {
      heads?: number;
      xStride?: number;
      outStride?: number;
    },
  ): void {
    const { heads = 1, xStride = heads * a.k!, outStride = heads * a.k! } = a;
    this.#record("norm", a, [a.x, a.weight, a.out], [heads, xStride, outStride], [a.epsilon]);
  }

  /** Rounds rows of `k` floats to int8 activations. */
  quantize(a: Sizes & { x: Operand; out: Operand; xStride?: number }): void {
    this.#record("quantize", a, [a.x, a.out], [a.xStride ?? a.k!]);
  }

  /** out = weight [n, k] times x [rows, k], plus bias [n], plus residual [rows, n]; no groups. */
  matmul(
    a: Sizes & { x: Operand; weight: Matrix; out: Operand } & {
      bias?: Operand | undefined;
      residual?: Operand | undefined;
      groups?: Groups | undefined;
      xStride?: number;
      outStride?: number;
      residualStride?: number;
    },
  ): void {
    const { xStride = a.k!, outStride = a.n!, residualStride = a.n! } = a;
    const { bias = NOTHING, residual = NOTHING, groups: { list = NOTHING, experts = 0 } = {} } = a;
    const { places = NOTHING } = a.weight;
    const operands = [a.x, a.weight, a.out, bias, residual, list, places];
    this.#record("matmul", a, operands, [xStride, outStride, residualStride, experts]);
  }

  /** out = activation(gate x) * (up x); gate and up are [n, k] of one type. */
  gated(
    a: Sizes & { x: Operand; gate: Matrix; up: Matrix; out: Operand; activation: Activation } & {
      groups?: Groups | undefined;
      xStride?: number;
      outStride?: number;
    },
  ): void {
    const { xStride = a.k!, outStride = a.n!, groups: { list = NOTHING, experts = 0 } = {} } = a;
    const parameters = [xStride, outStride, ACTIVATIONS[a.activation], experts];
    const places = [a.gate.places ?? NOTHING, a.up.places ?? NOTHING];
    const operands = [a.x, a.gate, a.up, a.out, list, ...places];
    this.#record("gated", a, operands, parameters);
  }

  /** Turns the first `dims` of every head by `angles` [rows, dims / 2, (cos, sin)], in place. */
  rope(
    a: Sizes & { x: Operand; angles: Operand; pairs: RopePairs } & {
      heads: number;
      headDim: number;
      dims: number;
      stride?: number;
    },
  ): void {
    const { heads, headDim, dims, stride = heads * headDim } = a;
    this.#record("rope", a, [a.x, a.angles], [heads, headDim, dims, PAIRS[a.pairs], stride]);
  }

  /** Writes rows of [heads * headDim] into cache slots: page * pagePositions + within. */
  store(
    a: Sizes & { keyRows: Operand; valueRows: Operand; slots: Operand; cache: CachePages },
  ): void {
    const { heads, headDim, pagePositions, pageCount, pageBytes, keys, values } = a.cache;
    const parameters = [heads, headDim, heads * headDim, pagePositions, pageCount, pageBytes];
    this.#record("store", a, [a.keyRows, a.valueRows, a.slots, keys, values], parameters);
  }

  /**
   * Causal attention; `places` [rows, (start in tables, position)]; window 0: all is seen. With a
   * soft cap, a score s becomes softcap * tanh(s / softcap).
   */
  attend(
    a: Sizes & { q: Operand; places: Operand; tables: Operand; out: Operand } & {
      cache: CachePages;
      heads: number;
      tableWords: number;
      window: number;
      scale: number;
      softcap?: number;
    },
  ): void {
    const { heads, tableWords, window, cache, scale, softcap = 0 } = a;
    const { headDim, pagePositions, pageCount, pageBytes, keys, values } = cache;
    const stride = heads * headDim;
    const sizes = [heads, cache.heads, headDim, stride, stride];
    const paging = [pagePositions, pageCount, pageBytes, window, tableWords];
    const operands = [a.q, keys, values, a.places, a.tables, a.out];
    this.#record("attend", a, operands, [...sizes, ...paging], [scale, softcap]);
  }

  /** out = activation(gate) * up, elementwise over `n`. */
  activate(
    a: Sizes & { gate: Operand; up: Operand; out: Operand; activation: Activation },
  ): void {
    const n = a.n!;
    this.#record("activate", a, [a.gate, a.up, a.out], [n, n, n, ACTIVATIONS[a.activation]]);
  }

  /** out = a + b, elementwise over `n`. */
  add(a: Sizes & { a: Operand; b: Operand; out: Operand }): void {
    this.#record("add", a, [a.a, a.b, a.out], [a.n!, a.n!, a.n!]);
  }

  /** out[row] = x[row], or x[index[row]] where an index is given; `n` columns. */
  copy(a: Sizes & { x: Operand; out: Operand; index?: Operand; xRows?: number }): void {
    const operands = [a.x, a.out, a.index ?? NOTHING];
    this.#record("copy", a, operands, [a.n!, a.n!, a.xRows ?? a.rows]);
  }

  /** out = softmax(x) over each row of `n`. */
  softmax(a: Sizes & { x: Operand; out: Operand }): void {
    this.#record("softmax", a, [a.x, a.out], [a.n!, a.n!]);
  }

  /** out = cap * tanh(x / cap), elementwise over `n`. */
  softcap(a: Sizes & { x: Operand; out: Operand; cap: number }): void {
    this.#record("softcap", a, [a.x, a.out], [a.n!, a.n!], [a.cap]);
  }

  /**
   * Chooses the `k` largest of `n` scores for each row: their weights [rows, k], a softmax over
   * the chosen (`normalised`) or over all; a slot [rows, k] for each pair of row and expert, so
   * that pairs of one expert lie together; and where they lie, see `Groups`.
   */
  route(
    a: Sizes & { x: Operand; weights: Operand; slots: Operand; groups: Operand } & {
      normalised: boolean;
    },
  ): void {
    const operands = [a.x, a.weights, a.slots, a.groups];
    this.#record("route", a, operands, [a.n!, a.k!, a.normalised ? 1 : 0]);
  }

  /** out[slots[row][rank]] = x[row], rounded where `out` is activations; rows of `k`. */
  scatter(
    a: Sizes & { x: Operand; slots: Operand; out: Operand; ranks: number; xStride?: number },
  ): void {
    this.#record("scatter", a, [a.x, a.slots, a.out], [a.ranks, a.xStride ?? a.k!]);
  }

  /** out[row] = residual[row] + sum of weights[row][rank] * x[slots[row][rank]]; rows of `n`. */
  gather(
    a: Sizes & { x: Operand; slots: Operand; weights: Operand; out: Operand; ranks: number } & {
      residual?: Operand | undefined;
    },
  ): void {
    const operands = [a.x, a.slots, a.weights, a.residual ?? NOTHING, a.out];
    this.#record("gather", a, operands, [a.ranks, a.n!, a.n!]);
  }

  #record(
    name: OperationName,
    { rows, n = 1, k = 1 }: Sizes,
    operands: readonly Operand[],
    parameters: readonly number[],
    floats: readonly number[] = [],
  ): void {
    const at = this.#grow();
    this.#words.set([OPERATION_NAMES.indexOf(name), 0, rows, n, k, ...parameters], at);
    this.#floats.set(floats, at + OP_WORDS.floats);
    operands.forEach(({ memory, type, offset }, slot) => {
      const word = at + OP_WORDS.operands + 4 * slot;
      this.#words[word] = memory.handle;
      this.#words[word + 1] = type;
      this.#words[word + 2] = offset % 2 ** 32;
      this.#words[word + 3] = Math.floor(offset / 2 ** 32);
    });
  }

  #grow(): number {
    const at = this.#count++ * OP_WORDS.size;
    if (at + OP_WORDS.size > this.#words.length) {
      const grown = new Int32Array(this.#words.length * 2);
      grown.set(this.#words);
      this.#words = grown;
      this.#floats = new Float32Array(grown.buffer);
    }
    return at;
  }

  /** One line per operation, for reading and for tests. */
  toString(): string {
    return Array.from({ length: this.#count }, (_, op) => this.#line(op)).join("\n");
  }

  #line(op: number): string {
    const words = this.#words.subarray(op * OP_WORDS.size, (op + 1) * OP_WORDS.size);
    const name = OPERATION_NAMES[words[0]!]!;
    const { operands, parameters } = OPERATIONS[name];
    const places = operands.map((operand, slot) => {
      const [region, type, offset] = words.subarray(OP_WORDS.operands + 4 * slot);
      return type === ELEMENT.NONE ? "" : `${operand}=${region}:${type}@${offset! >>> 0}`;
    });
    const numbers = parameters.map((field, i) => `${field}=${words[OP_WORDS.parameters + i]}`);
    const sizes = `rows=${words[2]} n=${words[3]} k=${words[4]}`;
    const fields = [...places, ...numbers].filter((text) => text !== "").join(" ");
    return `${words[1] ? "+ " : ""}${name} ${sizes} ${fields}`;
  }
}
