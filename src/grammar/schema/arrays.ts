/** Arrays of JSON: items by position, and how many there are. @module */

import { characters, choice, EMPTY, type Expression } from "../expression.ts";
import { type MachineEdge, repeat, sequence, text } from "../expression.ts";
import { keyword, type Place, refuse, type SchemaDocument } from "./document.ts";
import type { Conjunction } from "./forms.ts";
import { countOf } from "./limits.ts";
import { COMMA, valuesExpression } from "./values.ts";

/** Makes the expression of values that meet all of some places. */
export type Compile = (places: readonly Place[]) => Expression;

/** The values that meet all of some places, where they are listed. */
export type List = (places: readonly Place[]) => readonly unknown[] | undefined;

/** Of so many values, each may be chosen once: there is a state for each set of them. */
const MOST_DISTINCT = 10;

/** What one place says of items. */
interface Items {
  readonly first: readonly Place[];
  readonly rest: Place | undefined;
}

/** The arrays that meet all of some places. */
export function arrayExpression(
  places: Conjunction,
  document: SchemaDocument,
  compile: Compile,
  list: List,
): Expression {
  let least = 0, most = Infinity;
  for (const place of places) {
    least = Math.max(least, countOf(place, "minItems") ?? 0);
    most = Math.min(most, countOf(place, "maxItems") ?? Infinity);
  }
  const all = places.map((place) => itemsOf(place, document));
  const fixed = Math.max(0, ...all.map(({ first }) => first.length));
  // A list of positions alone stands for no more than these, unless there must be more.
  const isOpen = fixed === 0 || least > fixed || all.some(({ rest }) => rest !== undefined);
  if (!isOpen) most = Math.min(most, fixed);
  if (least > most) return characters();
  const at = (position: number) =>
    compile(all.flatMap(({ first, rest }) => first[position] ?? rest ?? []));
  if (most === 0) return text("[]");
  const unique = most > 1 ? uniquePlace(places) : undefined;
  if (unique !== undefined) {
    const values = fixed === 0 ? list(all.flatMap(({ rest }) => rest ?? [])) : undefined;
    if (values === undefined || values.length > MOST_DISTINCT) {
      const state = `is supported for up to ${MOST_DISTINCT} values of an enum, or one item`;
      throw refuse(`${unique.path}/uniqueItems`, state);
    }
    return distinct(values.map((value) => valuesExpression(unique.path, [value])), least, most);
  }
  if (fixed === 0) return listOf(at(0), least, most);
  return tuple(at, fixed, least, most);
}

/** Items that are all alike. */
function listOf(item: Expression, least: number, most: number): Expression {
  const more = repeat(sequence(COMMA, item), Math.max(0, least - 1), most - 1);
  const some = sequence(item, more);
  return sequence(text("["), least === 0 ? choice(EMPTY, some) : some, text("]"));
}

/** Some items by position, then others that are all alike. */
function tuple(
  at: (position: number) => Expression,
  fixed: number,
  least: number,
  most: number,
): Expression {
  const positions = Math.min(fixed, most), end = positions + 2, edges: MachineEdge[] = [];
  edges.push({ from: 0, to: 1, on: text("[") });
  for (let position = 0; position < positions; position++) {
    const item = at(position), from = position + 1;
    edges.push({ from, to: from + 1, on: position === 0 ? item : sequence(COMMA, item) });
    if (position >= least) edges.push({ from, to: end, on: text("]") });
  }
  const rest = most > fixed
    ? repeat(sequence(COMMA, at(fixed)), Math.max(0, least - fixed), most - fixed)
    : EMPTY;
  edges.push({ from: positions + 1, to: end, on: sequence(rest, text("]")) });
  return { kind: "machine", machine: { stateCount: end + 1, accepting: [end], edges } };
}

/** `prefixItems` and `items`; in earlier drafts a list of `items`, and `additionalItems`. */
function itemsOf(place: Place, document: SchemaDocument): Items {
  const prefix = keyword(place, "prefixItems"), items = keyword(place, "items");
  const isOld = Array.isArray(items), list = isOld ? items : prefix;
  const firstName = isOld ? "items" : "prefixItems", restName = isOld ? "additionalItems" : "items";
  if (list !== undefined && !Array.isArray(list)) {
    throw refuse(`${place.path}/${firstName}`, "is no list of schemas");
  }
  if (isOld && prefix !== undefined) {
    throw refuse(`${place.path}/items`, "is a list beside prefixItems");
  }
  const first = (list ?? []).map((_, at) => document.child(place, firstName, at));
  const hasRest = keyword(place, restName) !== undefined;
  return { first, rest: hasRest ? document.child(place, restName) : undefined };
}

/** The place that wants all items to be different. */
function uniquePlace(places: Conjunction): Place | undefined {
  for (const place of places) {
    const unique = keyword(place, "uniqueItems");
    if (unique !== undefined && typeof unique !== "boolean") {
      throw refuse(`${place.path}/uniqueItems`, "is neither true nor false");
    }
  }
  return places.find((place) => keyword(place, "uniqueItems") === true);
}

/** Values in any order, each once at the most; states are sets of those that were there. */
function distinct(values: readonly Expression[], least: number, most: number): Expression {
  const sets = 1 << values.length, end = sets, edges: MachineEdge[] = [];
  for (let set = 0; set < sets; set++) {
    const count = values.filter((_, at) => (set >> at & 1) === 1).length;
    if (count >= least && count <= most) edges.push({ from: set, to: end, on: text("]") });
    if (count >= most) continue;
    values.forEach((value, at) => {
      if ((set >> at & 1) === 1) return;
      edges.push({ from: set, to: set | 1 << at, on: set === 0 ? value : sequence(COMMA, value) });
    });
  }
  const machine = { stateCount: sets + 1, accepting: [end], edges };
  return sequence(text("["), { kind: "machine", machine });
}
