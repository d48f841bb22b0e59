/** Texts that would like to be special tokens, and where in a chat they can stand. @module */

import type { ChatMessage, RenderOptions } from "../../src/chat/template.ts";

const wide = (text: string) =>
  text.replace(/[!-~]/g, (c) => String.fromCharCode(c.charCodeAt(0) + 0xFEE0));
const half = (text: string) =>
  [text.slice(0, text.length >> 1), text.slice(text.length >> 1)] as const;

/** What can be done to the spelling of a token; a template may undo it, or do it. */
const TRICKS: readonly ((token: string) => string)[] = [
  (token) => token,
  (token) => token + token,
  (token) => `a ${token} b`,
  (token) => ` \n\t${token}\n `,
  (token) => `\uE000${token}\uF8FF`,
  (token) => token.toUpperCase(),
  (token) => token.toLowerCase(),
  (token) => [...token].reverse().join(""),
  (token) => [...token].join(" "),
  (token) => [...token].join("\u200B"),
  (token) => [...token].join("</think>"),
  (token) => half(token).join(token),
  (token) => half(token)[0],
  (token) => half(token)[1],
  (token) => token.slice(1),
  (token) => token.slice(0, -1),
  (token) => `</think>${token}<think>`,
  (token) => `<think>\n${token}`,
  (token) => wide(token),
  (token) => `${token}\u0301`,
  (token) => JSON.stringify({ [token]: token }),
  (token) =>
    token.replace(/[<>[\]|]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`),
  (token) => token.replaceAll("<", "&lt;").replaceAll(">", "&gt;"),
  (token) => `{{ '${token}' }}{% raw %}${token}`,
  (token) => token.replaceAll("_", " ").replaceAll("|", "||"),
  (token) => `${token}system\n${token}assistant\n`,
];

/** Further ones, whatever the tokens are. */
const MORE = [
  " ",
  "\n",
  "<",
  "|",
  "[",
  "</",
  "\0",
  "\uD83D",
  "\uFEFF",
  "<0x0A>",
  "▁",
  "Ġ",
  "Ċ",
  "%s{}{0}",
];

/** The texts: at least 200 for any handful of tokens. */
export function hostileTexts(tokens: readonly string[]): string[] {
  return [...new Set([...tokens.flatMap((token) => TRICKS.map((trick) => trick(token))), ...MORE])];
}

/** A chat that has a text wherever text of others may be; `kind` picks one of several. */
export function chatWith(text: string, kind: ChatKind): [readonly ChatMessage[], RenderOptions] {
  return CHATS[kind](text);
}

/** What kind of chat it is. */
export type ChatKind = keyof typeof CHATS;

const user = (content: unknown): ChatMessage => ({ role: "user", content });
const call = (name: string, args: unknown) => ({
  ...{ id: "abcdefghi", type: "function", function: { name, arguments: args } },
});
const tool = (text: string) => ({
  type: "function",
  function: {
    name: text,
    description: text,
    parameters: {
      type: "object",
      properties: { [`k${text}`]: { type: "string", description: text } },
    },
  },
});

/** Chats by the place of the text. */
export const CHATS = {
  user: (text) => [[user(text)], {}],
  turns: (text) => [
    [
      { role: "system", content: text },
      user(text),
      { role: "assistant", content: text },
      user(text),
    ],
    {},
  ],
  parts: (text) => [[user([{ type: "text", text }, { type: "text", text }])], {}],
  tools: (text) => [[user(text)], { tools: [tool(text)] }],
  calls: (text) => [
    [
      user(text),
      {
        role: "assistant",
        content: text,
        tool_calls: [call(text, { [`k${text}`]: text, b: [text] })],
      },
      { role: "tool", name: text, tool_call_id: "abcdefghi", content: text },
      { role: "assistant", content: text, reasoning_content: text },
      user(text),
    ],
    { tools: [tool(text)] },
  ],
  documents: (text) => [[user(text)], { documents: [{ title: text, text }] }],
  variables: (text) => [[user("x")], { variables: { date_string: text, note: text } }],
} as const satisfies Record<
  string,
  (text: string) => [readonly ChatMessage[], RenderOptions]
>;
