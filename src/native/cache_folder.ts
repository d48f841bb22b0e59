/** The folder that cria keeps between runs: libraries, models, build tools. @module */

import { LibraryError } from "../errors.ts";

/**
 * Reads an environment variable, but only one that may be read already: never asks the user.
 * @returns `undefined` when the variable is unset, empty, or not permitted
 */
export function environment(variable: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) || undefined : undefined;
}

/**
 * The cache folder: `CRIA_CACHE`, or `cria` in the place that the system has for caches. Nothing is
 * created here.
 * @returns a path without a slash at its end, or `undefined` when no variable that would say where
 * is set and may be read
 */
export function findCacheFolder(): string | undefined {
  const given = environment("CRIA_CACHE");
  if (given !== undefined) return given.replace(/[/\\]+$/, "");
  const folder = systemCacheFolder();
  return folder && `${folder}/cria`;
}

/**
 * As `findCacheFolder`, for what cannot do without one.
 * @throws {LibraryError} when there is none
 */
export function cacheFolder(): string {
  const folder = findCacheFolder();
  if (folder !== undefined) return folder;
  throw new LibraryError(
    `Cannot find the cache folder: neither CRIA_CACHE nor the home folder is set and may be read ` +
      `(--allow-env=CRIA_CACHE,${SYSTEM_VARIABLES.join(",")})`,
  );
}

const SYSTEM_VARIABLES = Deno.build.os === "windows"
  ? ["LOCALAPPDATA"]
  : Deno.build.os === "darwin"
  ? ["HOME"]
  : ["XDG_CACHE_HOME", "HOME"];

function systemCacheFolder(): string | undefined {
  if (Deno.build.os === "windows") return environment("LOCALAPPDATA");
  const home = environment("HOME");
  if (Deno.build.os === "darwin") return home && `${home}/Library/Caches`;
  return environment("XDG_CACHE_HOME") ?? (home && `${home}/.cache`);
}
