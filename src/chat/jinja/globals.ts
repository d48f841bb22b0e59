/** Functions that every template knows. @module */

import { bind } from "./arguments.ts";
import { TemplateFault } from "./budget.ts";
import { range } from "./slices.ts";
import { Text } from "./text.ts";
import {
  type Arguments,
  Dict,
  Fields,
  Func,
  itemsOf,
  iterate,
  type Value,
  whole,
} from "./values.ts";
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

/** Writes a separator each time but the first. */
function joiner(args: Arguments): Fields {
  const [separator = Text.own(", ")] = bind("joiner", ["sep"], args);
  let used = false;
  return new Fields("joiner", () => undefined, undefined, () => {
    const text = used ? separator : Text.EMPTY;
    used = true;
    return text;
  });
}

/** Gives its values in turn. */
function cycler({ positional }: Arguments): Fields {
  if (positional.length === 0) throw new TemplateFault("a cycler needs values");
  let at = 0;
  const current = () => positional[at % positional.length]!;
  const methods: Readonly<Record<string, () => Value>> = {
    next: () => {
      const value = current();
      at++;
      return value;
    },
    reset: () => {
      at = 0;
      return null;
    },
  };
  return new Fields("cycler", (name) => {
    if (name === "current") return current();
    return Object.hasOwn(methods, name) ? new Func(name, methods[name]!) : undefined;
  });
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
  joiner,
  cycler,
  raise_exception: (args) => {
    const [message = null] = bind("raise_exception", ["message"], args, 1);
    throw new TemplateFault(print(message).text);
  },
};
