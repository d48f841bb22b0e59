/** Parses a template: statements, and the text between them. @module */

import type { Expression, Parameter, Statement, Target } from "./ast.ts";
import { LIMITS } from "./budget.ts";
import {
  parseArguments,
  parseExpression,
  parseFilter,
  parseFilters,
  parseOr,
  parsePostfix,
  parseTuple,
} from "./expressions.ts";
import { fault, tokenize } from "./lexer.ts";
import { TokenStream } from "./stream.ts";

/** The tree of a normalized source. */
export function parse(source: string): readonly Statement[] {
  if (source.length > LIMITS.sourceLength) {
    throw fault(`it has ${source.length} characters, at most ${LIMITS.sourceLength} may be`, 0);
  }
  const stream = new TokenStream(tokenize(source));
  const { body } = parseBody(stream, []);
  return body;
}

type Parse = (stream: TokenStream, at: number) => Statement;

/** Every statement, by the name that it begins with. */
const STATEMENTS: Readonly<Record<string, Parse>> = {
  for: parseFor,
  if: parseIf,
  set: parseSet,
  with: parseWith,
  macro: parseMacro,
  call: parseCall,
  filter: (stream, at) => {
    const body: Statement[] = [];
    const inner: Expression = { kind: "body", at, body };
    const value = parseFilters(stream, parseFilter(stream, inner, at));
    stream.expect("%}");
    body.push(...parseBlock(stream, "endfilter"));
    return { kind: "print", at, value };
  },
  // A mark of transformers around what an assistant has said; like any block it has its own names.
  generation: (stream, at) => {
    stream.expect("%}");
    const body = parseBlock(stream, "endgeneration");
    return { kind: "print", at, value: { kind: "body", at, body } };
  },
  break: (_, at) => ({ kind: "break", at }),
  continue: (_, at) => ({ kind: "continue", at }),
};

/** Statements up to one with one of these names, or to the end; the name has been read. */
function parseBody(
  stream: TokenStream,
  ends: readonly string[],
): { readonly body: Statement[]; readonly end: string } {
  const body: Statement[] = [], opened = stream.token.at;
  for (;;) {
    const { kind, value, at } = stream.token;
    if (kind === "end" && ends.length === 0) return { body, end: "" };
    if (kind === "end") throw fault(`"${ends.at(-1)}" is missing`, opened);
    stream.next();
    if (kind === "data") body.push({ kind: "data", at, text: value });
    else if (kind === "{{") {
      body.push({ kind: "print", at, value: parseTuple(stream) });
      stream.expect("}}");
    } else {
      const name = stream.expect("name").value;
      if (ends.includes(name)) return { body, end: name };
      body.push(stream.nested(() => parseStatement(stream, name, at)));
      stream.expect("%}");
    }
  }
}

function parseStatement(stream: TokenStream, name: string, at: number): Statement {
  if (Object.hasOwn(STATEMENTS, name)) return STATEMENTS[name]!(stream, at);
  throw fault(`there is no statement "${name}" here`, at);
}

/** Statements up to the end of their block; what closes the tag is left. */
function parseBlock(stream: TokenStream, end: string): Statement[] {
  return parseBody(stream, [end]).body;
}

function parseFor(stream: TokenStream, at: number): Statement {
  const target = parseTarget(stream);
  stream.expect("name", "in");
  const items = parseTuple(stream, parseOr);
  const test = stream.skip("name", "if") ? parseExpression(stream) : undefined;
  const recursive = stream.skip("name", "recursive");
  stream.expect("%}");
  const { body, end } = parseBody(stream, ["else", "endfor"]);
  const otherwise = end === "else" ? parseElse(stream, "endfor") : [];
  return { kind: "for", at, target, items, test, recursive, body, otherwise };
}

function parseElse(stream: TokenStream, end: string): Statement[] {
  stream.expect("%}");
  return parseBlock(stream, end);
}

function parseIf(stream: TokenStream, at: number): Statement {
  const branches: { test: Expression; body: Statement[] }[] = [];
  for (;;) {
    const test = parseTuple(stream);
    stream.expect("%}");
    const { body, end } = parseBody(stream, ["elif", "else", "endif"]);
    branches.push({ test, body });
    if (end === "elif") continue;
    const otherwise = end === "else" ? parseElse(stream, "endif") : [];
    return { kind: "if", at, branches, otherwise };
  }
}

function parseSet(stream: TokenStream, at: number): Statement {
  const target = parseTarget(stream);
  if (stream.skip("operator", "=")) return { kind: "set", at, target, value: parseTuple(stream) };
  const body: Statement[] = [];
  const value = parseFilters(stream, { kind: "body", at, body });
  stream.expect("%}");
  body.push(...parseBlock(stream, "endset"));
  return { kind: "set", at, target, value };
}

function parseWith(stream: TokenStream, at: number): Statement {
  const values: [Target, Expression][] = [];
  while (!stream.skip("%}")) {
    if (values.length > 0) stream.expect("operator", ",");
    const target = parseTarget(stream);
    stream.expect("operator", "=");
    values.push([target, parseExpression(stream)]);
  }
  return { kind: "with", at, values, body: parseBlock(stream, "endwith") };
}

function parseMacro(stream: TokenStream, at: number): Statement {
  const name = stream.expect("name").value;
  const parameters = parseParameters(stream);
  stream.expect("%}");
  return { kind: "macro", at, name, parameters, body: parseBlock(stream, "endmacro") };
}

function parseCall(stream: TokenStream, at: number): Statement {
  const parameters = stream.is("operator", "(") ? parseParameters(stream) : [];
  const start = stream.token.at;
  const name: Expression = { kind: "name", at: start, name: stream.expect("name").value };
  let call: Expression = name;
  while (stream.skip("operator", ".")) {
    call = { kind: "member", at: start, object: call, name: stream.expect("name").value };
  }
  call = { kind: "call", at: start, callee: call, args: parseArguments(stream) };
  call = parsePostfix(stream, call);
  if (call.kind !== "call") throw fault('"call" needs a macro that it calls', start);
  stream.expect("%}");
  return { kind: "call block", at, parameters, call, body: parseBlock(stream, "endcall") };
}

function parseParameters(stream: TokenStream): Parameter[] {
  stream.expect("operator", "(");
  const parameters: Parameter[] = [];
  while (!stream.skip("operator", ")")) {
    if (parameters.length > 0) stream.expect("operator", ",");
    const { value: name, at } = stream.expect("name");
    const otherwise = stream.skip("operator", "=") ? parseExpression(stream) : undefined;
    if (!otherwise && parameters.at(-1)?.otherwise) throw fault(`"${name}" needs a default`, at);
    parameters.push({ name, otherwise });
  }
  return parameters;
}

/** What is assigned to: names, or a field of a namespace. */
function parseTarget(stream: TokenStream): Target {
  const { at } = stream.token, items: Target[] = [];
  let isTuple = false;
  do {
    if (items.length > 0 && !stream.is("name") && !stream.is("operator", "(")) break;
    items.push(parseOneTarget(stream));
    isTuple ||= stream.is("operator", ",");
  } while (stream.skip("operator", ","));
  if (items.length === 0) throw fault("a name is missing", at);
  return isTuple ? { kind: "tuple", items } : items[0]!;
}

function parseOneTarget(stream: TokenStream): Target {
  if (stream.skip("operator", "(")) {
    const inner = stream.nested(() => parseTarget(stream));
    stream.expect("operator", ")");
    return inner;
  }
  const { value: name, at } = stream.expect("name");
  if (/^(true|false|none)$/i.test(name)) throw fault(`"${name}" is no variable`, at);
  if (!stream.skip("operator", ".")) return { kind: "name", name };
  return { kind: "field", name, field: stream.expect("name").value };
}
