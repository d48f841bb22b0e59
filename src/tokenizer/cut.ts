/** Cuts texts into words: by expressions, or functions where those would take long. @module */
import { ArgumentError } from "../errors.ts";

/** A step: every match of an expression is a word, and so is what lies between; or a function. */
export type Step = string | ((word: string) => readonly string[]);

/** A step that is ready: a function, or an expression that matches every character somewhere. */
export type Cutter = RegExp | ((word: string) => readonly string[]);

/** Makes a step ready. */
export function cutter(step: Step): Cutter {
  if (typeof step !== "string") return step;
  return new RegExp(`${step}|(?:(?!${step})[^])+`, "gv");
}

/**
 * Cuts a text into words; each step cuts every word that the one before left.
 *
 * @throws {ArgumentError} a word of millions of characters, which a regular expression cannot hold
 */
export function cutWords(text: string, steps: readonly Cutter[]): readonly string[] {
  let words: readonly string[] = [text];
  try {
    for (const step of steps) {
      const cut = typeof step === "function" ? step : (word: string) => word.match(step) ?? [];
      words = words.length === 1 ? cut(words[0]!) : words.flatMap(cut);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // the matcher's stack is full
    const state = "it has a word of millions of characters";
    throw new ArgumentError(`Cannot encode a text of ${text.length} characters: ${state}`);
  }
  return words;
}

/** Where groups of three are cut off: where they end, or where they start. */
type Edges = "ends" | "starts";

/**
 * Cuts numbers into groups of three, counted from their last digit, as a lookahead over all the
 * digits that follow would, in quadratic time. With `ends` the text before a number stays with its
 * first group, and with `starts` the text after it stays with its last.
 * @param runs matches numbers
 */
export function groupsOfThree(runs: RegExp, edges: Edges): (word: string) => readonly string[] {
  return (word) => {
    const words: string[] = [];
    let end = 0; // of the last word
    const cutAt = (at: number) => {
      if (at > end) words.push(word.slice(end, at));
      end = at;
    };
    for (const { 0: run, index } of word.matchAll(runs)) {
      const digits = Array.from(run), first = digits.length % 3;
      let at = index;
      if (edges === "starts" && first === 0) cutAt(at);
      digits.forEach((digit, i) => {
        if (i > 0 && i % 3 === first % 3) cutAt(at);
        at += digit.length;
      });
      if (edges === "ends") cutAt(at);
    }
    cutAt(word.length);
    return words;
  };
}

/** Cuts words of nothing but blanks, without ends of lines, by a list of lengths, longest first. */
export function blanksOf(lengths: readonly number[]): (word: string) => readonly string[] {
  return (word) => {
    if (!/^\p{White_Space}+$/v.test(word) || /[\r\n]$/.test(word)) return [word];
    const words: string[] = [];
    for (let at = 0; at < word.length; at += words.at(-1)!.length) {
      const length = lengths.find((length) => length <= word.length - at) ?? 1;
      words.push(word.slice(at, at + length));
    }
    return words;
  };
}
