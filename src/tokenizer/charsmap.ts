/** The table by which SentencePiece normalises: characters to what stands for them. @module */
import { ModelError } from "../errors.ts";

const UTF8 = new TextDecoder();

/** What a beginning of a text becomes. */
interface Match {
  readonly length: number; // bytes
  readonly text: string;
}

/**
 * A `precompiled_charsmap`: the length of a double array in bytes, the double array, and texts with
 * zeros behind them. A node of the array is 32 bits: an offset in bits 10 to 30, shifted by 8 more
 * where bit 9 is set; whether a value hangs on it in bit 8; its byte in bits 0 to 7. The node after
 * a byte is at the xor of where this one is, its offset, and the byte. (Darts-clone)
 */
export class Charsmap {
  readonly #nodes: Uint32Array;
  readonly #texts: Uint8Array;

  /** @throws {ModelError} it is cut short */
  constructor(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const length = bytes.length < 4 ? NaN : view.getUint32(0, true);
    if (!(length % 4 === 0 && length > 0 && length + 4 <= bytes.length)) {
      const state = `it says ${length} bytes of a table in ${bytes.length}`;
      throw new ModelError(`Cannot read "precompiled_charsmap": ${state}`);
    }
    this.#nodes = Uint32Array.from(
      { length: length / 4 },
      (_, i) => view.getUint32(4 + 4 * i, true),
    );
    this.#texts = bytes.subarray(4 + length);
  }

  /**
   * What the bytes of a text from `at` on begin with, if the table has that.
   * @param which the longest beginning that it has, as SentencePiece has it, or the shortest
   */
  match(bytes: Uint8Array, at: number, which: "longest" | "shortest"): Match | undefined {
    const nodes = this.#nodes;
    let place = offsetOf(nodes[0]!), found: Match | undefined;
    for (let end = at; end < bytes.length; end++) {
      place ^= bytes[end]!;
      const node = nodes[place];
      if (node === undefined || bytes[end] === 0 || (node & 0x800000ff) !== bytes[end]) break;
      place ^= offsetOf(node);
      if ((node >>> 8 & 1) === 0) continue;
      found = { length: end + 1 - at, text: this.#textAt((nodes[place] ?? 0) & 0x7fffffff) };
      if (which === "shortest") break;
    }
    return found;
  }

  #textAt(start: number): string {
    const end = this.#texts.indexOf(0, start);
    if (end >= 0) return UTF8.decode(this.#texts.subarray(start, end));
    const state = `it has no text that begins at ${start}`;
    throw new ModelError(`Cannot read "precompiled_charsmap": ${state}`);
  }
}

/** Where the nodes after this one are, relative to it. */
function offsetOf(node: number): number {
  return (node >>> 10) << ((node & 0x200) >>> 6);
}
