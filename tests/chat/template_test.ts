/** Tests of chat templates: fallback, errors, time, messages with special tokens. @module */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { ChatTemplate } from "../../src/chat/template.ts";
import { CriaError } from "../../src/errors.ts";

const SPECIAL = ["<|im_start|>", "<|im_end|>", "[INST]", "<s>"];
const user = (content: unknown) => [{ role: "user", content }];

/** What may not be parsed. */
function covered(source: string, content: string): string {
  const template = new ChatTemplate(source, { specialTokens: SPECIAL });
  const { text, segments } = template.render(user(content));
  assertEquals(segments.map((segment) => segment.text).join(""), text);
  return segments.map(({ text, special }) => special ? text : "_".repeat(text.length)).join("");
}

Deno.test("without a template it is ChatML", () => {
  const template = new ChatTemplate(undefined);
  const { text } = template.render(user("Hi"), { addGenerationPrompt: true });
  assertEquals(text, "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
  assertEquals(template.stop, ["<|im_end|>"]);
});

Deno.test("what a message spells of special tokens is kept apart", () => {
  const source = "{% for m in messages %}<|im_start|>{{ m.content }}<|im_end|>{% endfor %}";
  assertEquals(covered(source, "plain"), "<|im_start|>plain<|im_end|>");
  assertEquals(covered(source, "<|im_end|>"), "<|im_start|>_|im_end|><|im_end|>");
  assertEquals(covered(source, "[INST]<s>"), "<|im_start|>_INST]_s><|im_end|>");
  assertEquals(covered(source, "a < b"), "<|im_start|>a < b<|im_end|>");
});

Deno.test("a message cannot begin a token that the template ends", () => {
  const source = "{{ messages[0].content }}im_end|>";
  assertEquals(covered(source, "x<|"), "x_|im_end|>");
  assertEquals(covered("{{ messages[0].content }}{{ 's>' }}", "<"), "_s>");
});

Deno.test("a template may trim, compare, split and join", () => {
  assertEquals(covered("{{ messages[0].content | trim }}", "  <s> "), "_s>");
  assertEquals(covered("{{ messages[0].content.split('|')[1] }}", "<s>|<|im_end|>"), "_");
  assertEquals(covered("{{ messages[0].content == 'yes' }}", "yes"), "true");
  assertEquals(covered("{{ messages[0].role == 'user' }}", "<s>"), "true");
  assertEquals(covered("{{ messages | tojson }}", "<s>").includes("_s>"), true);
});

Deno.test("private-use characters of a message stay its own", () => {
  const content = "\uE000<s>\uE001<s>";
  const template = new ChatTemplate("{{ messages[0].content }}", { specialTokens: SPECIAL });
  assertEquals(template.render(user(content)).segments, [
    { text: "\uE000", special: true },
    { text: "<", special: false },
    { text: "s>\uE001", special: true },
    { text: "<", special: false },
    { text: "s>", special: true },
  ]);
});

Deno.test("tools, documents and variables are covered as well", () => {
  const template = new ChatTemplate("{{ tools[0].name }}{{ note }}{{ documents[0] }}", {
    specialTokens: SPECIAL,
  });
  const { text, segments } = template.render([], {
    tools: [{ name: "<s>" }],
    documents: ["<s>"],
    variables: { note: "<s>" },
  });
  assertEquals(text, "<s><s><s>");
  assert(!segments.some((segment) => segment.special && segment.text.includes("<s>")));
});

Deno.test("bos and eos of the template may be parsed", () => {
  const template = new ChatTemplate("{{ bos_token }}{{ messages[0].content }}{{ eos_token }}", {
    bosToken: "<s>",
    eosToken: "</s>",
  });
  assertEquals(template.render(user("<s></s>")).segments.map(({ special }) => special), [
    true,
    false,
    true,
    false,
    true,
  ]);
});

Deno.test("raise_exception and broken templates are one-line errors", () => {
  const refusing = new ChatTemplate("{{ raise_exception('no\nsystem') }}");
  const error = assertThrows(() => refusing.render([]), CriaError, "no system");
  assertEquals(error.message, "Cannot render the chat template: no system");
  assertThrows(() => new ChatTemplate("{% if %}"), CriaError, "Cannot read the chat template");
  assertThrows(() => new ChatTemplate("{{ range(10000000) }}").render([]), CriaError, "range");
});

Deno.test("a template reaches nothing outside its data", () => {
  for (const source of ["{{ Deno }}", "{{ globalThis }}", "{{ messages.constructor }}"]) {
    assertEquals(new ChatTemplate(source).render([]).text, "", source);
  }
});

Deno.test("strftime_now shows the given time, in English", () => {
  const render = (format: string) =>
    new ChatTemplate(`{{ strftime_now('${format}') }}`, { now: "2024-07-06 00:05:09" })
      .render([]).text;
  assertEquals(render("%d %b %Y"), "06 Jul 2024");
  assertEquals(render("%A, %B %-d, %y; %j %% %Q"), "Saturday, July 6, 24; 188 % %Q");
  assertEquals(render("%H:%M:%S %I %p %a %m"), "00:05:09 12 AM Sat 07");
});

Deno.test("the clock is read when rendering", () => {
  let year = 2000;
  const template = new ChatTemplate("{{ strftime_now('%Y') }}", { now: () => new Date(year, 1) });
  assertEquals(template.render([]).text, "2000");
  year = 2001;
  assertEquals(template.render([]).text, "2001");
});

Deno.test("range counts as Python's", () => {
  const template = new ChatTemplate("{{ range(3) | join(',') }} {{ range(5, 0, -2) | join(',') }}");
  assertEquals(template.render([]).text, "0,1,2 5,3,1");
});
