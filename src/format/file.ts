/** What an opened model file offers in any format: metadata, and where tensors lie. @module */
import type { StoredTensor } from "./stored_tensor.ts";

/** A list in the metadata: numbers come as typed arrays. */
export type MetadataArray =
  | readonly string[]
  | readonly boolean[]
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | BigUint64Array
  | BigInt64Array
  | Float64Array
  | readonly MetadataArray[];

/** A value of the metadata; a 64-bit number is a bigint only where a number would not be exact. */
export type MetadataValue = string | number | bigint | boolean | MetadataArray;

/** Where a tensor lies, and what it looks like. */
export interface TensorInfo {
  /** Its name: "blk.0.attn_q.weight". */
  readonly name: string;
  /** ggml's name of its type, also of types that cria cannot run. */
  readonly type: string;
  /** Row-major, as in `[rows, columns]`: a row is contiguous. */
  readonly shape: readonly number[];
  /** Byte offset in its file, checked to lie inside it together with `bytes`. */
  readonly offset: number;
  /** Its size in bytes. */
  readonly bytes: number;
  /** The file that holds it. */
  readonly path: string;
}

/** A regular file as it was when it was opened: whoever maps the path can compare. */
export interface FilePart {
  /** Its path. */
  readonly path: string;
  /** Its size in bytes. */
  readonly bytes: number;
  /** Its inode, where the system has one. */
  readonly inode: number | null;
  /** The device that holds it. */
  readonly device: number;
}

/** The formats of models, told by content. */
export type ModelFormat = "gguf" | "safetensors";

/** What is known of an opened model. */
export interface ModelFileParts {
  /** The format. */
  readonly format: ModelFormat;
  /** The version of the format; 0 where it has none. */
  readonly version: number;
  /** The path as it was given: a file, or a folder. */
  readonly path: string;
  /** What the model says about itself under GGUF's keys, in the file's order. */
  readonly metadata: ReadonlyMap<string, MetadataValue>;
  /** GGUF's types of single numbers in the metadata, where the file has such: to write it again. */
  readonly numberTypes?: ReadonlyMap<string, number>;
  /** All tensors by name, in the file's order. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
}

/** An opened model file: the header is in memory, the tensors stay where they are. */
export interface ModelFile extends ModelFileParts, Disposable {
  /** The files that hold the tensors. */
  readonly files: readonly FilePart[];
  /** Bytes of all its files. */
  readonly fileBytes: number;
  /** The tensor of that name; throws a `ModelError` if there is none. */
  tensor(name: string): StoredTensor;
}
