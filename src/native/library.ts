/** Finds the kernel library: named, built here, kept in the cache, or downloaded. @module */

import { LibraryError } from "../errors.ts";
import { cacheFolder, environment, findCacheFolder } from "./cache_folder.ts";
import { CHECKSUMS, type PinnedLibrary } from "./checksums.ts";
import { libraryFile, libraryName, platformFolder, platformKey } from "./platform.ts";
import { sha256 } from "./sha256.ts";

/** The folder of this version of cria, local or on a server. */
const ROOT = new URL("../../", import.meta.url);

/**
 * Finds the library for this platform, and takes the first of: the path in `CRIA_LIBRARY`; the
 * local build, when this module is a local file; the one in the cache folder; the one that lies
 * beside this module on its server. The last two must have the SHA-256 in checksums.ts.
 *
 * Asks no permission that it can do without: with `--allow-ffi` for the local build and
 * `--allow-read` for the same file it reads no environment and no other file.
 * @param signal stops a download
 * @returns an absolute path, for `Deno.dlopen`
 * @throws {LibraryError} when there is none, saying where it was looked for
 */
export async function findLibrary(signal?: AbortSignal): Promise<string> {
  const named = environment("CRIA_LIBRARY");
  if (named !== undefined) return await existing(named);
  return ROOT.protocol === "file:" ? await localLibrary() : await remoteLibrary(signal);
}

async function localLibrary(): Promise<string> {
  const built = localPath(new URL(libraryFile(), ROOT));
  if (await isThere(built)) return built;
  const pinned = CHECKSUMS[platformKey()];
  const folder = findCacheFolder();
  if (pinned && folder && mayRead(folder)) {
    const kept = await inCache(pinned, cachePath(pinned, folder));
    if (kept !== undefined) return kept;
  }
  throw new LibraryError(
    `Cannot find the kernel library "${built}": it is not built; run "deno task build"`,
  );
}

async function remoteLibrary(signal?: AbortSignal): Promise<string> {
  const pinned = CHECKSUMS[platformKey()];
  if (pinned === undefined) {
    throw new LibraryError(
      `Cannot find a kernel library for "${platformFolder()}": this version has one for ` +
        `${Object.keys(CHECKSUMS).join(", ") || "no platform"}; ` +
        `build one from a checkout and name it in CRIA_LIBRARY`,
    );
  }
  const path = cachePath(pinned, cacheFolder());
  return await inCache(pinned, path) ?? await download(pinned, path, signal);
}

async function existing(path: string): Promise<string> {
  if (await isThere(path)) return path;
  throw new LibraryError(
    `Cannot find the library that CRIA_LIBRARY names, "${path}": no such file`,
  );
}

/** Whether a file is there. One that may not be looked at counts as there: dlopen will tell. */
async function isThere(path: string): Promise<boolean> {
  if (!mayRead(path)) return true;
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function mayRead(path: string): boolean {
  return Deno.permissions.querySync({ name: "read", path }).state === "granted";
}

/** Where a library is kept: under its own checksum, so that versions never meet. */
function cachePath({ sha256 }: PinnedLibrary, folder: string): string {
  return `${folder}/lib/${sha256}/${libraryName()}`;
}

/** The kept library, if it is there and still what it was. */
async function inCache(pinned: PinnedLibrary, path: string): Promise<string | undefined> {
  try {
    const bytes = await Deno.readFile(path);
    return await sha256(bytes) === pinned.sha256 ? path : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Fetches a library, checks it, and gives it its name only when it is whole. */
async function download(
  pinned: PinnedLibrary,
  path: string,
  signal?: AbortSignal,
): Promise<string> {
  const url = new URL(pinned.file, ROOT);
  const bytes = await fetchBytes(url, pinned.bytes, signal);
  const found = await sha256(bytes);
  if (found !== pinned.sha256) {
    throw new LibraryError(
      `Cannot use the library "${url}": its SHA-256 is ${found}, and this version of cria was ` +
        `made with ${pinned.sha256}`,
    );
  }
  const part = `${path}.${crypto.randomUUID()}`;
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  try {
    await Deno.writeFile(part, bytes);
    await Deno.rename(part, path);
  } catch (cause) {
    await Deno.remove(part).catch(() => {});
    throw new LibraryError(`Cannot keep the library "${path}": ${sentence(cause)}`, { cause });
  }
  return path;
}

/** The bytes behind an address; of more than `most` the rest is left: their checksum is wrong. */
async function fetchBytes(
  url: URL,
  most: number,
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  let response: Response;
  try {
    response = await fetch(url, { signal: signal ?? null });
    if (response.ok) return await firstBytes(response, most + 1);
  } catch (cause) {
    signal?.throwIfAborted();
    throw new LibraryError(`Cannot download the library "${url}": ${sentence(cause)}`, { cause });
  }
  await response.body?.cancel();
  throw new LibraryError(
    `Cannot download the library "${url}": the server says ${response.status}`,
  );
}

/** The first bytes of a response, at least `enough` where it has so many. */
async function firstBytes(
  response: Response,
  enough: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let count = 0;
  for await (const part of response.body ?? []) {
    parts.push(part);
    count += part.length;
    if (count >= enough) break;
  }
  return await new Blob(parts).bytes();
}

function sentence(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function localPath(url: URL): string {
  const path = decodeURIComponent(url.pathname);
  return Deno.build.os === "windows" ? path.slice(1) : path;
}
