/** Fifty schemas as people write them, and as nobody should. @module */

const PERSON = {
  type: "object",
  properties: {
    name: { type: "string", minLength: 1, maxLength: 40 },
    age: { type: "integer", minimum: 0, maximum: 130 },
    email: { type: "string", format: "email", maxLength: 60 },
  },
  required: ["name", "age"],
  additionalProperties: false,
};

const string = { type: "string", maxLength: 12 };

/** Name and schema. */
export const SCHEMAS: readonly (readonly [name: string, schema: object | boolean])[] = [
  ["anything", true],
  ["anything, in words", {}],
  ["a person", PERSON],
  ["people", { type: "array", items: PERSON, minItems: 1, maxItems: 3 }],
  ["free text", { type: "string" }],
  ["short text", { type: "string", minLength: 3, maxLength: 5 }],
  ["long text", { type: "string", minLength: 30 }],
  ["a pattern", { type: "string", pattern: "^[A-Z][a-z]{2,8}( [A-Z][a-z]{2,8})?$" }],
  ["part of a text", { type: "string", pattern: "cat|dog", maxLength: 20 }],
  ["pattern and length", { type: "string", pattern: "^a*b*$", minLength: 4, maxLength: 7 }],
  ["letters beyond ASCII", { type: "string", pattern: "^[äöüß€日本😀]{1,5}$" }],
  ["classes", { type: "string", pattern: "^\\w+\\s\\d+[^\\s\\w]$", maxLength: 15 }],
  ["quotes", { type: "string", pattern: '^["\\\\\\n\\t\\u0001]{2,6}$' }],
  ["letters of Unicode", { type: "string", pattern: "^\\p{Lu}{1,3}$" }],
  ["dates", { type: "array", items: { type: "string", format: "date" }, maxItems: 4 }],
  ["time", { type: "string", format: "time" }],
  ["date and time", { type: "string", format: "date-time" }],
  ["duration", { type: "string", format: "duration" }],
  ["mail", { type: "string", format: "email" }],
  ["host", { type: "string", format: "hostname" }],
  ["IPv4", { type: "string", format: "ipv4" }],
  ["IPv6", { type: "string", format: "ipv6" }],
  ["UUID", { type: "string", format: "uuid" }],
  ["URI", { type: "string", format: "uri" }],
  ["JSON pointer", { type: "string", format: "json-pointer" }],
  ["an integer", { type: "integer" }],
  ["a number", { type: "number" }],
  ["a die", { type: "integer", minimum: 1, maximum: 6 }],
  ["below zero", { type: "integer", exclusiveMaximum: 0, minimum: -1234 }],
  ["across zero", { type: "number", minimum: -2.75, exclusiveMaximum: 13.5 }],
  ["a share", { type: "number", exclusiveMinimum: 0, exclusiveMaximum: 1 }],
  ["a narrow range", { type: "number", minimum: 0.1, maximum: 0.1000001 }],
  ["dozens", { type: "integer", multipleOf: 12, minimum: -100, maximum: 1000 }],
  ["tiny and huge", { type: "number", minimum: 1e-7, maximum: 1e17 }],
  ["yes, no, nothing", { type: ["boolean", "null"] }],
  ["one of", { enum: ["red", "green", "blue", 3, 3.5, null, true, { a: [1] }, ["x"]] }],
  ["just that", { const: { kind: "fixed", values: [1, 2, { deep: "ü\n" }] } }],
  ["a tuple", {
    type: "array",
    prefixItems: [{ type: "number" }, string, { enum: ["N", "S"] }],
    items: false,
    minItems: 2,
  }],
  ["a tuple of the old kind", {
    type: "array",
    items: [{ type: "integer" }, { type: "boolean" }],
    additionalItems: { type: "null" },
    maxItems: 5,
  }],
  ["a matrix", {
    type: "array",
    items: { type: "array", items: { type: "integer" }, minItems: 2, maxItems: 2 },
    minItems: 2,
    maxItems: 2,
  }],
  ["only optional members", {
    type: "object",
    properties: { a: string, b: { type: "integer" }, c: { type: "boolean" }, d: { type: "null" } },
    minProperties: 2,
    maxProperties: 3,
  }],
  ["a dictionary", { type: "object", additionalProperties: { type: "integer" } }],
  ["named and others", {
    type: "object",
    properties: { id: { type: "integer" }, 'a "b"/~': string },
    required: ["id"],
    additionalProperties: { type: "boolean" },
    maxProperties: 4,
  }],
  ["names by pattern", {
    type: "object",
    patternProperties: { "^s_": string, "_n$": { type: ["integer", "string"] } },
    additionalProperties: false,
    maxProperties: 4,
  }],
  ["names in a form", {
    type: "object",
    propertyNames: { pattern: "^[a-z]{1,6}$" },
    additionalProperties: { type: "number" },
    minProperties: 1,
    maxProperties: 3,
  }],
  ["a tree", {
    $defs: {
      node: {
        type: "object",
        properties: {
          value: { type: "integer" },
          children: { type: "array", items: { $ref: "#/$defs/node" }, maxItems: 3 },
        },
        required: ["value", "children"],
        additionalProperties: false,
      },
    },
    $ref: "#/$defs/node",
  }],
  ["a list of links", {
    type: "object",
    properties: { next: { anyOf: [{ $ref: "#" }, { type: "null" }] }, value: string },
    required: ["next"],
    additionalProperties: false,
  }],
  ["one shape of several", {
    oneOf: [
      {
        type: "object",
        properties: { kind: { const: "circle" }, radius: { type: "number", minimum: 0 } },
        required: ["kind", "radius"],
      },
      {
        type: "object",
        properties: { kind: { const: "box" }, sides: { type: "array", items: { type: "number" } } },
        required: ["kind"],
        additionalProperties: false,
      },
      { type: "string", enum: ["nothing", "everything"] },
    ],
  }],
  ["all of it", {
    allOf: [
      { $ref: "#/$defs/named" },
      { type: "object", properties: { size: { type: "integer", minimum: 3 } }, required: ["size"] },
      { properties: { size: { maximum: 9 }, name: { maxLength: 6 } } },
    ],
    $defs: {
      named: { properties: { name: { type: "string", minLength: 2 } }, required: ["name"] },
    },
  }],
  ["either member", {
    type: "object",
    properties: { phone: { type: "string", pattern: "^\\+?\\d{4,9}$" }, mail: string },
    anyOf: [{ required: ["phone"] }, { required: ["mail"] }],
    additionalProperties: false,
  }],
];
