/** Strings of JSON: lengths, patterns and formats, as automata over their characters. @module */

import { charactersOf, EVERY_CHARACTER, type Range, without } from "../code_points.ts";
import { accepts, type Dfa, dfaOfLength, intersect, isEmpty, machineOf } from "../dfa.ts";
import { characters, choice, type Expression, repeat, sequence } from "../expression.ts";
import { type Spelling, text } from "../expression.ts";
import { readRegex } from "../regex.ts";
import { keyword, refuse } from "./document.ts";
import { formatOf } from "./formats.ts";
import type { Conjunction } from "./forms.ts";
import { countOf } from "./limits.ts";

/** The characters that a string of JSON must escape. */
const ESCAPED: readonly Range[] = [[0, 0x1F], ...charactersOf('"\\')];
const PLAIN = characters(...without(EVERY_CHARACTER, ESCAPED));
const HEX = characters([0x30, 0x39], [0x41, 0x46], [0x61, 0x66]);
const D = characters(...charactersOf("dD"));
/** What follows `\u`: a character, or both halves of one; never half of one alone. */
const UNICODE = choice(
  sequence(characters(...charactersOf("0123456789abcefABCEF")), HEX, HEX, HEX),
  sequence(D, characters([0x30, 0x37]), HEX, HEX),
  sequence(
    sequence(D, characters(...charactersOf("89abAB")), HEX, HEX, text("\\u")),
    sequence(D, characters(...charactersOf("cdefCDEF")), HEX, HEX),
  ),
);
/** One character of a string, in whatever spelling. */
const CHARACTER = choice(
  PLAIN,
  sequence(
    text("\\"),
    choice(characters(...charactersOf('"\\/bfnrt')), sequence(text("u"), UNICODE)),
  ),
);

/** Characters as `JSON.stringify` spells them in a string. */
export const IN_STRINGS: Spelling = {
  escaped: ESCAPED,
  escape: (ranges) =>
    choice(
      ...ranges.flatMap(([first, last]) =>
        Array.from({ length: last - first + 1 }, (_, at) => {
          return text(JSON.stringify(String.fromCharCode(first + at)).slice(1, -1));
        })
      ),
    ),
};

/** The strings that meet some places. */
export interface StringLanguage {
  /** Fewest and most characters. */
  readonly least: number;
  readonly most: number;
  /** What patterns and formats leave, lengths not counted; undefined where there are none. */
  readonly dfa: Dfa | undefined;
}

const PATTERNS = new Map<string, Dfa>();
const MOST_PATTERNS = 200;

/** The texts in which a pattern is found; compiled once. */
export function patternOf(path: string, pattern: unknown, whole = false): Dfa {
  if (typeof pattern !== "string") throw refuse(path, "is no text");
  const key = `${whole} ${pattern}`, known = PATTERNS.get(key);
  if (known !== undefined) return known;
  let dfa: Dfa;
  try {
    dfa = readRegex(pattern, { whole });
  } catch (error) {
    throw refuse(path, `is not supported: ${error instanceof Error ? error.message : error}`);
  }
  if (PATTERNS.size >= MOST_PATTERNS) PATTERNS.clear();
  PATTERNS.set(key, dfa);
  return dfa;
}

/** The language of the strings that meet all of some places. */
export function stringLanguage(places: Conjunction): StringLanguage {
  let least = 0, most = Infinity;
  const parts: Dfa[] = [];
  for (const place of places) {
    least = Math.max(least, countOf(place, "minLength") ?? 0);
    most = Math.min(most, countOf(place, "maxLength") ?? Infinity);
    const pattern = keyword(place, "pattern"), format = keyword(place, "format");
    if (pattern !== undefined) parts.push(patternOf(`${place.path}/pattern`, pattern));
    const source = typeof format === "string" ? formatOf(format) : undefined;
    if (source !== undefined) parts.push(patternOf(`${place.path}/format`, source, true));
  }
  const dfa = parts.length === 0 ? undefined : parts.reduce(intersect);
  return { least, most, dfa };
}

/** The automaton of a language, lengths included. */
export function languageDfa({ least, most, dfa }: StringLanguage): Dfa {
  if (dfa === undefined) return dfaOfLength(least, most);
  return least === 0 && most === Infinity ? dfa : intersect(dfa, dfaOfLength(least, most));
}

/** Whether a text is in a language. */
export function isIn(value: string, { least, most, dfa }: StringLanguage): boolean {
  const { length } = [...value];
  return length >= least && length <= most && (dfa === undefined || accepts(dfa, value));
}

/** Whether no text is in both languages. */
export function haveNothingInCommon(a: StringLanguage, b: StringLanguage): boolean {
  const least = Math.max(a.least, b.least), most = Math.min(a.most, b.most);
  if (least > most) return true;
  if (a.dfa === undefined && b.dfa === undefined) return false;
  const both = a.dfa && b.dfa ? intersect(a.dfa, b.dfa) : a.dfa ?? b.dfa;
  return isEmpty(languageDfa({ least, most, dfa: both }));
}

/** The strings of a language, quotes included. */
export function stringExpression(language: StringLanguage): Expression {
  const { least, most, dfa } = language;
  if (least > most) return characters();
  const inner: Expression = dfa === undefined
    ? repeat(CHARACTER, least, most)
    : { kind: "machine", machine: machineOf(languageDfa(language)), spell: IN_STRINGS };
  return sequence(text('"'), inner, text('"'));
}
