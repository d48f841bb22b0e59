/** Flags of chat templates: a name of a known form or a file with Jinja, and variables. @module */

import { FALLBACK_NAMES } from "../chat/fallbacks.ts";
import { CriaError } from "../errors.ts";
import { text } from "./command.ts";
import { about, UsageError } from "./failure.ts";

/** The flags. */
export const TEMPLATE = {
  template: text(
    "NAME",
    `Chat template in place of the model's: ${FALLBACK_NAMES.join(", ")}, or a file with Jinja`,
    { setting: true },
  ),
  variables: text("JSON", "Further variables of the template: '{\"enable_thinking\": false}'"),
} as const;

/** What the flag `--variables` stands for. */
export function readVariables(given: string | undefined): Record<string, unknown> | undefined {
  if (given === undefined) return undefined;
  const value = parseObject(given);
  if (value) return value;
  throw new UsageError(`Cannot use --variables ${JSON.stringify(given)}: it is no object of JSON`);
}

function parseObject(source: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(source);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? value as Record<string, unknown>
      : undefined;
  } catch {
    return undefined;
  }
}

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
