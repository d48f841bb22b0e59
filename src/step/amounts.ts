/** What recorded operations cost at the least: bytes moved, multiplications, additions. @module */

import {
  ELEMENT,
  OP_WORDS,
  OPERATION_NAMES,
  type OperationName,
  OPERATIONS,
} from "../native/operations.ts";
import { quantById } from "../quant.ts";

/** What an operation costs at the least. */
export interface Amount {
  /** Bytes that it reads and writes, each counted once. */
  readonly bytes: number;
  /** Multiplications and additions of products and attention; 0 for what only passes data on. */
  readonly operations: number;
}

/** Where an operand lies, as a step's words say. */
export interface Place {
  /** A region's handle, or -1 for the inputs of the run. */
  readonly handle: number;
  /** Its element type. */
  readonly type: number;
  /** Its byte offset. */
  readonly offset: number;
}

/** One recorded operation, read back from the words of a step. */
export class Recorded {
  readonly #words: Int32Array;
  readonly #inputs: Int32Array;
  /** Its kind. */
  readonly kind: OperationName;
  /** Rows of the batch. */
  readonly rows: number;
  /** Outputs. */
  readonly n: number;
  /** Inputs. */
  readonly k: number;
  /** Whether it runs together with the operation before it. */
  readonly together: boolean;

  /**
   * @param step the words of a step
   * @param index which operation
   * @param inputs the inputs of the run, which say how far each row sees
   */
  constructor(step: Int32Array, index: number, inputs: Int32Array) {
    this.#words = step.subarray(index * OP_WORDS.size, (index + 1) * OP_WORDS.size);
    this.#inputs = inputs;
    const [kind = 0, flags = 0, rows = 0, n = 0, k = 0] = this.#words;
    this.kind = OPERATION_NAMES[kind]!;
    this.together = (flags & 1) === 1;
    this.rows = rows;
    this.n = n;
    this.k = k;
  }

  /** A parameter by its name. */
  parameter(name: string): number {
    const { parameters }: { parameters: readonly string[] } = OPERATIONS[this.kind];
    return this.#words[OP_WORDS.parameters + parameters.indexOf(name)]! >>> 0;
  }

  /** An operand by its name; `undefined` where it was left out. */
  operand(name: string): Place | undefined {
    const { operands }: { operands: readonly string[] } = OPERATIONS[this.kind];
    const slot = operands.indexOf(name);
    if (slot < 0) return undefined;
    const at = OP_WORDS.operands + 4 * slot;
    const [handle = 0, type = 0, low = 0, high = 0] = this.#words.subarray(at, at + 4);
    if (type === ELEMENT.NONE) return undefined;
    return { handle, type, offset: (high >>> 0) * 2 ** 32 + (low >>> 0) };
  }

  /** Bytes of so many elements of an operand; 0 where it was left out. */
  bytesOf(name: string, elements: number): number {
    const type = this.operand(name)?.type;
    return type === undefined ? 0 : elements * elementBytes(type);
  }

  /** What each row sees: where its block table starts, and how many positions. */
  seen(): readonly { readonly table: number; readonly positions: number; readonly end: number }[] {
    const from = (this.operand("places")?.offset ?? 0) / 4, window = this.parameter("window");
    return Array.from({ length: this.rows }, (_, row) => {
      const end = this.#inputs[from + 2 * row + 1]! + 1;
      const positions = window > 0 ? Math.min(window, end) : end;
      return { table: this.#inputs[from + 2 * row]!, positions, end };
    });
  }
}

/** Bytes of an element, in the mean of a block. */
function elementBytes(type: number): number {
  if (type === ELEMENT.ACT32) return 1 + 8 / 32; // int8, a scale and a sum
  if (type === ELEMENT.ACT256) return 1 + 4 / 256 + 2 / 16;
  if (type === ELEMENT.I32) return 4;
  const quant = quantById(type);
  return quant ? quant.bytes / quant.elements : 0;
}

/** Operands of [rows, width] floats or activations that pass through once. */
function passed(op: Recorded, width: number, ...names: readonly string[]): Amount {
  const bytes = names.reduce((sum, name) => sum + op.bytesOf(name, op.rows * width), 0);
  return { bytes, operations: 0 };
}

/** Products of matrices [n, k] with [rows, k]; of groups, as if every row had another expert. */
function products(op: Recorded, ...matrices: readonly string[]): Amount {
  const { rows, n, k } = op, groups = Math.min(op.parameter("experts"), rows) || 1;
  const weights = matrices.reduce((sum, name) => sum + groups * op.bytesOf(name, n * k), 0);
  const { bytes } = passed(op, n, "out", "residual");
  return {
    bytes: weights + op.bytesOf("x", rows * k) + op.bytesOf("bias", n) + bytes,
    operations: 2 * matrices.length * rows * n * k,
  };
}

/** Attention: the cache of a sequence is read once, however many of its rows look at it. */
function attention(op: Recorded): Amount {
  const heads = op.parameter("heads"), headDim = op.parameter("headDim");
  const reach = new Map<number, { first: number; end: number }>(); // per block table
  let all = 0;
  for (const { table, positions, end } of op.seen()) {
    all += positions;
    const known = reach.get(table) ?? { first: end, end };
    const first = Math.min(known.first, end - positions);
    reach.set(table, { first, end: Math.max(known.end, end) });
  }
  let cached = 0; // positions
  for (const { first, end } of reach.values()) cached += end - first;
  const width = op.parameter("kvHeads") * headDim;
  return {
    bytes: op.bytesOf("keys", cached * width) + op.bytesOf("values", cached * width) +
      passed(op, heads * headDim, "q", "out").bytes,
    operations: 4 * all * heads * headDim,
  };
}

/** Writing keys and values: rows of floats in, elements of the cache out. */
function store(op: Recorded): Amount {
  const width = op.parameter("heads") * op.parameter("headDim");
  return passed(op, width, "k", "v", "keys", "values");
}

/** The table: what each kind of operation costs. */
const AMOUNTS: Readonly<Record<OperationName, (op: Recorded) => Amount>> = {
  embed: (op) => passed(op, op.k, "weight", "out"),
  norm: (op) => passed(op, op.k * op.parameter("heads"), "x", "out"),
  quantize: (op) => passed(op, op.k, "x", "out"),
  matmul: (op) => products(op, "weight"),
  gated: (op) => products(op, "gate", "up"),
  rope: (op) => {
    const { bytes } = passed(op, op.parameter("heads") * op.parameter("dims"), "x");
    return { bytes: 2 * bytes, operations: 0 }; // in place
  },
  store,
  attend: attention,
  activate: (op) => passed(op, op.n, "gate", "up", "out"),
  add: (op) => passed(op, op.n, "a", "b", "out"),
  copy: (op) => passed(op, op.n, "x", "out"),
  softmax: (op) => passed(op, op.n, "x", "out"),
  softcap: (op) => passed(op, op.n, "x", "out"),
  route: (op) => ({
    bytes: passed(op, op.n, "x").bytes + passed(op, op.k, "weights", "slots").bytes,
    operations: 0,
  }),
  scatter: (op) => {
    const copies = op.parameter("ranks") * op.k;
    return { bytes: passed(op, op.k, "x").bytes + passed(op, copies, "out").bytes, operations: 0 };
  },
  gather: (op) => {
    const summed = op.parameter("ranks") * op.n;
    const bytes = passed(op, summed, "x").bytes + passed(op, op.n, "residual", "out").bytes;
    return { bytes, operations: 2 * op.rows * summed };
  },
};

/** What an operation costs at the least. */
export function amountOf(op: Recorded): Amount {
  return AMOUNTS[op.kind](op);
}
