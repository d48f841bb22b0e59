/** Failures: wrong usage, an interruption, and the one line that tells of an error. @module */

import { CriaError } from "../errors.ts";

/** The command line itself is wrong: exit code 2. */
export class UsageError extends CriaError {
  override name = "UsageError";
}

/** The user pressed Ctrl-C: exit code 130, nothing more to say. */
export class InterruptError extends CriaError {
  override name = "InterruptError";
}

/** The exit codes of the contract. */
export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** The exit code of an error. */
export function exitCode(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  return error instanceof InterruptError ? EXIT.interrupted : EXIT.failed;
}

/** An error as one line, free of anything that a terminal would obey. */
export function oneLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof CriaError) return visible(message.trim());
  const name = error instanceof Error ? error.name : "an unknown error";
  return visible(`Cannot go on: ${name}: ${message.trim()} (CRIA_DEBUG=1 shows where)`);
}

/**
 * Runs something that concerns a file, and sees to it that an error names the file.
 * @param action what is being done to it, as in "load"
 * @param path the file
 */
export async function about<T>(
  action: string,
  path: string,
  work: () => T | Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw naming(action, path, error);
  }
}

/** The error, or one that also says which file it is about. */
function naming(action: string, path: string, error: unknown): unknown {
  if (error instanceof UsageError || error instanceof InterruptError) return error;
  if (error instanceof Deno.errors.BrokenPipe) return error; // not the fault of a file
  const known = error instanceof CriaError || isOfDeno(error);
  if (!known || !(error instanceof Error)) return error;
  const quoted = JSON.stringify(path);
  if (error instanceof CriaError && error.message.includes(quoted)) return error;
  const state = error.message.replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());
  return new CriaError(`Cannot ${action} ${quoted}: ${plain(state)}`, { cause: error });
}

/** Whether the system refused something: no such file, no permission. */
function isOfDeno(error: unknown): boolean {
  return Object.values(Deno.errors).some((kind) => error instanceof kind);
}

/** What the system says, without the numbers. */
function plain(state: string): string {
  return state.replace(/ \(os error \d+\).*$/s, "");
}

/**
 * A text in which control characters are written out, so that a file's metadata cannot steer a
 * terminal, nor break one line into two.
 */
export function visible(given: string): string {
  return given.replace(
    /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu,
    (char) => ESCAPES[char] ?? `\\u{${char.codePointAt(0)!.toString(16)}}`,
  );
}

const ESCAPES: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
