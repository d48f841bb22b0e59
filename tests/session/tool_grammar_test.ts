/** Turns under the grammar of tools: random ones are read back as calls that are valid. @module */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Ajv2020 } from "npm:ajv@8.17.1/dist/2020.js";
import { callId, TOOL_FORMATS, type ToolFormat } from "../../src/chat/tool_calls.ts";
import { ToolParser } from "../../src/chat/tool_parser.ts";
import { ArgumentError } from "../../src/errors.ts";
import type { Grammar } from "../../src/grammar/grammar.ts";
import { Random } from "../../src/sampling/random.ts";
import { textArguments } from "../../src/session/tool_tags.ts";
import { toolGrammar } from "../../src/session/tool_grammar.ts";
import { readTools, type ToolChoice } from "../../src/session/tools.ts";
import golden from "../chat/tool_calls.json" with { type: "json" };
import { tokensOf, vocabularyOf } from "../grammar/vocabulary.ts";

const TOOLS = [
  {
    name: "get_weather",
    parameters: {
      type: "object",
      properties: { city: { type: "string", maxLength: 6 }, days: { type: "integer" } },
      required: ["city"],
    },
  },
  { name: "now" },
  {
    name: "a/b.c-d",
    parameters: {
      $defs: { word: { enum: ["x", '"]}', "</tool_call>"] } },
      properties: { words: { type: "array", items: { $ref: "#/$defs/word" }, maxItems: 3 } },
      additionalProperties: { type: "boolean" },
    },
  },
];

/** Pieces of text as a vocabulary has them, and every byte. */
const PIECES = ["<tool_call>", "</tool_call>", '{"name": "', "[TOOL_CALLS]", "<｜tool▁sep｜>"];
const TRIE = vocabularyOf([
  ...PIECES,
  ...["get_weather", '": ', "now", '"}', ", ", "]", "```json"],
  ...Array.from({ length: 256 }, (_, byte) => [byte]),
]);

function grammarOf(format: ToolFormat, choice: ToolChoice = "required", most = 3): Grammar {
  return toolGrammar(format, readTools(TOOLS, choice), most)!;
}

/** A random text that meets a grammar; after so many tokens it takes the short way to its end. */
function randomText(grammar: Grammar, random: Random, length: number): string {
  const bytes: number[] = [];
  let state = grammar.begin(TRIE);
  for (let i = 0; i < length && state.mayGoOn; i++) {
    const tokens = tokensOf(state.mask), token = tokens[random.nextWord() % tokens.length]!;
    if (TRIE.endTokens.includes(token)) break;
    bytes.push(...TRIE.bytes(token));
    state = state.after(token)!;
  }
  if (!state.mayEnd) bytes.push(...state.shortestEnd());
  return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(bytes));
}

const TEXTS = new Map(readTools(TOOLS).tools.map((tool) => [tool.name, textArguments(tool)]));

function parse(format: ToolFormat, text: string) {
  const parser = new ToolParser(format, callId, (tool, key) => TEXTS.get(tool)!.has(key));
  const all = [parser.push(text), parser.flush()];
  const calls = all.flatMap(({ events }) => events).flatMap(({ call }) => call ? [call] : []);
  return { text: all.map((one) => one.text).join(""), calls };
}

const CYCLE: Record<string, unknown> = {};
CYCLE.properties = { self: CYCLE };

const AJV = new Ajv2020({ strict: false });
const CHECKS = new Map(TOOLS.map((tool) => [tool.name, AJV.compile(tool.parameters ?? {})]));

Deno.test("random turns are calls of known tools with valid arguments, in every form", () => {
  const random = new Random(11);
  for (const format of TOOL_FORMATS) {
    const grammar = grammarOf(format);
    for (let round = 0; round < 25; round++) {
      const text = randomText(grammar, random, 20 + round * 8);
      const { text: rest, calls } = parse(format, text);
      assertEquals(rest.trim(), "", `${format.name}: ${text}`);
      assert(calls.length >= 1 && calls.length <= 3, `${format.name}: ${text}`);
      for (const { name, arguments: given } of calls) {
        assert(CHECKS.get(name)?.(given), `${format.name}: ${text}`);
      }
    }
  }
});

Deno.test("random turns with text: no text hides a call, every call is valid", () => {
  const random = new Random(12);
  let callCount = 0;
  for (const format of TOOL_FORMATS) {
    const [auto, none] = (["auto", "none"] as const).map((choice) => {
      return toolGrammar(format, readTools(TOOLS, choice), 3);
    });
    for (let round = 0; round < 25; round++) {
      const { calls } = parse(format, randomText(auto!, random, 10 + round * 3));
      callCount += calls.length;
      for (const { name, arguments: given } of calls) assert(CHECKS.get(name)?.(given));
      if (none === undefined) continue;
      assertEquals(parse(format, randomText(none, random, 40)).calls, []);
    }
    assertEquals(none === undefined, format.bare === true);
  }
  assert(callCount > 10, `${callCount}`);
});

Deno.test("what templates write meets the grammar, with text before it as well", () => {
  const list = { type: "array", items: { type: "object", additionalProperties: true } };
  const text = { type: "string" };
  const tools = [
    { name: "get_weather", parameters: { properties: { city: text, days: { type: "integer" } } } },
    { name: "now" },
    { name: "note", parameters: { properties: { text, tags: list } } },
  ];
  for (const { format: name, content, text, template } of golden) {
    // Ids are for templates; indented JSON is read, but not written.
    if (text.includes('"id": "') || text.includes("[CALL_ID]") || /indent/.test(template)) continue;
    const format = TOOL_FORMATS.find((one) => one.name === name)!;
    const auto = toolGrammar(format, readTools(tools), 3)!;
    assert(auto.matches(text), `${name}: ${text}`);
    const required = toolGrammar(format, readTools(tools, "required"), 3)!;
    assertEquals(required.matches(text), content === "", `${name}: ${text}`);
  }
});

Deno.test("a turn has as many calls as it may, and one where a form knows no more", () => {
  const hermes = TOOL_FORMATS.find(({ name }) => name === "hermes")!;
  const call = '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>';
  const grammar = grammarOf(hermes, "required", 2);
  assert(grammar.matches(call) && grammar.matches(`${call}\n${call}`));
  assert(!grammar.matches(`${call}\n${call}\n${call}`));
  const llama = TOOL_FORMATS.find(({ bare }) => bare)!;
  const bare = '{"name": "now", "parameters": {}}';
  assert(grammarOf(llama).matches(bare) && !grammarOf(llama).matches(bare + bare));
  const auto = grammarOf(llama, "auto");
  assert(auto.matches(bare) && auto.matches("{ is a brace") === false && auto.matches("so {"));
  const named = grammarOf(hermes, { name: "get_weather" });
  assert(!named.matches(call));
  assert(named.matches(call.replace("now", "get_weather").replace("{}", '{"city":"x"}')));
});

Deno.test("text comes up to the mark, and nothing but a call after it", () => {
  const hermes = TOOL_FORMATS.find(({ name }) => name === "hermes")!;
  const auto = grammarOf(hermes, "auto"), none = grammarOf(hermes, "none");
  const texts = ["", "plain", "a < b", "<tool_cal", "<<tool_call", "<tool_<tool_", "你好 <t"];
  for (const text of texts) assert(auto.matches(text) && none.matches(text), text);
  const call = '<tool_call>{"name":"now","arguments":{}}</tool_call>';
  assert(auto.matches(`<<tool_${call}`) && !none.matches(`<<tool_${call}`));
  assert(!auto.matches("so <tool_call> is a mark"));
  assert(!auto.matches('<tool_call>{"name":"other","arguments":{}}</tool_call>'));
  assert(!auto.matches('<tool_call>{"name":"now","arguments":{"x":1}}</tool_call>'));
});

Deno.test("tools that cannot be used are refused, with the place", () => {
  const refusals: [Parameters<typeof readTools>, RegExp][] = [
    [[[{ name: "" }]], /^Cannot use the tool "": a name has 1 to 64 letters/],
    [[[{ name: '"}\n<tool_call>' }]], /^Cannot use the tool "\\"}\\n<tool_call>": a name/],
    [[[{ name: "a" }, { name: "a" }]], /^Cannot use the tools: two are "a"$/],
    [[[{ name: "a", parameters: { type: "string" } }]], /"a": its parameters are no object$/],
    [[[{ name: "a" }], { name: "b" }], /^Cannot call the tool "b": there are a$/],
    [[[{ name: "a", parameters: CYCLE }]], /"a": its parameters are no JSON: Converting circular/],
    [[[], "required"], /^Cannot use the tool choice "required": there are no tools$/],
    [[[{ name: "a" }], "always" as ToolChoice], /"always": it is none of auto, none, required/],
  ];
  for (const [given, message] of refusals) {
    const { message: said } = assertThrows(() => readTools(...given), ArgumentError);
    assert(message.test(said), said);
  }
  const set = readTools([{
    name: "a",
    parameters: { properties: { x: { type: "array", contains: { minimum: 1 } } } },
  }]);
  const error = assertThrows(() => toolGrammar(TOOL_FORMATS[1]!, set, 1), ArgumentError);
  assert(
    /^Cannot use the tool "a": .*\/properties\/x\/contains/.test(error.message),
    error.message,
  );
});
