/** Tests of chat templates: fallback, errors, time, messages with special tokens. @module */

import { assertEquals, assertThrows } from "@std/assert";
import { ChatTemplate } from "../../src/chat/template.ts";
import { ArgumentError, TemplateError } from "../../src/errors.ts";

const user = (content: unknown) => [{ role: "user", content }];

/** What may not be parsed. */
function covered(source: string, content: string): string {
  const { text, segments } = new ChatTemplate(source).render(user(content));
  assertEquals(segments.map((segment) => segment.text).join(""), text);
  return segments.map(({ text, special }) => special ? text : "_".repeat(text.length)).join("");
}

Deno.test("without a template it is ChatML", () => {
  const template = new ChatTemplate(undefined);
  const { text } = template.render(user("Hi"), { addGenerationPrompt: true });
  assertEquals(text, "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
  assertEquals(template.stop, ["<|im_end|>"]);
});

Deno.test("what comes from a message is kept apart, whatever becomes of it", () => {
  const source = "{% for m in messages %}<|im_start|>{{ m.content }}<|im_end|>{% endfor %}";
  assertEquals(covered(source, "<s> a"), "<|im_start|>_____<|im_end|>");
  assertEquals(covered("{{ messages[0].content }}{{ 's>' }}", "<"), "_s>");
  assertEquals(covered("{{ messages[0].content | trim }}", "  <s> "), "___");
  assertEquals(covered("{{ messages[0].content.split('|')[1] }}!", "<s>|<s>"), "___!");
  assertEquals(covered("{{ messages[0].content == 'yes' }}", "yes"), "True");
  assertEquals(covered("{{ messages[0].content | upper }}<", "ß"), "__<");
  assertEquals(
    covered("{{ [messages[0].content] }}", "a'b\n"),
    `["______"]`.replace("______", "_____"),
  );
  assertEquals(covered("{{ messages[0].content | tojson }}", '"é'), '"___"');
  assertEquals(covered("{{ messages[0].content | replace('a', '<') }}", "xa"), "_<");
  assertEquals(covered("{{ '<%s|%d>' % (messages[0].content, 65) }}", "x"), "<_|65>");
});

Deno.test("tools, documents and variables are kept apart as well", () => {
  const template = new ChatTemplate("{{ tools[0].name }}{{ note }}{{ documents[0] }}.");
  const { text, segments } = template.render([], {
    tools: [{ name: "<s>" }],
    documents: ["<s>"],
    variables: { note: "<s>" },
  });
  assertEquals(text, "<s><s><s>.");
  assertEquals(segments.map(({ special }) => special), [false, true]);
});

Deno.test("bos and eos of the template may be parsed", () => {
  const template = new ChatTemplate("{{ bos_token }}{{ messages[0].content }}{{ eos_token }}", {
    bosToken: "<s>",
    eosToken: "</s>",
  });
  assertEquals(template.render(user("<s></s>")).segments, [
    { text: "<s>", special: true },
    { text: "<s></s>", special: false },
    { text: "</s>", special: true },
  ]);
});

Deno.test("errors are one line, and say where", () => {
  const refusing = new ChatTemplate(
    "a\n{% if true %}\n  {{ raise_exception('no\nsystem') }}{% endif %}",
    {
      name: "t",
    },
  );
  const error = assertThrows(() => refusing.render([]), TemplateError);
  const message = 'Cannot apply the chat template "t": no system (at line 3, column 6)';
  assertEquals([error.message, error.line, error.column], [message, 3, 6]);
  const read = (source: string) =>
    assertThrows(() => new ChatTemplate(source), TemplateError).message;
  const why = "Cannot read the chat template: ";
  assertEquals(
    read("a\r\n  {% if %}"),
    `${why}"%}" makes no sense where a value should stand (at line 2, column 9)`,
  );
  assertEquals(read("{% for x in y %}"), `${why}"endfor" is missing (at line 1, column 17)`);
  assertEquals(read("🎉{{ 'x }}"), `${why}"'" makes no sense here (at line 1, column 5)`);
  const apply = (source: string) =>
    assertThrows(() => new ChatTemplate(source).render([]), TemplateError).message;
  assertEquals(
    apply("{{ messages | nope }}"),
    'Cannot apply the chat template: there is no filter "nope" (at line 1, column 13)',
  );
  assertEquals(
    apply("x\n{{ a.b.c }}"),
    'Cannot apply the chat template: "a" is undefined (at line 2, column 6)',
  );
});

/** Makes a value twice as large, again and again. */
function grow(value: string): string {
  const loop = `{% for a in range(99) %}{% set n.x = ${value} %}{% endfor %}`;
  return `{% set n = namespace(x=[1]) %}${loop}`;
}

/** What would never end, or never fit: each is stopped, and says why. */
const HOSTILE: readonly (readonly [source: string, why: string])[] = [
  ["{% for a in range(10**9) %}{% endfor %}", "range"],
  ["{% set r = range(99999) %}{% for a in r %}{% for b in r %}{% endfor %}{% endfor %}", "steps"],
  ["{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "macros"],
  ["{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", "macros"],
  [grow("n.x ~ n.x"), "steps"],
  [grow("n.x + n.x"), "steps"],
  [grow("[n.x, n.x]") + "{{ n.x }}", "e"],
  ["{{ 'x' * 10**12 }}", "text"],
  ["{{ [1] * 10**12 }}", "steps"],
  ["{{ ('x' * 10**6).replace('x', 'y' * 10**6) }}", "more than"],
  ["{{ ('x' * 10**6) | replace('', 'y' * 10**6) }}", "more than"],
  ["{{ ('x,' * 10**5).split(',') | join('y' * 10**6) }}", "more than"],
  ["{{ [[1]] | tojson(indent=10**12) }}", "text"],
  ["{{ 'a\nb' | indent(10**12) }}", "text"],
  ["{{ 10**400 }}", "number"],
  ["{{ " + "(".repeat(9999) + "1" + ")".repeat(9999) + " }}", "nested"],
  ["{{ " + "not ".repeat(9999) + "1 }}", "nested"],
  ["{{ " + "-".repeat(9999) + "1 }}", "nested"],
  ["{{ 1" + " + 1".repeat(9999) + " }}", "operators"],
  ["{{ x" + ".y".repeat(9999) + " }}", "steps"],
  ["{{ x" + " | trim".repeat(9999) + " }}", "filters"],
  ["{% if x %}".repeat(9999) + "{% endif %}".repeat(9999), "nested"],
  ["{{ " + "[".repeat(9999) + "]".repeat(9999) + " }}", "nested"],
  ["x".repeat(2 ** 21), "characters"],
  ["{#" + "x".repeat(2 ** 18), "no end"],
  ["{{" + " ".repeat(2 ** 18), "no end"],
];

Deno.test("hostile templates are stopped", () => {
  for (const [source, why] of HOSTILE) {
    const run = () => new ChatTemplate(source, { maxSteps: 200_000 }).render([]);
    assertThrows(run, TemplateError, why, source.slice(0, 100));
  }
});

Deno.test("a text that gets too long is stopped where it does", () => {
  const source = "{% for i in range(9000) %}\n  {{ 'x' * 9000 }}{% endfor %}";
  const { line, column } = assertThrows(() => new ChatTemplate(source).render([]), TemplateError);
  assertEquals([line, column], [2, 3]);
});

Deno.test("messages that are none are refused", () => {
  const template = new ChatTemplate("{{ messages }}");
  for (
    const [messages, state] of [
      ["Hi", "messages: give a list"],
      [[{ role: "user" }, null], "message 2: it is no object, but null"],
      [["Hi"], "message 1: it is no object, but string"],
    ] as const
  ) {
    assertThrows(() => template.render(messages as unknown as []), ArgumentError, state);
  }
});

Deno.test("hostile data are refused, or are nothing but data", () => {
  const render = (source: string, note: unknown) =>
    new ChatTemplate(source).render([], { variables: { note } }).text;
  const endless: unknown[] = [];
  endless.push(endless);
  assertThrows(() => render("", endless), TemplateError, "nested");
  assertThrows(() => render("", () => 1), TemplateError, "function");
  const proto = JSON.parse('{"__proto__": {"x": 1}, "constructor": 2}');
  assertEquals(render("{{ note.x }}{{ note.constructor }}{{ note['__proto__'].x }}", proto), "21");
  assertEquals(render("{{ note.size }}{{ note.length }}{{ note.text }}", { a: 1 }), "");
});

Deno.test("a template reaches nothing outside its data", () => {
  const names = [
    "Deno",
    "globalThis",
    "messages.constructor",
    "messages.length",
    "messages.__proto__",
  ];
  const more = [
    "''.constructor",
    "''['length']",
    "range.call",
    "range.constructor",
    "namespace().set",
  ];
  for (
    const name of [...names, ...more, "(1).constructor", "{}.hasOwnProperty", "{}['toString']"]
  ) {
    assertEquals(new ChatTemplate(`{{ ${name} }}`).render([]).text, "", name);
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
