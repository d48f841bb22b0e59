/**
 * Objects of JSON: members in the order in which schemas declare them, optional ones may be left
 * out, others come last. @module
 */

import { accepts, type Dfa, dfaOfTexts, intersect, isEmpty, machineOf, subtract } from "../dfa.ts";
import { EVERY_CHARACTER } from "../code_points.ts";
import { characters, EMPTY, type Expression, repeat } from "../expression.ts";
import { type MachineEdge, sequence, text } from "../expression.ts";
import { dfaOf } from "../dfa.ts";
import type { Compile } from "./arrays.ts";
import { isObject, keyword, type Place, refuse, type SchemaDocument } from "./document.ts";
import type { Conjunction } from "./forms.ts";
import { countOf } from "./limits.ts";
import { IN_STRINGS, patternOf } from "./strings.ts";
import { COMMA, keyOf, SPACE } from "./values.ts";

/** A member that schemas name. */
export interface Member {
  readonly name: string;
  /** What its value must meet. */
  readonly places: readonly Place[];
  readonly isRequired: boolean;
}

/** Members that schemas do not name: names of a language, and what their values must meet. */
interface OtherMembers {
  readonly names: Dfa;
  readonly places: readonly Place[];
}

/** What some places say of objects. */
export interface ObjectShape {
  readonly members: readonly Member[];
  readonly others: readonly OtherMembers[];
  readonly least: number;
  readonly most: number;
}

/** A name pattern and what it asks of values. */
interface Pattern {
  readonly owner: Place;
  readonly names: Dfa;
  readonly place: Place;
}

const MOST_PATTERNS = 4;
/** States of an automaton that counts members as it goes through them. */
const MOST_COUNTED = 50_000;
const ANY_NAME = dfaOf(repeat(characters(...EVERY_CHARACTER), 0));

/** The languages of names that places allow by `propertyNames`. */
export type NamesOf = (place: Place) => Dfa;

/** What all of some places together say of objects. */
export function objectShape(
  places: Conjunction,
  document: SchemaDocument,
  namesOf: NamesOf,
): ObjectShape {
  let least = 0, most = Infinity, allowed = ANY_NAME;
  const names = new Set<string>(), required = new Set<string>(), patterns: Pattern[] = [];
  for (const place of places) {
    least = Math.max(least, countOf(place, "minProperties") ?? 0);
    most = Math.min(most, countOf(place, "maxProperties") ?? Infinity);
    for (const name of Object.keys(recordOf(place, "properties"))) names.add(name);
    for (const name of requiredOf(place)) required.add(name);
    patterns.push(...patternsOf(place, document));
    if (keyword(place, "propertyNames") !== undefined) {
      allowed = intersect(allowed, namesOf(document.child(place, "propertyNames")));
    }
  }
  for (const name of required) names.add(name);
  const members = [...names].map((name): Member => {
    const own = places.flatMap((place) => placesOfMember(place, name, patterns, document));
    const isRequired = required.has(name);
    return accepts(allowed, name)
      ? { name, places: own, isRequired }
      : { name, places: [IMPOSSIBLE], isRequired };
  });
  const free = () => names.size === 0 ? allowed : subtract(allowed, dfaOfTexts(names));
  return { members, others: othersOf(places, patterns, free, document), least, most };
}

/** A schema that no value meets. */
const IMPOSSIBLE: Place = { path: "#", id: -1, schema: false };

function recordOf(place: Place, name: string): Readonly<Record<string, unknown>> {
  const value = keyword(place, name);
  if (value === undefined || isObject(value)) return value ?? {};
  throw refuse(`${place.path}/${name}`, "is no object of schemas");
}

function requiredOf(place: Place): readonly string[] {
  const list = keyword(place, "required");
  if (list === undefined) return [];
  if (Array.isArray(list) && list.every((name) => typeof name === "string")) return list;
  throw refuse(`${place.path}/required`, "is no list of names");
}

function patternsOf(place: Place, document: SchemaDocument): Pattern[] {
  return Object.keys(recordOf(place, "patternProperties")).map((pattern) => ({
    owner: place,
    names: patternOf(`${place.path}/patternProperties`, pattern),
    place: document.child(place, "patternProperties", pattern),
  }));
}

/** What one place asks of the value of a member. */
function placesOfMember(
  place: Place,
  name: string,
  patterns: readonly Pattern[],
  document: SchemaDocument,
): readonly Place[] {
  const own = Object.hasOwn(recordOf(place, "properties"), name)
    ? [document.child(place, "properties", name)]
    : [];
  const matching = patterns.filter((one) => one.owner === place && accepts(one.names, name));
  const all = [...own, ...matching.map((one) => one.place)];
  if (all.length > 0 || keyword(place, "additionalProperties") === undefined) return all;
  return [document.child(place, "additionalProperties")];
}

/** Members that no place names, by which of the patterns their names match. */
function othersOf(
  places: Conjunction,
  patterns: readonly Pattern[],
  free: () => Dfa,
  document: SchemaDocument,
): OtherMembers[] {
  if (patterns.length > MOST_PATTERNS) {
    const { path } = patterns.at(-1)!.place;
    throw refuse(path, `is one of ${patterns.length} patterns for one object`);
  }
  const others: OtherMembers[] = [];
  for (let set = isOpen(places) ? 0 : 1; set < 1 << patterns.length; set++) {
    const matching = patterns.filter((_, at) => (set >> at & 1) === 1);
    const rest = places.filter((place) =>
      keyword(place, "additionalProperties") !== undefined &&
      !matching.some(({ owner }) => owner === place)
    ).map((place) => document.child(place, "additionalProperties"));
    const all = [...matching.map(({ place }) => place), ...rest];
    if (all.some(({ schema }) => schema === false)) continue;
    const names = patterns.reduce(
      (left, one) => (matching.includes(one) ? intersect : subtract)(left, one.names),
      free(),
    );
    if (!isEmpty(names)) others.push({ names, places: all });
  }
  return others;
}

/** Whether names are free: who declares some means these, unless told otherwise. */
function isOpen(places: Conjunction): boolean {
  const has = (...names: readonly string[]) =>
    places.some((place) => names.some((name) => keyword(place, name) !== undefined));
  return has("additionalProperties") || !has("properties", "patternProperties");
}

/**
 * The objects of a shape. States are pairs: how many of the named members have been decided on,
 * and how many members there are, as far as that matters.
 */
export function objectExpression(
  path: string,
  shape: ObjectShape,
  compile: Compile,
  named: (part: Expression) => Expression,
): Expression {
  const { members, others } = shape;
  const needed = members.filter(({ isRequired }) => isRequired).length;
  const least = shape.least <= needed ? 0 : shape.least;
  const most = others.length === 0 && shape.most >= members.length ? Infinity : shape.most;
  if (shape.most < needed) return characters();
  // Other members may share a name: of several of them, only one is sure to count.
  if (others.length > 0 && least > needed + 1) {
    throw refuse(`${path}/minProperties`, "is not supported where names are free");
  }
  const counted = Math.max(1, least, most === Infinity ? 0 : most);
  if ((members.length + 1) * (counted + 1) > MOST_COUNTED) {
    throw refuse(path, "has too many members to be counted");
  }
  const lastRequired = members.findLastIndex(({ isRequired }) => isRequired);
  const values = members.map(({ places }) => compile(places));
  const free = others.map((other) => named(otherMember(other, compile(other.places))));
  const builder = new ShapeBuilder(members.length, counted);
  for (let count = 0; count <= counted; count++) {
    const next = Math.min(count + 1, counted);
    for (let at = 0; at <= members.length; at++) {
      if (at > lastRequired && count >= least) builder.close(at, count);
      if (count < most) builder.open(at, count, next);
    }
  }
  for (let count = 1; count <= counted; count++) {
    members.forEach(({ name, isRequired }, at) => {
      const key = keyOf(path, name).slice(1); // its first quote has been read
      builder.member(at, at + 1, count, sequence(text(`${key}:`), SPACE, values[at]!));
      if (!isRequired) builder.skip(at, count);
    });
    for (const other of free) builder.member(members.length, members.length, count, other);
  }
  return builder.expression();
}

/** A member with a name of a language; the first quote has been read. */
function otherMember({ names }: OtherMembers, value: Expression): Expression {
  const name: Expression = { kind: "machine", machine: machineOf(names), spell: IN_STRINGS };
  return sequence(name, text('":'), SPACE, value);
}

/** Puts together the automaton of an object. */
class ShapeBuilder {
  readonly #members: number;
  readonly #counts: number;
  readonly #edges: MachineEdge[] = [{ from: 0, to: 2, on: text("{") }];

  constructor(members: number, counted: number) {
    this.#members = members;
    this.#counts = counted + 1;
  }

  /** The state between members. */
  #between(at: number, count: number): number {
    return 2 + 2 * (at * this.#counts + count);
  }

  /** The state behind the first quote of a name; its member counts already. */
  #inName(at: number, count: number): number {
    return this.#between(at, count) + 1;
  }

  /** The end of the object. */
  close(at: number, count: number): void {
    this.#edges.push({ from: this.#between(at, count), to: 1, on: text("}") });
  }

  /** What comes before a name. */
  open(at: number, count: number, next: number): void {
    const on = count === 0 ? text('"') : NEXT_MEMBER;
    this.#edges.push({ from: this.#between(at, count), to: this.#inName(at, next), on });
  }

  /** A member from its name on. */
  member(at: number, next: number, count: number, on: Expression): void {
    this.#edges.push({ from: this.#inName(at, count), to: this.#between(next, count), on });
  }

  /** Another name than that of the next member. */
  skip(at: number, count: number): void {
    this.#edges.push({ from: this.#inName(at, count), to: this.#inName(at + 1, count), on: EMPTY });
  }

  expression(): Expression {
    const stateCount = this.#between(this.#members, this.#counts - 1) + 2;
    return { kind: "machine", machine: { stateCount, accepting: [1], edges: this.#edges } };
  }
}

const NEXT_MEMBER = sequence(COMMA, text('"'));
