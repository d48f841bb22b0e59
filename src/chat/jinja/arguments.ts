/** Gives arguments the names of parameters. @module */

import { TemplateFault } from "./budget.ts";
import type { Arguments, Value } from "./values.ts";

/**
 * The arguments of a call in the order of the parameters; undefined where there is none.
 * @param name what is called, for messages
 * @param parameters names, those that must be there first
 * @param least how many must be there
 */
export function bind(
  name: string,
  parameters: readonly string[],
  { positional, named }: Arguments,
  least = 0,
): (Value | undefined)[] {
  const bound: (Value | undefined)[] = parameters.map((_, index) => positional[index]);
  if (positional.length > parameters.length) {
    throw new TemplateFault(
      `"${name}" takes ${parameters.length} arguments, not ${positional.length}`,
    );
  }
  for (const [key, value] of named) {
    const index = parameters.indexOf(key);
    if (index < 0) throw new TemplateFault(`"${name}" has no parameter "${key}"`);
    if (bound[index] !== undefined) {
      throw new TemplateFault(`"${name}" has two values for "${key}"`);
    }
    bound[index] = value;
  }
  const absent = bound.findIndex((value, index) => value === undefined && index < least);
  if (absent >= 0) throw new TemplateFault(`"${name}" needs "${parameters[absent]}"`);
  return bound;
}
