/** Masks by brute force: for each token, what a plain matcher says of the text with it. @module */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { ArgumentError } from "../../src/errors.ts";
import { dfaOfTexts, machineOf } from "../../src/grammar/dfa.ts";
import { readGbnf } from "../../src/grammar/gbnf.ts";
import { Grammar, type GrammarState } from "../../src/grammar/grammar.ts";
import type { TokenTrie } from "../../src/grammar/token_trie.ts";
import { Dice } from "./dice.ts";
import { readPlainly } from "./plain_matcher.ts";
import { stateAfter, tokensOf, vocabularyOf } from "./vocabulary.ts";

const LETTERS = ["a", "b", "c", "é", "ê", "日", "😀"];
const CLASSES = ["[ab]", "[^a]", "[a-c]", "[é-ê]", "[^\\u0000-\\u00ff]", ".", "[日😀]"];
const SIGNS = ["*", "+", "?", "{2}", "{0,3}", "{2,}", "{1,40}", "{3,200}"];

/** A grammar of four rules; what begins a sequence is no rule that is still to be read. */
function randomGrammar(dice: Dice): string {
  const names = ["root", "x", "y", "z"];
  const item = (row: number, isFirst: boolean, depth: number): string => {
    const kind = dice.roll(depth > 0 ? 4 : 5), later = names.slice(isFirst ? row + 1 : 1);
    const text = kind === 4
      ? `(${alternatives(row, isFirst, depth + 1)})`
      : kind === 3 && later.length > 0
      ? dice.of(later)
      : kind === 2
      ? dice.of(CLASSES)
      : JSON.stringify(dice.of(LETTERS) + (dice.roll(2) === 0 ? dice.of(LETTERS) : ""));
    return dice.roll(3) === 0 ? text + dice.of(SIGNS) : text;
  };
  const some = (most: number, make: (at: number) => string) =>
    Array.from({ length: 1 + dice.roll(most) }, (_, at) => make(at));
  const alternatives = (row: number, isFirst: boolean, depth: number): string =>
    some(2, () => some(3, (at) => item(row, isFirst && at === 0, depth)).join(" ")).join(" | ");
  return names.map((name, row) => `${name} ::= ${alternatives(row, true, 0)}`).join("\n");
}

/** Every letter, every byte of them, and some longer tokens that may end inside a letter. */
function randomVocabulary(dice: Dice): TokenTrie {
  const letters = LETTERS.map((letter) => [...new TextEncoder().encode(letter)]);
  const bytes = [...new Set(letters.flat())].map((byte) => [byte]);
  const long = Array.from({ length: 40 }, () => {
    const all = Array.from({ length: 1 + dice.roll(5) }, () => dice.of(letters)).flat();
    return all.slice(dice.roll(2), all.length - dice.roll(2));
  }).filter(({ length }) => length > 0);
  return vocabularyOf([...letters, ...bytes, ...long]);
}

/** Compares a mask with the plain matcher, and with what the state after each token is. */
function checkState(
  state: GrammarState,
  before: readonly number[],
  trie: TokenTrie,
  source: string,
) {
  const rules = readGbnf(source), allowed = new Set(tokensOf(state.mask));
  for (let token = 0; token < trie.size; token++) {
    const bytes = trie.bytes(token);
    const isEnd = trie.endTokens.includes(token);
    const all = Uint8Array.from([...before, ...bytes]);
    const { whole, begun } = readPlainly(rules, all);
    const expected = isEnd ? whole : begun;
    const about = `${source}\n${before} then ${bytes}`;
    assertEquals(allowed.has(token), expected, about);
    if (!isEnd) assertEquals(state.after(token) !== undefined, expected, about);
  }
}

/** Goes through a grammar at random; says how many states it has seen. */
function explore(seed: number): number {
  const dice = new Dice(seed), source = randomGrammar(dice), trie = randomVocabulary(dice);
  let grammar: Grammar;
  try {
    const rules = readGbnf(source);
    grammar = new Grammar(rules);
    for (const root of rules.rules.keys()) new Grammar({ ...rules, root }); // each can end
  } catch (error) {
    assert(error instanceof ArgumentError, `seed ${seed}: ${error}`);
    return 0; // it calls itself for ever, or never ends
  }
  const before: number[] = [];
  let state = grammar.begin(trie), count = 0;
  while (state.mayGoOn && count < 5) {
    checkState(state, before, trie, source);
    const distance = state.bytesToEnd, end = state.shortestEnd();
    assertEquals(end.length, distance, `seed ${seed}`);
    assert(readPlainly(readGbnf(source), Uint8Array.from([...before, ...end])).whole);
    const tokens = tokensOf(state.mask).filter((token) => !trie.endTokens.includes(token));
    const token = dice.of(tokens);
    before.push(...trie.bytes(token));
    state = state.after(token)!;
    count++;
  }
  return count;
}

Deno.test("masks of random grammars and vocabularies are those of a plain matcher", () => {
  let states = 0;
  for (let seed = 1; seed <= 120; seed++) states += explore(seed);
  assertGreater(states, 150);
});

Deno.test("the plain matcher knows what is wrong", () => {
  const rules = readGbnf('root ::= "a" [é-ê]{2} | "b"*');
  const read = (text: string) => readPlainly(rules, new TextEncoder().encode(text));
  assertEquals(read("aéê"), { whole: true, begun: true });
  assertEquals(read("aé"), { whole: false, begun: true });
  assertEquals(read("aéx"), { whole: false, begun: false });
  assertEquals(read("bb"), { whole: true, begun: true });
  assertEquals(readPlainly(rules, Uint8Array.of(0x61, 0xC3)), { whole: false, begun: true });
  assertEquals(readPlainly(rules, Uint8Array.of(0x61, 0xC4)), { whole: false, begun: false });
});

Deno.test("a long count is a number, not a thousand states", () => {
  const trie = vocabularyOf(["a", "aa", "aaaaaaaa", "b"]);
  const grammar = new Grammar(readGbnf('root ::= "a"{1000,20000} "b"'));
  let state = grammar.begin(trie);
  for (let i = 0; i < 124; i++) state = state.after(2)!;
  assertEquals(tokensOf(state.mask), [0, 1, 2]);
  state = state.after(2)!;
  assertEquals(tokensOf(state.mask), [0, 1, 2, 3]);
  assertEquals(stateAfter(grammar, trie, "a".repeat(19_999)).mask, Uint32Array.of(0b1001));
  assertEquals(stateAfter(grammar, trie, "a".repeat(19_993)).mask, Uint32Array.of(0b1011));
});

Deno.test("states of one text are equal, however its tokens were cut", () => {
  const trie = vocabularyOf(["a", "b", "ab", "aba"]);
  const start = new Grammar(readGbnf("root ::= ([ab] [ab])+")).begin(trie);
  const [one, two] = [start.after(3)!.after(1)!, start.after(2)!.after(2)!];
  assert(one.equals(two));
  assert(!one.equals(start.after(2)!.after(0)!));
});

Deno.test("what may be read in very many ways is refused, not chewed on for ever", () => {
  const trie = vocabularyOf(["a", "b"]);
  const source = 'root ::= x "b"\nx ::= "a" x? x? y\ny ::= "b"?';
  let state: GrammarState | undefined = new Grammar(readGbnf(source)).begin(trie);
  try {
    for (let i = 0; i < 60; i++) state = state?.after(0);
  } catch (error) {
    assert(error instanceof ArgumentError && /ways/.test(error.message));
    return;
  }
  assert(state !== undefined);
});

Deno.test("masks stay right when what is kept of them is given up", () => {
  const words = Array.from({ length: 10_000 }, (_, i) => String(i).padStart(4, "0") + "!");
  const machine = machineOf(dfaOfTexts(words)), trie = vocabularyOf([..."0123456789!", "1!", "23"]);
  const rules = new Map([["root", { kind: "machine", machine } as const]]);
  const grammar = new Grammar({ rules, root: "root" });
  const seen = (text: string) => tokensOf(stateAfter(grammar, trie, text).mask);
  const digits = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  assertEquals(seen("12"), [...digits, 12]);
  for (const word of words) assertEquals(seen(word.slice(0, 4)), [10]); // more states than are kept
  assertEquals(seen("12"), [...digits, 12]);
  assertEquals(seen("123"), [...digits, 11]);
});
