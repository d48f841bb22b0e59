/** Schemas with values that meet them, and values that do not, by keyword. @module */

/** A schema, values that it allows, and values that it does not. */
export type Row = readonly [
  schema: unknown,
  valid: readonly unknown[],
  invalid: readonly unknown[],
];

const NODE = {
  type: "object",
  properties: { value: { type: "number" }, next: { $ref: "#/$defs/node" } },
  required: ["value"],
};

/**
 * After the cases of the JSON-Schema-Test-Suite (draft 2020-12), written anew. A schema that speaks
 * of one type only is about this type, and one that declares members or positions means these
 * alone: where the suite has other valid values, they are not here.
 */
export const CASES: Readonly<Record<string, readonly Row[]>> = {
  "boolean schemas": [
    [true, [1, "foo", true, false, null, { foo: "bar" }, {}, ["foo"], []], []],
    [{}, [1, "foo", null, { a: [{ b: 1.5e-7 }] }], []],
    [{ properties: { foo: true, bar: false } }, [{}, { foo: 1 }], [{ bar: 2 }, { foo: 1, bar: 2 }]],
  ],
  annotations: [
    [
      {
        ...{ $schema: "https://json-schema.org/draft/2020-12/schema", $comment: "a comment" },
        ...{ $id: "https://example.org/a", $vocabulary: {}, title: "a", description: "b" },
        ...{ default: 1, examples: [2], deprecated: true, readOnly: true, writeOnly: false },
        type: "integer",
      },
      [3],
      ["3"],
    ],
  ],
  type: [
    [{ type: "integer" }, [1, 0, -7, 12345678901234], ["1", 1.1, {}, [], true, null]],
    [{ type: "number" }, [1, 1.1, -0.5, 1e21, 5e-7], ["1", {}, [], true, null]],
    [{ type: "string" }, ["foo", "1", "", 'é "\\\n\t\b\f\r\u0000\u001f\u007f😀'], [
      1,
      {},
      [],
      null,
    ]],
    [{ type: "object" }, [{}, { a: { b: [1] } }], [1, "foo", [], true, null]],
    [{ type: "array" }, [[], [1, "a", null, [[]]]], [1, "foo", {}, true, null]],
    [{ type: "boolean" }, [true, false], [0, "", "true", null, {}]],
    [{ type: "null" }, [null], [0, "", false, {}, []]],
    [{ type: ["integer", "string"] }, [1, "foo"], [1.1, {}, [], true, null]],
    [{ type: ["array", "object", "null"] }, [[1], { a: 1 }, null], [123, "foo"]],
  ],
  enum: [
    [{ enum: [1, 2, 3] }, [1, 2], [4, 12, "1"]],
    [{ enum: [6, "foo", [], true, { foo: 12 }] }, [[], { foo: 12 }], [null, { foo: false }, [1]]],
    [{ enum: ["foo\nbar", "foo\rbar"] }, ["foo\nbar", "foo\rbar"], ["abc"]],
    [{ enum: [false] }, [false], [0, [false]]],
    [{ enum: [[0]] }, [[0]], [[false], 0]],
    [{ type: "string", minLength: 2, enum: ["a", "ab", 3] }, ["ab"], ["a", 3]],
    [{ type: "number", maximum: 2, enum: [1, 2, 3] }, [1, 2], [3]],
    [{ enum: ["a", "b"], allOf: [{ enum: ["b", "c"] }] }, ["b"], ["a", "c"]],
  ],
  const: [
    [{ const: 2 }, [2], [5, "2"]],
    [{ const: { foo: "bar", baz: ["bax"] } }, [{ foo: "bar", baz: ["bax"] }], [{ foo: "bar" }, []]],
    [{ const: null }, [null], [0]],
    [{ const: "hello\u0000there" }, ["hello\u0000there"], ["hellothere"]],
    [{ const: 9007199254740992 }, [9007199254740992], [9007199254740991]],
    [{ const: -2.0 }, [-2], [2]],
  ],
  "minLength and maxLength": [
    [{ minLength: 2 }, ["foo", "fo", "😀😀"], ["f", "😀", ""]],
    [{ maxLength: 2 }, ["f", "fo", "😀😀", ""], ["foo"]],
    [{ type: "string", minLength: 1, maxLength: 500 }, ["a".repeat(500)], ["", "a".repeat(501)]],
    [{ maxLength: 1_000_000 }, ["a".repeat(2000)], []],
  ],
  pattern: [
    [{ pattern: "^a*$" }, ["aaa", ""], ["abc"]],
    [{ pattern: "a+" }, ["xxaayy"], ["xyz"]],
    [{ pattern: "^\\p{Letter}+$" }, ["aé日"], ["a1"]],
    [{ pattern: '^"\\\\"$' }, ['"\\"'], ['"']],
    [{ pattern: "^[a-z]+$", minLength: 2, maxLength: 3 }, ["ab", "abc"], ["a", "abcd"]],
    [{ pattern: "^a", allOf: [{ pattern: "z$" }] }, ["az", "abcz"], ["a", "z"]],
  ],
  format: [
    [{ format: "date" }, ["1963-06-19", "2020-02-29", "2000-02-29"], ["2021-02-29", "06/19/1963"]],
    [{ format: "date" }, ["0004-02-29"], ["1998-13-01", "1998-04-31", "1900-02-29", "1998-1-20"]],
    [{ format: "time" }, ["08:30:06Z", "08:30:06.283+05:30"], [
      "24:00:00Z",
      "08:30:06",
      "8:30:06Z",
    ]],
    [{ format: "date-time" }, ["1963-06-19T08:30:06.283Z"], ["1990-02-31T15:59:59Z", "1963-06-19"]],
    [{ format: "duration" }, ["P4DT12H30M5S", "PT1M", "P4W", "P1Y2M3D"], [
      "P",
      "PT",
      "P1D2H",
      "4D",
      "P1Y2D",
      "PT1H2S",
    ]],
    [{ format: "email" }, ["joe.bloggs@example.com", "te~st@a.b"], [
      "2962",
      ".t@e.com",
      "a@b",
      "@",
    ]],
    [{ format: "hostname" }, ["www.example.com", "a", "a-b", "a--b", "ab-cd", "a".repeat(63)], [
      ...["-bad", "a_b", "a..b", "", "ab-", "a".repeat(64)],
      ...["xn--X", "xn--hello-txk.com", "b.XN--aa---o47jg78q"], // no Punycode, or not of a host
    ]],
    [{ format: "ipv4" }, ["192.168.0.1", "87.10.0.1"], ["127.0.0.0.1", "256.1.1.1", "127.0"]],
    [{ format: "ipv6" }, ["::1", "::", "1::d6:192:8", "1:2:3:4:5:6:7:8"], [
      "12345::",
      ":1",
      "1::2::3",
    ]],
    [{ format: "uuid" }, ["2eb8aa08-aa98-11ea-b4aa-73b441d16380"], [
      "2eb8aa08-aa98-11ea-b4aa",
      "x",
    ]],
    [{ format: "uri" }, ["http://foo.bar/?q=a%20b#c", "urn:isbn:0451"], [
      "/abc",
      "http:// bad",
      "a b",
    ]],
    [{ format: "json-pointer" }, ["", "/foo/0", "/a~1b/~0"], ["a", "/~2", "/~"]],
    [{ format: "email", maxLength: 8 }, ["a@b.cd"], ["abcdef@b.cd"]],
    [{ type: ["integer", "null"], format: "date" }, [1, -99999999999, null], ["2020-01-01", 1.5]],
  ],
  // Of OpenAPI's registry, not of JSON Schema: spec.openapis.org/registry/format
  "formats of numbers": [
    [{ type: "integer", format: "int32" }, [2147483647, -2147483648, 0], [2147483648, -2147483649]],
    [{ type: "number", format: "int8" }, [127, -128], [128, -129, 0.5]],
    [{ format: "uint16", minimum: 7 }, [7, 65535], [6, 65536, -1, "7"]],
    [{ type: "integer", format: "int64" }, [9007199254740991, -9007199254740991], [1e19, 0.5]],
    [{ type: "integer", format: "uint64", maximum: 9 }, [0, 9], [-1, 10]],
    [{ type: "number", format: "float" }, [0.25, -3, 1e20], [1e39, -1e39]],
    [{ type: "number", format: "double", exclusiveMinimum: 0 }, [0.25, 12345678], [0, -1]],
    [{ type: ["string", "integer"], format: "uint8" }, ["a", 255], [256]],
  ],
  // What OpenAPI and Pydantic write beside; none of it says which values are meant.
  "notes of OpenAPI": [
    [
      {
        ...{ discriminator: { propertyName: "kind", mapping: { cat: "#/$defs/Cat" } } },
        ...{ example: { kind: "dog" }, externalDocs: { url: "https://example.org" }, "x-a": [1] },
        oneOf: [{ $ref: "#/$defs/Cat" }, { $ref: "#/$defs/Dog" }],
        $defs: {
          Cat: {
            type: "object",
            properties: { kind: { const: "cat", xml: {} } },
            required: ["kind"],
          },
          Dog: {
            type: "object",
            properties: { kind: { const: "dog", "x-b": "" } },
            required: ["kind"],
          },
        },
      },
      [{ kind: "cat" }, { kind: "dog" }],
      [{ kind: "cow" }, {}],
    ],
  ],
  // As Zod writes them: the pattern says what the name means.
  "names of patterns": [
    [{ type: "string", format: "cuid2", pattern: "^[0-9a-z]+$" }, ["a1"], ["A", ""]],
    [
      { type: "string", format: "ends_with", allOf: [{ pattern: "^ab.*" }, { pattern: ".*z$" }] },
      ["abz", "ab-z"],
      ["abx", "az"],
    ],
  ],
  "bounds of numbers": [
    [{ minimum: 1.1 }, [2.6, 1.1], [0.6]],
    [{ minimum: -2 }, [-1, 0, -2], [-3, -2.0001]],
    [{ maximum: 3.0 }, [2.6, 3, -10], [3.5]],
    [{ exclusiveMinimum: 1.1 }, [1.2], [1.1, 0.6]],
    [{ exclusiveMaximum: 3.0 }, [2.2], [3, 3.5]],
    [{ type: "integer", exclusiveMinimum: 0, maximum: 10 }, [1, 10], [0, 11, 1.5, -1]],
    [{ type: "integer", minimum: 1.5, maximum: 3.5 }, [2, 3], [1, 4]],
    [{ minimum: -9007199254740991, maximum: 9007199254740991, type: "integer" }, [
      ...[9007199254740991, -9007199254740991, 0],
    ], [1.5]],
  ],
  multipleOf: [
    [{ multipleOf: 2 }, [10, 0, -4], [7]],
    [{ type: "integer", multipleOf: 6, allOf: [{ multipleOf: 4 }] }, [12, 24], [6, 8]],
  ],
  items: [
    [{ items: { type: "integer" } }, [[1, 2, 3], []], [[1, "x"]]],
    [{ items: false }, [[]], [[1], ["foo"]]],
    [{ type: "array", items: { type: "array", items: { type: "number" } } }, [[[1], []]], [[1]]],
    [{ items: [{ type: "integer" }], additionalItems: { type: "string" } }, [[1, "a"]], [[1, 2]]],
    [{ items: [{ type: "integer" }], additionalItems: false }, [[1], []], [[1, 2]]],
  ],
  prefixItems: [
    [{ prefixItems: [{ type: "integer" }, { type: "string" }] }, [[1, "foo"], [1], []], [[
      "foo",
      1,
    ]]],
    [{ prefixItems: [{}], items: { type: "integer" } }, [["x", 2, 3], ["x"]], [["x", "y"]]],
    [{ prefixItems: [{}, {}], items: false }, [[1, 2], [1], []], [[1, 2, 3]]],
    [{ prefixItems: [true, false] }, [[1], []], [[1, "foo"]]],
    [{ prefixItems: [{ type: "null" }], minItems: 3 }, [[null, 1, "x"]], [[null, 1], [1, 1, 1]]],
  ],
  "minItems, maxItems, uniqueItems": [
    [{ minItems: 1 }, [[1, 2], [1]], [[]]],
    [{ maxItems: 2 }, [[1], [1, 2], []], [[1, 2, 3]]],
    [{ items: { type: "integer" }, minItems: 90, maxItems: 120 }, [
      ...[90, 100, 120].map((length) => Array(length).fill(7)),
    ], [...[0, 89, 121].map((length) => Array(length).fill(7))]],
    [{ uniqueItems: false }, [[1, 1]], []],
    [{ uniqueItems: true, maxItems: 1 }, [[1], []], [[1, 2]]],
    [{ uniqueItems: true, items: { enum: ["a", "b", 3, { x: 1 }] } }, [
      ...[[], ["b", "a"], [3, "a", "b"], [{ x: 1 }, "a"]],
    ], [["a", "a"], ["a", "b", "a"], [{ x: 1 }, { x: 1 }], ["c"]]],
    [{ uniqueItems: true, items: { enum: ["a", "b", "c"] }, minItems: 2, maxItems: 2 }, [
      ...[["b", "a"], ["c", "a"]],
    ], [["a"], [], ["a", "b", "c"], ["b", "b"]]],
  ],
  properties: [
    [{ properties: { foo: { type: "integer" }, bar: { type: "string" } } }, [
      ...[{ foo: 1, bar: "baz" }, { foo: 1 }, { bar: "" }, {}],
    ], [{ foo: 1, bar: {} }, { foo: [] }]],
    [{ properties: { 'foo"bar': { type: "number" }, "foo\nbar": { type: "number" } } }, [
      ...[{ 'foo"bar': 1, "foo\nbar": 1 }],
    ], [{ 'foo"bar': "1" }]],
    [{ properties: JSON.parse('{"__proto__": {"type": "number"}, "toString": {}}') }, [
      ...[JSON.parse('{"__proto__": 1, "toString": {}}'), {}],
    ], [JSON.parse('{"__proto__": "foo"}')]],
  ],
  required: [
    [{ properties: { foo: {}, bar: {} }, required: ["foo"] }, [{ foo: 1 }], [{ bar: 1 }, {}]],
    [{ required: ["foo"] }, [{ foo: [] }, { foo: 1, x: 2 }], [{}, { bar: 1 }]],
    [{ required: ['foo"bar', "x"] }, [{ 'foo"bar': 1, x: 2 }], [{ x: 2 }]],
    [{ type: "object", required: [] }, [{}], []],
  ],
  additionalProperties: [
    [{ properties: { foo: {} }, additionalProperties: false }, [{ foo: 1 }, {}], [{ bar: 1 }]],
    [{ properties: { foo: {} }, additionalProperties: { type: "boolean" } }, [
      ...[{ foo: 1 }, { foo: 1, quux: true, x: false }, { x: true }],
    ], [{ foo: 1, quux: 12 }]],
    [{ properties: { foo: { type: "null" } }, additionalProperties: true }, [{ x: 1 }], [{
      foo: 1,
    }]],
    [{ additionalProperties: { type: "integer" } }, [{ é: 1, "": 2, '"': 3 }], [{ a: "b" }]],
  ],
  patternProperties: [
    [{ patternProperties: { "f.*o": { type: "integer" } } }, [{ foo: 1, foooooo: 2 }], [{
      foo: "x",
    }]],
    [{ patternProperties: { "a*": { type: "integer" }, "aaa*": { maximum: 20 } } }, [
      ...[{ a: 21 }, { aaaa: 18 }, { a: 21, aaaa: 18 }],
    ], [{ a: "bar" }, { aaaa: 31 }, { aaa: "foo" }]],
    [
      {
        properties: { foo: { maxItems: 3 }, bar: {} },
        patternProperties: { "f.o": { minItems: 2 } },
        additionalProperties: { type: "integer" },
      },
      [{ foo: [1, 2] }, { fxo: [1, 2] }, { quux: 3 }],
      [{ foo: [] }, { fxo: [] }, { quux: "x" }],
    ],
    [{ patternProperties: { "^v": {} }, additionalProperties: false }, [{ vroom: 1 }], [{
      foo: 1,
    }]],
  ],
  propertyNames: [
    [{ propertyNames: { maxLength: 3 } }, [{ f: {}, foo: {} }, {}], [{ foo: 1, foobar: 2 }]],
    [{ propertyNames: { pattern: "^a+$" } }, [{ a: 1, aaa: 2 }], [{ aaA: 1 }, { b: 1 }]],
    [{ propertyNames: { enum: ["foo", "bar"] } }, [{ foo: 1, bar: 2 }], [{ baz: 1 }]],
    [{ propertyNames: false }, [{}], [{ foo: 1 }]],
    [{ properties: { foo: {}, ba: {} }, propertyNames: { minLength: 3 } }, [{ foo: 1 }], [{
      ba: 1,
    }]],
  ],
  "minProperties and maxProperties": [
    [{ minProperties: 1 }, [{ foo: 1 }, { foo: 1, bar: 2 }], [{}]],
    [{ maxProperties: 2 }, [{ foo: 1, bar: 2 }, {}], [{ foo: 1, bar: 2, baz: 3 }]],
    [{ properties: { a: {}, b: {}, c: {} }, minProperties: 2 }, [
      ...[{ a: 1, b: 1 }, { a: 1, c: 1 }, { b: 1, c: 1 }],
    ], [{ a: 1 }, {}]],
    [{ properties: { a: {}, b: {}, c: {} }, required: ["c"], maxProperties: 2 }, [
      ...[{ c: 1 }, { a: 1, c: 1 }, { b: 1, c: 1 }],
    ], [{ a: 1, b: 1, c: 1 }, { a: 1, b: 1 }]],
    [{ maxProperties: 0 }, [{}], [{ foo: 1 }]],
  ],
  allOf: [
    [
      {
        allOf: [
          { properties: { bar: { type: "integer" } }, required: ["bar"] },
          { properties: { foo: { type: "string" } }, required: ["foo"] },
        ],
      },
      [{ bar: 2, foo: "baz" }],
      [{ foo: "baz" }, { bar: 2 }, { bar: "quux", foo: "baz" }],
    ],
    [{ allOf: [{ maximum: 30 }, { minimum: 20 }] }, [25, 20, 30], [35, 10]],
    [{ allOf: [true, { type: "string" }, {}] }, ["foo"], [1]],
    [{ allOf: [{ type: ["string", "null"] }], anyOf: [{ maxLength: 2 }, { type: "null" }] }, [
      ...["ab", null],
    ], ["abc", 1]],
    [
      {
        allOf: [{ properties: { a: { minimum: 2 } } }, { properties: { a: { maximum: 4 } } }],
        additionalProperties: { type: "integer" },
        type: "object",
      },
      [{ a: 3 }],
      [{ a: 1 }, { a: 5 }, { a: "x" }, { b: "x" }],
    ],
  ],
  anyOf: [
    [{ anyOf: [{ type: "integer" }, { minimum: 2 }] }, [1, 2.5, 3], [1.5]],
    [{ type: "string", anyOf: [{ maxLength: 2 }, { minLength: 4 }] }, ["ab", "abcd"], [3, "foo"]],
    [{ anyOf: [true, false] }, ["foo"], []],
    [{ anyOf: [{ type: "null" }, { anyOf: [{ type: "boolean" }] }] }, [null, true], ["x"]],
  ],
  oneOf: [
    [{ oneOf: [{ type: "string" }, { type: "integer" }, { type: "null" }] }, ["x", 1, null], [1.5]],
    [{ type: "number", oneOf: [{ maximum: 2 }, { exclusiveMinimum: 2, maximum: 5 }] }, [1, 2, 3], [
      6,
    ]],
    [{ type: "string", oneOf: [{ maxLength: 2 }, { minLength: 3, pattern: "^b" }] }, ["a", "bcd"], [
      "abc",
    ]],
    [{ type: "string", oneOf: [{ pattern: "^a" }, { pattern: "^b" }] }, ["ax", "bx"], ["c"]],
    [{ oneOf: [{ const: 1 }, { enum: [2, 3] }, { type: "string" }] }, [1, 3, "x"], [4]],
    [{ oneOf: [{ type: "string", maxLength: 2 }, { const: "long" }] }, ["ab", "long"], ["lon"]],
    [
      {
        oneOf: [
          { properties: { kind: { const: "a" } }, required: ["kind"] },
          { properties: { kind: { const: "b" }, n: { type: "null" } }, required: ["kind"] },
        ],
        type: "object",
      },
      [{ kind: "a" }, { kind: "b", n: null }],
      [{ kind: "c" }, { kind: "a", n: null }, {}],
    ],
    [
      {
        oneOf: ["leaf", "node"].map((kind) => ({
          type: "object",
          properties: {
            child: { anyOf: [{ $ref: "#" }, { type: "null" }] },
            kind: { const: kind },
          },
          required: ["child", "kind"],
        })),
      },
      [{ child: { child: null, kind: "leaf" }, kind: "node" }],
      [{ child: 1, kind: "node" }],
    ],
    [{ oneOf: [{ const: "a" }, true, { const: "b" }].slice(0, 1) }, ["a"], ["b"]],
  ],
  $ref: [
    [{ properties: { foo: { $ref: "#" } }, additionalProperties: false }, [
      ...[{ foo: { foo: {} } }, {}],
    ], [{ bar: 1 }, { foo: { bar: 1 } }]],
    [{ prefixItems: [{ type: "integer" }, { $ref: "#/prefixItems/0" }] }, [[1, 2]], [[1, "foo"]]],
    [
      {
        $defs: { "tilde~f": { type: "integer" }, "slash/f": { type: "null" }, "p%f": { const: 3 } },
        properties: {
          tilde: { $ref: "#/$defs/tilde~0f" },
          slash: { $ref: "#/$defs/slash~1f" },
          percent: { $ref: "#/$defs/p%25f" },
        },
      },
      [{ tilde: 1, slash: null, percent: 3 }],
      [{ tilde: "a" }, { slash: 1 }, { percent: 4 }],
    ],
    [{
      $ref: "#/$defs/c",
      $defs: { a: { const: 5 }, b: { $ref: "#/$defs/a" }, c: { $ref: "#/$defs/b" } },
    }, [
      5,
    ], [6]],
    [{
      properties: { foo: { $ref: "#/definitions/r", maxItems: 2 } },
      definitions: { r: { type: "array" } },
    }, [
      ...[{ foo: [] }, { foo: [1, 2] }],
    ], [{ foo: [1, 2, 3] }, { foo: "string" }]],
    [{ $ref: "#foo", $defs: { A: { $anchor: "foo", type: "integer" } } }, [1], ["a"]],
    [
      { $id: "https://x.org/a", $ref: "https://x.org/a#/$defs/b", $defs: { b: { const: 1 } } },
      [1],
      [2],
    ],
    [{ $ref: "#/$defs/node", $defs: { node: NODE } }, [
      ...[{ value: 1 }, { value: 1, next: { value: 2, next: { value: 3 } } }],
    ], [{ value: 1, next: {} }, { next: { value: 1 } }]],
    [{
      allOf: [{ $ref: "#/$defs/int" }, { $ref: "#/$defs/int" }],
      $defs: { int: { type: "integer" } },
    }, [
      3,
    ], ["3"]],
  ],
};
