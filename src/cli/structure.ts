/** The flags that give a generation a form, read from their files. @module */

import { CriaError } from "../errors.ts";
import { grammarOf, type StructureOptions } from "../session/structure.ts";
import { type Flags, text, type Values } from "./command.ts";
import { about, UsageError } from "./failure.ts";

/** The flags. */
export const STRUCTURE = {
  schema: text("FILE", "Only write JSON that meets this JSON Schema"),
  grammar: text("FILE", "Only write what meets this grammar in GBNF"),
} as const satisfies Flags;

/**
 * Reads the files of the flags, and tries what they hold, before a model is loaded.
 * @throws CriaError naming the file that cannot be used
 */
export async function readStructure(
  { schema, grammar }: Values<typeof STRUCTURE>,
): Promise<StructureOptions> {
  if (schema !== undefined && grammar !== undefined) {
    throw new UsageError("Cannot use both --schema and --grammar: give one of them");
  }
  const path = schema ?? grammar;
  if (path === undefined) return {};
  const source = await about("read", path, () => Deno.readTextFile(path));
  return await about("use", path, () => {
    const structure = schema === undefined ? { grammar: source } : { schema: parseJson(source) };
    grammarOf(structure);
    return structure;
  });
}

function parseJson(source: string): object | boolean {
  try {
    return JSON.parse(source);
  } catch (error) {
    throw new CriaError(`it is no JSON: ${error instanceof Error ? error.message : error}`);
  }
}
