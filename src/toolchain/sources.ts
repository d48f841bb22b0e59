/** One hash over everything that a kernel library is made of. @module */

import { sha256 } from "../native/sha256.ts";
import { ZIG_VERSION } from "./zig.ts";

const SOURCE = /\.(c|h|def)$/;

/** The sources of the kernels: paths relative to the repository, sorted. */
export async function kernelSources(root: string): Promise<string[]> {
  return ["build.zig", ...await sourcesIn(root, "kernels")];
}

/** The C sources below a folder, without what a build puts there: relative paths, sorted. */
export async function sourcesIn(root: string, folder: string): Promise<string[]> {
  const found: string[] = [];
  const entries = await Array.fromAsync(Deno.readDir(`${root}/${folder}`));
  for (const entry of entries.sort((a, b) => a.name < b.name ? -1 : 1)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) {
      if (path !== "kernels/build") found.push(...await sourcesIn(root, path));
    } else if (SOURCE.test(entry.name)) found.push(path);
  }
  return found;
}

/**
 * Hashes files with their names and the version of Zig. A checkout with Windows line ends has the
 * same hash.
 * @returns SHA-256 in hexadecimal digits
 */
export async function hashSources(root: string, paths: readonly string[]): Promise<string> {
  const texts = await Promise.all(paths.map((path) => Deno.readTextFile(`${root}/${path}`)));
  const parts = texts.map((text, index) => `${paths[index]}\0${text.replaceAll("\r\n", "\n")}\0`);
  return await sha256(new TextEncoder().encode(`zig ${ZIG_VERSION}\0${parts.join("")}`));
}
