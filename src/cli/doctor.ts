/** `cria doctor`: whether cria works on this machine. @module */

import { CriaError } from "../errors.ts";
import { environment, findCacheFolder } from "../native/cache_folder.ts";
import { Kernels } from "../native/ffi.ts";
import { findLibrary } from "../native/library.ts";
import { sha256 } from "../native/sha256.ts";
import { defaultThreads } from "../native/threads.ts";
import { Model } from "../session/model.ts";
import { define, ENGINE } from "./command.ts";
import { embeddedModel } from "./embedded.ts";
import { about, EXIT, oneLine, visible } from "./failure.ts";
import { pad, threeDigits, wrap } from "./layout.ts";
import { disagreeing, memoryBandwidth } from "./probes.ts";
import { STORY } from "./story.ts";
import { Progress, styled, terminalWidth, write, writeJson } from "./terminal.ts";
import { VERSION } from "./version.ts";

/** One thing that was looked at. */
interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** What a check found; a failure is thrown. */
type Examine = () => string | Promise<string>;

/** The command. */
export const command = define({
  arguments: [],
  flags: { threads: ENGINE.threads },
  notes: [
    "The memory bandwidth is what all threads read together in a product of a vector with a " +
    "matrix of 256 MiB of floats, the best of five.",
  ],
  examples: ["doctor", "doctor --json"],
  async run({ flags }) {
    using progress = new Progress(!flags.quiet);
    progress.show("Looking around …");
    const threads = flags.threads ?? defaultThreads();
    let kernels: Kernels | undefined;
    const checks = [
      await check("Deno", denoVersion),
      await check("kernel library", async () => (kernels = new Kernels(await findLibrary())).path),
      await check("instruction sets", () => isasAgree(kernels)),
      await check("cache folder", cacheFolderState),
      await check("embedded model", storyIsWhole),
      await check("a story", () => tellStory(threads)),
    ];
    const result = {
      version: VERSION,
      deno: Deno.version.deno,
      library: kernels?.path ?? null,
      isa: isaInUse(kernels?.isas ?? []),
      isasAvailable: kernels?.isas ?? [],
      threads,
      memoryBandwidthGBs: kernels === undefined ? null : bandwidth(kernels, threads),
      cacheDir: findCacheFolder() ?? null,
      checks,
    };
    progress.clear();
    if (flags.json) await writeJson(result);
    else await write(page(result).map((line) => `${line}\n`).join(""));
    return checks.every(({ ok }) => ok) ? EXIT.done : EXIT.failed;
  },
});

/** Looks at one thing; whatever goes wrong there is the result. */
async function check(name: string, examine: Examine): Promise<Check> {
  try {
    return { name, ok: true, detail: visible(await examine()) };
  } catch (error) {
    return { name, ok: false, detail: oneLine(error) };
  }
}

/** The instruction set that models run on: the one asked for, if it is there, or the best. */
function isaInUse(isas: readonly string[]): string | null {
  const wanted = environment("CRIA_ISA");
  return isas.find((isa) => wanted === undefined || isa === wanted) ?? null;
}

function denoVersion(): string {
  const [major = 0] = Deno.version.deno.split(".").map(Number);
  if (major >= 2) return `${Deno.version.deno} on ${Deno.build.os}, ${Deno.build.arch}`;
  throw new CriaError(`Cannot rely on Deno "${Deno.version.deno}": cria is made for 2 and later`);
}

function isasAgree(kernels: Kernels | undefined): string {
  if (kernels === undefined) throw new CriaError("Cannot run a product: there is no library");
  const differing = disagreeing(kernels);
  if (differing.length === 0) return `${kernels.isas.join(", ")} give the same bits`;
  throw new CriaError(`Cannot trust "${differing.join(", ")}": other bits than the plain kernels`);
}

/** Whether something can be kept in the cache folder; nothing stays behind. */
async function cacheFolderState(): Promise<string> {
  const folder = findCacheFolder();
  if (folder === undefined) {
    throw new CriaError("Cannot find the cache folder: neither CRIA_CACHE nor HOME is set");
  }
  const found = await Deno.stat(folder).catch((error: unknown) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  });
  if (found === undefined) return `${folder}, made when something is kept`;
  const path = `${folder}/${crypto.randomUUID()}`;
  await Deno.writeFile(path, new Uint8Array(1));
  await Deno.remove(path);
  return folder;
}

async function storyIsWhole(): Promise<string> {
  const path = await embeddedModel();
  const found = await about("read", path, async () => await sha256(await Deno.readFile(path)));
  if (found === STORY.sha256) return path;
  throw new CriaError(`Cannot trust "${path}": its SHA-256 is ${found}, not ${STORY.sha256}`);
}

/** The first words of a story: file, kernels and threads at once. */
async function tellStory(threads: number): Promise<string> {
  using model = await Model.load(await embeddedModel(), { threads });
  using session = model.session({ temperature: 0 });
  const start = "Once upon a time";
  const text = await session.generate(start, { maxTokens: 12 }).text();
  return JSON.stringify(`${start}${text} …`);
}

/** In GB/s, with one digit behind the point; null where there is not enough memory. */
function bandwidth(kernels: Kernels, threads: number): number | null {
  try {
    return Math.round(memoryBandwidth(kernels, threads) * 10) / 10;
  } catch (error) {
    if (error instanceof CriaError) return null;
    throw error;
  }
}

/** The result for people. */
function page(
  result: {
    readonly version: string;
    readonly isa: string | null;
    readonly threads: number;
    readonly memoryBandwidthGBs: number | null;
    readonly checks: readonly Check[];
  },
): string[] {
  const { version, isa, threads, memoryBandwidthGBs, checks } = result;
  const width = terminalWidth();
  const rate = memoryBandwidthGBs === null ? "not measured" : threeDigits(memoryBandwidthGBs);
  const rows = [
    ...checks.map(({ name, ok, detail }) => [ok ? "✓" : "✗", name, detail] as const),
    [" ", "runs on", `${isa ?? "nothing"}, ${threads} threads`] as const,
    [" ", "memory", `${rate} GB/s`] as const,
  ];
  return [
    styled("title", `cria ${version}`),
    ...rows.flatMap(([mark, name, detail]) =>
      wrap(detail, Math.max(20, width - 22)).map((line, index) =>
        index === 0 ? `  ${mark} ${pad(name, 18)}${line}` : " ".repeat(22) + line
      )
    ),
  ];
}
