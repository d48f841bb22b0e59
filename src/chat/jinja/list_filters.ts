/** Filters that take lists apart, choose from them and put them in order. @module */

import { bind } from "./arguments.ts";
import { spend, TemplateFault } from "./budget.ts";
import { binary } from "./operators.ts";
import { attribute, fieldPath } from "./fields.ts";
import { ask } from "./tests.ts";
import { Text } from "./text.ts";
import {
  type Arguments,
  compare,
  Dict,
  equal,
  found,
  iterate,
  truth,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from "./values.ts";
import { print } from "./writing.ts";

type Apply = (name: string, value: Value, args: Arguments) => Value;
type ListFilter = (value: Value, args: Arguments, apply: Apply) => Value;

/** Without capitals, where they are to make no difference. */
function folded(value: Value, caseSensitive: Value): Value {
  return value instanceof Text && !truth(caseSensitive)
    ? value.map((text) => text.toLowerCase())
    : value;
}

/** Items in the order of what stands for them. */
function sorted<T>(items: readonly T[], key: (item: T) => Value, reverse: Value): T[] {
  spend(items.length);
  const order = items.map((item) => [key(item), item] as const);
  const sign = truth(reverse) ? -1 : 1;
  return order.sort(([a], [b]) => sign * compare(a, b)).map(([, item]) => item);
}

/** Some filters take whatever counts as false for an empty list. */
function itemsIfAny(value: Value): readonly Value[] {
  return truth(value) ? iterate(value) : [];
}

/** `select` and its like: those items for which a test holds, or does not. */
function choose(ofField: boolean, wanted: boolean): ListFilter {
  return (value, { positional }) => {
    const [field, test, ...rest] = ofField ? positional : [null, ...positional];
    if (ofField && field === undefined) throw new TemplateFault("the name of a field is missing");
    const holds = (item: Value) => {
      const part = ofField ? fieldPath(item, field!) : item;
      if (test === undefined) return truth(part);
      return ask(print(test).text, part, rest);
    };
    return itemsIfAny(value).filter((item) => holds(item) === wanted);
  };
}

/** `map`: of each item a field, or what a filter makes of it. */
const map: ListFilter = (value, { positional, named }, apply) => {
  const field = named.get("attribute");
  if (field !== undefined && positional.length === 0) {
    const otherwise = named.get("default");
    return itemsIfAny(value).map((item) => {
      const part = fieldPath(item, field);
      return part instanceof Undefined && otherwise !== undefined ? otherwise : part;
    });
  }
  const [name, ...rest] = positional;
  if (name === undefined) throw new TemplateFault('"map" needs a filter or an attribute');
  const filter = print(name).text;
  return itemsIfAny(value).map((item) => apply(filter, item, { positional: rest, named }));
};

const sort: ListFilter = (value, args) => {
  const bound = bind("sort", ["reverse", "case_sensitive", "attribute"], args);
  const [reverse = false, caseSensitive = false, field = null] = bound;
  const paths = field instanceof Text ? field.split(",") : [field];
  const key = (item: Value) =>
    new Tuple(
      paths.map((path) => folded(path === null ? item : fieldPath(item, path), caseSensitive)),
    );
  return sorted(iterate(value), key, reverse);
};

const dictSort: ListFilter = (value, args) => {
  const bound = bind("dictsort", ["case_sensitive", "by", "reverse"], args);
  const [caseSensitive = false, by, reverse = false] = bound;
  const way = by === undefined ? "key" : print(by).text;
  if (!(value instanceof Dict)) throw new TemplateFault(`a ${typeName(value)} is no dictionary`);
  if (way !== "key" && way !== "value") {
    throw new TemplateFault(`"${way}" is neither key nor value`);
  }
  const key = (entry: readonly [Value, Value]) =>
    folded(entry[way === "key" ? 0 : 1], caseSensitive);
  return sorted(value.entries(), key, reverse).map((entry) => new Tuple(entry));
};

const GROUP = ["grouper", "list"];

const groupBy: ListFilter = (value, args) => {
  const bound = bind("groupby", ["attribute", "default", "case_sensitive"], args, 1);
  const [field = null, otherwise, caseSensitive = false] = bound;
  const plainKey = (item: Value) => {
    const part = fieldPath(item, field);
    return part instanceof Undefined && otherwise !== undefined ? otherwise : part;
  };
  const groups: { key: Value; items: Value[] }[] = [];
  const key = (item: Value) => folded(plainKey(item), caseSensitive);
  for (const item of sorted(iterate(value), key, false)) {
    const last = groups.at(-1);
    if (last && equal(folded(last.key, caseSensitive), key(item))) last.items.push(item);
    else groups.push({ key: plainKey(item), items: [item] });
  }
  return groups.map(({ key, items }) => new Tuple([key, items], GROUP));
};

const unique: ListFilter = (value, args) => {
  const [caseSensitive = false, field = null] = bind(
    "unique",
    ["case_sensitive", "attribute"],
    args,
  );
  const seen = new Dict();
  return iterate(value).filter((item) => {
    const key = folded(field === null ? item : fieldPath(item, field), caseSensitive);
    if (seen.get(key) !== undefined) return false;
    seen.set(key, true);
    return true;
  });
};

/** `min` and `max`. */
function extreme(sign: number): ListFilter {
  return (value, args) => {
    const [caseSensitive = false, field = null] = bind(
      "min",
      ["case_sensitive", "attribute"],
      args,
    );
    const key = (item: Value) =>
      folded(field === null ? item : fieldPath(item, field), caseSensitive);
    const items = iterate(value);
    if (items.length === 0) return new Undefined("an item of an empty list");
    return items.reduce((best, item) => sign * compare(key(item), key(best)) > 0 ? item : best);
  };
}

const join: ListFilter = (value, args) => {
  const [between = Text.EMPTY, field = null] = bind("join", ["d", "attribute"], args);
  const items = iterate(value).map((item) => print(field === null ? item : fieldPath(item, field)));
  return Text.join(items, print(between));
};

const sum: ListFilter = (value, args) => {
  const [field = null, start = 0] = bind("sum", ["attribute", "start"], args);
  return iterate(value).reduce<Value>(
    (total, item) => binary("+", total, field === null ? item : fieldPath(item, field)),
    start,
  );
};

/** The first or the last item. */
function edge(place: 0 | -1): ListFilter {
  return (value, args) => {
    bind("first", [], args);
    return found(iterate(value).at(place), "an item of an empty list");
  };
}

/** Filters of lists, by name. */
export const LIST_FILTERS: Readonly<Record<string, ListFilter>> = {
  attr: (value, args) => {
    const [name = null] = bind("attr", ["name"], args, 1);
    return value instanceof Dict ? new Undefined("a field") : attribute(value, print(name).text);
  },
  dictsort: dictSort,
  first: edge(0),
  groupby: groupBy,
  items: (value, args) => {
    bind("items", [], args);
    if (value instanceof Undefined) return [];
    if (!(value instanceof Dict)) throw new TemplateFault(`a ${typeName(value)} has no items`);
    return value.entries().map((entry) => new Tuple(entry));
  },
  join,
  last: edge(-1),
  list: (value, args) => {
    bind("list", [], args);
    return [...iterate(value)];
  },
  map,
  max: extreme(1),
  min: extreme(-1),
  reject: choose(false, false),
  rejectattr: choose(true, false),
  reverse: (value) => {
    const items = [...iterate(value)].reverse();
    return value instanceof Text ? Text.join(items as Text[]) : items;
  },
  select: choose(false, true),
  selectattr: choose(true, true),
  sort,
  sum,
  unique,
};
