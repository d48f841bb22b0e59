/** Sets of code points as sorted ranges, and how UTF-8 spells them. @module */

/** First and last of a run of numbers, both included. */
export type Range = readonly [first: number, last: number];

/** The last code point of Unicode. */
export const LAST_CODE_POINT = 0x10FFFF;
/** What no UTF-8 can spell. */
const SURROGATES: Range = [0xD800, 0xDFFF];
/** Every code point that a text can hold. */
export const EVERY_CHARACTER: readonly Range[] = [[0, 0xD7FF], [0xE000, LAST_CODE_POINT]];

/** The same set with its ranges in order, none touching another. */
export function normalize(ranges: readonly Range[]): Range[] {
  const sorted = [...ranges].sort((a, b) => a[0] - b[0]);
  const joined: [number, number][] = [];
  for (const [first, last] of sorted) {
    const previous = joined.at(-1);
    if (previous !== undefined && first <= previous[1] + 1) {
      previous[1] = Math.max(previous[1], last);
    } else if (first <= last) joined.push([first, last]);
  }
  return joined;
}

/** Every number of a set that is not in the other. */
export function without(ranges: readonly Range[], taken: readonly Range[]): Range[] {
  let left = normalize(ranges);
  for (const [first, last] of taken) {
    left = left.flatMap(([from, to]): Range[] => {
      if (last < from || first > to) return [[from, to]];
      const parts: Range[] = [[from, first - 1], [last + 1, to]];
      return parts.filter(([a, b]) => a <= b);
    });
  }
  return left;
}

/** Every character that is not in a set. */
export function negate(ranges: readonly Range[]): Range[] {
  return without(EVERY_CHARACTER, ranges);
}

/** The set of the characters of a text. */
export function charactersOf(text: string): Range[] {
  return normalize(Array.from(text, (char) => [char.codePointAt(0)!, char.codePointAt(0)!]));
}

/** One way to spell characters of a range: a range of bytes for each place. */
export type ByteRanges = readonly Range[];

/** The last code point that one, two, three and four bytes can spell. */
const LAST_OF_LENGTH = [0x7F, 0x7FF, 0xFFFF, LAST_CODE_POINT];

/**
 * Ranges of bytes that spell exactly the characters of a set in UTF-8: a range is cut where the
 * number of bytes changes, and where continuation bytes would not run through all their values.
 */
export function utf8Ranges(ranges: readonly Range[]): ByteRanges[] {
  const found: ByteRanges[] = [];
  for (const range of without(ranges, [SURROGATES])) {
    let [first] = range;
    for (const limit of LAST_OF_LENGTH) {
      const last = Math.min(range[1], limit);
      if (first <= last) found.push(...sameLength(first, last));
      first = Math.max(first, limit + 1);
    }
  }
  return found;
}

/** The same for a range whose characters have one length. */
function sameLength(first: number, last: number): ByteRanges[] {
  for (const bits of [6, 12, 18]) {
    const mask = (1 << bits) - 1;
    if (first >> bits === last >> bits || last <= 0x7F) continue;
    if ((first & mask) !== 0) {
      const cut = first | mask;
      return [...sameLength(first, cut), ...sameLength(cut + 1, last)];
    }
    if ((last & mask) !== mask) {
      const cut = last & ~mask;
      return [...sameLength(first, cut - 1), ...sameLength(cut, last)];
    }
  }
  const [from, to] = [spell(first), spell(last)];
  return [from.map((byte, place): Range => [byte, to[place]!])];
}

/** The bytes of a character; a call of a TextEncoder would take longer than its work. */
function spell(code: number): number[] {
  if (code <= 0x7F) return [code];
  const more = (bits: number) => 0x80 | code >> bits & 0x3F;
  if (code <= 0x7FF) return [0xC0 | code >> 6, more(0)];
  if (code <= 0xFFFF) return [0xE0 | code >> 12, more(6), more(0)];
  return [0xF0 | code >> 18, more(12), more(6), more(0)];
}

/** The bytes of a text; half of a surrogate pair becomes U+FFFD. */
export function utf8Bytes(text: string): number[] {
  const bytes: number[] = [];
  for (const char of text.toWellFormed()) bytes.push(...spell(char.codePointAt(0)!));
  return bytes;
}
