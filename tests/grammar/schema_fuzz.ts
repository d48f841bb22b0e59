/**
 * Random schemas, and texts that wander through their grammars at random, validated by Ajv:
 *
 *     deno run -A tests/grammar/schema_fuzz.ts 20000 [seed]
 *
 * @module
 */

import { Ajv2020 } from "npm:ajv@8.17.1/dist/2020.js";
import addFormats from "npm:ajv-formats@3.0.1";
import { ArgumentError } from "../../src/errors.ts";
import { Grammar } from "../../src/grammar/grammar.ts";
import { readSchema } from "../../src/grammar/schema/compile.ts";
import { Dice } from "./dice.ts";
import { tokensOf, vocabularyOf } from "./vocabulary.ts";

type Schema = Record<string, unknown> | boolean;

const NAMES = ["a", "b", "ab", "ba", "c d", 'q"', "é"];
const PATTERNS = ["^a", "b$", "a|b", "^[ab]*$", "^.{1,3}$", "é", "^(?!b)", "\\d"];
const VALUES = [null, true, false, 0, 1, -1, 2.5, 7, "", "a", "ab", "ba", "é", [], [1], {}, {
  a: 1,
}];
const WORDS = '{}[],:"\\/ -+.0123456789abéeEtrunlfsx😀'.split("").concat([
  ...['{"', '":', '",', '": ', '"}', '"a"', '"b":', "true", "false", "null", "\\u00e9", "\\n"],
  ...["12", "0.5", "-1", "e2", "]]", "}}", "[[", '", "', '{"a":', "ab", "ba", 'q\\"', "c d"],
]);

/** Makes schemas of everything that is supported, and now and then of what is not. */
class Maker extends Dice {
  some<T>(list: readonly T[]): T[] {
    return list.filter(() => this.roll(3) === 0);
  }

  schema(depth: number): Schema {
    if (this.roll(12) === 0) return this.of<Schema>([true, false, {}, {}]);
    const schema: Record<string, unknown> = {};
    const count = 1 + this.roll(3);
    for (let i = 0; i < count; i++) {
      Object.assign(schema, this.of(depth > 2 ? SIMPLE : ALL)(this, depth));
    }
    return schema;
  }
}

type Part = (maker: Maker, depth: number) => Record<string, unknown>;
const TYPES = ["null", "boolean", "object", "array", "string", "number", "integer"];

const SIMPLE: readonly Part[] = [
  (m) => ({ type: m.of(TYPES) }),
  (m) => ({ type: [m.of(TYPES.slice(0, 3)), m.of(TYPES.slice(3))] }),
  (m) => ({ enum: [m.of(VALUES.slice(0, 13)), ...m.some(VALUES)] }),
  (m) => ({ const: m.of(VALUES) }),
  (m) => ({ minLength: m.roll(4), maxLength: 1 + m.roll(5) }),
  (m) => ({ pattern: m.of(PATTERNS) }),
  (m) => ({ minimum: m.of([-12.5, -3, 0, 0.1, 2]) }),
  (m) => ({ maximum: m.of([-1, 0, 0.75, 5, 100]) }),
  (m) => ({ exclusiveMinimum: m.of([-2.5, 0, 1]), exclusiveMaximum: m.of([1, 3, 9.5]) }),
  (m) => ({ multipleOf: 1 + m.roll(9) }),
  (m) => ({ minItems: m.roll(3) }),
  (m) => ({ maxItems: m.roll(4) }),
  (m) => ({ required: m.some(NAMES) }),
  (m) => ({ minProperties: m.roll(3) }),
  (m) => ({ maxProperties: m.roll(4) }),
  (m) => ({ format: m.of(["date", "ipv4", "uuid", "time"]) }),
  (m) => ({ propertyNames: { pattern: m.of(PATTERNS) } }),
];

const ALL: readonly Part[] = [
  ...SIMPLE,
  (m, d) => ({ items: m.schema(d + 1) }),
  (m, d) => ({ prefixItems: [m.schema(d + 1), m.schema(d + 1)] }),
  (m) => ({ uniqueItems: true, items: { enum: [m.of(VALUES), ...m.some(VALUES)] } }),
  (m, d) => ({ properties: members(m, d, NAMES) }),
  (m, d) => ({ properties: members(m, d, NAMES), required: m.some(NAMES) }),
  (m, d) => ({ properties: members(m, d, NAMES), additionalProperties: m.schema(d + 1) }),
  (m, d) => ({ patternProperties: members(m, d, PATTERNS) }),
  (m, d) => ({ additionalProperties: m.schema(d + 1) }),
  (m, d) => ({ allOf: [m.schema(d + 1), m.schema(d + 1)] }),
  (m, d) => ({ anyOf: [m.schema(d + 1), m.schema(d + 1), m.schema(d + 1)] }),
  (m, d) => ({ oneOf: [m.schema(d + 1), m.schema(d + 1)] }),
  (m) => ({ $ref: m.of(["#", "#/$defs/x", "#/$defs/y"]) }),
];

function members(maker: Maker, depth: number, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(maker.some(names).map((name) => [name, maker.schema(depth + 1)]));
}

const TRIE = vocabularyOf(WORDS);

/** A text that wanders through a grammar, and takes the shortest way home after a while. */
function wander(grammar: Grammar, maker: Maker): string {
  const bytes: number[] = [];
  let state = grammar.begin(TRIE);
  for (let step = 0; state.mayGoOn && step < 60; step++) {
    const token = maker.of(tokensOf(state.mask));
    if (TRIE.endTokens.includes(token)) break;
    bytes.push(...TRIE.bytes(token));
    state = state.after(token)!;
  }
  return new TextDecoder("utf-8", { fatal: true })
    .decode(Uint8Array.from([...bytes, ...state.shortestEnd()]));
}

/** A schema as Ajv has it; some circles of references are too much for it. */
function compiled(schema: Schema): ((value: unknown) => unknown) | undefined {
  const ajv = new Ajv2020({ strict: false, logger: false });
  (addFormats as unknown as (ajv: Ajv2020) => void)(ajv);
  try {
    return ajv.compile(schema);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** What came of a run. */
export interface FuzzOutcome {
  /** Texts that were validated. */
  readonly texts: number;
  /** Schemas that were refused. */
  readonly refused: number;
  /** What is wrong. */
  readonly failures: readonly string[];
}

/** Makes schemas from seeds, and three texts of each. */
export function fuzzSchemas(count: number, seed: number): FuzzOutcome {
  const failures: string[] = [];
  let texts = 0, refused = 0;
  for (let i = 0; i < count; i++) {
    const maker = new Maker(seed + i), root = maker.schema(0);
    const schema = typeof root === "boolean"
      ? root
      : { ...root, $defs: { x: maker.schema(1), y: maker.schema(2) } };
    let grammar: Grammar;
    try {
      grammar = new Grammar(readSchema(schema));
    } catch (error) {
      if (!(error instanceof ArgumentError)) failures.push(`seed ${seed + i}: ${error}`);
      refused++;
      continue;
    }
    const check = compiled(schema);
    if (check === undefined) continue;
    for (let round = 0; round < 3; round++, texts++) {
      const text = wander(grammar, maker);
      try {
        if (check(JSON.parse(text))) continue;
      } catch (error) {
        // Ajv runs in circles.
        if (error instanceof RangeError || error instanceof TypeError) continue;
        throw error;
      }
      failures.push(`seed ${seed + i}: ${JSON.stringify(schema)} gives ${text}`);
    }
  }
  return { texts, refused, failures };
}

if (import.meta.main) {
  const [count = 20_000, seed = 1] = Deno.args.map(Number);
  const { texts, refused, failures } = fuzzSchemas(count, seed);
  failures.forEach((failure) => console.log(failure));
  console.log(`${texts} texts, ${refused} schemas refused, ${failures.length} failures`);
  Deno.exit(failures.length === 0 ? 0 : 1);
}
