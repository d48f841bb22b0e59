/** Tools in plain text, as Hermes has it, for templates that know none. @module */

import { isRecord } from "./tool_calls.ts";
import type { ChatMessage, ChatTemplate } from "./template.ts";

const BEFORE = "You can call these tools:\n<tools>\n";
const AFTER = "\n</tools>\nTo call one, write its name and arguments as JSON:\n<tool_call>\n" +
  '{"name": "...", "arguments": {...}}\n</tool_call>';

/**
 * Messages in which tools, calls and results are text: a system message tells of the tools, where
 * a template refuses such messages the first of the user does; results are messages of the user.
 * @param tools descriptions, as the OpenAI interface has them
 */
export function plainMessages(
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  tools: readonly unknown[],
): ChatMessage[] {
  const told = BEFORE + tools.map((tool) => JSON.stringify(tool)).join("\n") + AFTER;
  const plain = joinResults(messages).map(asText);
  const [first] = plain;
  if (first?.role === "system") {
    return [{ ...first, content: `${saidIn(first)}\n\n${told}` }, ...plain.slice(1)];
  }
  if (takesSystem(template)) return [{ role: "system", content: told }, ...plain];
  const at = plain.findIndex(({ role }) => role === "user");
  return plain.map((message, index) =>
    index === at ? { ...message, content: `${told}\n\n${saidIn(message)}` } : message
  );
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
