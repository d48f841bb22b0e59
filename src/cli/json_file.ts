/** JSON that users write: schemas, and lists of messages, tools and documents. @module */

import { CriaError } from "../errors.ts";
import { about } from "./failure.ts";
import { readStdin } from "./text_input.ts";

/** Reads a JSON file that has a list of objects; `-` is stdin. */
export async function readList(path: string): Promise<readonly object[]> {
  const source = path === "-"
    ? await readStdin()
    : await about("read", path, () => Deno.readTextFile(path));
  return await about("read", path, () => {
    const value = parseJson(source);
    if (Array.isArray(value) && value.every((one) => typeof one === "object" && one !== null)) {
      return value;
    }
    throw new CriaError("it is not a list of objects");
  });
}

/**
 * The value of a text; a mark of the byte order before it is passed over, as some editors and
 * shells write one (RFC 8259, section 8.1).
 */
export function parseJson(source: string): unknown {
  try {
    return JSON.parse(source.replace(/^\uFEFF/, ""));
  } catch (error) {
    throw new CriaError(`it is not JSON: ${error instanceof Error ? error.message : error}`);
  }
}
