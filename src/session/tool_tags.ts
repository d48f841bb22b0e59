/** Arguments in tags as a grammar: texts as they are, all else as JSON. @module */

import type { TagBody } from "../chat/tool_calls.ts";
import { ArgumentError } from "../errors.ts";
import { EVERY_CHARACTER } from "../grammar/code_points.ts";
import { dfaOf, machineOf, subtract } from "../grammar/dfa.ts";
import {
  characters,
  choice,
  type Expression,
  optional,
  repeat,
  type Rules,
  sequence,
  text,
} from "../grammar/expression.ts";
import { readSchema } from "../grammar/schema/compile.ts";
import { SchemaDocument } from "../grammar/schema/document.ts";
import { languageDfa, stringLanguage } from "../grammar/schema/strings.ts";
import type { PreparedTool } from "./tools.ts";

/** What a schema of arguments may say; the rest is about a whole object, which is not written. */
const TAKEN = new Set([
  ...["type", "properties", "required", "additionalProperties", "$defs", "definitions"],
  ...["title", "description", "$schema", "$id", "$comment", "examples", "default"],
]);

/**
 * The arguments of a tool in tags, in the order of their declaration.
 * @param add adds rules under a name, and gives the expression of the first one
 * @throws ArgumentError for what cannot be enforced, with its place
 */
export function taggedArguments(
  { tag, tagEnd }: TagBody,
  { schema }: PreparedTool,
  add: (rules: Rules, key: string) => Expression,
): Expression {
  const { properties = {}, required = [], $defs, definitions } = schema as Declared;
  for (const keyword of Object.keys(schema)) {
    if (!TAKEN.has(keyword)) throw refuse(`#/${keyword}`, "is not supported in tags");
  }
  const parts = Object.entries(properties).map(([key, declared]) => {
    if (/[<>\s]/.test(key)) throw refuse(`#/properties/${key}`, "has a name that no tag can have");
    const value = within(
      `#/properties/${key}`,
      () =>
        isText(declared)
          ? textExpression(declared, tagEnd)
          : add(readSchema({ ...declared, $defs, definitions }), key),
    );
    const part = sequence(text(`${tag}${key}>\n`), value, text(`\n${tagEnd}\n`));
    return required.includes(key) ? part : optional(part);
  });
  return sequence(text("\n"), ...parts);
}

/** The part of a schema that is looked at here. */
interface Declared {
  readonly properties?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly required?: readonly string[];
  readonly $defs?: object;
  readonly definitions?: object;
}

/** The names of the arguments of a tool that are texts, written as they are. */
export function textArguments({ schema }: PreparedTool): ReadonlySet<string> {
  const declared = Object.entries((schema as Declared).properties ?? {});
  return new Set(declared.filter(([, one]) => isText(one)).map(([key]) => key));
}

function isText(declared: Readonly<Record<string, unknown>>): boolean {
  const values = valuesOf(declared);
  if (values !== undefined) return values.every((value) => typeof value === "string");
  return declared.type === "string";
}

function valuesOf(declared: Readonly<Record<string, unknown>>): readonly unknown[] | undefined {
  if ("const" in declared) return [declared.const];
  return Array.isArray(declared.enum) ? declared.enum : undefined;
}

/** Texts that meet a schema and do not have what ends them. */
function textExpression(declared: Readonly<Record<string, unknown>>, end: string): Expression {
  readSchema(declared); // refuses what it does not know
  const values = valuesOf(declared);
  if (values !== undefined) {
    const possible = values.filter((value) => !String(value).includes(end));
    return choice(...possible.map((value) => text(String(value))));
  }
  const language = languageDfa(stringLanguage([new SchemaDocument(declared).root]));
  const free = repeat(characters(...EVERY_CHARACTER), 0);
  const ending = dfaOf(sequence(free, text(end), free));
  return { kind: "machine", machine: machineOf(subtract(language, ending)) };
}

/** Compiles a part of a schema, whose errors say where it stands. */
function within(path: string, compile: () => Expression): Expression {
  try {
    return compile();
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    const message = error.message.replace(/: #(?!\/(\$defs|definitions)\/)/, `: ${path}`);
    throw new ArgumentError(message, { cause: error });
  }
}

function refuse(path: string, state: string): ArgumentError {
  return new ArgumentError(`Cannot compile the schema: ${path} ${state}`);
}
