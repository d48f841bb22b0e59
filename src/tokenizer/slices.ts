/** Cuts long texts into slices that are tokenized one by one. @module */

const UNITS = 1 << 14; // of UTF-16: about 2 ms
const LETTER = /\p{L}/u;

/** Whether a text can be cut at a place: the parts have the tokens of the whole. */
export type Border = (text: string, at: number) => boolean;

const isLetter = (text: string, at: number): boolean => LETTER.test(text[at]!);

/**
 * By how far words reach: where they end with a letter, before a space or where a line ends.
 * What comes after looks at nothing before. (Where a line begins is no border: how many of the
 * blanks before a word are of it depends on the word.)
 */
export const BORDERS: Readonly<Record<"word" | "line" | "text", Border | undefined>> = {
  word: (text, at) => (text[at] === " " || text[at] === "\n") && isLetter(text, at - 1),
  line: (text, at) => text[at] === "\n" && isLetter(text, at - 1),
  text: undefined,
};

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
