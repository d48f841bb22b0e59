/** WordPiece: always the longest piece that a word goes on with. (Schuster 2012) @module */
import { NOWHERE, type Trie } from "./trie.ts";

/**
 * The tokens of a word; undefined where it cannot be cut whole.
 * @param trie of the pieces
 * @param first the node where the pieces begin that a word can begin with
 * @param rest the node where those begin that it can go on with
 */
export function longestPieces(
  word: string,
  trie: Trie,
  first: number,
  rest: number,
): number[] | undefined {
  const tokens: number[] = [];
  for (let start = 0; start < word.length;) {
    let node = start === 0 ? first : rest, token = NOWHERE, end = start;
    for (let at = start; at < word.length && node !== NOWHERE;) {
      node = trie.step(node, word.charCodeAt(at++));
      if (node === NOWHERE || trie.token(node) === NOWHERE) continue;
      token = trie.token(node);
      end = at;
    }
    if (token === NOWHERE) return undefined;
    tokens.push(token);
    start = end;
  }
  return tokens;
}
