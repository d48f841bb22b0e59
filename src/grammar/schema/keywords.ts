/** The table of JSON Schema keywords that are understood; all others are refused. @module */

import { numberFormatOf } from "./formats.ts";

/** Types of JSON; "integer" is a number without a fraction. */
export type TypeName =
  | "null"
  | "boolean"
  | "object"
  | "array"
  | "string"
  | "number"
  | "integer";

/** Every type. */
export const TYPES: readonly TypeName[] = [
  ...["null", "boolean", "object", "array", "string", "number", "integer"] as const,
];

/** What a keyword is for. */
export type KeywordRole =
  /** Says nothing of values. */
  | "note"
  /** Leads to another schema for the same value. */
  | "link"
  /** Concerns values of every type. */
  | "value"
  /** Concerns values of one type. */
  | "string"
  | "number"
  | "array"
  | "object";

const rows = (role: KeywordRole, ...names: readonly string[]) =>
  names.map((name) => [name, role] as const);

/** Every keyword that is understood; draft 2020-12, and what earlier drafts spelled otherwise. */
const KEYWORDS: ReadonlyMap<string, KeywordRole> = new Map([
  ...rows("note", "$schema", "$id", "$anchor", "$comment", "$defs", "$vocabulary", "definitions"),
  ...rows("note", "title", "description", "default", "examples", "deprecated"),
  ...rows("note", "readOnly", "writeOnly"),
  // Of OpenAPI (3.1, Schema Object), where none of these changes which values meet a schema.
  ...rows("note", "discriminator", "example", "externalDocs", "xml"),
  ...rows("link", "$ref", "allOf", "anyOf", "oneOf"),
  ...rows("value", "type", "enum", "const"),
  ...rows("string", "minLength", "maxLength", "pattern", "format"),
  ...rows("number", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
  ...rows("array", "prefixItems", "items", "additionalItems", "minItems", "maxItems"),
  ...rows("array", "uniqueItems"),
  ...rows("object", "properties", "patternProperties", "additionalProperties", "propertyNames"),
  ...rows("object", "required", "minProperties", "maxProperties"),
]);

/** What a keyword is for; undefined where it is not understood. An extension, `x-…`, is a note. */
export function roleOf(name: string, said: unknown): KeywordRole | undefined {
  if (name === "format" && numberFormatOf(said)) return "number";
  return name.startsWith("x-") ? "note" : KEYWORDS.get(name);
}
