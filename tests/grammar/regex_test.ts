/** Regular expressions against JavaScript's own: the same texts match. @module */

import { assert, assertEquals, assertGreater, assertThrows } from "@std/assert";
import { ArgumentError } from "../../src/errors.ts";
import { accepts, dfaOfTexts, intersect, isEmpty, subtract } from "../../src/grammar/dfa.ts";
import { readRegex } from "../../src/grammar/regex.ts";
import { Random } from "../../src/sampling/random.ts";

const PATTERNS = [
  ...["", "a", "^a$", "^a+$", "a*", "^(a|b)*abb$", "^\\d{3}-\\d{4}$", "(^x|y$)", "^[^a-c]{1,3}$"],
  ...[
    "^$",
    "^a?b*$",
    "a^b",
    "^(?:ab|cd)+?$",
    "^[\\w.-]+$",
    "^\\S+$",
    "^.$",
    "(^a|b)c",
    "[]a",
    "[^]",
  ],
  ...[
    "^(?<year>\\d{4})$",
    "^[\\]\\\\^-]+$",
    "^\\u00e9$",
    "^\\u{1F600}$",
    "\\x41",
    "^[a-]$",
    "^[-a]$",
  ],
  ...["^\\p{Lu}$", "^\\P{L}+$", "^[\\p{L}\\d]+$", "^(?=.*\\d)(?!.*x).{2,4}$", "^(?!a)", "^a{2,}$"],
  ...[
    "^a{0}$",
    "^(a{0,2}b){2}$",
    "^\\t\\n\\v\\f\\r\\0$",
    "^[\\b]$",
    "^\\cA$",
    "^\\/\\.\\*$",
    "\\s",
  ],
  ...[
    "^[\\s\\S]$",
    "^[^\\W\\d]+$",
    "^(|a)$",
    "a||b",
    "^😀+$",
    "^[😀-😂]$",
    "\\$\\^",
    "^\\ud83d\\ude00$",
  ],
];

const TEXTS = [
  ...["", "a", "b", "ab", "aa", "abb", "aabb", "xabb", "123-4567", "x", "y", "xy", "yx", "d", "c"],
  ...[
    "abcd",
    "cdab",
    "a.b-c",
    " ",
    "\n",
    "é",
    "ac",
    "bc",
    "xbc",
    "xac",
    "aaa",
    "2024",
    "]\\^-",
    "-",
  ],
  ...[
    "😀",
    "😁",
    "😀😀",
    "A",
    "Ä",
    "1a",
    "1x",
    "a1b2c",
    "bb",
    "abab",
    "aabaab",
    "\t\n\v\f\r\0",
    "\b",
  ],
  ...["\x01", "/.*", "$^", "_", "\u2028", "\ufeff", "ß1"],
];

for (const pattern of PATTERNS) {
  Deno.test(`expression ${pattern}`, () => {
    const found = readRegex(pattern, { whole: false }), whole = readRegex(pattern, { whole: true });
    const own = new RegExp(pattern, "u"), ownWhole = new RegExp(`^(?:${pattern})$`, "u");
    for (const text of TEXTS) {
      assertEquals(accepts(found, text), own.test(text), JSON.stringify(text));
      assertEquals(accepts(whole, text), ownWhole.test(text), `whole ${JSON.stringify(text)}`);
    }
  });
}

const REFUSED: readonly [pattern: string, message: string][] = [
  ["(a)\\1", "a reference back is not regular"],
  ["(?<x>a)\\k<x>", "a reference back is not regular"],
  ["a(?=b)", "looking around is supported only behind ^"],
  ["(?<=a)b", "looking around is supported only behind ^"],
  ["^(?=a)b|c", "looking ahead beside alternatives is not supported"],
  ["\\bword\\b", "the border of a word is not supported"],
  ["(", "Unterminated group"],
  ["a{99999}", "more than 10000 times"],
  ["(a{100}){100}{100}", "Nothing to repeat"],
  [".*a.{30}", "it needs over 10000 states"],
  [`${"(".repeat(400)}a${")".repeat(400)}`, "brackets go deeper than 256"],
];

for (const [pattern, message] of REFUSED) {
  Deno.test(`expression refused: ${pattern.slice(0, 30)}`, () => {
    assertThrows(() => readRegex(pattern, { whole: false }), ArgumentError, message);
  });
}

Deno.test("the dot and line ends", () => {
  assert(!accepts(readRegex("^.$", { whole: true }), "\n"));
  assert(accepts(readRegex("^.$", { whole: true, dotAll: true }), "\n"));
});

Deno.test("random expressions match what JavaScript's own match", () => {
  const random = new Random(11),
    of = <T>(list: readonly T[]) => list[random.nextWord() % list.length]!;
  const make = (depth: number): string => {
    const kind = random.nextWord() % (depth > 3 ? 3 : 7);
    if (kind < 3) return of(["a", "b", "[ab]", "[^a]", ".", "c", "\\w", "(?:)", "^", "$"]);
    if (kind === 3) return `(?:${make(depth + 1)}|${make(depth + 1)})`;
    if (kind === 4) return `(?:${make(depth + 1)})${of(["*", "+", "?", "{2}", "{1,3}", "{2,}"])}`;
    return make(depth + 1) + make(depth + 1);
  };
  const texts = [
    "",
    "a",
    "b",
    "c",
    "ab",
    "ba",
    "aa",
    "abc",
    "aab",
    "bab",
    "cab",
    "abab",
    "-",
    "a\nb",
  ];
  let matches = 0;
  for (let i = 0; i < 300; i++) {
    const pattern = make(0);
    const dfa = readRegex(pattern, { whole: false });
    for (const text of texts) {
      const expected = new RegExp(pattern, "u").test(text);
      assertEquals(accepts(dfa, text), expected, `${pattern} on ${JSON.stringify(text)}`);
      if (expected) matches++;
    }
  }
  assertGreater(matches, 300);
});

Deno.test("automata are sets of texts", () => {
  const words = dfaOfTexts(["cat", "dog", "cats"]), plural = readRegex("s$", { whole: false });
  const both = intersect(words, plural), one = subtract(words, plural);
  assertEquals(["cat", "dog", "cats"].map((text) => accepts(both, text)), [false, false, true]);
  assertEquals(["cat", "dog", "cats", "x"].map((text) => accepts(one, text)), [
    true,
    true,
    false,
    false,
  ]);
  assert(isEmpty(intersect(both, one)));
  assert(isEmpty(subtract(words, words)));
});
