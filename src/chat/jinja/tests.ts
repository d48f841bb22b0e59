/** What can be asked of a value with `is`. @module */

import { TemplateFault } from "./budget.ts";
import { COMPARISONS } from "./operators.ts";
import { Text } from "./text.ts";
import {
  Dict,
  equal,
  Fields,
  Float,
  Func,
  itemsOf,
  numeric,
  Undefined,
  type Value,
  whole,
} from "./values.ts";

type Test = (value: Value, other: Value) => boolean;

const isSequence: Test = (value) =>
  itemsOf(value) !== undefined || value instanceof Text || value instanceof Dict ||
  value instanceof Undefined;

/** A test by an operator. */
function operator(name: string): Test {
  return COMPARISONS[name]!;
}

/** Every test, by its name. */
export const TESTS: Readonly<Record<string, Test>> = {
  boolean: (value) => typeof value === "boolean",
  callable: (value) => value instanceof Func || (value instanceof Fields && !!value.call),
  defined: (value) => !(value instanceof Undefined),
  divisibleby: (value, other) => {
    const divisor = whole(other, "a divisor");
    if (divisor === 0) throw new TemplateFault("a division by zero");
    return whole(value, "what is divided") % divisor === 0;
  },
  escaped: () => false,
  even: (value) => whole(value, "an even value") % 2 === 0,
  false: (value) => value === false,
  float: (value) => value instanceof Float,
  integer: (value) => typeof value === "number",
  iterable: isSequence,
  lower: (value) => value instanceof Text && isLower(value.text),
  mapping: (value) => value instanceof Dict,
  none: (value) => value === null,
  number: (value) => numeric(value) !== undefined,
  odd: (value) => whole(value, "an odd value") % 2 !== 0,
  sameas: (value, other) =>
    value === other || (isAtom(value) && equal(value, other) && isAtom(other)),
  sequence: isSequence,
  string: (value) => value instanceof Text,
  true: (value) => value === true,
  undefined: (value) => value instanceof Undefined,
  upper: (value) =>
    value instanceof Text && /\p{L}/u.test(value.text) && value.text === value.text.toUpperCase(),
  ...{ eq: operator("=="), equalto: operator("=="), "==": operator("==") },
  ...{ ne: operator("!="), "!=": operator("!=") },
  ...{ lt: operator("<"), lessthan: operator("<"), "<": operator("<") },
  ...{ gt: operator(">"), greaterthan: operator(">"), ">": operator(">") },
  ...{ le: operator("<="), "<=": operator("<="), ge: operator(">="), ">=": operator(">=") },
  in: operator("in"),
};

function isLower(text: string): boolean {
  return /\p{L}/u.test(text) && text === text.toLowerCase();
}

/** Short texts and small numbers are one object in Python. */
function isAtom(value: Value): boolean {
  return value instanceof Text || value instanceof Float;
}

/** Asks; refuses what there is no test for. */
export function ask(name: string, value: Value, args: readonly Value[]): boolean {
  if (!Object.hasOwn(TESTS, name)) throw new TemplateFault(`there is no test "${name}"`);
  return TESTS[name]!(value, args[0] ?? null);
}
