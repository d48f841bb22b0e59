/** Turns with tools as a grammar: text, and calls that are always whole. @module */

import { ArgumentError } from "../errors.ts";
import { BARE_MARK, openingOf, type ToolFormat } from "../chat/tool_calls.ts";
import { charactersOf, EVERY_CHARACTER, negate, without } from "../grammar/code_points.ts";
import {
  characters,
  choice,
  EMPTY,
  type Expression,
  type MachineEdge,
  optional,
  repeat,
  rule,
  type Rules,
  sequence,
  text,
} from "../grammar/expression.ts";
import { Grammar } from "../grammar/grammar.ts";
import { readSchema } from "../grammar/schema/compile.ts";
import { kept } from "./structure.ts";
import { taggedArguments } from "./tool_tags.ts";
import type { PreparedTool, ToolSet } from "./tools.ts";

/**
 * The grammar of a turn. What begins like a call is one: of a tool that may be called, with
 * arguments that meet its schema.
 * @param most how many calls there may be
 * @throws ArgumentError for a schema that cannot be enforced, with its place
 */
export function toolGrammar(format: ToolFormat, set: ToolSet, most: number): Grammar | undefined {
  const { callable, isRequired } = set;
  if (callable.length === 0 && format.bare) return undefined; // nothing marks what must not come
  const tools = callable.map(({ name, schema }) => [name, schema]);
  const key = `tools ${JSON.stringify([format.name, isRequired, most, tools])}`;
  return kept(key, () => {
    const rules = new Map<string, Expression>();
    for (const tool of callable) addArguments(rules, tool, format);
    rules.set("call", choice(...callable.map(({ name }) => callOf(format, name))));
    if (callable.length > 0) rules.set("calls", callsOf(format, most));
    rules.set("root", isRequired ? whole(format) : orText(format, callable.length > 0));
    return new Grammar({ rules, root: "root" });
  });
}

/** A turn that is nothing but calls. */
function whole(format: ToolFormat): Expression {
  const mark = format.bare ? optional(text(BARE_MARK)) : text(openingOf(format));
  return sequence(repeat(text("\n"), 0, 2), mark, rule("calls"));
}

/** Text, which calls may end. */
function orText(format: ToolFormat, mayCall: boolean): Expression {
  return format.bare ? orBare() : untilMark(openingOf(format), mayCall ? rule("calls") : undefined);
}

const ANY_TEXT = repeat(characters(...EVERY_CHARACTER), 0);
const SPACE = charactersOf(" \n");

/** A text that does not begin with an object is text; else it is a call. */
function orBare(): Expression {
  const other = characters(...without(negate(charactersOf("{")), SPACE));
  return sequence(
    repeat(characters(...SPACE), 0),
    choice(EMPTY, sequence(optional(text(BARE_MARK)), rule("calls")), sequence(other, ANY_TEXT)),
  );
}

/**
 * Any text up to a mark, and what follows it: the automaton of Knuth, Morris and Pratt (1977),
 * whose states say how much of the mark stands at the end. Where nothing may follow, no mark may
 * be completed.
 */
function untilMark(mark: string, then: Expression | undefined): Expression {
  const chars = [...mark], letters = [...new Set(chars)], end = chars.length;
  const rest = negate(charactersOf(mark)), edges: MachineEdge[] = [];
  for (let from = 0; from < end; from++) {
    edges.push({ from, to: 0, on: rest });
    for (const letter of letters) {
      const to = overlap(chars, [...chars.slice(0, from), letter]);
      if (to < end || then !== undefined) edges.push({ from, to, on: charactersOf(letter) });
    }
  }
  const accepting = chars.map((_, state) => state);
  if (then === undefined) {
    return { kind: "machine", machine: { stateCount: end, accepting, edges } };
  }
  edges.push({ from: end, to: end + 1, on: then });
  accepting.push(end + 1);
  return { kind: "machine", machine: { stateCount: end + 2, accepting, edges } };
}

/** How much of a mark stands at the end of a text. */
function overlap(mark: readonly string[], end: readonly string[]): number {
  for (let length = Math.min(mark.length, end.length); length > 0; length--) {
    if (end.slice(-length).join("") === mark.slice(0, length).join("")) return length;
  }
  return 0;
}

/** All calls of a turn, without what opens the first. */
function callsOf(format: ToolFormat, most: number): Expression {
  const { section, call, between } = format;
  const opening = format.bare ? "" : openingOf(format), one = rule("call");
  const more = between === undefined ? 0 : most - 1;
  return sequence(
    loose((section[0] + call[0]).slice(opening.length)),
    one,
    loose(call[1]),
    repeat(sequence(loose(between ?? ""), loose(call[0]), one, loose(call[1])), 0, more),
    loose(section[1]),
  );
}

/** One call, between its marks. */
function callOf({ body }: ToolFormat, name: string): Expression {
  const given = rule(`${name} root`);
  if ("separator" in body) return sequence(text(name), loose(body.separator), given);
  if ("tag" in body) return sequence(text(name), text(body.nameEnd), given, text(body.end));
  const { nameKey, argumentsKey, countKey } = body, space = optional(text(" "));
  const key = (written: string) => sequence(text(`"${written}":`), space);
  const comma = sequence(text(","), space);
  const digits = repeat(characters([0x30, 0x39]), 1, 3);
  const count = countKey === undefined
    ? EMPTY
    : optional(sequence(key(countKey), text('"'), digits, text('"'), comma));
  return sequence(
    ...[text("{"), count, key(nameKey), text(`"${name}"`), comma],
    ...[key(argumentsKey), given, text("}")],
  );
}

/** A text in which white space may be left out. */
function loose(marks: string): Expression {
  const parts = marks.split(/(\s+)/).filter((part) => part !== "");
  return sequence(...parts.map((part) => part.trim() === "" ? optional(text(part)) : text(part)));
}

/** Adds the rules of a tool's arguments, under its name. */
function addArguments(
  rules: Map<string, Expression>,
  tool: PreparedTool,
  { body }: ToolFormat,
): void {
  const add = (own: Rules, prefix: string) => {
    for (const [one, part] of own.rules) rules.set(prefix + one, renamed(part, prefix));
    return rule(prefix + own.root);
  };
  const { name, schema } = tool;
  try {
    if (!("tag" in body)) add(readSchema(schema), `${name} `);
    else {
      const tagged = taggedArguments(body, tool, (own, key) => add(own, `${name} ${key} `));
      rules.set(`${name} root`, tagged);
    }
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    throw new ArgumentError(`Cannot use the tool "${name}": ${error.message}`, { cause: error });
  }
}

/** An expression whose rules have a prefix before their names. */
function renamed(part: Expression, prefix: string): Expression {
  switch (part.kind) {
    case "text":
    case "class":
      return part;
    case "rule":
      return rule(prefix + part.name);
    case "sequence":
    case "choice":
      return { ...part, parts: part.parts.map((one) => renamed(one, prefix)) };
    case "repeat":
      return { ...part, part: renamed(part.part, prefix) };
    case "machine": {
      const edges = part.machine.edges.map((edge): MachineEdge =>
        "kind" in edge.on ? { ...edge, on: renamed(edge.on, prefix) } : edge
      );
      return { ...part, machine: { ...part.machine, edges } };
    }
  }
}
