/** Unigram: the cut of a text whose pieces are likeliest together. (Kudo 2018) @module */
import { NOWHERE, type Trie } from "./trie.ts";

const UNKNOWN_PENALTY = 10; // below the least likely piece, as in SentencePiece

/** What pieces are worth. */
export interface Scores {
  /** The score of a token. */
  score(id: number): number;
  /** The lowest of the scores that count. */
  readonly least: number;
}

/**
 * Cuts a text, by Viterbi's algorithm: time is its length times how far pieces reach.
 * @returns the pieces; a character that is none is one by itself
 */
export function bestCut(text: string, trie: Trie, { score, least }: Scores): string[] {
  const unknown = least - UNKNOWN_PENALTY;
  const sums = new Float64Array(text.length + 1).fill(-Infinity); // of the best cut up to here
  const from = new Int32Array(text.length + 1); // where its last piece begins
  sums[0] = 0;
  const offer = (start: number, end: number, worth: number): void => {
    const sum = sums[start]! + worth;
    if (!(sum > sums[end]!)) return;
    sums[end] = sum;
    from[end] = start;
  };
  trie.fill();
  for (let start = 0; start < text.length; start++) {
    if (sums[start] === -Infinity) continue; // inside a surrogate pair
    const char = start + (text.codePointAt(start)! > 0xffff ? 2 : 1);
    let node = 0, isKnown = false;
    for (let end = start; end < text.length;) {
      node = trie.step(node, text.charCodeAt(end++));
      if (node === NOWHERE) break;
      const id = trie.token(node);
      if (id === NOWHERE) continue;
      offer(start, end, score(id));
      isKnown ||= end === char;
    }
    if (!isKnown) offer(start, char, unknown);
  }
  const pieces: string[] = [];
  for (let at = text.length; at > 0; at = from[at]!) pieces.push(text.substring(from[at]!, at));
  return pieces.reverse();
}
