/** Tools in plain text, as Hermes has it, for templates that know none. @module */

import { isRecord, type ToolFormat } from "./tool_calls.ts";
import type { ChatMessage, ChatTemplate } from "./template.ts";

/**
 * Messages that tell of tools: a system message does, or the first one of the user where a template
 * refuses such messages or drops them.
 * @param tools descriptions, as the OpenAI interface has them
 */
export function tellOfTools(
  template: ChatTemplate,
  format: ToolFormat,
  messages: readonly ChatMessage[],
  tools: readonly unknown[],
): readonly ChatMessage[] {
  const listed = tools.map((tool) => JSON.stringify(tool)).join("\n");
  const told = `You can call these tools:\n<tools>\n${listed}\n</tools>\n` +
    `To call one, write its name and arguments as JSON:\n${exampleOf(format)}`;
  const [first] = messages;
  if (first?.role === "system" && takesSystem(template)) {
    return [{ ...first, content: `${saidIn(first)}\n\n${told}` }, ...messages.slice(1)];
  }
  if (takesSystem(template)) return [{ role: "system", content: told }, ...messages];
  const at = messages.findIndex(({ role }) => role === "user");
  return messages.map((message, index) =>
    index === at ? { ...message, content: `${told}\n\n${saidIn(message)}` } : message
  );
}

/** What a call looks like. */
function exampleOf({ section, call, body }: ToolFormat): string {
  const written = "tag" in body
    ? `...${body.nameEnd}\n${body.tag}...>\n...\n${body.tagEnd}\n${body.end}`
    : "separator" in body
    ? `...${body.separator}{...}`
    : `{"${body.nameKey}": "...", "${body.argumentsKey}": {...}}`;
  return section[0] + call[0] + written + call[1] + section[1];
}

/** Messages in which calls are text, as Hermes has it, and results are what the user says. */
export function plainCalls(messages: readonly ChatMessage[]): ChatMessage[] {
  return joinResults(messages).map(asText);
}

/** The text of a message that may have parts. */
function saidIn({ content }: ChatMessage): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((part) => isRecord(part) ? String(part.text ?? "") : String(part)).join("");
}

/** The results of one turn as one message, for many templates want roles to alternate. */
function joinResults(messages: readonly ChatMessage[]): ChatMessage[] {
  const joined: ChatMessage[] = [];
  for (const message of messages) {
    if (message.role !== "tool") {
      joined.push(message);
      continue;
    }
    const text = `<tool_response>\n${saidIn(message)}\n</tool_response>`, before = joined.at(-1);
    const content = before?.role === "tool" ? `${before.content}\n${text}` : text;
    joined.splice(before?.role === "tool" ? -1 : joined.length, 1, { role: "tool", content });
  }
  return joined;
}

/** A message without calls, and without the role of a tool. */
function asText(message: ChatMessage): ChatMessage {
  if (message.role === "tool") return { ...message, role: "user" };
  const { tool_calls: calls, ...rest } = message;
  if (!Array.isArray(calls)) return message;
  const written = calls.map((call: unknown) => {
    const inner = isRecord(call) && isRecord(call.function) ? call.function : {};
    const { name, arguments: given } = inner;
    return `<tool_call>\n${JSON.stringify({ name, arguments: given })}\n</tool_call>`;
  });
  const said = saidIn(message);
  return { ...rest, content: [...said === "" ? [] : [said], ...written].join("\n") };
}

const TAKES = new WeakMap<ChatTemplate, boolean>();

/** Whether a template writes what a system message says; some refuse it, some drop it. */
function takesSystem(template: ChatTemplate): boolean {
  const known = TAKES.get(template) ?? writesSystem(template);
  TAKES.set(template, known);
  return known;
}

function writesSystem(template: ChatTemplate): boolean {
  const probe = "a system message";
  try {
    const messages = [{ role: "system", content: probe }, { role: "user", content: "" }];
    return template.render(messages, { addGenerationPrompt: true }).text.includes(probe);
  } catch {
    return false;
  }
}
