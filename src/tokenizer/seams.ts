/** Where a text falls apart: between characters that stand side by side in no piece. @module */
import type { Vocabulary } from "./vocab.ts";

const BITS = 21; // 256 kB; the vocabulary of a large model has some 200,000 pairs
const SLICE = 4096; // pieces at a time: about 1 ms

/**
 * Finds the seams of texts. Nothing merges across a seam, so that what lies between is cut alone,
 * and remembered. Pairs of UTF-16 units share bits now and then: then a seam is missed, no more.
 */
export class Seams {
  readonly #joined = new Uint32Array(1 << (BITS - 5));
  #next = 0;

  constructor(readonly vocabulary: Vocabulary) {}

  /** Calls back with each stretch of a text between two seams. */
  forEach(text: string, act: (stretch: string) => void): void {
    this.#fill();
    const joined = this.#joined;
    let start = 0, before = text.charCodeAt(0);
    for (let at = 1; at < text.length; at++) {
      const unit = text.charCodeAt(at), seam = isSeam(joined, before, unit);
      before = unit;
      if (!seam) continue;
      act(text.substring(start, at));
      start = at;
    }
    if (text !== "") act(text.substring(start));
  }

  /** Whether there is a seam between two UTF-16 units. */
  isSeam(before: number, unit: number): boolean {
    this.#fill();
    return isSeam(this.#joined, before, unit);
  }

  #fill(): void {
    if (this.#next < this.vocabulary.size) {
      while (this.fillSome());
    }
  }

  /** Looks at a few thousand pieces; false when it has seen all. */
  fillSome(): boolean {
    const { vocabulary } = this, end = Math.min(this.#next + SLICE, vocabulary.size);
    for (let id = this.#next; id < end; id++) {
      const piece = vocabulary.pieces[id]!;
      if (!vocabulary.isText(id)) continue;
      for (let at = 1; at < piece.length; at++) {
        const bit = bitOf(piece.charCodeAt(at - 1), piece.charCodeAt(at));
        this.#joined[bit >>> 5]! |= 1 << (bit & 31);
      }
    }
    this.#next = end;
    return end < vocabulary.size;
  }
}

/** Whether no piece has two units side by side, and they are not of one character. */
function isSeam(joined: Uint32Array, before: number, unit: number): boolean {
  const bit = bitOf(before, unit);
  return (joined[bit >>> 5]! >>> (bit & 31) & 1) === 0 && (unit & 0xfc00) !== 0xdc00;
}

/** The bit of a pair of UTF-16 units. */
function bitOf(before: number, unit: number): number {
  return (Math.imul(before, 0x9e3779b1) + Math.imul(unit, 0x85ebca6b)) >>> (32 - BITS);
}
