/** What templates work with: Python's values, and what they are equal to. @module */

import { spend, TemplateFault } from "./budget.ts";
import { Text } from "./text.ts";

/** A number that Python writes with a point. */
export class Float {
  constructor(readonly value: number) {}
}

/** What a name or a field stands for that is not there. */
export class Undefined {
  /** What is missing, in words. */
  constructor(readonly what: string) {}
}

/** A list that nothing changes: `(1, 2)`. */
export class Tuple {
  constructor(
    readonly items: readonly Value[],
    /** What its items are called; of the groups of `groupby`. */
    readonly names?: readonly string[],
  ) {}
}

/** A dictionary; equal keys are one key. */
export class Dict {
  readonly #entries = new Map<string, readonly [Value, Value]>();

  constructor(entries: Iterable<readonly [Value, Value]> = []) {
    for (const [key, value] of entries) this.set(key, value);
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: Value): Value | undefined {
    return this.#entries.get(hash(key))?.[1];
  }

  set(key: Value, value: Value): void {
    const known = hash(key);
    this.#entries.set(known, [(this.#entries.get(known) ?? [key])[0], value]);
  }

  entries(): (readonly [Value, Value])[] {
    spend(this.size);
    return [...this.#entries.values()];
  }

  keys(): Value[] {
    return this.entries().map(([key]) => key);
  }
}

/** Something with fields: a namespace, the `loop` of a loop. */
export class Fields {
  constructor(
    /** What it is called in messages. */
    readonly name: string,
    /** A field by its name. */
    readonly get: (field: string) => Value | undefined,
    /** Assigns one; only namespaces can. */
    readonly set?: (field: string, value: Value) => void,
    /** Calls it; of `loop` in a recursive loop. */
    readonly call?: Callable,
  ) {}
}

/** The arguments of a call. */
export interface Arguments {
  readonly positional: readonly Value[];
  readonly named: ReadonlyMap<string, Value>;
}

/** Something that can be called. */
export type Callable = (args: Arguments) => Value;

/** A function, a method or a macro. */
export class Func {
  constructor(readonly name: string, readonly call: Callable) {}
}

/** Everything that an expression may come to. Whole numbers are numbers, others `Float`. */
export type Value =
  | null
  | boolean
  | number
  | Float
  | Text
  | readonly Value[]
  | Tuple
  | Dict
  | Fields
  | Func
  | Undefined;

/** A value, or that it is not there. */
export function found(value: Value | undefined, what: string): Value {
  return value === undefined ? new Undefined(what) : value;
}

/** What Python calls the type of a value. */
export function typeName(value: Value): string {
  if (value === null) return "NoneType";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return "int";
  if (value instanceof Float) return "float";
  if (value instanceof Text) return "str";
  if (value instanceof Tuple) return "tuple";
  if (value instanceof Dict) return "dict";
  if (value instanceof Func) return "function";
  if (value instanceof Fields) return value.name;
  return value instanceof Undefined ? "Undefined" : "list";
}

/** The number that a value counts as: booleans are 0 and 1. */
export function numeric(value: Value): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return Number(value);
  return value instanceof Float ? value.value : undefined;
}

/** A whole number, refused if it is none. */
export function whole(value: Value, what: string): number {
  const number = value instanceof Float ? undefined : numeric(value);
  if (number !== undefined) return number;
  throw new TemplateFault(`${what} must be a whole number, not ${typeName(value)}`);
}

/** A text, refused if it is none. */
export function textOf(value: Value | undefined, what: string): Text {
  if (value instanceof Text) return value;
  if (value instanceof Undefined) throw missing(value);
  throw new TemplateFault(`${what} must be a text, not ${typeName(value ?? null)}`);
}

/** The refusal to work with what is not there. */
export function missing(value: Undefined): TemplateFault {
  return new TemplateFault(`${value.what} is undefined`);
}

/** The items of a list or a tuple. */
export function itemsOf(value: Value): readonly Value[] | undefined {
  if (value instanceof Tuple) return value.items;
  return Array.isArray(value) ? value as readonly Value[] : undefined;
}

/** What a loop over a value goes through. */
export function iterate(value: Value): readonly Value[] {
  const items = itemsOf(value);
  if (items) return items;
  if (value instanceof Dict) return value.keys();
  if (value instanceof Text) return value.characters();
  if (value instanceof Undefined) return [];
  throw new TemplateFault(`a ${typeName(value)} has no items`);
}

/** How many items, or characters. */
export function lengthOf(value: Value): number {
  const items = itemsOf(value);
  if (items) return items.length;
  if (value instanceof Dict) return value.size;
  if (value instanceof Text) return value.length;
  if (value instanceof Undefined) return 0;
  throw new TemplateFault(`a ${typeName(value)} has no length`);
}

/** Whether a value counts as true. */
export function truth(value: Value): boolean {
  if (value === null || value instanceof Undefined) return false;
  if (value instanceof Func || value instanceof Fields) return true;
  const number = numeric(value);
  if (number !== undefined) return number !== 0;
  return value instanceof Text ? value.text !== "" : lengthOf(value) > 0;
}

/** Whether two values are equal, as Python has it. */
export function equal(a: Value, b: Value): boolean {
  spend(1);
  if (a === b) return true;
  const left = numeric(a), right = numeric(b);
  if (left !== undefined && right !== undefined) return left === right;
  if (a instanceof Text && b instanceof Text) return a.text === b.text;
  if (a instanceof Undefined) return b instanceof Undefined;
  if (a instanceof Dict && b instanceof Dict) {
    return a.size === b.size && a.entries().every(([key, value]) => {
      const other = b.get(key);
      return other !== undefined && equal(value, other);
    });
  }
  const items = itemsOf(a), others = itemsOf(b);
  if (!items || !others || a instanceof Tuple !== b instanceof Tuple) return false;
  return items.length === others.length &&
    items.every((item, index) => equal(item, others[index]!));
}

/**
 * Which of two values comes first: negative, if `a` does.
 * @throws TemplateFault where Python knows no order
 */
export function compare(a: Value, b: Value): number {
  spend(1);
  const left = numeric(a), right = numeric(b);
  if (left !== undefined && right !== undefined) return left - right;
  if (a instanceof Text && b instanceof Text) return compareTexts(a.text, b.text);
  const items = itemsOf(a), others = itemsOf(b);
  if (items && others && a instanceof Tuple === b instanceof Tuple) {
    const at = items.findIndex((item, index) =>
      index >= others.length || !equal(item, others[index]!)
    );
    if (at < 0 || at >= others.length) return items.length - others.length;
    return compare(items[at]!, others[at]!);
  }
  for (const one of [a, b]) if (one instanceof Undefined) throw missing(one);
  throw new TemplateFault(`${typeName(a)} and ${typeName(b)} have no order`);
}

/** By code points, not by UTF-16 units. */
function compareTexts(a: string, b: string): number {
  let at = 0;
  while (at < a.length && at < b.length && a[at] === b[at]) at++;
  spend(at >> 5);
  if (at > 0 && /[\uDC00-\uDFFF]/.test(a[at] ?? b[at] ?? "")) at--;
  return (a.codePointAt(at) ?? -1) - (b.codePointAt(at) ?? -1);
}

/** Whether a value is among others, or a text in a text. */
export function contains(whole: Value, part: Value): boolean {
  if (whole instanceof Text) {
    spend(whole.text.length >> 5);
    return whole.text.includes(textOf(part, "what is looked for in a text").text);
  }
  if (whole instanceof Dict) return whole.get(part) !== undefined;
  return iterate(whole).some((item) => equal(item, part));
}

/** What tells the keys of a dictionary apart. */
function hash(key: Value): string {
  const number = numeric(key);
  if (number !== undefined) return `n${number}`;
  if (key === null) return "none";
  if (key instanceof Text) return `t${key.text}`;
  if (key instanceof Tuple) return `(${key.items.map((item) => JSON.stringify(hash(item)))})`;
  if (key instanceof Undefined) return "undefined";
  throw new TemplateFault(`a ${typeName(key)} cannot be a key`);
}

const DEEPEST = 100;

/**
 * A value of JavaScript as one of a template: own fields only, no functions.
 * @param text what becomes of strings
 */
export function toValue(input: unknown, text: (text: string) => Text, depth = 0): Value {
  if (depth > DEEPEST) throw new TemplateFault(`data are nested more than ${DEEPEST} deep`);
  switch (typeof input) {
    case "string":
      return text(input);
    case "number":
      return Number.isInteger(input) ? input : new Float(input);
    case "boolean":
      return input;
    case "undefined":
      return null;
    case "bigint":
      return Number(input);
    case "function":
    case "symbol":
      throw new TemplateFault(`a ${typeof input} is no data`);
  }
  if (input === null) return null;
  if (Array.isArray(input)) return input.map((item) => toValue(item, text, depth + 1));
  const entries = Object.entries(input as object).filter(([, value]) => value !== undefined);
  return new Dict(
    entries.map(([key, value]) => [text(key), toValue(value, text, depth + 1)]),
  );
}
