/** The options that give a generation a form, made into a grammar. @module */

import { ArgumentError } from "../errors.ts";
import { choice, text } from "../grammar/expression.ts";
import { readGbnf } from "../grammar/gbnf.ts";
import { Grammar } from "../grammar/grammar.ts";

/** What a text must look like. */
export interface StructureOptions {
  /** A grammar in llama.cpp's GBNF, or texts of which the model chooses one. */
  readonly grammar?: string | readonly string[] | undefined;
}

/** So many grammars are kept, the last ones that were used. */
const KEPT = 32;
const KNOWN = new Map<string, Grammar>();

/**
 * The grammar of a generation's options, if they have one; compiled once.
 * @throws ArgumentError when it cannot be used, with the place
 */
export function grammarOf({ grammar }: StructureOptions): Grammar | undefined {
  if (grammar === undefined) return undefined;
  if (typeof grammar === "string") return kept(grammar, () => new Grammar(readGbnf(grammar)));
  return kept(JSON.stringify(grammar), () => choicesOf(grammar));
}

function choicesOf(texts: readonly string[]): Grammar {
  if (texts.length === 0) throw new ArgumentError("Cannot choose from []: there are no texts");
  return new Grammar({ rules: new Map([["root", choice(...texts.map(text))]]), root: "root" });
}

function kept(key: string, make: () => Grammar): Grammar {
  const grammar = KNOWN.get(key) ?? make();
  KNOWN.delete(key);
  KNOWN.set(key, grammar);
  for (const oldest of KNOWN.keys()) {
    if (KNOWN.size <= KEPT) break;
    KNOWN.delete(oldest);
  }
  return grammar;
}
