/** Cuts long texts into slices that are tokenized one by one. @module */

const UNITS = 1 << 14; // of UTF-16: about 2 ms
const LETTER = /\p{L}/u;

/** Whether a text can be cut at a place: the parts have the tokens of the whole. */
export type Border = (text: string, at: number) => boolean;

/**
 * Where a line ends with a letter: words end there too, and what comes after does not look back.
 * (Where a line begins is none: how many blanks before a word are of it depends on the word.)
 */
export const atLineEnd: Border = (text, at) => text[at] === "\n" && LETTER.test(text[at - 1]!);

/** A text in slices; in one piece where nothing is known of borders. */
export function* slicesOf(text: string, isBorder?: Border): Generator<string> {
  let start = 0;
  while (isBorder !== undefined && text.length - start > UNITS) {
    let at = start + UNITS;
    while (at < text.length && !isBorder(text, at)) at++;
    yield text.slice(start, at);
    start = at;
  }
  if (start < text.length) yield text.slice(start);
}
