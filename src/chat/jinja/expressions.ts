/** Parses expressions, with the precedence that Jinja gives to operators. @module */

import type { Argument, Expression } from "./ast.ts";
import { LIMITS } from "./budget.ts";
import { fault } from "./lexer.ts";
import type { TokenStream } from "./stream.ts";
import { Text } from "./text.ts";
import { Float } from "./values.ts";

/** Operators that take two values, those that bind least first. */
const BINARY: readonly (readonly string[])[] = [["+", "-"], ["~"], ["*", "/", "//", "%"], ["**"]];
const COMPARISONS = ["==", "!=", "<", ">", "<=", ">="];
const CONSTANTS: Readonly<Record<string, boolean | null>> = {
  ...{ true: true, True: true, false: false, False: false, none: null, None: null },
};
const TEST_ARGUMENT = ["name", "string", "integer", "float"];

/** An expression, `a if b else c` included. */
export function parseExpression(stream: TokenStream): Expression {
  return stream.nested(() => {
    let value = parseOr(stream);
    while (stream.skip("name", "if")) {
      const test = parseOr(stream);
      const otherwise = stream.skip("name", "else") ? parseExpression(stream) : undefined;
      value = { kind: "choice", at: value.at, test, then: value, otherwise };
    }
    return value;
  });
}

/**
 * One expression, or several with commas between them.
 * @param parse one of them; without `if` where that means something else
 * @param mayBeEmpty between parentheses
 */
export function parseTuple(
  stream: TokenStream,
  parse = parseExpression,
  mayBeEmpty = false,
): Expression {
  const { at } = stream.token, items: Expression[] = [];
  let isTuple = false;
  for (;;) {
    if (items.length > 0 && !stream.skip("operator", ",")) break;
    isTuple = items.length > 0;
    if ((isTuple || mayBeEmpty) && endsTuple(stream)) break;
    items.push(parse(stream));
  }
  return isTuple || items.length === 0 ? { kind: "tuple", at, items } : items[0]!;
}

function endsTuple(stream: TokenStream): boolean {
  return stream.is("}}") || stream.is("%}") || stream.is("operator", ")", "]") ||
    stream.is("operator", "=");
}

/** An expression without `if`. */
export function parseOr(stream: TokenStream): Expression {
  return parseChain(stream, "logic", () => stream.is("name", "or"), parseAnd);
}

function parseAnd(stream: TokenStream): Expression {
  return parseChain(stream, "logic", () => stream.is("name", "and"), parseNot);
}

function parseNot(stream: TokenStream): Expression {
  const { at } = stream.token;
  if (!stream.is("name", "not")) return parseCompare(stream);
  stream.next();
  const operand = stream.nested(() => parseNot(stream));
  return { kind: "unary", at, operator: "not", operand };
}

/** Operators of one precedence: the tree leans to the left, as deep as there are operators. */
function parseChain(
  stream: TokenStream,
  kind: "binary" | "logic",
  goesOn: () => boolean,
  parse: (stream: TokenStream) => Expression,
): Expression {
  let left = parse(stream);
  for (let count = 1; goesOn(); count++) {
    const { value: operator, at } = stream.next();
    if (count > LIMITS.depth) throw fault(`more than ${LIMITS.depth} operators in a row`, at);
    left = { kind, at, operator, left, right: parse(stream) };
  }
  return left;
}

function parseCompare(stream: TokenStream): Expression {
  const first = parseBinary(stream), rest: [string, Expression][] = [];
  for (;;) {
    if (stream.is("operator", ...COMPARISONS) || stream.is("name", "in")) {
      rest.push([stream.next().value, parseBinary(stream)]);
    } else if (stream.is("name", "not") && stream.following.value === "in") {
      stream.next();
      stream.next();
      rest.push(["not in", parseBinary(stream)]);
    } else return rest.length === 0 ? first : { kind: "compare", at: first.at, first, rest };
  }
}

function parseBinary(stream: TokenStream, level = 0): Expression {
  const operators = BINARY[level];
  if (operators === undefined) return parseUnary(stream);
  const goesOn = () => stream.is("operator", ...operators);
  return parseChain(stream, "binary", goesOn, () => parseBinary(stream, level + 1));
}

/** A value with its sign, what is done to it, and its filters and tests. */
function parseUnary(stream: TokenStream, withFilters = true): Expression {
  const { at } = stream.token;
  let value: Expression;
  if (stream.is("operator", "-", "+")) {
    const operator = stream.next().value;
    value = {
      kind: "unary",
      at,
      operator,
      operand: stream.nested(() => parseUnary(stream, false)),
    };
  } else value = parsePrimary(stream);
  value = parsePostfix(stream, value);
  return withFilters ? parseFilters(stream, value) : value;
}

/** What may follow a value: `.name`, `[item]`, `(arguments)`. */
export function parsePostfix(stream: TokenStream, value: Expression): Expression {
  for (let count = 0;; count++) {
    const { at } = stream.token;
    if (count > LIMITS.depth) throw fault(`more than ${LIMITS.depth} steps to a value`, at);
    if (stream.skip("operator", ".")) value = parseDot(stream, value);
    else if (stream.skip("operator", "[")) value = parseItem(stream, value, at);
    else if (stream.is("operator", "(")) {
      value = { kind: "call", at: value.at, callee: value, args: parseArguments(stream) };
    } else return value;
  }
}

function parseDot(stream: TokenStream, object: Expression): Expression {
  const { at } = stream.token;
  if (!stream.is("integer")) {
    return { kind: "member", at, object, name: stream.expect("name").value };
  }
  return { kind: "item", at, object, key: parsePrimary(stream) };
}

/** What stands between `[` and `]`: a key, or the bounds of a slice. */
function parseItem(stream: TokenStream, object: Expression, at: number): Expression {
  const bounds: (Expression | undefined)[] = [undefined];
  while (!stream.skip("operator", "]")) {
    if (stream.skip("operator", ":")) bounds.push(undefined);
    else if (bounds.at(-1) === undefined) bounds[bounds.length - 1] = parseTuple(stream);
    else throw stream.unexpected('"]"');
  }
  if (bounds.length > 3) throw fault(`a slice has ${bounds.length} parts`, at);
  if (bounds.length > 1) return { kind: "slice", at, object, bounds };
  if (bounds[0] === undefined) throw fault("an index is missing", at);
  return { kind: "item", at, object, key: bounds[0] };
}

/** Filters and tests behind a value. */
export function parseFilters(stream: TokenStream, operand: Expression): Expression {
  let value = operand;
  for (let count = 0;; count++) {
    const { at } = stream.token;
    if (count > LIMITS.depth) throw fault(`more than ${LIMITS.depth} filters in a row`, at);
    if (stream.skip("operator", "|")) value = parseFilter(stream, value, at);
    else if (stream.skip("name", "is")) value = parseTest(stream, value, at);
    else if (count > 0 && stream.is("operator", "(")) {
      value = { kind: "call", at, callee: value, args: parseArguments(stream) };
    } else return value;
  }
}

/** A filter, after the bar before it. */
export function parseFilter(stream: TokenStream, operand: Expression, at: number): Expression {
  const name = parseDotted(stream);
  const args = stream.is("operator", "(") ? parseArguments(stream) : [];
  return { kind: "filter", at, name, operand, args };
}

function parseTest(stream: TokenStream, operand: Expression, at: number): Expression {
  const negated = stream.skip("name", "not"), name = parseDotted(stream);
  const test: Expression = { kind: "test", at, name, operand, args: parseTestArguments(stream) };
  return negated ? { kind: "unary", at, operator: "not", operand: test } : test;
}

/** A test takes one argument without parentheses as well. */
function parseTestArguments(stream: TokenStream): readonly Argument[] {
  if (stream.is("operator", "(")) return parseArguments(stream);
  const begins = TEST_ARGUMENT.includes(stream.token.kind) || stream.is("operator", "[", "{");
  if (!begins || stream.is("name", "else", "or", "and", "if", "in", "not")) return [];
  if (stream.is("name", "is")) throw stream.unexpected("no second test");
  return [{ value: parsePostfix(stream, parsePrimary(stream)) }];
}

function parseDotted(stream: TokenStream): string {
  let name = stream.expect("name").value;
  while (stream.skip("operator", ".")) name += `.${stream.expect("name").value}`;
  return name;
}

/** The arguments of a call, parentheses included. */
export function parseArguments(stream: TokenStream): readonly Argument[] {
  stream.expect("operator", "(");
  const args: Argument[] = [];
  while (!stream.skip("operator", ")")) {
    if (args.length > 0) stream.expect("operator", ",");
    if (stream.skip("operator", ")")) break;
    const spread = stream.is("operator", "*", "**") ? stream.next().value as "*" | "**" : undefined;
    const { kind, value: name } = stream.token;
    const named = kind === "name" && stream.following.value === "=" &&
      stream.following.kind === "operator";
    if (named) stream.next(), stream.next();
    else if (!spread && args.some((arg) => arg.name !== undefined || arg.spread === "**")) {
      throw stream.unexpected("a named argument");
    }
    args.push({ name: named ? name : undefined, spread, value: parseExpression(stream) });
  }
  return args;
}

function parsePrimary(stream: TokenStream): Expression {
  const { kind, value, at } = stream.next();
  switch (kind) {
    case "name":
      return Object.hasOwn(CONSTANTS, value)
        ? { kind: "constant", at, value: CONSTANTS[value]! }
        : { kind: "name", at, name: value };
    case "string": {
      let text = value;
      while (stream.is("string")) text += stream.next().value;
      return { kind: "constant", at, value: Text.own(text) };
    }
    case "integer":
      return { kind: "constant", at, value: Number(value.replaceAll("_", "")) };
    case "float":
      return { kind: "constant", at, value: new Float(Number(value.replaceAll("_", ""))) };
  }
  if (kind === "operator" && value === "(") {
    const inner = stream.nested(() => parseTuple(stream, parseExpression, true));
    stream.expect("operator", ")");
    return inner;
  }
  if (kind === "operator" && value === "[") return { kind: "list", at, items: parseItems(stream) };
  if (kind === "operator" && value === "{") return parseDict(stream, at);
  const shown = kind === "end" ? "the end" : JSON.stringify(value);
  throw fault(`${shown} makes no sense where a value should stand`, at);
}

function parseItems(stream: TokenStream): Expression[] {
  const items: Expression[] = [];
  while (!stream.skip("operator", "]")) {
    if (items.length > 0) stream.expect("operator", ",");
    if (stream.skip("operator", "]")) break;
    items.push(parseExpression(stream));
  }
  return items;
}

function parseDict(stream: TokenStream, at: number): Expression {
  const entries: [Expression, Expression][] = [];
  while (!stream.skip("operator", "}")) {
    if (entries.length > 0) stream.expect("operator", ",");
    if (stream.skip("operator", "}")) break;
    const key = parseExpression(stream);
    stream.expect("operator", ":");
    entries.push([key, parseExpression(stream)]);
  }
  return { kind: "dict", at, entries };
}
