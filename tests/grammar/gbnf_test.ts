/** GBNF: what its notation matches, and what is said of mistakes. @module */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { ArgumentError } from "../../src/errors.ts";
import { readGbnf } from "../../src/grammar/gbnf.ts";
import { Grammar } from "../../src/grammar/grammar.ts";

/** A grammar, texts that meet it, and texts that do not. */
const NOTATION: readonly [source: string, yes: readonly string[], no: readonly string[]][] = [
  ['root ::= "a"', ["a"], ["", "b", "aa"]],
  ['root ::= "a" | "b" |', ["a", "b", ""], ["ab"]],
  ['root ::= ""', [""], ["a"]],
  ["root ::= [a-cx-z_-]+", ["abcxyz_-"], ["", "d"]],
  ["root ::= [^a-z\\n]", ["A", "é", "😀"], ["a", "\n", ""]],
  ["root ::= [\\]\\[^\\\\]+", ["[]^\\"], ["a"]],
  ["root ::= [-a]+", ["-a"], ["b"]],
  ['root ::= "\\n\\r\\t\\"\\\\\\x41\\u00e9\\U0001F600"', ['\n\r\t"\\Aé😀'], []],
  ["root ::= .", ["a", "\n", "😀"], ["", "ab"]],
  ["root ::= [ab]{2}", ["ab"], ["a", "aba"]],
  ["root ::= [ab]{2,}", ["ab", "abab"], ["a"]],
  ["root ::= [ab]{0,2}", ["", "a", "ab"], ["aba"]],
  ["root ::= [ab]{0}", [""], ["a"]],
  ['root ::= ("a" | "b")* "c"?', ["", "abba", "abc", "c"], ["cc"]],
  ["root ::= word-1 # a comment\n\n# another\nword-1::=\n  [a-z]+", ["abc"], ["A"]],
  ['root ::= "a" |\n  "b"\nx ::= "y"', ["a", "b"], ["y"]],
  ['root ::= (\n  "a"\n  "b" # in brackets\n)', ["ab"], ["a"]],
  ['root ::= "(" root ")" | "x"', ["x", "((x))"], ["((x)"]],
  ['root ::= "a" root?', ["a", "aaaa"], [""]],
  ['root ::= x* "b"\nx ::= "a"?', ["b", "aab"], ["a"]],
  ['root ::= (("a"?){0,3}){2} "b"', ["b", "aaaaaab"], ["aaaaaaab"]],
  ['root ::= "a" | "ab" | "b" | "bé" | "c" | "cc" | "" | "d" | "abc"', ["", "ab", "abc", "bé"], [
    "bc",
  ]],
  ["\r\nroot ::= x\r\nx ::= [0-9]\r\n", ["1"], ["a"]],
];

for (const [source, yes, no] of NOTATION) {
  Deno.test(`GBNF: ${JSON.stringify(source)}`, () => {
    const grammar = new Grammar(readGbnf(source));
    for (const text of yes) assert(grammar.matches(text), `${JSON.stringify(text)} does not match`);
    for (const text of no) assert(!grammar.matches(text), `${JSON.stringify(text)} matches`);
  });
}

const MISTAKES: readonly [source: string, message: string][] = [
  ["", 'there is no rule "root" (line 1, column 1)'],
  ["root", '"::=" must follow the name of a rule (line 1, column 5)'],
  ['root := "a"', '"::=" must follow the name of a rule (line 1, column 6)'],
  ["root ::= x", 'there is no rule "x" (line 1, column 10)'],
  ['x ::= "a"', 'there is no rule "root" (line 1, column 10)'],
  ['root ::= "a"\nroot ::= "b"', 'rule "root" is there twice (line 2, column 1)'],
  ['root ::= "abc\n"', "a text does not end (line 1, column 10)"],
  ["root ::= [abc", "a class does not end (line 1, column 10)"],
  ["root ::= [z-a]", "a range of characters runs backwards (line 1, column 11)"],
  ['root ::= "\\q"', '"\\q" is no escape of a character (line 1, column 11)'],
  ['root ::= "\\u12"', '"\\u" is no escape of a character (line 1, column 11)'],
  ['root ::= "\\ud800"', '"\\ud800" is no escape of a character (line 1, column 11)'],
  ['root ::= "\\U00110000"', "is no escape of a character (line 1, column 11)"],
  ['root ::= ("a"', '")" is missing before the end (line 1, column 14)'],
  ['root ::= "a")', 'a rule cannot go on with ")" (line 1, column 13)'],
  ['root ::= "a" = "b"', 'a rule cannot go on with "=" (line 1, column 14)'],
  ["root ::= *", 'a rule cannot go on with "*" (line 1, column 10)'],
  ["root ::= [a]{2,1}", '"{2,1}" is no number of times (line 1, column 13)'],
  ["root ::= [a]{,3}", "a repetition is {m}, {m,} or {m,n} (line 1, column 13)"],
  ["root ::= [a]{99999999999999999999}", "is too often (line 1, column 13)"],
  ["root ::= <think>", "a token by its name or number is not supported"],
  ["::=", 'a rule cannot begin with ":" (line 1, column 1)'],
  [`root ::= ${"(".repeat(300)}`, "brackets go deeper than 256"],
];

for (const [source, message] of MISTAKES) {
  Deno.test(`GBNF refuses ${JSON.stringify(source.slice(0, 40))}`, () => {
    assertThrows(() => readGbnf(source), ArgumentError, message);
  });
}

const UNUSABLE: readonly [source: string, message: string][] = [
  ['root ::= root "a" | "b"', 'rule "root" (line 1, column 1): it calls itself before it reads'],
  ['root ::= x\nx ::= y? z\ny ::= "a"\nz ::= x "b"', "(x → z → x)"],
  ['root ::= "a" root', "no text of finite length meets it"],
  ["root ::= []", "no text of finite length meets it"],
  ['root ::= ("a"?){0,5000}', "5000 rounds of what may be empty"],
];

for (const [source, message] of UNUSABLE) {
  Deno.test(`a grammar cannot be ${JSON.stringify(source)}`, () => {
    assertThrows(() => new Grammar(readGbnf(source)), ArgumentError, message);
  });
}

Deno.test("ten thousand rules are as good as one", () => {
  const rules = Array.from({ length: 10_000 }, (_, i) => `x${i} ::= "${i} " x${i + 1}`);
  const source = ["root ::= x0", ...rules, 'x10000 ::= "end"'].join("\n");
  const text = Array.from({ length: 10_000 }, (_, i) => `${i} `).join("") + "end";
  const grammar = new Grammar(readGbnf(source));
  assertEquals([grammar.matches(text), grammar.matches(text.slice(1))], [true, false]);
});
