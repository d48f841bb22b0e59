/** Every filter: what `value | name(arguments)` does. @module */

import { bind } from "./arguments.ts";
import { spend, TemplateFault } from "./budget.ts";
import { lines, percent } from "./format.ts";
import { LIST_FILTERS } from "./list_filters.ts";
import { capitalize, replace } from "./methods.ts";
import { Text } from "./text.ts";
import {
  type Arguments,
  Float,
  itemsOf,
  lengthOf,
  missing,
  numeric,
  textOf,
  truth,
  Tuple,
  typeName,
  Undefined,
  type Value,
  whole,
} from "./values.ts";
import { json, print } from "./writing.ts";

/** A filter: its parameters by name, and what it does; `needs` many must be there. */
export interface Filter {
  readonly parameters: readonly string[];
  readonly needs?: number;
  readonly run: (value: Value, args: readonly (Value | undefined)[]) => Value;
}

/** A filter of texts without parameters; other values are written first. */
function textFilter(write: (text: Text) => Value): Filter {
  return { parameters: [], run: (value) => write(print(value)) };
}

const ESCAPE = textFilter((text) => text.escaped());
const LENGTH: Filter = { parameters: [], run: lengthOf };
const DEFAULT: Filter = {
  parameters: ["default_value", "boolean"],
  run: (value, [otherwise = Text.EMPTY, boolean = false]) =>
    value instanceof Undefined || (truth(boolean) && !truth(value)) ? otherwise : value,
};

/** `indent`: text whose lines, but for the first and the empty ones, begin with spaces. */
function indent(value: Value, args: readonly (Value | undefined)[]): Value {
  const [width = 4, first = false, blank = false] = args;
  const space = width instanceof Text ? width : Text.own(" ").repeat(whole(width, "a width"));
  const text = Text.join([print(value), Text.own("\n")]), rows = lines(text);
  const indented = rows.map((row, index) =>
    index > 0 && (row.text !== "" || truth(blank)) ? Text.join([space, row]) : row
  );
  const all = Text.join(indented, Text.own("\n"));
  return truth(first) ? Text.join([space, all]) : all;
}

/** The number that a text begins to be. */
function toNumber(value: Value, otherwise: Value, pattern: RegExp): Value | number {
  if (value instanceof Undefined) throw missing(value);
  const number = numeric(value);
  if (number !== undefined) return number;
  const text = value instanceof Text ? value.text.replaceAll("_", "").trim() : "";
  return pattern.test(text) ? Number(text) : otherwise;
}

function toJson(value: Value, args: readonly (Value | undefined)[]): Value {
  const [ascii = false, width = null, separators = null, sorted = false] = args;
  const indented = width === null
    ? undefined
    : width instanceof Text
    ? width
    : Text.own(" ").repeat(whole(width, "an indentation"));
  const pair = separators === null ? undefined : itemsOf(separators);
  if (separators !== null && pair?.length !== 2) {
    throw new TemplateFault("there are two separators");
  }
  return json(value, {
    ascii: truth(ascii),
    sorted: truth(sorted),
    indent: indented,
    separators: pair
      ? [textOf(pair[0], "a separator"), textOf(pair[1], "a separator")]
      : [Text.own(indented ? "," : ", "), Text.own(": ")],
  });
}

/** Filters of texts and numbers, by name. */
const FILTERS: Readonly<Record<string, Filter>> = {
  abs: {
    parameters: [],
    run: (value) => {
      const number = numeric(value);
      if (number === undefined) throw new TemplateFault(`a ${typeName(value)} is no number`);
      return value instanceof Float ? new Float(Math.abs(number)) : Math.abs(number);
    },
  },
  capitalize: textFilter((text) => text.map(capitalize)),
  count: LENGTH,
  d: DEFAULT,
  default: DEFAULT,
  e: ESCAPE,
  escape: ESCAPE,
  float: {
    parameters: ["default"],
    run: (value, [otherwise = new Float(0)]) => {
      const found = toNumber(value, otherwise, /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i);
      return typeof found === "number" ? new Float(found) : found;
    },
  },
  indent: { parameters: ["width", "first", "blank"], run: indent },
  int: {
    parameters: ["default", "base"],
    run: (value, [otherwise = 0]) => {
      const found = toNumber(value, otherwise, /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i);
      return typeof found === "number" ? Math.trunc(found) + 0 : found;
    },
  },
  length: LENGTH,
  lower: textFilter((text) => text.map((one) => one.toLowerCase())),
  replace: {
    parameters: ["old", "new", "count"],
    needs: 2,
    run: (value, [old, to, count = null]) => {
      const most = count === null ? -1 : whole(count, "a count");
      return replace(print(value), print(old!), print(to!), most < 0 ? Infinity : most);
    },
  },
  safe: textFilter((text) => text.asMarkup()),
  string: textFilter((text) => text),
  title: textFilter((text) =>
    text.map((one) => one.replace(/[^-\s({[<]+/gu, (word) => capitalize(word)))
  ),
  tojson: { parameters: ["ensure_ascii", "indent", "separators", "sort_keys"], run: toJson },
  trim: {
    parameters: ["chars"],
    run: (value, [set = null]) =>
      print(value).strip(set === null ? undefined : textOf(set, "trim").text, true, true),
  },
  upper: textFilter((text) => text.map((one) => one.toUpperCase())),
  wordcount: textFilter(({ text }) => text.match(/[\p{L}\p{N}_]+/gu)?.length ?? 0),
};

/** Applies a filter; `call` runs filters and tests by their names, for `map` and its like. */
export function applyFilter(name: string, value: Value, args: Arguments): Value {
  spend(1);
  if (name === "format") {
    return percent(print(value), new Tuple(args.positional)); // named ones would need a dictionary
  }
  const filter = Object.hasOwn(FILTERS, name) ? FILTERS[name] : undefined;
  if (filter) return filter.run(value, bind(name, filter.parameters, args, filter.needs));
  if (Object.hasOwn(LIST_FILTERS, name)) return LIST_FILTERS[name]!(value, args, applyFilter);
  throw new TemplateFault(`there is no filter "${name}"`);
}
