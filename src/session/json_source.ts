/** Sources of schemas, taken apart: a JSON Schema, and who checks values. @module */

import { ArgumentError, CriaError } from "../errors.ts";
import type { JsonSource, SchemaPair, StandardSchema } from "./json.ts";
import type { JsonSchema } from "./structure.ts";

/** A source, taken apart. */
export interface JsonTarget {
  readonly jsonSchema: JsonSchema;
  readonly schema: StandardSchema | undefined;
}

/**
 * Finds the JSON Schema of a source.
 * @throws ArgumentError when it has none
 */
export function targetOf(source: JsonSource): JsonTarget {
  if (isStandard(source)) return { schema: source, jsonSchema: jsonSchemaOf(source) };
  if (typeof source === "object" && "jsonSchema" in source && "schema" in source) {
    const { schema, jsonSchema } = source as SchemaPair;
    if (isStandard(schema)) return { schema, jsonSchema };
  }
  return { schema: undefined, jsonSchema: source };
}

function isStandard(source: unknown): source is StandardSchema {
  const isThing = typeof source === "object" && source !== null || typeof source === "function";
  return isThing && "~standard" in source;
}

/** By Standard JSON Schema, or by a method of the library's own. */
function jsonSchemaOf(schema: StandardSchema): JsonSchema {
  const { jsonSchema, vendor } = schema["~standard"];
  if (jsonSchema !== undefined) return jsonSchema.input({ target: "draft-2020-12" });
  for (const name of ["toJSONSchema", "toJsonSchema"]) {
    const method: unknown = Reflect.get(schema, name);
    if (typeof method === "function") return Reflect.apply(method, schema, []);
  }
  throw new ArgumentError(
    `Cannot generate by this schema of "${vendor}": it has no JSON Schema; ` +
      "pass { schema, jsonSchema }",
  );
}

/**
 * What a library's schema makes of a value.
 * @throws CriaError when it refuses it
 */
export async function validated(
  schema: StandardSchema | undefined,
  value: unknown,
): Promise<unknown> {
  const validate = schema?.["~standard"].validate;
  if (validate === undefined) return value;
  const checked = await validate(value);
  if (checked.issues === undefined) return checked.value;
  const issues = checked.issues.map(({ message, path = [] }) => {
    const keys = path.map((part) => typeof part === "object" ? part.key : part);
    return keys.length === 0 ? message : `${keys.map(String).join(".")}: ${message}`;
  });
  throw new CriaError(`Cannot use the value: ${issues.join("; ")}`, { cause: checked.issues });
}
