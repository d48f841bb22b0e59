/** How a text may be spelt in tokens, so that DRY finds its breakers. @module */

import type { SequencesOf } from "../sampling/dry.ts";
import { inSlices } from "../turn.ts";
import type { TokenizerLike } from "./engine.ts";

/** What has been worked out for a tokenizer: the text of each token, and spellings by text. */
interface Known {
  readonly texts: readonly string[]; // [vocabularySize]
  readonly sequences: Map<string, readonly (readonly number[])[]>;
}

const KNOWN = new WeakMap<TokenizerLike, Known>();

/** So many texts are kept. */
const KEPT = 200;

/** Tokens that are looked at between two pauses, at the least. */
const STRIDE = 256;

/**
 * The token sequences in which a text may stand: tokens that contain it, and tokens that end on a
 * beginning of it, followed by its rest as the tokenizer spells that.
 */
export function spellingsOf(tokenizer: TokenizerLike): SequencesOf {
  return (text) => KNOWN.get(tokenizer)?.sequences.get(text) ?? atOnce(spell(tokenizer, [text]));
}

/** Looks up how texts are spelt ahead of their use, with pauses for the event loop. */
export async function prepareSpellings(
  tokenizer: TokenizerLike,
  texts: readonly string[],
): Promise<void> {
  await inSlices(spell(tokenizer, texts));
}

/** Finds the spellings of some texts, and keeps them; gives those of the last. */
function* spell(
  tokenizer: TokenizerLike,
  texts: readonly string[],
): Generator<void, readonly (readonly number[])[]> {
  const known = KNOWN.get(tokenizer) ?? { texts: yield* textsOf(tokenizer), sequences: new Map() };
  KNOWN.set(tokenizer, known);
  let found: readonly (readonly number[])[] = [];
  if (known.sequences.size > KEPT) known.sequences.clear();
  for (const text of texts) {
    found = known.sequences.get(text) ?? (yield* spellings(text, known.texts, tokenizer));
    known.sequences.set(text, found);
  }
  return found;
}

function* spellings(
  text: string,
  texts: readonly string[],
  tokenizer: TokenizerLike,
): Generator<void, readonly (readonly number[])[]> {
  const found: (readonly number[])[] = [];
  const rests = Array.from({ length: text.length }, (_, at) => {
    return at === 0 ? [] : tokenizer.encode(text.slice(at), { bos: false });
  });
  for (const [token, own] of texts.entries()) {
    if (token % STRIDE === 0) yield;
    if (own.includes(text)) found.push([token]);
    else {
      for (let count = Math.min(text.length - 1, own.length); count > 0; count--) {
        if (own.endsWith(text.slice(0, count))) found.push([token, ...rests[count]!]);
      }
    }
  }
  return found;
}

/** What each token stands for by itself; control tokens stand for nothing. */
function* textsOf(tokenizer: TokenizerLike): Generator<void, readonly string[]> {
  const stream = tokenizer.stream();
  const texts: string[] = [];
  for (let token = 0; token < tokenizer.vocabularySize; token++) {
    if (token % STRIDE === 0) yield;
    texts.push(stream.push(token) + stream.flush());
  }
  return texts;
}

function atOnce<T>(work: Generator<void, T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}
