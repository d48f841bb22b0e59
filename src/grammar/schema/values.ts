/** Single values of JSON: how they are written, and when two are the same. @module */

import { dfaOfTexts, machineOf } from "../dfa.ts";
import { characters, choice, type Expression, optional, sequence, text } from "../expression.ts";
import { isObject, refuse } from "./document.ts";
import type { TypeName } from "./keywords.ts";

/** What may stand behind a comma or a colon: never more than one space. */
export const SPACE = optional(text(" "));
/** Between two members or items. */
export const COMMA = sequence(text(","), SPACE);

/** The type of a value; whole numbers are integers. */
export function typeOf(value: unknown): TypeName | undefined {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  switch (typeof value) {
    case "number":
      return Number.isInteger(value) ? "integer" : Number.isFinite(value) ? "number" : undefined;
    case "boolean":
    case "string":
    case "object":
      return typeof value as TypeName;
    default:
      return undefined;
  }
}

/** A text that two values share exactly if JSON Schema takes them for the same. */
export function keyOf(path: string, value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => keyOf(path, item)).join()}]`;
  if (isObject(value)) {
    const members = Object.entries(value).map(([name, item]) =>
      `${JSON.stringify(name)}:${keyOf(path, item)}`
    );
    return `{${members.sort().join()}}`;
  }
  if (typeOf(value) === undefined) throw refuse(path, "has what is no value of JSON");
  if (typeof value === "string" && !value.isWellFormed()) {
    throw refuse(path, "has half of a surrogate pair, which UTF-8 cannot spell");
  }
  return JSON.stringify(value === 0 ? 0 : value); // -0 is 0
}

/** Values as they are written; members in the order that each value has them in. */
export function valuesExpression(path: string, values: readonly unknown[]): Expression {
  const isPlain = (value: unknown) => typeof value !== "object" || value === null;
  const plain = values.filter(isPlain).map((value) => keyOf(path, value));
  const parts = values.filter((value) => !isPlain(value)).map((value) => written(path, value));
  if (plain.length > 0) parts.push({ kind: "machine", machine: machineOf(dfaOfTexts(plain)) });
  return parts.length === 0 ? characters() : choice(...parts);
}

function written(path: string, value: unknown): Expression {
  if (Array.isArray(value)) return list("[", value.map((item) => written(path, item)), "]");
  if (!isObject(value)) return text(keyOf(path, value));
  const members = Object.entries(value).map(([name, item]) =>
    sequence(text(`${keyOf(path, name)}:`), SPACE, written(path, item))
  );
  return list("{", members, "}");
}

/** Parts between brackets, with commas. */
function list(open: string, parts: readonly Expression[], close: string): Expression {
  const separated = parts.flatMap((part, at) => at === 0 ? [part] : [COMMA, part]);
  return sequence(text(open), ...separated, text(close));
}
