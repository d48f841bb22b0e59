/** Fields and items of values: what a dot and brackets reach, and nothing else. @module */

import { methodOf } from "./methods.ts";
import { Text } from "./text.ts";
import {
  Dict,
  Fields,
  found,
  Func,
  itemsOf,
  missing,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from "./values.ts";

/** A field by its name: those that a kind of value has, never one of JavaScript. */
export function attribute(object: Value, name: string): Value {
  const what = `"${name}" of a ${typeName(object)}`;
  if (object instanceof Fields) return found(object.get(name), what);
  if (object instanceof Tuple && object.names) {
    return found(object.items[object.names.indexOf(name)], what);
  }
  const method = methodOf(object, name);
  return method ? new Func(name, method) : new Undefined(what);
}

/** `object.name`: a method first, then a key. */
export function member(object: Value, name: string): Value {
  if (object instanceof Undefined) throw missing(object);
  const known = attribute(object, name);
  if (!(known instanceof Undefined && object instanceof Dict)) return known;
  return found(object.get(Text.own(name)), known.what);
}

/** `object[key]`: an item first, then a method. */
export function item(object: Value, key: Value): Value {
  if (object instanceof Undefined) throw missing(object);
  if (key instanceof Undefined) return new Undefined(key.what);
  const items = itemsOf(object);
  if (typeof key === "number" || typeof key === "boolean") {
    if (items) return found(items.at(Number(key)), `item ${key} of ${items.length}`);
    if (object instanceof Text) return character(object, Number(key));
  }
  if (object instanceof Dict) {
    const hashable = !(key instanceof Dict) && !Array.isArray(key);
    const value = hashable ? object.get(key) : undefined;
    if (value !== undefined) return value;
  }
  return key instanceof Text
    ? attribute(object, key.text)
    : new Undefined(`an item of a ${typeName(object)}`);
}

function character(text: Text, index: number): Value {
  const all = text.length === text.text.length ? undefined : text.characters();
  const length = all?.length ?? text.text.length, at = index < 0 ? length + index : index;
  if (at < 0 || at >= length) return new Undefined(`character ${index} of ${length}`);
  return all?.[at] ?? text.cut(at, at + 1);
}

/** A field of a field, `a.b.0`, as filters name them. */
export function fieldPath(value: Value, path: Value): Value {
  if (!(path instanceof Text)) return item(value, path);
  return path.split(".").reduce<Value>(
    (object, part) =>
      object instanceof Undefined
        ? object
        : item(object, /^\d+$/.test(part.text) ? Number(part.text) : part),
    value,
  );
}
