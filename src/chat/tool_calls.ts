/** Calls of tools: THE table of how families of models write them, and their shape here. @module */

import type { ChatMessage } from "./template.ts";

/** One call of a tool. */
export interface ToolCall {
  /** Nine letters and digits, as some templates insist; the same in every run. */
  readonly id: string;
  /** The tool's name. */
  readonly name: string;
  /** What it is called with. */
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** How calls are written. */
export interface ToolFormat {
  /** What it is called in errors and tests. */
  readonly name: string;
  /** A template that writes calls in this way has all of these in its source. */
  readonly template: readonly string[];
  /** What stands before and after all calls of a turn. */
  readonly section: readonly [open: string, close: string];
  /** What stands before and after each call. */
  readonly call: readonly [open: string, close: string];
  /** What stands between two calls; without it there is one at most. */
  readonly between?: string;
  /** A JSON object with these members; the name, and arguments as JSON; the name, and tags. */
  readonly body: ObjectBody | NamedBody | TagBody;
  /** Whether an answer that begins like a call is one: there is no mark. */
  readonly bare?: boolean;
  /** Whether its templates take arguments as text. */
  readonly textArguments?: boolean;
  /** Whether its templates refuse ids that are not nine letters and digits. */
  readonly shortIds?: boolean;
}

/** A call as a JSON object. */
interface ObjectBody {
  readonly nameKey: string;
  readonly argumentsKey: string;
  /** A member before the others that counts the calls. */
  readonly countKey?: string;
}

/** A call as a name, and its arguments as JSON. */
interface NamedBody {
  readonly separator: string;
  /** Between name and separator there may be an id behind this. */
  readonly idMark?: string;
}

/** A call as a name, and a tag for each argument: texts as they are, all else as JSON. */
export interface TagBody {
  /** Between the name and the first tag. */
  readonly nameEnd: string;
  /** What stands before the name of an argument; `>` is behind it. */
  readonly tag: string;
  /** What stands after its value. */
  readonly tagEnd: string;
  /** What ends the call. */
  readonly end: string;
}

const OBJECT: ObjectBody = { nameKey: "name", argumentsKey: "arguments" };

/** The form of Hermes; ours, where a template knows no tools. */
export const PLAIN_FORMAT: ToolFormat = {
  name: "hermes",
  template: ["<tool_call>"],
  section: ["", ""],
  call: ["<tool_call>\n", "\n</tool_call>"],
  between: "\n",
  body: OBJECT,
};

/**
 * Every form, the particular ones first. White space in the marks may be left out. Sources: the
 * templates of these models, and the parsers of vLLM and llama.cpp.
 */
export const TOOL_FORMATS: readonly ToolFormat[] = [
  { // SmolLM2
    ...PLAIN_FORMAT,
    name: "hermes list",
    template: ["<tool_call>["],
    section: ["<tool_call>[", "]</tool_call>"],
    call: ["", ""],
    between: ", ",
  },
  { // Qwen3-Coder, Nemotron 3
    name: "tags",
    template: ["<function=", "<parameter="],
    section: ["", ""],
    call: ["<tool_call>\n<function=", "\n</tool_call>"],
    between: "\n",
    body: { nameEnd: ">", tag: "<parameter=", tagEnd: "</parameter>", end: "</function>" },
  },
  PLAIN_FORMAT, // Hermes 2 and 3, Qwen 2.5 and 3, Granite 4
  { // Devstral, Magistral, Ministral 3
    name: "mistral named",
    template: ["[TOOL_CALLS]", "[ARGS]"],
    section: ["", ""],
    call: ["[TOOL_CALLS]", ""],
    between: "",
    body: { separator: "[ARGS]", idMark: "[CALL_ID]" },
    shortIds: true,
  },
  { // Mistral 7B v0.3, Nemo, Small
    name: "mistral list",
    template: ["[TOOL_CALLS]"],
    section: ["[TOOL_CALLS][", "]"],
    call: ["", ""],
    between: ", ",
    body: OBJECT,
    shortIds: true,
  },
  { // Phi-4-mini
    ...PLAIN_FORMAT,
    name: "phi",
    template: ["<|tool_call|>", "<|/tool_call|>"],
    call: ["<|tool_call|>", "<|/tool_call|>"],
    between: "",
  },
  { // Granite 3
    name: "granite",
    template: ["<|tool_call|>"],
    section: ["<|tool_call|>[", "]"],
    call: ["", ""],
    between: ", ",
    body: OBJECT,
  },
  { // DeepSeek V3, R1
    name: "deepseek fenced",
    template: ["<｜tool▁calls▁begin｜>", "```json"],
    section: ["<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"],
    call: ["<｜tool▁call▁begin｜>function<｜tool▁sep｜>", "\n```<｜tool▁call▁end｜>"],
    between: "\n",
    body: { separator: "\n```json\n" },
    textArguments: true,
  },
  { // DeepSeek V3.1
    name: "deepseek",
    template: ["<｜tool▁calls▁begin｜>"],
    section: ["<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"],
    call: ["<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>"],
    between: "",
    body: { separator: "<｜tool▁sep｜>" },
    textArguments: true,
  },
  { // Nemotron
    name: "nemotron",
    template: ["<TOOLCALL>["],
    section: ["<TOOLCALL>[", "]</TOOLCALL>"],
    call: ["", ""],
    between: ", ",
    body: OBJECT,
  },
  { // Command R7B
    name: "command",
    template: ["<|START_ACTION|>"],
    section: ["<|START_ACTION|>[\n    ", "\n]<|END_ACTION|>"],
    call: ["", ""],
    between: ",\n    ",
    body: { nameKey: "tool_name", argumentsKey: "parameters", countKey: "tool_call_id" },
  },
  { // Llama 3.1 to 3.3, one call a turn
    name: "llama",
    template: ['{"name": "', '"parameters": ', "ipython"],
    section: ["", ""],
    call: ["", ""],
    body: { nameKey: "name", argumentsKey: "parameters" },
    bare: true,
  },
];

/** A token that may stand before a bare call. */
export const BARE_MARK = "<|python_tag|>";

/** Templates with one of these write calls in ways that no row has. */
const OTHERS = ["<function=", "<arg_key>", "<parameter name="];

/** The form that a template writes calls in; undefined where it knows none, or one of no row. */
export function toolFormatOf(template: string): ToolFormat | undefined {
  if (!describesTools(template) && !/\btool_calls\b/.test(template)) return undefined;
  const has = (part: string) => template.includes(part);
  const found = TOOL_FORMATS.find((format) => format.template.every(has));
  return found === PLAIN_FORMAT && OTHERS.some(has) ? undefined : found;
}

/** Whether a template describes the tools that it is given. */
export function describesTools(template: string): boolean {
  return /\btools\b/.test(template);
}

/** What opens the first call of a turn. */
export function openingOf({ section, call }: ToolFormat): string {
  return (section[0] || call[0]).split(/\s/)[0]!.replace(/\[$/, "");
}

/** The tokens of a form's marks: words in angle or square brackets. */
export function markTokensOf(format: ToolFormat): readonly string[] {
  const { section, call, body } = format;
  const named = "separator" in body
    ? [body.separator, body.idMark ?? ""]
    : "tag" in body
    ? [body.tagEnd, body.end]
    : [];
  const bare = format.bare ? [BARE_MARK] : [];
  const all = [...section, ...call, ...named, ...bare].join(" ");
  return [...new Set(all.match(/<[^<>\s]+>|\[\/?[A-Z_]{2,}\]/g) ?? [])];
}

/** Tokens that only a template and a model may write, whatever kind a vocabulary gives them. */
export const TOOL_TOKENS: ReadonlySet<string> = new Set([
  ...TOOL_FORMATS.flatMap(markTokensOf),
  ...["<tool_response>", "</tool_response>", "<tools>", "</tools>"],
]);

/** The id of a call: how many there were before it in the conversation says it all. */
export function callId(before: number): string {
  return `call${String(before + 1).padStart(5, "0").slice(-5)}`;
}

/** How many calls a list of messages has. */
export function countCalls(messages: readonly ChatMessage[]): number {
  return messages.reduce((sum, { tool_calls: calls }) => {
    return sum + (Array.isArray(calls) ? calls.length : 0);
  }, 0);
}

/** The message of a turn, as templates and the OpenAI interface have it. */
export function callMessage(content: string, calls: readonly ToolCall[]): ChatMessage {
  const written = calls.map(({ id, name, arguments: given }) => ({
    ...{ id, type: "function" },
    function: { name, arguments: given },
  }));
  if (calls.length === 0) return { role: "assistant", content };
  return { role: "assistant", content: content === "" ? null : content, tool_calls: written };
}

/** The message that answers a call. */
export function resultMessage({ id, name }: ToolCall, content: string): ChatMessage {
  return { role: "tool", tool_call_id: id, name, content };
}

/** A message whose calls have arguments as a template takes them: an object, or text. */
export function withArguments(message: ChatMessage, asText: boolean): ChatMessage {
  const { tool_calls: calls } = message;
  if (!Array.isArray(calls)) return message;
  const converted = calls.map((call: unknown) => {
    const inner = isRecord(call) && isRecord(call.function) ? call.function : undefined;
    if (inner === undefined) return call;
    const given = inner.arguments ?? {};
    const taken = asText ? textOf(given) : objectOf(given);
    return { ...call as object, function: { ...inner, arguments: taken } };
  });
  return { ...message, tool_calls: converted };
}

/** Messages whose calls have ids that every template takes, whoever has given them. */
export function withShortIds(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  const renamed = new Map<unknown, string>();
  let count = 0;
  const short = (id: unknown) => {
    if (typeof id === "string" && /^[A-Za-z0-9]{9}$/.test(id)) return id;
    return renamed.get(id) ?? id;
  };
  return messages.map((message) => {
    const { tool_calls: calls, tool_call_id: answered } = message;
    if (answered !== undefined) return { ...message, tool_call_id: short(answered) };
    if (!Array.isArray(calls)) return message;
    const converted = calls.map((call: unknown) => {
      if (!isRecord(call)) return call;
      renamed.set(call.id, callId(count++));
      return { ...call, id: short(call.id) };
    });
    return { ...message, tool_calls: converted };
  });
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : spaced(value);
}

/** JSON as Python writes it, with a space behind commas and colons: so models have seen it. */
function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(", ")}]`;
  if (!isRecord(value)) return JSON.stringify(value) ?? "null";
  const members = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return `{${
    members.map(([key, inner]) => `${JSON.stringify(key)}: ${spaced(inner)}`).join(", ")
  }}`;
}

/** What a text spells as JSON, where that is an object. */
function objectOf(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    const parsed: unknown = JSON.parse(value);
    return isRecord(parsed) ? parsed : value;
  } catch {
    return value;
  }
}

/** Whether a value is an object with members. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
