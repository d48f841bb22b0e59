/** Vocabularies for tests of grammars: of a model file, or made of a list of texts. @module */

import type { Grammar, GrammarState } from "../../src/grammar/grammar.ts";
import { TokenTrie } from "../../src/grammar/token_trie.ts";
import { openGguf } from "../../src/format/gguf.ts";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";

const UTF8 = new TextEncoder();

/** A vocabulary of a model file. */
export async function openVocabulary(path: string) {
  using file = await openGguf(path);
  const tokenizer = Tokenizer.from(file);
  const trie = TokenTrie.from({
    size: tokenizer.vocabularySize,
    bytes: (token) => tokenizer.decodeBytes([token]),
    endTokens: tokenizer.endTokens,
  });
  const isText = (id: number) =>
    !["control", "unknown"].includes(tokenizer.kind(id)) &&
    trie.bytes(id).every((byte) => byte > 0 && byte < 0xF5);
  return { tokenizer, trie, isText };
}

/** A vocabulary of texts or bytes; the last token ends a text. */
export function vocabularyOf(pieces: readonly (string | readonly number[])[]): TokenTrie {
  const bytes = pieces.map((piece) =>
    typeof piece === "string" ? UTF8.encode(piece) : Uint8Array.from(piece)
  );
  return TokenTrie.from({
    size: bytes.length + 1,
    bytes: (token) => bytes[token]!,
    endTokens: [bytes.length],
  });
}

/** The ids of a bit set. */
export function tokensOf(mask: Uint32Array): number[] {
  const ids: number[] = [];
  mask.forEach((word, at) => {
    for (let bit = 0; bit < 32; bit++) if ((word >>> bit & 1) === 1) ids.push(at * 32 + bit);
  });
  return ids;
}

/** The state after a text, spelled by as few tokens as can be. */
export function stateAfter(grammar: Grammar, trie: TokenTrie, text: string): GrammarState {
  let state: GrammarState | undefined = grammar.begin(trie);
  for (const token of trie.spell(UTF8.encode(text))!) {
    state = state?.after(token);
    if (state === undefined) throw new Error(`"${text}" does not meet the grammar`);
  }
  return state;
}

/** The tokens that may follow a text, without those that end it, and whether one may. */
export function allowedAfter(
  grammar: Grammar,
  trie: TokenTrie,
  text: string,
): { tokens: number[]; ends: boolean } {
  const all = tokensOf(stateAfter(grammar, trie, text).mask);
  const tokens = all.filter((id) => !trie.endTokens.includes(id));
  return { tokens, ends: tokens.length < all.length };
}
