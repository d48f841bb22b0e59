/** Text that comes as bytes, from files and stdin. @module */

import { about } from "./failure.ts";
import { note } from "./terminal.ts";

/**
 * Bytes as text, a mark of the byte order included. What is not UTF-8 becomes U+FFFD, and unless
 * `quiet` a note says so: a text in another encoding is not what its user means.
 */
function decodeText(bytes: Uint8Array, name: string, quiet: boolean): string {
  try {
    return new TextDecoder("utf-8", { ignoreBOM: true, fatal: true }).decode(bytes);
  } catch {
    if (!quiet) note(`${name} is not UTF-8 everywhere: what is not stands as U+FFFD`);
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  }
}

/**
 * The text of a file.
 * @throws CriaError naming the file that cannot be read
 */
export async function readText(path: string, quiet: boolean): Promise<string> {
  const bytes = await about("read", path, () => Deno.readFile(path));
  return decodeText(bytes, JSON.stringify(path), quiet);
}

/** All of stdin, as text; `quiet` leaves out the note about what is none. */
export async function readStdin(quiet = true): Promise<string> {
  const bytes = await new Response(Deno.stdin.readable).bytes();
  return decodeText(bytes, "stdin", quiet); // `text()` would drop a BOM
}
