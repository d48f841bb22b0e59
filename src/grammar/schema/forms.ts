/**
 * Schemas in disjunctive form: a value meets one of some lists of places, each of which has no
 * links to others left. @module
 */

import { hasRole, keyword, type Place, refuse, type SchemaDocument } from "./document.ts";

/** Places that a value must meet, all of them; in the order of their ids. */
export type Conjunction = readonly Place[];

/** More lists than this are a mistake, or an attack. */
const MOST_FORMS = 4096;

/** Says whether no value meets two lists of places. */
export type AreDisjoint = (a: Conjunction, b: Conjunction) => boolean;

/** Takes the links out of schemas. */
export class Forms {
  readonly #document: SchemaDocument;
  readonly #areDisjoint: AreDisjoint;
  readonly #known = new Map<number, readonly Conjunction[]>();
  readonly #open = new Set<number>();

  constructor(document: SchemaDocument, areDisjoint: AreDisjoint) {
    this.#document = document;
    this.#areDisjoint = areDisjoint;
  }

  /** The form of what must meet all of some places. */
  ofAll(places: Iterable<Place>): readonly Conjunction[] {
    let forms: readonly Conjunction[] = [[]];
    for (const place of places) forms = both(place, forms, this.of(place));
    return forms;
  }

  /**
   * The form of a place.
   * @throws ArgumentError for alternatives of `oneOf` that may overlap, and endless references
   */
  of(place: Place): readonly Conjunction[] {
    if (typeof place.schema === "boolean") return place.schema ? [[]] : [];
    const known = this.#known.get(place.id);
    if (known !== undefined) return known;
    if (this.#open.has(place.id)) throw refuse(place.path, "refers to nothing but itself");
    this.#open.add(place.id);
    try {
      const forms = this.#formsOf(place);
      this.#known.set(place.id, forms);
      return forms;
    } finally {
      this.#open.delete(place.id);
    }
  }

  #formsOf(place: Place): readonly Conjunction[] {
    const says = hasRole(place, "value", "string", "number", "array", "object");
    let forms: readonly Conjunction[] = says ? [[place]] : [[]];
    if (keyword(place, "$ref") !== undefined) {
      const target = this.#document.target(place, keyword(place, "$ref"));
      forms = both(place, forms, this.of(target));
    }
    for (const part of this.#list(place, "allOf")) forms = both(place, forms, this.of(part));
    if (keyword(place, "anyOf") !== undefined) {
      const parts = Array.from(this.#list(place, "anyOf"), (part) => this.of(part));
      forms = both(place, forms, parts.flat());
    }
    if (keyword(place, "oneOf") !== undefined) forms = this.#oneOf(place, forms);
    return forms;
  }

  #oneOf(place: Place, rest: readonly Conjunction[]): readonly Conjunction[] {
    const list = this.#list(place, "oneOf");
    const parts = Array.from(list, (part) => both(part, rest, this.of(part)));
    parts.forEach((forms, at) => {
      for (let other = 0; other < at; other++) {
        const apart = forms.every((a) => parts[other]!.every((b) => this.#areDisjoint(a, b)));
        if (apart) continue;
        const state = `may be met by a value together with alternative ${other}: ` +
          "these two cannot be told apart; anyOf allows both";
        throw refuse(`${place.path}/oneOf/${at}`, state);
      }
    });
    return parts.flat();
  }

  /** The schemas of a list; what one refers to has its id, and so its turn, before the next. */
  *#list(place: Place, name: string): Generator<Place, void> {
    const list = keyword(place, name);
    if (list === undefined) return;
    if (!Array.isArray(list) || list.length === 0) {
      throw refuse(`${place.path}/${name}`, "is no list of schemas");
    }
    for (const at of list.keys()) yield this.#document.child(place, name, at);
  }
}

/** What meets one of the first and one of the second. */
function both(
  place: Place,
  a: readonly Conjunction[],
  b: readonly Conjunction[],
): readonly Conjunction[] {
  if (a.length * b.length > MOST_FORMS) {
    throw refuse(place.path, `has over ${MOST_FORMS} combinations of alternatives`);
  }
  const all = new Map<string, Conjunction>();
  for (const left of a) {
    for (const right of b) {
      const places = [...new Set([...left, ...right])].sort((x, y) => x.id - y.id);
      all.set(places.map(({ id }) => id).join(), places);
    }
  }
  return [...all.values()];
}
