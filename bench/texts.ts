/** Texts to measure tokenizers with. @module */

import { pseudoNumbers } from "./figures.ts";

const ONSETS = ["", "b", "ch", "d", "f", "gr", "h", "k", "l", "m", "n", "pl", "r", "s", "st", "th"];
const VOWELS = ["a", "e", "i", "o", "u", "ea", "oo", "é"];
const ENDS = ["", "", "n", "r", "st", "ng", "ll", "d"];
const SIGNS = [",", ".", ".", "!", "?", ";", " 1984.", "\n\n", " “…”", "'s"];
const KANA = ["の", "は", "です", "ます", "を", "に", "。", "、", "！", "\n", " API 2024 "];

/** `count` made-up words of a seed, and one of them by chance, few of them often (Zipf's law). */
function vocabulary(count: number, make: (number: () => number) => string): () => string {
  const number = pseudoNumbers(3), words = Array.from({ length: count }, () => make(number));
  return () => words[Math.floor(count ** number()) - 1]!;
}

/** Text of some characters: 20,000 made-up words, and signs between them. */
export function madeUpText(length: number): string {
  const number = pseudoNumbers(4);
  const pick = (list: readonly string[], of = number) => list[Math.floor(of() * list.length)]!;
  const word = vocabulary(20000, (of) => {
    const syllable = () => pick(ONSETS, of) + pick(VOWELS, of) + pick(ENDS, of);
    return Array.from({ length: 1 + Math.floor(of() * 3) }, syllable).join("");
  });
  let text = "";
  while (text.length < length) {
    text += ` ${word()}`;
    if (number() < 0.12) text += pick(SIGNS);
  }
  return text.slice(0, length);
}

/** Text of some characters without blanks: 8,000 made-up words of Chinese characters, and kana. */
export function madeUpChinese(length: number): string {
  const number = pseudoNumbers(4);
  const word = vocabulary(8000, (of) => {
    const char = () => String.fromCharCode(0x4e00 + Math.floor(3000 * of() ** 2));
    return Array.from({ length: 1 + Math.floor(of() * 3) }, char).join("");
  });
  let text = "";
  while (text.length < length) {
    text += word();
    if (number() < 0.2) text += KANA[Math.floor(number() * KANA.length)]!;
  }
  return text.slice(0, length);
}
