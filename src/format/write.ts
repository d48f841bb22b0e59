/** Writes GGUF files: the header, then the tensors as they come, never all in memory. @module */
import { quote } from "../bytes.ts";
import { ArgumentError } from "../errors.ts";
import { type BlockLayout, layoutNamed, tensorBytes } from "../quant.ts";
import type { MetadataValue } from "./file.ts";
import { headerParts, type ListedTensor } from "./gguf_header.ts";
import { type WholeFileOptions, writeWholeFile } from "./whole_file.ts";

const DEFAULT_ALIGNMENT = 32;

/** A tensor to be written. */
export interface TensorToWrite {
  /** Its name: "blk.0.attn_q.weight". */
  readonly name: string;
  /** ggml's name of its type. */
  readonly type: string;
  /** Row-major, as in `[rows, columns]`. */
  readonly shape: readonly number[];
}

/** What a GGUF file says before its data. */
export interface GgufContents {
  /** What the file says about the model; `general.alignment` is obeyed. */
  readonly metadata: ReadonlyMap<string, MetadataValue>;
  /**
   * GGUF's types of single numbers by key, as an opened GGUF file has them; without, a fraction
   * becomes a float32 and a whole number the first of uint32, int32, uint64, int64 that holds it.
   */
  readonly numberTypes?: ReadonlyMap<string, number> | undefined;
  /** The tensors, in order. */
  readonly tensors: readonly TensorToWrite[];
}

/**
 * Writes a GGUF file of version 3. It gets its name when it is whole; an error or an abort leaves
 * nothing behind.
 *
 * Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 *
 * @param path the file
 * @param contents metadata and the list of tensors
 * @param data the bytes of the tensors in order; each part belongs to one tensor
 * @param options `overwrite` lets it replace a file, `signal` stops it
 * @throws {ArgumentError} the file is there already or cannot be written, a name is too long, or
 *   the data is not what the list says
 * @example
 * ```ts ignore
 * const tensors = [{ name: "a.weight", type: "F32", shape: [1, 2] }];
 * const data = ReadableStream.from([new Uint8Array(8)]);
 * await writeGguf("a.gguf", { metadata: new Map(), tensors }, data);
 * ```
 */
export async function writeGguf(
  path: string,
  contents: GgufContents,
  data: AsyncIterable<Uint8Array>,
  options: WholeFileOptions = {},
): Promise<void> {
  const { metadata, numberTypes = new Map(), tensors } = contents;
  const alignment = alignmentOf(metadata);
  const listed = list(tensors, alignment);
  await writeWholeFile(path, async (append) => {
    let at = 0;
    const put = async (bytes: Uint8Array) => {
      await append(bytes);
      at += bytes.length;
    };
    const align = () => put(new Uint8Array((alignment - at % alignment) % alignment));
    for (const part of headerParts({ metadata, numberTypes, tensors: listed })) await put(part);
    await align();
    const start = at;
    let index = 0;
    for await (const part of data) {
      const tensor = listed[index];
      if (tensor === undefined || at + part.length > start + tensor.offset + tensor.bytes) {
        throw unlike(tensor?.name ?? "the end", "more");
      }
      await put(part);
      if (at < start + tensor.offset + tensor.bytes) continue;
      index++;
      await align();
    }
    if (index < listed.length) throw unlike(listed[index]!.name, "less");
  }, options);
}

/** The alignment that the metadata asks for. */
function alignmentOf(metadata: ReadonlyMap<string, MetadataValue>): number {
  const alignment = metadata.get("general.alignment") ?? DEFAULT_ALIGNMENT;
  const isGood = typeof alignment === "number" && alignment >= 8 && alignment <= 1 << 24 &&
    Number.isInteger(Math.log2(alignment));
  if (isGood) return alignment;
  throw new ArgumentError(`Cannot align tensors to ${alignment}: it is no power of two from 8`);
}

/** Where the tensors will lie, and how large they are. */
function list(
  tensors: readonly TensorToWrite[],
  alignment: number,
): (ListedTensor & { readonly bytes: number })[] {
  let offset = 0;
  return tensors.map(({ name, type, shape }) => {
    const layout: BlockLayout | undefined = layoutNamed(type);
    if (layout === undefined) {
      throw new ArgumentError(
        `Cannot write tensor ${quote(name)}: there is no type ${quote(type)}`,
      );
    }
    const bytes = tensorBytes(layout, shape);
    const tensor = { name, shape, type: layout.id, offset, bytes };
    offset += Math.ceil(bytes / alignment) * alignment;
    return tensor;
  });
}

function unlike(name: string, what: string): ArgumentError {
  return new ArgumentError(
    `Cannot write tensor ${quote(name)}: there is ${what} data than it takes`,
  );
}
