/** Which types of values some places allow. @module */

import { hasRole, keyword, type Place, refuse } from "./document.ts";
import type { Conjunction } from "./forms.ts";
import { type TypeName, TYPES } from "./keywords.ts";

const FAMILIES = ["string", "number", "array", "object"] as const;

/** The types that all places allow. */
export function allowedTypes(places: Conjunction): Set<TypeName> {
  const all = new Set(TYPES);
  for (const place of places) {
    const own = ownTypes(place);
    for (const type of TYPES) if (own !== undefined && !own.has(type)) all.delete(type);
  }
  return all;
}

/**
 * The types that places are about: those that they allow. Where none of them names a type or
 * values, but some speak of strings, numbers, arrays or objects, it is these alone.
 */
export function typesOf(places: Conjunction): ReadonlySet<TypeName> {
  const all = allowedTypes(places);
  if (places.some((place) => hasRole(place, "value"))) return all;
  const about = FAMILIES.filter((family) => places.some((place) => hasRole(place, family)));
  if (about.length === 0) return all;
  return new Set(
    about.flatMap((family): TypeName[] => family === "number" ? ["number", "integer"] : [family]),
  );
}

/** What `type` says; a number may be an integer. */
function ownTypes(place: Place): ReadonlySet<TypeName> | undefined {
  const said = keyword(place, "type");
  if (said === undefined) return undefined;
  const list: readonly unknown[] = Array.isArray(said) ? said : [said];
  const types = TYPES.filter((type) => list.includes(type));
  if (list.length === 0 || types.length < new Set(list).size) {
    throw refuse(`${place.path}/type`, `is none of ${TYPES.join(", ")}: ${JSON.stringify(said)}`);
  }
  return new Set(types.includes("number") ? [...types, "integer"] : types);
}
