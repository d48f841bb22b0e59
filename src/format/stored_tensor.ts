/** A tensor of a model file: where it lies, and its numbers when they are asked for. @module */
import { quote } from "../bytes.ts";
import { ArgumentError } from "../errors.ts";
import { type Decodable, decodableByName, dequantize } from "../quant.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { TensorInfo } from "./file.ts";
import type { ByteSource } from "./source.ts";

const CHUNK_ELEMENTS = 1 << 16; // decoded in 1 to 2 ms; then the event loop turns

/** Which part of a tensor is read. */
export interface ReadOptions {
  /** From the first row named up to the second one, along the first axis; default: all. */
  readonly rows?: readonly [start: number, stop: number] | undefined;
  /** Stops reading. */
  readonly signal?: AbortSignal | undefined;
}

/** Part of a file, and the shape of what is in it. */
interface Part {
  readonly offset: number;
  readonly bytes: number;
  readonly shape: readonly number[];
}

/** A tensor in its file. Nothing is read before it is asked for, and no more than that. */
export class StoredTensor implements TensorInfo {
  /** Its name: "blk.0.attn_q.weight". */
  readonly name: string;
  /** ggml's name of its type. */
  readonly type: string;
  /** Row-major, as in `[rows, columns]`. */
  readonly shape: readonly number[];
  /** Byte offset in its file. */
  readonly offset: number;
  /** Its size in bytes. */
  readonly bytes: number;
  /** The file that holds it. */
  readonly path: string;
  readonly #open: (end: number) => Promise<ByteSource>;

  /**
   * Describes a tensor; the file is opened when something is read.
   * @param info where it lies, checked to lie inside its file
   * @param open opens that file again, to read nothing from `end` on
   */
  constructor(info: TensorInfo, open: (end: number) => Promise<ByteSource>) {
    ({ name: this.name, type: this.type, shape: this.shape } = info);
    ({ offset: this.offset, bytes: this.bytes, path: this.path } = info);
    this.#open = open;
  }

  /**
   * Its bytes as they lie in the file, or those of some rows.
   *
   * @throws {ArgumentError} rows that it does not have, or that end inside a block
   * @throws {FormatError} the file is no longer the one that was opened
   */
  async read({ rows, signal }: ReadOptions = {}): Promise<Uint8Array> {
    signal?.throwIfAborted();
    const { offset, bytes } = this.#part(rows, this.#layout("read"));
    using source = await this.#open(offset + bytes);
    const data = new Uint8Array(bytes);
    await source.read(offset, data, signal);
    return data;
  }

  /**
   * Its numbers, or those of some rows, as floats; the event loop turns meanwhile.
   *
   * @throws {ArgumentError} a type that cria does not decode, or rows that it does not have
   * @throws {FormatError} the file is no longer the one that was opened
   * @example
   * ```ts
   * import { openGguf } from "./gguf.ts";
   * using file = await openGguf("models/story.gguf");
   * const matrix = file.tensor("blk.0.attn_q.weight");
   * const some = await matrix.dequantize({ rows: [2, 4] });
   * console.assert(some.shape[0] === 2 && some.shape[1] === matrix.shape[1]);
   * ```
   */
  async dequantize({ rows, signal }: ReadOptions = {}): Promise<Tensor> {
    signal?.throwIfAborted();
    const layout = this.#layout("dequantize");
    const { offset, bytes, shape } = this.#part(rows, layout);
    const values = new Float32Array(bytes / layout.bytes * layout.elements);
    const step = Math.ceil(CHUNK_ELEMENTS / layout.elements) * layout.bytes;
    using source = await this.#open(offset + bytes);
    for (let at = 0; at < bytes; at += step) {
      const chunk = new Uint8Array(Math.min(step, bytes - at));
      await source.read(offset + at, chunk, signal);
      values.set(dequantize(this.type, chunk), at / layout.bytes * layout.elements);
    }
    return Tensor.of(values, shape);
  }

  #layout(action: string): Decodable {
    const layout = decodableByName(this.type);
    if (layout !== undefined) return layout;
    throw new ArgumentError(
      `Cannot ${action} tensor ${quote(this.name)}: cria does not decode its type, ${this.type}`,
    );
  }

  /** Where some rows lie. */
  #part(rows: ReadOptions["rows"], layout: Decodable): Part {
    const [length = 1, ...rest] = this.shape;
    const [start, stop] = rows ?? [0, length];
    const each = rest.reduce((a, b) => a * b, 1); // elements along the first axis
    const refuse = (state: string) => {
      const range = `rows ${start} to ${stop} of tensor ${quote(this.name)}`;
      return new ArgumentError(`Cannot read ${range}: ${state}`);
    };
    if (![start, stop].every(Number.isInteger) || start < 0 || start > stop || stop > length) {
      throw refuse(`it has rows 0 to ${length}`);
    }
    const blocks = (row: number) => row * each / layout.elements;
    if (![start, stop].every((row) => Number.isInteger(blocks(row)))) {
      throw refuse(`${this.type} has blocks of ${layout.elements} elements`);
    }
    return {
      offset: this.offset + blocks(start) * layout.bytes,
      bytes: blocks(stop - start) * layout.bytes,
      shape: [stop - start, ...rest].slice(0, this.shape.length),
    };
  }
}
