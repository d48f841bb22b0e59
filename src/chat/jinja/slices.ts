/** Parts of lists and texts, counted as Python counts. @module */

import { spend, TemplateFault } from "./budget.ts";
import { Text } from "./text.ts";
import { itemsOf, Tuple, typeName, type Value, whole } from "./values.ts";

/**
 * `object[start:stop:step]`.
 * @param bounds start, stop and step; null or undefined where left out
 */
export function slice(object: Value, bounds: readonly (Value | undefined)[]): Value {
  const [start, stop, step = 1] = bounds.map((bound) =>
    bound === undefined || bound === null ? undefined : whole(bound, "a bound")
  );
  if (object instanceof Text) {
    if (step === 1 && object.length === object.text.length) {
      return object.cut(...ends(object.text.length, start, stop));
    }
    return Text.join(pick(object.characters(), start, stop, step));
  }
  const items = itemsOf(object);
  if (!items) throw new TemplateFault(`a ${typeName(object)} has no parts`);
  const picked = pick(items, start, stop, step);
  return object instanceof Tuple ? new Tuple(picked) : picked;
}

/** Where a part begins and ends that goes forward. */
function ends(
  length: number,
  start: number | undefined,
  stop: number | undefined,
): [number, number] {
  const place = (bound: number) =>
    Math.min(length, bound < 0 ? Math.max(0, length + bound) : bound);
  const from = place(start ?? 0);
  return [from, Math.max(from, place(stop ?? length))];
}

function pick<T>(
  items: readonly T[],
  start: number | undefined,
  stop: number | undefined,
  step: number,
): T[] {
  if (step === 0) throw new TemplateFault("the step of a slice is 0");
  spend(items.length);
  if (step > 0) {
    const [from, to] = ends(items.length, start, stop);
    return items.slice(from, to).filter((_, index) => index % step === 0);
  }
  const place = (bound: number) =>
    Math.min(items.length - 1, bound < 0 ? Math.max(-1, items.length + bound) : bound);
  const from = start === undefined ? items.length - 1 : place(start);
  const to = stop === undefined ? -1 : place(stop);
  const picked: T[] = [];
  for (let at = from; at > to; at += step) picked.push(items[at]!);
  return picked;
}

/** Python's `range`. */
export function range(bounds: readonly number[]): number[] {
  const [first = 0, second, step = 1] = bounds;
  const [start, stop] = second === undefined ? [0, first] : [first, second];
  if (step === 0) throw new TemplateFault("the step of a range is 0");
  const count = Math.max(0, Math.ceil((stop - start) / step));
  // Jinja's own limit.
  if (count > 100_000) throw new TemplateFault(`a range of ${count} numbers is too long`);
  spend(count);
  return Array.from({ length: count }, (_, index) => start + index * step);
}
