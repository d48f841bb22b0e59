/** The flags that give a generation a form, read from their files. @module */

import { grammarOf, type JsonSchema, type StructureOptions } from "../session/structure.ts";
import { type Flags, text, type Values } from "./command.ts";
import { about, UsageError } from "./failure.ts";
import { parseJson } from "./json_file.ts";

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
    const structure = schema === undefined
      ? { grammar: source }
      : { schema: parseJson(source) as JsonSchema };
    grammarOf(structure);
    return structure;
  });
}
