/** The TypeScript type of the values of a JSON Schema that is written as a literal. @module */

/**
 * The type of a schema's values, as far as its literal shows it: types, `const`, `enum`, members,
 * items, alternatives. What it does not show is `unknown`.
 * @example
 * ```ts
 * type City = FromSchema<{
 *   type: "object";
 *   properties: { name: { type: "string" }; people: { type: "integer" } };
 *   required: ["name"];
 * }>;
 * const city: City = { name: "Oslo" };
 * console.assert(city.people === undefined);
 * ```
 */
export type FromSchema<S> = S extends { readonly const: infer Value } ? Value
  : S extends { readonly enum: readonly (infer Value)[] } ? Value
  : S extends { readonly anyOf: readonly (infer Part)[] } ? FromSchema<Part>
  : S extends { readonly oneOf: readonly (infer Part)[] } ? FromSchema<Part>
  : S extends { readonly type: readonly (infer Type)[] }
    ? Type extends unknown ? FromSchema<Omit<S, "type"> & { readonly type: Type }> : never
  : S extends { readonly type: "string" } ? string
  : S extends { readonly type: "number" | "integer" } ? number
  : S extends { readonly type: "boolean" } ? boolean
  : S extends { readonly type: "null" } ? null
  : S extends { readonly prefixItems: infer Parts }
    ? { -readonly [K in keyof Parts]?: FromSchema<Parts[K]> }
  : S extends { readonly items: infer Item } ? FromSchema<Item>[]
  : S extends { readonly type: "array" } ? unknown[]
  : S extends { readonly properties: infer Members } ? (
      (S extends { readonly required: readonly (infer Name)[] } ? Name : never) extends infer Name ?
          & { -readonly [K in keyof Members as K & Name]: FromSchema<Members[K]> }
          & { -readonly [K in Exclude<keyof Members, Name>]?: FromSchema<Members[K]> }
        : never
    ) extends infer Both ? { [K in keyof Both]: Both[K] } : never
  : S extends { readonly type: "object"; readonly additionalProperties: infer Value }
    ? Record<string, Value extends boolean ? unknown : FromSchema<Value>>
  : S extends { readonly type: "object" } ? Record<string, unknown>
  : unknown;
