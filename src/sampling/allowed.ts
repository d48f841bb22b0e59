/** The tokens that may be chosen at all, as a bit set, and what it leaves of logits. @module */

import type { Candidates } from "./candidates.ts";
import type { Scratch } from "./context.ts";

/** Where at most one token in this many is allowed, the allowed ones are listed. */
const SPARSE = 16;

/** How many tokens below `count` are in a set: token t is bit t & 31 of word t >> 5. */
export function countAllowed(allowed: Uint32Array, count: number): number {
  let found = 0;
  for (let at = wordCount(allowed, count) - 1; at >= 0; at--) {
    found += bitCount(wordAt(allowed, at, count));
  }
  return found;
}

/** Whether a token is in a set. */
export function isAllowed(allowed: Uint32Array, token: number): boolean {
  return ((allowed[token >>> 5] ?? 0) >>> (token & 31) & 1) === 1;
}

/**
 * The candidates of a set: a list of them where they are few, else the whole vocabulary, with
 * -Infinity in all other places. Takes as long as there are allowed tokens, or forbidden ones.
 * @param logits one per token of the vocabulary; not changed
 * @param allowed the set; it need not reach to the end of the vocabulary
 * @param count how many tokens are in it
 * @param scratch has room for the whole vocabulary
 */
export function restrict(
  logits: Float32Array,
  allowed: Uint32Array,
  count: number,
  scratch: Scratch,
): Candidates {
  if (count * SPARSE <= logits.length) return list(logits, allowed, count);
  const left = scratch.floats(logits.length);
  left.set(logits);
  const words = wordCount(allowed, logits.length);
  for (let at = 0; at < words; at++) {
    const first = at * 32;
    for (let bits = ~wordAt(allowed, at, logits.length); bits !== 0; bits &= bits - 1) {
      left[first + lowestBit(bits)] = -Infinity; // beyond the end it does nothing
    }
  }
  left.fill(-Infinity, words * 32);
  return { tokens: undefined, logits: left, sorted: false };
}

/** The tokens of a set and their logits, in ascending order of tokens. */
function list(logits: Float32Array, allowed: Uint32Array, count: number): Candidates {
  const tokens = new Uint32Array(count);
  const values = new Float32Array(count);
  const words = wordCount(allowed, logits.length);
  let found = 0;
  for (let at = 0; at < words; at++) {
    for (let bits = wordAt(allowed, at, logits.length); bits !== 0; bits &= bits - 1) {
      const token = at * 32 + lowestBit(bits);
      tokens[found] = token;
      values[found++] = logits[token]!;
    }
  }
  return { tokens, logits: values, sorted: false };
}

/** How many words of a set have tokens below `count`. */
function wordCount(allowed: Uint32Array, count: number): number {
  return Math.min(allowed.length, Math.ceil(count / 32));
}

/** A word of a set as a signed number, without tokens from `count` on. */
function wordAt(allowed: Uint32Array, at: number, count: number): number {
  const below = count - at * 32;
  return below >= 32 ? allowed[at]! | 0 : allowed[at]! & ((1 << below) - 1);
}

/** The place of the lowest bit that is set. */
function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}

/** How many bits are set (Warren, Hacker's Delight, 5-1). */
function bitCount(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
