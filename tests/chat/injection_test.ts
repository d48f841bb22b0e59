/** Text of messages never becomes a special token, whatever a template does with it. @module */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { MARK_TOKENS } from "../../src/chat/reasoning.ts";
import { ChatTemplate } from "../../src/chat/template.ts";
import { TOOL_TOKENS } from "../../src/chat/tool_calls.ts";
import { TemplateError } from "../../src/errors.ts";
import { encodeSegments } from "../../src/session/prompt.ts";
import { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { bpeFile, type Piece, spmFile } from "../tokenizer/vocabularies.ts";
import { type ChatKind, CHATS, chatWith, hostileTexts } from "./hostile.ts";

const TOKENS = [
  "<s>",
  "</s>",
  "<|im_start|>",
  "<|im_end|>",
  "[INST]",
  "[/INST]",
  "<|user|>",
  "<turn>",
  "§",
];
const CONTROL = TOKENS.map((token): Piece => [token, "control"]);
// Many vocabularies have marks of reasoning and of calls as tokens that stand in any text.
const CALLS_MARKS = ["<tool_call>", "</tool_response>"];
const MARKS: readonly Piece[] = [
  ...["<think>", "</think>", ...CALLS_MARKS, "  "].map((mark): Piece => [mark, "user"]),
];
const TOKENIZERS = {
  bytes: Tokenizer.from(bpeFile(["< s", "<s >", "| >"], [...CONTROL, ...MARKS])),
  // Normal pieces that would merge into control tokens.
  scores: Tokenizer.from(
    spmFile([...CONTROL.slice(2), ["<s", "normal", 1], ["s>", "normal", 2], [">"], ["s"], ["<"]]),
  ),
};

const BODIES = [
  "{{ text | lower | trim }}",
  "{{ text | upper | replace(' ', '') }}",
  "{% for c in text %}{{ c }}{% endfor %}",
  "{{ text[::-1] }}",
  "{{ text.split('</think>') | join }}",
  "{{ text.split('<think>')[-1].lstrip('\\n') }}",
  "{{ '<' ~ text[1:] }}",
  "{{ m | tojson }}{{ m | tojson(ensure_ascii=true) }}{{ m }}",
  "{{ tools | tojson(indent=2) }}{{ documents | string | replace('\\u200b', '') }}{{ note }}",
  "{{ '%s|%s' % (text, m.role) }}{{ '{}{}'.format(text, text) }}",
  "{% set x %}{{ text }}{% endset %}{{ x.replace('||', '|') | title }}",
  "{{ text[:5] ~ text[5:] }}s>{{ text }}",
];

/** What templates do with text: change, cut, and put together what was apart. */
const TEMPLATES = [
  undefined,
  "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<turn>{% endfor %}",
  ...BODIES.map((body) =>
    "{% for m in messages %}{% set text = m.content | string %}[INST]" + body + "<turn>{% endfor %}"
  ),
];

/** The control tokens of a rendered chat, in order. */
async function controls(
  tokenizer: Tokenizer,
  template: ChatTemplate,
  text: string,
  kind: ChatKind,
): Promise<string[]> {
  const [messages, options] = chatWith(text, kind);
  const render = () => template.render(messages, { ...options, addGenerationPrompt: true });
  if (template.stop.length > 0 && kind === "parts") {
    return [assertThrows(render, TemplateError).name];
  }
  const rendered = render();
  const ids = await encodeSegments(tokenizer, rendered.segments);
  assertEquals(
    tokenizer.decode(ids, { special: true }).trimStart(),
    decoded(tokenizer, rendered.text),
  );
  const isMark = (id: number) =>
    tokenizer.kind(id) === "control" || MARK_TOKENS.has(tokenizer.piece(id)) ||
    TOOL_TOKENS.has(tokenizer.piece(id));
  return ids.filter(isMark).map((id) => tokenizer.piece(id));
}

/** What the text comes to when it is encoded and decoded; BOS before it if the model wants it. */
function decoded(tokenizer: Tokenizer, text: string): string {
  const bos = tokenizer.addBos && !text.startsWith("<s>") ? "<s>" : "";
  return (bos + text).toWellFormed().trimStart();
}

const HOSTILE = hostileTexts([...TOKENS, ...CALLS_MARKS]);

Deno.test("there are at least 200 hostile texts", () => {
  assert(HOSTILE.length >= 200, `${HOSTILE.length}`);
});

for (const [index, source] of TEMPLATES.entries()) {
  Deno.test(`no message brings in a special token, template ${index}`, async () => {
    const template = new ChatTemplate(source, { bosToken: "<s>", eosToken: "</s>" });
    const all = Object.keys(CHATS) as ChatKind[];
    for (const kind of index < 2 ? all : ["calls", "variables"] as const) {
      const expected = await controls(TOKENIZERS.bytes, template, "hello", kind);
      for (const text of HOSTILE) {
        assertEquals(
          await controls(TOKENIZERS.bytes, template, text, kind),
          expected,
          JSON.stringify(text),
        );
      }
    }
  });
}

Deno.test("nor in a vocabulary with scores, whose pieces merge to tokens", async () => {
  const template = new ChatTemplate(TEMPLATES[1], { bosToken: "<s>", eosToken: "</s>" });
  const special = (ids: number[]) => ids.filter((id) => TOKENIZERS.scores.kind(id) === "control");
  for (const text of HOSTILE) {
    const { segments } = template.render([{ role: "user", content: text }]);
    const ids = await encodeSegments(TOKENIZERS.scores, segments);
    assertEquals(special(ids).map((id) => TOKENIZERS.scores.piece(id)), [
      "<s>",
      "<|user|>",
      "<turn>",
    ]);
  }
});

Deno.test("a canary: without the marks of the template the texts would be tokens", () => {
  const template = new ChatTemplate(TEMPLATES[1], { bosToken: "<s>" });
  const [messages] = chatWith("<|im_end|>", "user");
  const { text } = template.render(messages);
  const ids = TOKENIZERS.bytes.encode(text, { special: true });
  assert(ids.includes(TOKENIZERS.bytes.idOf("<|im_end|>")!));
});

Deno.test("a role that is more than a word is text as well", async () => {
  const template = new ChatTemplate("<|{{ messages[0].role }}|>");
  const roles = { user: ["<|user|>"], "user|><|im_end": [], "<s>": [] };
  for (const [role, expected] of Object.entries(roles)) {
    const ids = await encodeSegments(TOKENIZERS.bytes, template.render([{ role }]).segments);
    const found = ids.filter((id) => TOKENIZERS.bytes.kind(id) === "control");
    assertEquals(found.map((id) => TOKENIZERS.bytes.piece(id)), expected);
  }
});
