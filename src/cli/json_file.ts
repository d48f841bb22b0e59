/** Lists of objects in JSON files: messages, tools, documents. @module */

import { CriaError } from "../errors.ts";
import { about } from "./failure.ts";
import { readStdin } from "./generation.ts";

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

function parseJson(source: string): unknown {
  try {
    return JSON.parse(source);
  } catch (error) {
    const state = error instanceof Error ? error.message : String(error);
    throw new CriaError(`it is not JSON: ${state}`);
  }
}
