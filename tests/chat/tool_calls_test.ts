/** Calls of tools are read back from what templates write, however it is cut. @module */

import { assert, assertEquals } from "@std/assert";
import {
  callId,
  callMessage,
  countCalls,
  markTokensOf,
  PLAIN_FORMAT,
  TOOL_FORMATS,
  type ToolFormat,
  toolFormatOf,
  withArguments,
  withShortIds,
} from "../../src/chat/tool_calls.ts";
import { ToolParser } from "../../src/chat/tool_parser.ts";
import { ChatTemplate } from "../../src/chat/template.ts";
import { sharedTest } from "../support.ts";
import golden from "./tool_calls.json" with { type: "json" };

/** What a text comes to, in the pieces that are given. */
function parse(format: ToolFormat, pieces: Iterable<string>) {
  const parser = new ToolParser(format, callId, (_, key) => ["city", "text"].includes(key));
  const parsed = [...pieces].map((piece) => parser.push(piece));
  const all = [...parsed, parser.flush()];
  const events = all.flatMap((one) => one.events);
  return {
    text: all.map((one) => one.text).join(""),
    calls: events.flatMap(({ call }) => call ? [call] : []),
    events: events.map(({ index, name, call }) => `${index} ${name} ${call !== undefined}`),
  };
}

/** A text cut at random places, by a seed. */
function cut(text: string, seed: number): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length;) {
    seed = Math.imul(seed, 1664525) + 1013904223 >>> 0;
    const length = 1 + (seed >>> 8) % (1 + (seed >>> 20) % 12);
    pieces.push(text.slice(at, at += length));
  }
  return pieces;
}

function formatNamed(name: string): ToolFormat {
  return TOOL_FORMATS.find((format) => format.name === name)!;
}

Deno.test("templates say which form they write", () => {
  for (const { format, template } of golden) {
    assertEquals(toolFormatOf(template)?.name, format);
  }
  assertEquals(new Set(golden.map(({ format }) => format)).size, TOOL_FORMATS.length);
  assertEquals(toolFormatOf("{{ messages[0].content }} <tool_call>"), undefined);
  assertEquals(toolFormatOf("{{ tools }}<tool_call>\\n<function=' + name + '{'"), undefined);
});

Deno.test("our templates write calls as transformers does", () => {
  for (const { format, template, content, calls, text } of golden) {
    const { textArguments = false } = formatNamed(format);
    const written = calls.map((call, index) => ({ id: callId(index), ...call }));
    const message = withArguments(callMessage(content, written), textArguments);
    const rendered = new ChatTemplate(template).render([message], { tools: [] }).text;
    assertEquals(
      rendered.replace(/\\u([0-9a-f]{4})/g, unescape),
      text.replace(
        /\\u([0-9a-f]{4})/g,
        unescape,
      ),
    );
  }
});

function unescape(_: string, digits: string): string {
  return String.fromCharCode(parseInt(digits, 16));
}

Deno.test("what templates write is read back, however it is cut", () => {
  for (const [row, { format, content, calls, text }] of golden.entries()) {
    const whole = parse(formatNamed(format), [text]);
    assertEquals(whole.text, content);
    assertEquals(whole.calls.map(({ id: _, ...call }) => call), calls as typeof whole.calls);
    assertEquals(whole.calls.map(({ id }) => id), calls.map((_, index) => callId(index)));
    for (let seed = 0; seed < 30; seed++) {
      assertEquals(parse(formatNamed(format), cut(text, seed * 97 + row)), whole);
    }
    assertEquals(parse(formatNamed(format), text), whole);
  }
});

Deno.test("a call is known by its name before it is complete", () => {
  for (const { format, calls, text } of golden) {
    const parser = new ToolParser(formatNamed(format), callId);
    const [first] = calls, seen: string[] = [];
    for (const char of text) {
      const { events } = parser.push(char);
      if (events.length === 0) continue;
      seen.push(...events.map(({ name, call }) => `${name} ${call !== undefined}`));
      if (seen.length === 1) assertEquals(seen, [`${first!.name} false`]);
    }
    // Where arguments stand first, the name comes with the call.
    assert(seen.length >= calls.length);
  }
});

const BROKEN: readonly [format: string, text: string][] = [
  ["hermes", "<tool_call>"],
  ["hermes", "<tool_call>\n{"],
  ["hermes", 'Well <tool_call>{"name": "a", "arguments": {"x": 1}'],
  ["hermes", '<tool_call>{"name": "a", "arguments": {x: 1}}</tool_call> and on'],
  ["hermes", '<tool_call>{"name": 7, "arguments": {}}</tool_call>'],
  ["hermes", '<tool_call>{"name": "a", "arguments": "text"}</tool_call>'],
  ["hermes", "a < b and <tool and <tool_cal"],
  ["hermes", "<tool_call> nothing </tool_call>"],
  ["hermes", "<tool_call>[]</tool_call>"],
  ["tags", "<tool_call>\n<function=a>\n<parameter=x>\n1"],
  ["tags", "<tool_call><function=a> so </function></tool_call>"],
  ["tags", `<tool_call><function=a><parameter=${"x".repeat(300)}>1</parameter></function>`],
  ["mistral list", "[TOOL_CALLS] said he"],
  ["mistral named", "[TOOL_CALLS]name[ARGS]not json"],
  ["mistral named", `[TOOL_CALLS]${"n".repeat(1000)}[ARGS]{}`],
  ["deepseek", "<｜tool▁calls▁begin｜>well"],
  ["llama", '{"answer": 42}'],
  ["llama", '{"name": "a"'],
  ["llama", '{"type": "object"} is a schema'],
  ["llama", "<|python_tag|>print(1)"],
  ["llama", 'I say {"name": "a", "parameters": {}}'],
];

Deno.test("what is no call comes out as text, all of it", () => {
  for (const [format, text] of BROKEN) {
    const whole = parse(formatNamed(format), [text]);
    assertEquals([whole.text, whole.calls], [text, []]);
    assertEquals(parse(formatNamed(format), text), whole);
    for (let seed = 0; seed < 20; seed++) {
      assertEquals(parse(formatNamed(format), cut(text, seed)), whole);
    }
  }
});

Deno.test("a broken call does not hide the calls around it", () => {
  const good = '<tool_call>{"name": "a", "arguments": {"n": 1}}</tool_call>';
  const bad = '<tool_call>{"name": "b", "arguments": {n}}</tool_call>';
  const { text, calls } = parse(PLAIN_FORMAT, [`${good}\n${bad}\n${good} done`]);
  assertEquals(calls.map(({ id, name }) => `${id} ${name}`), ["call00001 a", "call00002 a"]);
  assert(text.includes(bad) && text.endsWith(" done"));
});

Deno.test("values in tags are texts as they are, or JSON that may spell the end of a tag", () => {
  const tags = formatNamed("tags");
  const write = (key: string, value: string) => `<parameter=${key}>\n${value}\n</parameter>\n`;
  const given = write("text", "\n7 </tool_call> ") + write("list", '["</parameter>"]') +
    write("n", "7") + write("on", "True") + write("odd", "no JSON") + write("quoted", '"x"');
  const written = `<tool_call>\n<function=a>\n${given}</function>\n</tool_call>`;
  const whole = parse(tags, [`Well.\n${written}\n${written} done`]);
  assertEquals(whole.text, "Well. done");
  assertEquals(whole.calls[1]!.arguments, {
    text: "\n7 </tool_call> ",
    list: ["</parameter>"],
    n: 7,
    on: true,
    odd: "no JSON",
    quoted: "x",
  });
  for (let seed = 0; seed < 30; seed++) {
    assertEquals(parse(tags, cut(`Well.\n${written}\n${written} done`, seed)), whole);
  }
  const long = written.replace("7 <", "x".repeat(1 << 20) + "<");
  assertEquals(parse(tags, long.match(/[^]{1,5}/g)!).calls.length, 1);
});

Deno.test("forms that models mix up are understood", () => {
  const call = '{"name": "a", "arguments": {"n": 1}}';
  const mixed: [string, string][] = [
    ["hermes", `<tool_call>[${call}, ${call}]</tool_call>`],
    ["hermes", `<tool_call>${call}</tool_call><tool_call>${call}</tool_call>`],
    ["hermes list", `<tool_call>${call}</tool_call>\n<tool_call>${call}</tool_call>`],
    ["phi", `<|tool_call|>[${call},${call}]<|/tool_call|>`],
    ["granite", `<|tool_call|> [${call},\n${call}\n]`],
    ["hermes", `<tool_call>${call.replace("arguments", "parameters")}\n<tool_call>${call}`],
  ];
  for (const [format, text] of mixed) {
    const { text: rest, calls } = parse(formatNamed(format), text);
    assertEquals([rest, calls.map(({ name }) => name)], ["", ["a", "a"]], text);
  }
  const { calls, text } = parse(formatNamed("llama"), `<|python_tag|>${call}`);
  assertEquals([calls.length, text], [1, ""]);
});

Deno.test("random texts of marks and JSON: every cut gives the same", () => {
  const words = ["<tool_call>", "</tool_call>", "{", "}", "[", "]", '"name"', ":", '"a"', ",", " "];
  words.push("\n", '{"name": "f", "arguments": {}}', "<", "tool_call>", "\\", '"', "text");
  words.push("<function=f>", "</function>", "<parameter=p>", "</parameter>", "[", "7");
  words.push("[TOOL_CALLS]", "[ARGS]", "f", "{}", "<｜tool▁sep｜>", "<｜tool▁call▁begin｜>");
  words.push("<｜tool▁calls▁begin｜>", "<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>");
  let seed = 5;
  const next = (below: number) =>
    (seed = Math.imul(seed, 1103515245) + 12345 >>> 0) % 2 ** 31 % below;
  for (let round = 0; round < 1500; round++) {
    const text = Array.from({ length: 1 + next(24) }, () => words[next(words.length)]).join("");
    const format = TOOL_FORMATS[next(TOOL_FORMATS.length)]!;
    const whole = parse(format, [text]);
    assertEquals(parse(format, text), whole, `${format.name}: ${text}`);
    assertEquals(parse(format, cut(text, round)), whole, `${format.name}: ${text}`);
    if (whole.calls.length === 0) assertEquals(whole.text.trimEnd(), text.trimEnd());
  }
});

Deno.test("an argument of a megabyte, white space without end: each character is read once", () => {
  const value = "x\\n".repeat(350_000);
  const text = `<tool_call>{"name": "a", "arguments": {"v": "${value}"}}</tool_call>`;
  const { calls } = parse(PLAIN_FORMAT, text.match(/[^]{1,5}/g)!);
  assertEquals((calls[0]!.arguments.v as string).length, value.length / 3 * 2);
  const spaces = " ".repeat(1 << 17);
  assertEquals(parse(PLAIN_FORMAT, spaces).text.length, spaces.length);
  assertEquals(parse(PLAIN_FORMAT, `<tool_call>${spaces}`).calls.length, 0);
});

Deno.test("calls of a conversation have ids of nine letters and digits", () => {
  assertEquals([callId(0), callId(41)], ["call00001", "call00042"]);
  const message = callMessage("", [{ id: callId(0), name: "a", arguments: {} }]);
  assertEquals(countCalls([message, { role: "user", content: "" }, message]), 2);
  assertEquals(message.content, null);
});

Deno.test("ids of others are replaced, in calls and results alike", () => {
  const call = (id: unknown) => ({ role: "assistant", tool_calls: [{ id }, { id: "abcdef012" }] });
  const result = (id: unknown) => ({ role: "tool", tool_call_id: id });
  const given = [call("call_Xy"), result("call_Xy"), result("abcdef012"), call(""), result("")];
  const [first, answer, kept, second, last] = withShortIds(given);
  assertEquals(first!.tool_calls, [{ id: "call00001" }, { id: "abcdef012" }]);
  assertEquals([answer!.tool_call_id, kept!.tool_call_id], ["call00001", "abcdef012"]);
  assertEquals(second!.tool_calls, [{ id: "call00003" }, { id: "abcdef012" }]);
  assertEquals([last!.tool_call_id, given[1]], ["call00003", result("call_Xy")]);
});

Deno.test("marks of every form are known as tokens", () => {
  assertEquals(markTokensOf(formatNamed("mistral named")), ["[TOOL_CALLS]", "[ARGS]", "[CALL_ID]"]);
  for (const format of TOOL_FORMATS) {
    assert(format.bare || markTokensOf(format).length > 0, format.name);
  }
});

sharedTest(
  "templates of the pack: calls are read back from what they write",
  "conformance/chat",
  (folder) => {
    const found = [...Deno.readDirSync(folder)].map(({ name }) => name)
      .filter((name) => name.endsWith(".jinja"));
    let known = 0;
    for (const name of found) {
      const source = Deno.readTextFileSync(`${folder}/${name}`), format = toolFormatOf(source);
      if (format === undefined) continue;
      known++;
      const template = new ChatTemplate(source, { bosToken: "", eosToken: "" });
      const given = { city: "Zürich", note: '"}</tool_call>' };
      const call = { id: callId(0), name: "get_weather", arguments: given };
      const calls = format.between === undefined ? [call] : [call, { ...call, id: callId(1) }];
      const asked = [{ role: "user", content: "Q" }];
      const before = template.render(asked, { addGenerationPrompt: true }).text;
      const after = template.render([...asked, callMessage("", calls)]).text;
      const written = after.slice(before.trimEnd().length).replace(/<\|(im_end|eot_id)\|>\s*$/, "");
      const { text, calls: read } = parse(format, written);
      assertEquals([text.trim(), read], ["", calls], name);
    }
    assertEquals(known, 3);
  },
);
