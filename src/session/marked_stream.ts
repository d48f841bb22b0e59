/** Decodes tokens of which some, though special, are to be seen in the text. @module */

import type { TokenizerLike, TokenStreamLike } from "./engine.ts";

/**
 * A decoder that writes out the marks of a template: vocabularies often have them as control
 * tokens, which leave nothing.
 * @param pieces the spellings of these tokens
 */
export function markedStream(tokenizer: TokenizerLike, pieces: readonly string[]): TokenStreamLike {
  const stream = tokenizer.stream();
  const marks = new Map(pieces.flatMap((piece) => {
    const id = tokenizer.idOf(piece);
    return id === undefined || tokenizer.kind(id) !== "control" ? [] : [[id, piece] as const];
  }));
  if (marks.size === 0) return stream;
  return {
    push: (id) => {
      const mark = marks.get(id);
      return mark === undefined ? stream.push(id) : stream.flush() + mark;
    },
    flush: () => stream.flush(),
  };
}
