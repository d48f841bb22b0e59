/** How a text may be spelt in tokens, so that DRY finds its breakers. @module */

import type { SequencesOf } from "../sampling/dry.ts";
import type { TokenizerLike } from "./engine.ts";

/** What has been worked out for a tokenizer: the text of each token, and spellings by text. */
interface Known {
  readonly texts: readonly string[]; // [vocabularySize]
  readonly sequences: Map<string, readonly (readonly number[])[]>;
}

const known = new WeakMap<TokenizerLike, Known>();

/**
 * The token sequences in which a text may stand: tokens that contain it, and tokens that end on a
 * beginning of it, followed by its rest as the tokenizer spells that.
 */
export function spellingsOf(tokenizer: TokenizerLike): SequencesOf {
  return (text) => {
    let { texts, sequences } = known.get(tokenizer) ?? {};
    if (texts === undefined || sequences === undefined) {
      [texts, sequences] = [textsOf(tokenizer), new Map()];
      known.set(tokenizer, { texts, sequences });
    }
    const found = sequences.get(text) ?? [...spellings(text, texts, tokenizer)];
    sequences.set(text, found);
    return found;
  };
}

function* spellings(
  text: string,
  texts: readonly string[],
  tokenizer: TokenizerLike,
): Generator<readonly number[]> {
  const rests = Array.from({ length: text.length }, (_, at) => {
    return at === 0 ? [] : tokenizer.encode(text.slice(at), { bos: false });
  });
  for (const [token, own] of texts.entries()) {
    if (own.includes(text)) yield [token];
    else {
      for (let count = Math.min(text.length - 1, own.length); count > 0; count--) {
        if (own.endsWith(text.slice(0, count))) yield [token, ...rests[count]!];
      }
    }
  }
}

/** What each token stands for by itself; control tokens stand for nothing. */
function textsOf(tokenizer: TokenizerLike): readonly string[] {
  const stream = tokenizer.stream();
  return Array.from(
    { length: tokenizer.vocabularySize },
    (_, token) => stream.push(token) + stream.flush(),
  );
}
