/** The flags that give a generation a form, read from their files. @module */

import { grammarOf, type StructureOptions } from "../session/structure.ts";
import { type Flags, text, type Values } from "./command.ts";
import { about } from "./failure.ts";

/** The flags. */
export const STRUCTURE = {
  grammar: text("FILE", "Only write what meets this grammar in GBNF"),
} as const satisfies Flags;

/**
 * Reads the files of the flags, and tries what they hold, before a model is loaded.
 * @throws CriaError naming the file that cannot be used
 */
export async function readStructure(
  { grammar: path }: Values<typeof STRUCTURE>,
): Promise<StructureOptions> {
  if (path === undefined) return {};
  const grammar = await about("read", path, () => Deno.readTextFile(path));
  await about("use", path, () => grammarOf({ grammar }));
  return { grammar };
}
