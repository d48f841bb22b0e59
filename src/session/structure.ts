/** The options that give a generation a form, made into a grammar. @module */

import { ArgumentError } from "../errors.ts";
import { type Dfa, dfaOfTexts, machineOf } from "../grammar/dfa.ts";
import type { Expression } from "../grammar/expression.ts";
import { readGbnf } from "../grammar/gbnf.ts";
import { Grammar } from "../grammar/grammar.ts";
import { readRegex } from "../grammar/regex.ts";
import { readSchema } from "../grammar/schema/compile.ts";

/** What a text must look like. */
export interface StructureOptions {
  /**
   * A grammar in llama.cpp's GBNF, texts of which the model chooses one, or a regular expression
   * for the whole text.
   */
  readonly grammar?: string | readonly string[] | RegExp | undefined;
  /**
   * A JSON Schema (draft 2020-12) that the text meets as JSON. Members come in the order in which
   * `properties` declares them, optional ones may be left out; what a schema says is enforced or
   * refused, never skipped.
   */
  readonly schema?: JsonSchema | undefined;
}

/** A JSON Schema: an object of keywords, or `true` or `false`. */
export type JsonSchema = boolean | object;

/** So many grammars are kept, the last ones that were used. */
const KEPT = 16;
const KNOWN = new Map<string, Grammar>();

/**
 * The grammar of a generation's options, if they have one; compiled once.
 * @throws ArgumentError when it cannot be used, with the place
 */
export function grammarOf({ grammar, schema }: StructureOptions): Grammar | undefined {
  if (schema !== undefined) {
    if (grammar === undefined) return schemaGrammar(schema);
    throw new ArgumentError("Cannot generate by both a schema and a grammar: give one of them");
  }
  if (grammar === undefined) return undefined;
  if (typeof grammar === "string") return kept(grammar, () => new Grammar(readGbnf(grammar)));
  if (grammar instanceof RegExp) return kept(`/${grammar}`, () => ofMachine(regexDfa(grammar)));
  if (grammar.length > 0) {
    return kept(JSON.stringify(grammar), () => ofMachine(dfaOfTexts(grammar)));
  }
  throw new ArgumentError("Cannot choose from []: there are no texts");
}

/** The grammar of a schema, known again by what it says: the object may have been changed. */
function schemaGrammar(schema: JsonSchema): Grammar {
  let key: string;
  try {
    key = JSON.stringify(schema);
  } catch (error) {
    const state = error instanceof Error ? error.message.split("\n")[0] : error;
    throw new ArgumentError(`Cannot compile the schema: it is no JSON: ${state}`);
  }
  return kept(`schema ${key}`, () => new Grammar(readSchema(schema)));
}

function regexDfa({ source, flags }: RegExp): Dfa {
  const unknown = flags.replace(/[dgsuvy]/g, "");
  if (unknown === "") return readRegex(source, { whole: true, dotAll: flags.includes("s") });
  throw new ArgumentError(`Cannot use /${source}/${flags}: flag "${unknown}" is not supported`);
}

function ofMachine(dfa: Dfa): Grammar {
  const root: Expression = { kind: "machine", machine: machineOf(dfa) };
  return new Grammar({ rules: new Map([["root", root]]), root: "root" });
}

/** A grammar that is compiled once; the last ones are kept. */
export function kept(key: string, make: () => Grammar): Grammar {
  const grammar = KNOWN.get(key) ?? make();
  KNOWN.delete(key);
  KNOWN.set(key, grammar);
  for (const oldest of KNOWN.keys()) {
    if (KNOWN.size <= KEPT) break;
    KNOWN.delete(oldest);
  }
  return grammar;
}
