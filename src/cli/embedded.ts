/** Finds the embedded model: beside this module, or fetched once into the cache folder. @module */

import { CriaError } from "../errors.ts";
import { cacheFolder } from "../native/cache_folder.ts";
import { sha256 } from "../native/sha256.ts";
import { about } from "./failure.ts";
import { STORY } from "./story.ts";
import type { Progress } from "./terminal.ts";

/**
 * The path of the embedded model. A module on a server has it fetched from there; what is kept is
 * named after its checksum, and gets that name only when it is whole and right.
 * @param signal stops the download
 * @param progress shows how far it is
 */
export async function embeddedModel(signal?: AbortSignal, progress?: Progress): Promise<string> {
  const url = new URL(`../../${STORY.file}`, import.meta.url);
  if (url.protocol === "file:") return localPath(url);
  const folder = `${cacheFolder()}/models/${STORY.sha256}`;
  const path = `${folder}/${STORY.file.split("/").at(-1)}`;
  if (await isWhole(path)) return path;
  const body = await about("download", url.href, () => download(url, signal, progress));
  await about("keep", path, async () => {
    await Deno.mkdir(folder, { recursive: true });
    const part = `${path}.${crypto.randomUUID()}`;
    try {
      await Deno.writeFile(part, body);
      await Deno.rename(part, path);
    } catch (error) {
      await Deno.remove(part).catch(() => {});
      throw error;
    }
  });
  return path;
}

/** Whether the kept file is there and has the right bytes. */
async function isWhole(path: string): Promise<boolean> {
  try {
    return await sha256(await Deno.readFile(path)) === STORY.sha256;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Fetches the model; it must have its size and its checksum. */
async function download(
  url: URL,
  signal: AbortSignal | undefined,
  progress: Progress | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(url, { signal: signal ?? null }).catch((error: unknown) => {
    if (signal?.aborted) throw signal.reason;
    throw new CriaError(error instanceof Error ? error.message : String(error));
  });
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    throw new CriaError(`the server says ${response.status}`);
  }
  const bytes = new Uint8Array(STORY.bytes);
  let at = 0;
  for await (const chunk of response.body) {
    if (at + chunk.length > bytes.length) throw new CriaError(`it is over ${STORY.bytes} bytes`);
    bytes.set(chunk, at);
    at += chunk.length;
    progress?.share("Fetching the embedded model", at, bytes.length);
  }
  const found = await sha256(bytes);
  if (at === bytes.length && found === STORY.sha256) return bytes;
  throw new CriaError(`its SHA-256 is not ${STORY.sha256}, with which this version was made`);
}

function localPath(url: URL): string {
  const path = decodeURIComponent(url.pathname);
  return Deno.build.os === "windows" ? path.slice(1) : path;
}
