/** When no value can meet two schemas, and which single values meet one. @module */

import { ArgumentError } from "../../errors.ts";
import type { Dfa } from "../dfa.ts";
import { keyword, type Place, refuse, type SchemaDocument } from "./document.ts";
import type { Conjunction } from "./forms.ts";
import { hasRole } from "./document.ts";
import type { TypeName } from "./keywords.ts";
import { areApart, isWithin, numberRange } from "./numbers.ts";
import { type Member, objectShape } from "./objects.ts";
import { haveNothingInCommon, isIn, stringLanguage } from "./strings.ts";
import { allowedTypes } from "./types.ts";
import { keyOf, typeOf } from "./values.ts";

/** What the comparison needs of the compiler. */
export interface Comparing {
  readonly document: SchemaDocument;
  readonly namesOf: (place: Place) => Dfa;
  readonly ofAll: (places: readonly Place[]) => readonly Conjunction[];
  readonly depth: number;
}

/** Members within members within members: beyond this nothing is proved. */
const DEEPEST = 4;

/** Whether it is certain that no value meets both of two lists of places. */
export function areDisjoint(a: Conjunction, b: Conjunction, comparing: Comparing): boolean {
  const [ownTypes, otherTypes] = [allowedTypes(a), allowedTypes(b)];
  const [own, other] = [valuesOf(a, ownTypes), valuesOf(b, otherTypes)];
  if (own !== undefined && other !== undefined) {
    const keys = new Set(own.map((value) => keyOf("#", value)));
    return !other.some((value) => keys.has(keyOf("#", value)));
  }
  const listed = own ?? other;
  if (listed !== undefined) {
    const places = own === undefined ? a : b, types = own === undefined ? ownTypes : otherTypes;
    return listed.every((value) => certainlyFails(value, places, types));
  }
  return [...ownTypes].every((type) => {
    return !otherTypes.has(type) || areDisjointAs(type, a, b, comparing);
  });
}

function areDisjointAs(type: TypeName, a: Conjunction, b: Conjunction, comparing: Comparing) {
  switch (type) {
    case "string":
      return haveNothingInCommon(stringLanguage(a), stringLanguage(b));
    case "number":
    case "integer":
      return areApart(numberRange(a, false), numberRange(b, false));
    case "object":
      return comparing.depth < DEEPEST && haveDisjointMembers(a, b, comparing);
    default:
      return false;
  }
}

/** Whether a member that both require has no value that meets both. */
function haveDisjointMembers(a: Conjunction, b: Conjunction, comparing: Comparing): boolean {
  const others = requiredMembers(b, comparing);
  const deeper = { ...comparing, depth: comparing.depth + 1 };
  return requiredMembers(a, comparing).some((member) => {
    const other = others.find(({ name }) => name === member.name);
    if (other === undefined) return false;
    const [own, its] = [formsOf(member, comparing), formsOf(other, comparing)];
    if (own === undefined || its === undefined) return false;
    return own.every((x) => its.every((y) => areDisjoint(x, y, deeper)));
  });
}

const REQUIRED = new WeakMap<Conjunction, readonly Member[]>();

/** The members that places require; worked out once, as many alternatives are compared. */
function requiredMembers(
  places: Conjunction,
  { document, namesOf }: Comparing,
): readonly Member[] {
  const known = REQUIRED.get(places) ??
    objectShape(places, document, namesOf).members.filter(({ isRequired }) => isRequired);
  REQUIRED.set(places, known);
  return known;
}

/** The forms of a member; none can be told while the schema around it is being taken apart. */
function formsOf({ places }: Member, { ofAll }: Comparing): readonly Conjunction[] | undefined {
  try {
    return ofAll(places);
  } catch (error) {
    if (error instanceof ArgumentError) return undefined; // it is said when its turn comes
    throw error;
  }
}

/** Whether a single value meets none of what some places say. */
function certainlyFails(value: unknown, places: Conjunction, types: ReadonlySet<TypeName>) {
  const type = typeOf(value);
  return type === undefined || !types.has(type) ||
    typeof value !== "object" && !meets(value, places);
}

/**
 * The values that `enum` and `const` leave, where there are any of these keywords.
 * @throws ArgumentError for lists or objects among them that other keywords speak of, too
 */
export function valuesOf(
  places: Conjunction,
  types: ReadonlySet<TypeName>,
): readonly unknown[] | undefined {
  let left: Map<string, unknown> | undefined;
  for (const place of places) {
    for (const values of listsOf(place)) {
      const path = place.path;
      const own = new Map(values.map((value) => [keyOf(path, value), value]));
      left = left === undefined ? own : new Map([...left].filter(([key]) => own.has(key)));
    }
  }
  if (left === undefined) return undefined;
  return [...left.values()].filter((value) => {
    const type = typeOf(value);
    if (type === undefined || !types.has(type)) return false;
    if (typeof value !== "object" || value === null) return meets(value, places);
    const other = places.find((place) => hasRole(place, Array.isArray(value) ? "array" : "object"));
    if (other === undefined) return true;
    throw refuse(other.path, "speaks of lists or objects beside enum or const");
  });
}

/** The lists of values that a place gives. */
function listsOf(place: Place): (readonly unknown[])[] {
  const lists: (readonly unknown[])[] = [], values = keyword(place, "enum");
  if (values !== undefined) {
    if (!Array.isArray(values)) throw refuse(`${place.path}/enum`, "is no list");
    lists.push(values);
  }
  if (keyword(place, "const") !== undefined) lists.push([keyword(place, "const")]);
  return lists;
}

/** Whether a value that has no parts meets what places say of its type. */
function meets(value: unknown, places: Conjunction): boolean {
  if (typeof value === "string") return isIn(value, stringLanguage(places));
  if (typeof value === "number") return isWithin(value, numberRange(places, false));
  return true;
}
