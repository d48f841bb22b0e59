/** Writes files that get their name only when they are whole. @module */
import { quote } from "../bytes.ts";
import { ArgumentError } from "../errors.ts";

/** Appends to the file that is being written; or goes on at a byte of it. */
export type Append = (bytes: Uint8Array, at?: number) => Promise<void>;

/** How a file is written. */
export interface WholeFileOptions {
  /** Takes the place of a file that is there. */
  readonly overwrite?: boolean | undefined;
  /** Stops writing; nothing is left behind. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes into a new file beside `path` and renames it when it is whole. Whatever fails or stops the
 * work in between leaves neither a part nor a changed file.
 *
 * @param path the file's name in the end
 * @param fill writes all of it
 * @throws {ArgumentError} something is there already, or it cannot be written
 */
export async function writeWholeFile(
  path: string,
  fill: (append: Append) => Promise<void>,
  { overwrite = false, signal }: WholeFileOptions = {},
): Promise<void> {
  await refuseTaken(path, overwrite);
  const part = `${path}.${crypto.randomUUID()}.part`;
  using _ = new Removal(part);
  await writing(path, async () => {
    using file = await Deno.open(part, { write: true, createNew: true });
    await fill(async (bytes, at) => {
      signal?.throwIfAborted();
      if (at !== undefined) await file.seek(at, Deno.SeekMode.Start);
      for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
    });
    signal?.throwIfAborted();
    await file.sync(); // else a crash after the rename could leave a name without its bytes
  });
  await refuseTaken(path, overwrite); // somebody may have been faster
  await writing(path, () => Deno.rename(part, path));
}

/** Removes a file at the end, if it is still there; in one go, for the program may be ending. */
class Removal implements Disposable {
  constructor(readonly path: string) {}

  [Symbol.dispose](): void {
    try {
      Deno.removeSync(this.path);
    } catch {
      // it was renamed, or never made
    }
  }
}

/**
 * Refuses a path that is taken: by anything that is no file, and by a file unless it may go.
 * @throws {ArgumentError} saying what is there
 */
export async function refuseTaken(path: string, overwrite: boolean): Promise<void> {
  const found = await writing(path, () =>
    Deno.stat(path).catch((error: unknown) => {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }));
  if (found === undefined || (found.isFile && overwrite)) return;
  const state = found.isFile ? "it is there already" : "it is no regular file";
  throw new ArgumentError(`Cannot write ${quote(path, Infinity)}: ${state}`);
}

/** Runs a file operation; what the system refuses becomes one sentence with the path. */
async function writing<T>(path: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    if (!Object.values(Deno.errors).some((kind) => error instanceof kind)) throw error;
    const state = error instanceof Deno.errors.NotFound
      ? "its folder is not there"
      : error instanceof Deno.errors.NotCapable
      ? "writing it was not allowed (--allow-write)"
      : (error as Error).message.replace(/ \(os error \d+\).*$/s, "");
    const message = `Cannot write ${quote(path, Infinity)}: ${state}`;
    throw new ArgumentError(message, { cause: error });
  }
}
