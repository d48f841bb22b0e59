/** What operators do with values. @module */

import { spend, TemplateFault } from "./budget.ts";
import { percent } from "./format.ts";
import { Text } from "./text.ts";
import {
  compare,
  contains,
  equal,
  Float,
  itemsOf,
  missing,
  numeric,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from "./values.ts";
import { print } from "./writing.ts";

/** `a == b` and its like, by operator. */
export const COMPARISONS: Readonly<Record<string, (a: Value, b: Value) => boolean>> = {
  "==": equal,
  "!=": (a, b) => !equal(a, b),
  "<": (a, b) => compare(a, b) < 0,
  "<=": (a, b) => compare(a, b) <= 0,
  ">": (a, b) => compare(a, b) > 0,
  ">=": (a, b) => compare(a, b) >= 0,
  in: (a, b) => contains(b, a),
  "not in": (a, b) => !contains(b, a),
};

/** What numbers come to. */
const ARITHMETIC: Readonly<Record<string, (a: number, b: number) => number>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "//": (a, b) => Math.floor(a / b),
  "%": (a, b) => a - Math.floor(a / b) * b,
  "**": (a, b) => a ** b,
};

/** `a + b` and its like. */
export function binary(operator: string, a: Value, b: Value): Value {
  if (operator === "~") return Text.join([print(a), print(b)]);
  for (const one of [a, b]) if (one instanceof Undefined) throw missing(one);
  const left = numeric(a), right = numeric(b);
  if (left !== undefined && right !== undefined) return calculate(operator, a, left, b, right);
  if (operator === "%" && a instanceof Text) return percent(a, b);
  if (operator === "+") {
    if (a instanceof Text && b instanceof Text) {
      if (!a.markup && !b.markup) return Text.join([a, b]);
      return Text.join([a.escaped(), b.escaped()]).asMarkup();
    }
    const items = itemsOf(a), others = itemsOf(b);
    if (items && others && a instanceof Tuple === b instanceof Tuple) {
      spend(items.length + others.length);
      const all = [...items, ...others];
      return a instanceof Tuple ? new Tuple(all) : all;
    }
  }
  if (operator === "*" && right !== undefined && !(b instanceof Float)) return repeat(a, right);
  if (operator === "*" && left !== undefined && !(a instanceof Float)) return repeat(b, left);
  throw new TemplateFault(`"${operator}" makes no sense between ${typeName(a)} and ${typeName(b)}`);
}

function calculate(operator: string, a: Value, left: number, b: Value, right: number): Value {
  if ("/%".includes(operator[0]!) && right === 0) throw new TemplateFault("a division by zero");
  const result = ARITHMETIC[operator]!(left, right);
  if (a instanceof Float || b instanceof Float || operator === "/") return new Float(result);
  if (operator === "**" && right < 0) return new Float(result);
  if (Number.isFinite(result)) return result;
  throw new TemplateFault("a number is too large");
}

function repeat(value: Value, times: number): Value {
  if (value instanceof Text) return value.repeat(times);
  const items = itemsOf(value);
  if (!items) throw new TemplateFault(`a ${typeName(value)} cannot be repeated`);
  spend(items.length * Math.max(0, times));
  const all = Array.from({ length: Math.max(0, times) }, () => items).flat();
  return value instanceof Tuple ? new Tuple(all) : all;
}

/** `-a` and `+a`. */
export function signed(operator: string, value: Value): Value {
  if (value instanceof Undefined) throw missing(value);
  const number = numeric(value);
  if (number === undefined) throw new TemplateFault(`a ${typeName(value)} has no sign`);
  const result = operator === "-" ? -number : number;
  return value instanceof Float ? new Float(result) : result + 0; // no -0 among whole numbers
}
