/** The flag `--template`: the name of a known form of chat, or a file with Jinja. @module */

import { FALLBACK_NAMES } from "../chat/fallbacks.ts";
import { CriaError } from "../errors.ts";
import { text } from "./command.ts";
import { about } from "./failure.ts";

/** The flag. */
export const TEMPLATE = {
  template: text(
    "NAME",
    `Chat template in place of the model's: ${FALLBACK_NAMES.join(", ")}, or a file with Jinja`,
    { setting: true },
  ),
} as const;

/** What the flag stands for: a name, or the text of the file. */
export async function wantedTemplate(given: string | undefined): Promise<string | undefined> {
  if (given === undefined || FALLBACK_NAMES.includes(given)) return given;
  return await about("use the template", given, async () => {
    const source = await readTemplate(given);
    if (source !== undefined) return source;
    throw new CriaError(`it is neither Jinja nor ${FALLBACK_NAMES.join(", ")}`);
  });
}

/** The text of a file that is a template: text, with a tag of Jinja in it; else undefined. */
export async function readTemplate(path: string): Promise<string | undefined> {
  try {
    const { isFile, size } = await Deno.stat(path);
    if (!isFile || size > LARGEST) return undefined;
    const source = new TextDecoder("utf-8", { fatal: true }).decode(await Deno.readFile(path));
    return !source.includes("\0") && /\{[{%#]/.test(source) ? source : undefined;
  } catch (error) {
    if (error instanceof TypeError || error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

const LARGEST = 1 << 20;
