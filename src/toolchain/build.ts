/** Compiles the kernels and pins their checksums: what `deno task build` runs. @module */

import { CriaError, LibraryError } from "../errors.ts";
import { cacheFolder } from "../native/cache_folder.ts";
import { libraryFile, libraryName, type Platform, platformFolder } from "../native/platform.ts";
import { sha256 } from "../native/sha256.ts";
import { pin } from "./pins.ts";
import { Progress } from "./progress.ts";
import { hashSources, kernelSources, sourcesIn } from "./sources.ts";
import { findZig } from "./zig.ts";

/** The folder of this checkout, without a slash at its end. */
export const ROOT = decodeURIComponent(new URL("../..", import.meta.url).pathname)
  .replace(/^\/(?=[A-Za-z]:)/, "").replace(/\/$/, "");

/** The rows of build.zig's release table. */
export const RELEASES: readonly Platform[] = [
  { os: "linux", arch: "x86_64" },
  { os: "linux", arch: "aarch64" },
  { os: "darwin", arch: "x86_64" },
  { os: "darwin", arch: "aarch64" },
];

/** What to build, and when not to. */
export interface BuildOptions {
  /** Every release target instead of this machine's. */
  readonly all?: boolean;
  /** Only what is not there, or was built from other sources. */
  readonly ifMissing?: boolean;
}

/**
 * Builds the library of this machine, or of every release target, into kernels/build/, and writes
 * its checksum into src/native/checksums.ts.
 * @throws {LibraryError} when there is no Zig, or it refuses the sources
 */
export async function buildKernels(options: BuildOptions = {}): Promise<void> {
  const platforms = options.all ? RELEASES : [ownPlatform()];
  const source = await hashSources(ROOT, await kernelSources(ROOT));
  const stale = options.ifMissing ? await staleOf(platforms, source) : platforms;
  if (stale.length > 0) await compile(stale, source);
  const rows = await Promise.all(platforms.map(async (platform) => ({
    platform,
    ...parseStamp(await Deno.readTextFile(stampPath(platform))),
  })));
  await pin(`${ROOT}/src/native/checksums.ts`, source, rows);
}

/** The C tests of tests/kernels as static programs, by `Deno.build.arch`. */
export type KernelTests = Readonly<Record<"x86_64" | "aarch64", string>>;

/**
 * Builds the C tests where they are missing or stale.
 * @returns `undefined` when there is no tests/kernels/equality.c
 */
export async function buildKernelTests(): Promise<KernelTests | undefined> {
  const folder = `${ROOT}/kernels/build/kernel-test`;
  const path = (arch: string) => `${folder}/linux-${arch}/equality`;
  const tests = { x86_64: path("x86_64"), aarch64: path("aarch64") };
  if (!await exists(`${ROOT}/tests/kernels/equality.c`)) return undefined;
  const sources = [...await kernelSources(ROOT), ...await sourcesIn(ROOT, "tests/kernels")];
  const stamp = await hashSources(ROOT, sources);
  const stampFile = `${folder}/stamp`;
  if (await readIfThere(stampFile) === stamp) return tests;
  await withPrefix(async (prefix) => {
    await zigBuild(["kernel-test"], prefix, "Compiling the C tests for x86_64 and aarch64");
    await moveInto(`${prefix}/kernel-test/linux-x86_64/equality`, tests.x86_64);
    await moveInto(`${prefix}/kernel-test/linux-aarch64/equality`, tests.aarch64);
  });
  await Deno.writeTextFile(stampFile, stamp);
  return tests;
}

/** The row of this machine. @throws {LibraryError} when there is none */
function ownPlatform(): Platform {
  const { os, arch } = Deno.build;
  const own = RELEASES.find((release) => release.os === os && release.arch === arch);
  if (own) return own;
  throw new LibraryError(
    `Cannot build the kernels for "${os}-${arch}": build.zig has rows for ` +
      RELEASES.map(platformFolder).join(", "),
  );
}

/** What the last build of a platform left beside its library. */
interface Stamp {
  /** Hash of the sources. */
  readonly source: string;
  /** SHA-256 of the library. */
  readonly sha256: string;
  /** Size of the library. */
  readonly bytes: number;
}

function stampPath(platform: Platform): string {
  return `${ROOT}/kernels/build/${platformFolder(platform)}/stamp`;
}

function parseStamp(text: string): Stamp {
  const [source = "", sha256 = "", bytes = ""] = text.trim().split("\n");
  return { source, sha256, bytes: Number(bytes) };
}

async function staleOf(platforms: readonly Platform[], source: string): Promise<Platform[]> {
  const stale: Platform[] = [];
  for (const platform of platforms) {
    const stamp = await readIfThere(stampPath(platform));
    const fresh = stamp !== undefined && parseStamp(stamp).source === source &&
      await exists(`${ROOT}/${libraryFile(platform)}`);
    if (!fresh) stale.push(platform);
  }
  return stale;
}

/** Compiles some platforms; each library takes its place in one step, and is never half there. */
async function compile(platforms: readonly Platform[], source: string): Promise<void> {
  const names = platforms.map(platformFolder);
  await withPrefix(async (prefix) => {
    await zigBuild(names, prefix, `Compiling the kernels for ${names.join(", ")}`);
    for (const platform of platforms) {
      const built = `${prefix}/${platformFolder(platform)}/${libraryName(platform)}`;
      const bytes = await Deno.readFile(built);
      await moveInto(built, `${ROOT}/${libraryFile(platform)}`);
      const stamp = [source, await sha256(bytes), bytes.length, ""];
      await Deno.writeTextFile(stampPath(platform), stamp.join("\n"));
    }
  });
}

/** Gives a work folder beside the results, on the same file system, and takes it away again. */
async function withPrefix(work: (prefix: string) => Promise<void>): Promise<void> {
  await Deno.mkdir(`${ROOT}/kernels/build`, { recursive: true });
  const prefix = await Deno.makeTempDir({ dir: `${ROOT}/kernels/build`, prefix: ".zig-" });
  try {
    await work(prefix);
  } finally {
    await Deno.remove(prefix, { recursive: true });
  }
}

async function zigBuild(steps: readonly string[], prefix: string, title: string): Promise<void> {
  const zig = await findZig(ROOT);
  const cache = `${cacheFolder()}/zig`;
  await Deno.mkdir(cache, { recursive: true });
  const progress = new Progress(title);
  const command = new Deno.Command(zig.path, {
    args: [
      "build",
      ...steps,
      ...["--prefix", prefix],
      ...["--cache-dir", `${cache}/local`],
      ...["--global-cache-dir", `${cache}/global`],
      ...["--color", Deno.stderr.isTerminal() && !Deno.noColor ? "on" : "off"],
    ],
    cwd: ROOT,
    env: zig.env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const { code, stderr } = await command.output();
  progress.end(code === 0 ? "done" : "failed");
  if (code === 0) return;
  Deno.stderr.writeSync(stderr);
  throw new LibraryError(`Cannot build the kernels "${steps.join(" ")}": zig ended with ${code}`);
}

async function moveInto(from: string, to: string): Promise<void> {
  await Deno.mkdir(to.slice(0, to.lastIndexOf("/")), { recursive: true });
  await Deno.rename(from, to);
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

// Needs nothing but Deno: without a network, the error is to be ours.
const USAGE = `Usage: deno task build [--all] [--if-missing]
  --all         every release target, not only this machine's
  --if-missing  only what is not built yet, or was built from other sources`;

async function main(): Promise<number> {
  const wrong = Deno.args.find((arg) => !["--all", "--if-missing", "--help"].includes(arg));
  if (wrong !== undefined || Deno.args.includes("--help")) {
    if (wrong !== undefined) console.error(`cria: Cannot use "${wrong}": it is not an option`);
    console.error(USAGE);
    return wrong === undefined ? 0 : 2;
  }
  try {
    await buildKernels({
      all: Deno.args.includes("--all"),
      ifMissing: Deno.args.includes("--if-missing"),
    });
    return 0;
  } catch (error) {
    if (!(error instanceof CriaError) || Deno.env.get("CRIA_DEBUG") === "1") throw error;
    console.error(`cria: ${error.message}`);
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main());
