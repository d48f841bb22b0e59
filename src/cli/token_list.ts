/** Token ids on a command line. @module */

import { toWhole } from "./command.ts";
import { UsageError } from "./failure.ts";

/**
 * Reads ids with commas or spaces between them.
 * @param name what the list is called, for messages
 */
export function tokenList(text: string, name: string): number[] {
  const parts = text.split(/[\s,]+/).filter((part) => part !== "");
  if (parts.length === 0) throw new UsageError(`Cannot use ${name} "": it has no token ids`);
  return parts.map((part) => toWhole(part, name, 0));
}
