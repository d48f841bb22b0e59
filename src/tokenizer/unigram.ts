/** Unigram: the cut of a word whose pieces are likeliest together. (Kudo 2018) @module */
import type { Vocabulary } from "./vocab.ts";

const UNKNOWN_PENALTY = 10; // below the least likely piece, as in SentencePiece

/** What the search needs to know of a vocabulary. */
interface Bounds {
  readonly longest: number; // UTF-16 units of the longest piece
  readonly unknown: number; // score of a character that is no piece
}

const KNOWN = new WeakMap<Vocabulary, Bounds>();

function boundsOf(vocabulary: Vocabulary): Bounds {
  const known = KNOWN.get(vocabulary);
  if (known !== undefined) return known;
  let longest = 1, least = Infinity;
  for (let id = 0; id < vocabulary.size; id++) {
    longest = Math.max(longest, vocabulary.pieces[id]!.length);
    least = Math.min(least, vocabulary.score(id));
  }
  const bounds = { longest, unknown: least - UNKNOWN_PENALTY };
  KNOWN.set(vocabulary, bounds);
  return bounds;
}

/**
 * Cuts a word, by Viterbi's algorithm: time is its length times that of the longest piece.
 */
export function bestCut(word: string, vocabulary: Vocabulary): string[] {
  const { longest, unknown } = boundsOf(vocabulary);
  const scores = new Float64Array(word.length + 1).fill(-Infinity); // of the best cut up to here
  const from = new Int32Array(word.length + 1); // where its last piece begins
  scores[0] = 0;
  for (let start = 0; start < word.length; start++) {
    if (scores[start] === -Infinity) continue; // inside a surrogate pair
    const char = word.codePointAt(start)! > 0xffff ? 2 : 1;
    for (let end = start + char; end <= Math.min(word.length, start + longest); end++) {
      const id = vocabulary.textId(word.substring(start, end));
      if (id === undefined && end > start + char) continue;
      const score = scores[start]! + (id === undefined ? unknown : vocabulary.score(id));
      if (score <= scores[end]!) continue;
      scores[end] = score;
      from[end] = start;
    }
  }
  const pieces: string[] = [];
  for (let at = word.length; at > 0; at = from[at]!) pieces.push(word.substring(from[at]!, at));
  return pieces.reverse();
}
