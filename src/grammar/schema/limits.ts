/** Numbers that schemas give: counts, and bounds. @module */

import { keyword, type Place, refuse } from "./document.ts";

/**
 * A count that a schema gives.
 * @throws ArgumentError when it is none
 */
export function countOf(place: Place, name: string): number | undefined {
  const value = keyword(place, name);
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw refuse(`${place.path}/${name}`, `is no count: ${JSON.stringify(value)}`);
}

/**
 * A number that a schema gives.
 * @throws ArgumentError when it is none
 */
export function numberOf(place: Place, name: string): number | undefined {
  const value = keyword(place, name);
  if (value === undefined || typeof value === "number" && Number.isFinite(value)) return value;
  throw refuse(`${place.path}/${name}`, `is no number: ${JSON.stringify(value)}`);
}
