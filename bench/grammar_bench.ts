/** Benches of grammars: a large schema to its first mask, masks along a text. @module */

import { openGguf } from "../src/format/gguf.ts";
import { readGbnf } from "../src/grammar/gbnf.ts";
import { Grammar } from "../src/grammar/grammar.ts";
import { readSchema } from "../src/grammar/schema/compile.ts";
import { TokenTrie } from "../src/grammar/token_trie.ts";
import { Tokenizer } from "../src/tokenizer/tokenizer.ts";
import { isThere, ROOT, sharedFolder } from "../tests/support.ts";
import { figure, TINY } from "./figures.ts";

const MEMBERS = TINY ? 20 : 1000;
const VOCABULARIES = [
  { name: "embedded", path: `${ROOT}/models/story.gguf` },
  { name: "SmolLM2", path: `${sharedFolder() ?? ""}/models/SmolLM2-135M-Instruct.Q4_1.gguf` },
].filter(({ path }) => isThere(path));

/** Objects in an object, with as many members as there are, of every kind. */
const LARGE = {
  type: "object",
  properties: Object.fromEntries(Array.from({ length: MEMBERS / 10 }, (_, i) => [`object ${i}`, {
    type: "object",
    properties: Object.fromEntries(Array.from({ length: 10 }, (_, j) => [
      `member ${j}`,
      [
        { type: "string", maxLength: 20 + i },
        { type: "integer", minimum: i },
        { enum: Array.from({ length: 20 }, (_, k) => `value ${i} ${k}`) },
        { type: "array", items: { type: "number" }, maxItems: 10 + j },
      ][j % 4]!,
    ])),
    required: ["member 0", "member 7"],
  }])),
  required: ["object 0"],
};

/** What models are usually asked for, and an answer. */
const USUAL = {
  type: "object",
  properties: {
    title: { type: "string", maxLength: 80 },
    date: { type: "string", format: "date" },
    rating: { type: "number", minimum: 0, maximum: 10 },
    kind: { enum: ["film", "book", "song", "game"] },
    tags: { type: "array", items: { type: "string" }, maxItems: 8 },
    people: {
      type: "array",
      items: {
        type: "object",
        properties: { name: { type: "string" }, age: { type: ["integer", "null"] } },
        required: ["name"],
      },
    },
    summary: { type: "string" },
  },
  required: ["title", "date", "kind", "people", "summary"],
};
const ANSWER = JSON.stringify({
  title: "The Lighthouse at the End of the Pier",
  date: "2021-11-05",
  rating: 8.25,
  kind: "film",
  tags: ["sea", "family", 'slow and "quiet"', "naïve"],
  people: [{ name: "Ada Møller", age: 42 }, { name: "Tom", age: null }, { name: "Ísak" }],
  summary: "A keeper who has not spoken for years finds a boat on the rocks, and in the boat a " +
    "child. Nobody asks where it came from; everybody has an opinion on where it should go.",
});
const GBNF_JSON = String.raw`
root   ::= object
value  ::= object | array | string | number | "true" | "false" | "null"
object ::= "{" ws (string ":" ws value ("," ws string ":" ws value)*)? "}"
array  ::= "[" ws (value ("," ws value)*)? "]"
string ::= "\"" ([^"\\\x00-\x1F] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F]{4}))* "\""
number ::= "-"? ([0-9] | [1-9] [0-9]{1,15}) ("." [0-9]+)? ([eE] [-+]? [0-9]{1,3})?
ws     ::= " "?
`;

/** Goes along the answer; the number of tokens that were allowed, all in all. */
function walk(grammar: Grammar, trie: TokenTrie, tokens: readonly number[]): number {
  let state = grammar.begin(trie), allowed = 0;
  for (const token of tokens) {
    for (const word of state.mask) allowed += word & 1;
    state = state.after(token)!;
  }
  return allowed;
}

for (const { name, path } of VOCABULARIES) {
  using file = await openGguf(path);
  const tokenizer = Tokenizer.from(file);
  const makeTrie = () =>
    TokenTrie.from({
      size: tokenizer.vocabularySize,
      bytes: (token) => tokenizer.decodeBytes([token]),
      endTokens: tokenizer.endTokens,
    });
  const trie = makeTrie(), tokens = trie.spell(new TextEncoder().encode(ANSWER))!;
  const usual = () => new Grammar(readSchema(USUAL)), gbnf = () => new Grammar(readGbnf(GBNF_JSON));
  const runs: [group: string, amount: number, run: () => number][] = [
    ["tree of the vocabulary", tokenizer.vocabularySize, () => makeTrie().byte.length],
    [`${MEMBERS} members to the first mask`, 1, () => {
      return new Grammar(readSchema(LARGE)).begin(trie).mask.reduce((sum, word) =>
        sum + (word & 1)
      );
    }],
    ["masks along a text by a new schema", tokens.length, () => walk(usual(), trie, tokens)],
    ["masks along a text by new GBNF", tokens.length, () => walk(gbnf(), trie, tokens)],
  ];
  const [known, knownGbnf] = [usual(), gbnf()];
  runs.push(
    ["masks by a known schema", tokens.length, () => walk(known, trie, tokens)],
    ["masks by known GBNF", tokens.length, () => walk(knownGbnf, trie, tokens)],
  );
  for (const [group, amount, run] of runs) {
    let result = 0;
    figure({
      ...{ group, name, slow: true, amount: { tokens: amount } },
      make: () => ({ run: () => void (result = run()), checksum: () => result }),
    });
  }
}
