/** A tensor of a model: pieces of files, and what is to be done to its values. @module */

import { FormatError, ModelError } from "../errors.ts";
import type { TensorInfo } from "../format/file.ts";

const STACK_LIMIT = 1024; // no model has more experts

/** A run of bytes of a file; of a stacked tensor, some whole matrices. */
export interface Piece {
  /** The file. */
  readonly path: string;
  /** Byte offset in it. */
  readonly offset: number;
  /** How many. */
  readonly bytes: number;
}

/** A tensor as the model wants it, wherever its parts lie. */
export interface ModelTensor {
  /** Its name in the file, for messages; of several, the first one's. */
  readonly name: string;
  /** ggml's name of its type. */
  readonly type: string;
  /** Row-major. */
  readonly shape: readonly number[];
  /** Its bytes, one piece after another; none lies right behind the one before. */
  readonly pieces: readonly Piece[];
  /** What is added to each value: 1 for norms that are stored as what they differ from it. */
  readonly plus: number;
  /** Its values, where no file has them; then there are no pieces. */
  readonly values?: Float32Array;
}

/** A tensor that is one in its file. */
export function wholeTensor(info: TensorInfo, plus = 0): ModelTensor {
  const { name, type, shape, path, offset, bytes } = info;
  return { name, type, shape, pieces: [{ path, offset, bytes }], plus };
}

/** A tensor that the config has. */
export function heldTensor(name: string, values: Float32Array): ModelTensor {
  return { name, type: "F32", shape: [values.length], pieces: [], plus: 0, values };
}

/**
 * Tensors of one shape and type as one, with a first axis that counts them.
 * @param parts one or more
 * @throws {ModelError} they differ
 */
export function stack(parts: readonly ModelTensor[]): ModelTensor {
  const { name, type, shape } = parts[0]!;
  const other = parts.find((part) => part.type !== type || `${part.shape}` !== `${shape}`);
  if (other !== undefined) {
    throw new ModelError(
      `Cannot stack tensor "${other.name}": it is ${other.type} [${other.shape}], ` +
        `"${name}" is ${type} [${shape}]`,
    );
  }
  const pieces = joined(parts.flatMap((part) => part.pieces));
  return { name, type, shape: [parts.length, ...shape], pieces, plus: 0 };
}

/**
 * Part of every matrix of a stack: of [count, rows, columns] the rows of one half.
 * @param tensor a stack
 * @param half 0 for the upper rows, 1 for the lower ones
 * @throws {ModelError} it is no stack of matrices that have halves
 */
export function halfOfEach(tensor: ModelTensor, half: 0 | 1): ModelTensor {
  const { name, shape, pieces: [piece] } = tensor, [count = 0, rows = 0, columns = 0] = shape;
  const isStack = shape.length === 3 && rows % 2 === 0 && count > 0 && count <= STACK_LIMIT;
  if (!isStack || piece === undefined) {
    throw new ModelError(`Cannot halve the matrices of tensor "${name}": shape [${shape}]`);
  }
  const bytes = piece.bytes / count / 2;
  const pieces = Array.from({ length: count }, (_, i) => {
    return { path: piece.path, offset: piece.offset + (2 * i + half) * bytes, bytes };
  });
  return { ...tensor, shape: [count, rows / 2, columns], pieces: joined(pieces) };
}

/**
 * A matrix with its rows in another order, or a vector with its values.
 * @param tensor one that lies in one piece
 * @param from says which row comes to a place
 */
export function rowsInOrder(tensor: ModelTensor, from: (row: number) => number): ModelTensor {
  const { pieces: [piece], shape: [rows = 1] } = tensor, { path, offset, bytes } = piece!;
  const each = bytes / rows;
  const pieces = Array.from({ length: rows }, (_, row) => {
    return { path, offset: offset + from(row) * each, bytes: each };
  });
  return { ...tensor, pieces: joined(pieces) };
}

/** Pieces without seams: what lies right behind another is part of it. */
function joined(pieces: readonly Piece[]): Piece[] {
  const out: Piece[] = [];
  for (const piece of pieces) {
    const last = out.at(-1);
    if (last?.path !== piece.path || last.offset + last.bytes !== piece.offset) out.push(piece);
    else out[out.length - 1] = { ...last, bytes: last.bytes + piece.bytes };
  }
  return out;
}

/**
 * Reads a small F32 tensor without mapping its file.
 * @param tensor where it lies
 * @throws {FormatError} when it is not F32
 */
export function readSmallTensor(tensor: ModelTensor): Float32Array {
  const { name, type, pieces: [piece], values } = tensor;
  if (values !== undefined) return values;
  const { path, offset, bytes } = piece!;
  if (type !== "F32") {
    const problem = `Cannot use tensor "${name}" of "${path}": its type is ${type}, not F32`;
    throw new FormatError(problem, path, offset);
  }
  using handle = Deno.openSync(path);
  handle.seekSync(offset, Deno.SeekMode.Start);
  const read = new Uint8Array(bytes);
  for (let at = 0; at < bytes;) {
    const count = handle.readSync(read.subarray(at));
    if (count === null) {
      const problem = `Cannot read tensor "${name}" of "${path}": the file ends`;
      throw new FormatError(problem, path, offset + at);
    }
    at += count;
  }
  return new Float32Array(read.buffer);
}
