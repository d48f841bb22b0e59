/** Functions that every template knows. @module */

import { bind } from "./arguments.ts";
import { TemplateFault } from "./budget.ts";
import { range } from "./slices.ts";
import { Text } from "./text.ts";
import { type Arguments, Dict, Fields, itemsOf, iterate, type Value, whole } from "./values.ts";
import { print } from "./writing.ts";

/** What `dict` and `namespace` are made of. */
function entriesOf({ positional, named }: Arguments): (readonly [Value, Value])[] {
  const [source = null] = positional;
  const given = source instanceof Dict
    ? source.entries()
    : source === null
    ? []
    : iterate(source).map((pair) => {
      const [key, value] = itemsOf(pair) ?? [];
      if (key === undefined || value === undefined) throw new TemplateFault("an entry is no pair");
      return [key, value] as const;
    });
  return [...given, ...[...named].map(([key, value]) => [Text.own(key), value] as const)];
}

/** Something that keeps values while names come and go: `namespace(found=false)`. */
function namespace(args: Arguments): Fields {
  const fields = new Map<string, Value>();
  const set = (name: string, value: Value) => {
    if (name.startsWith("_")) throw new TemplateFault(`a namespace cannot have "${name}"`);
    fields.set(name, value);
  };
  for (const [key, value] of entriesOf(args)) set(print(key).text, value);
  return new Fields("namespace", (name) => fields.get(name), set);
}

/** Every function, by its name. */
export const GLOBALS: Readonly<Record<string, (args: Arguments) => Value>> = {
  range: (args) => {
    const bounds = bind("range", ["start", "stop", "step"], args, 1);
    const given = bounds.filter((bound) => bound !== undefined);
    return range(given.map((bound) => whole(bound, "a bound")));
  },
  dict: (args) => new Dict(entriesOf(args)),
  namespace,
  raise_exception: (args) => {
    const [message = null] = bind("raise_exception", ["message"], args, 1);
    throw new TemplateFault(print(message).text);
  },
};
