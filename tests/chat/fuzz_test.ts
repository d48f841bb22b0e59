/** Templates of random pieces: each is rendered, or refused with a place. @module */

import { assert } from "@std/assert";
import { ChatTemplate } from "../../src/chat/template.ts";
import { TemplateError } from "../../src/errors.ts";

const VALUES = ["a", "b.c", "n", "'x'", '"y"', "1", "-2", "2.5", "none", "true", "[1, 'x']", "{}"];
const MORE_VALUES = [
  "{'k': [n]}",
  "(1,)",
  "messages",
  "loop",
  "loop.index",
  "ns",
  "m()",
  "range(3)",
];
const OPERATORS = [
  "+",
  "-",
  "*",
  "/",
  "//",
  "%",
  "**",
  "~",
  "==",
  "<",
  "in",
  "and",
  "or",
  "if",
  "is",
];
const BEHIND = [
  ...["| length", "| join(',')", "| tojson(indent=n)", "| sort", "| map('upper')", "| first"],
  ...["| default(1, true)", "| dictsort", "| groupby('a')", "| indent(n)", "| replace('x', s)"],
  ...["is defined", "is not none", "is in [1]", "else 1", "[0]", "[::-1]", "[:n]", "['a']", ".b"],
  ...[".items()", ".split('x')", ".get('a')", ".format(1, a=2)", "(1)", "(*a, **b)", ".__class__"],
];
const TAGS = [
  ...["if a", "elif b", "else", "endif", "for x in a", "for k, v in b.items() if k", "endfor"],
  ...["set a = n", "set ns.x = s", "set q", "endset", "macro m(a, b=1)", "endmacro", "call m()"],
  ...["endcall", "break", "continue", "with a = 1", "endwith", "filter upper", "endfilter", "raw"],
  ...["endraw", "generation", "endgeneration", "for x in [[1]] recursive", "nope"],
];
const DATA = { a: [1, "x", null], b: { c: "d", k: 2 }, n: 3, s: "x x", ns: { x: 1 } };

/** A generator of numbers below a bound; the same seed gives the same ones. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => (state = (state * 48271) % 0x7fffffff) % below;
}

/** A template: mostly tags that could be right. */
function randomTemplate(random: (below: number) => number): string {
  const pick = (list: readonly string[]) => list[random(list.length)]!;
  const value = () => {
    const parts = [pick(random(2) ? VALUES : MORE_VALUES)];
    while (random(3) > 0) {
      parts.push(random(2) ? pick(BEHIND) : `${pick(OPERATORS)} ${pick(VALUES)}`);
    }
    return parts.join(" ");
  };
  const piece = () => {
    const kind = random(10);
    if (kind < 4) return `{{ ${value()} }}`;
    if (kind < 6) return `{% if ${value()} %}y{% else %}n{% endif %}`;
    if (kind < 8) return `{% for x in ${value()} %}{{ x }}{{ loop.last }}{% endfor %}`;
    return kind < 9
      ? `{%- ${pick(TAGS)} -%}`
      : pick(["text\n", "{#", "}}", "{{", "'", "{% raw %}"]);
  };
  return Array.from({ length: 1 + random(6) }, piece).join("");
}

Deno.test("random templates are rendered or refused, and nothing else", () => {
  const seed = Number(Deno.env.get("CRIA_FUZZ_SEED") ?? 20260101), random = randomFrom(seed);
  let rendered = 0, refused = 0;
  for (let round = 0; round < 4000; round++) {
    const source = randomTemplate(random);
    try {
      const template = new ChatTemplate(source, { maxSteps: 20_000 });
      const messages = [{ role: "user", content: "x" }];
      const { text, segments } = template.render(messages, { variables: DATA });
      assert(segments.map((segment) => segment.text).join("") === text);
      rendered++;
    } catch (error) {
      assert(error instanceof TemplateError, `seed ${seed}: ${source}\n${error}`);
      assert(error.line !== undefined && error.column !== undefined, `seed ${seed}: ${source}`);
      refused++;
    }
  }
  assert(rendered > 300 && refused > 300, `${rendered} rendered, ${refused} refused`);
});
