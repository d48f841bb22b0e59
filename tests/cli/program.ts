/** Runs the command line as people do: as a program of its own. @module */

import { type Ran, ROOT, sharedFolder } from "../support.ts";

/** How the program is run. */
export interface ProgramOptions {
  /** What comes from stdin; nothing, if left out. */
  readonly stdin?: string;
  /** Environment variables beside ours; the user's own settings are kept out. */
  readonly env?: Readonly<Record<string, string>>;
  /** Working folder; default: the checkout. */
  readonly cwd?: string;
  /** Where the program lies, for another place than the checkout. */
  readonly main?: string;
  /** Sends this signal once the program has written something. */
  readonly signal?: Deno.Signal;
}

/** A small model with random weights: fast, and good for everything but sense. */
export const SMALL = "conformance/models/llama-mha/llama-mha.gguf";
/** A model that talks. */
export const SMOLLM2 = "models/SmolLM2-135M-Instruct.Q4_1.gguf";

/** A path in the shared folder. */
export function shared(path: string): string {
  return `${sharedFolder() ?? ""}/${path}`;
}

/** Runs `cria` with some arguments. */
export async function cria(args: readonly string[], options: ProgramOptions = {}): Promise<Ran> {
  const { stdin, cwd = ROOT, main = `${ROOT}/src/cli/main.ts` } = options;
  // From a server it must do without our import map, and must not get into our lock file.
  const config = options.main === undefined ? `--config=${ROOT}/deno.json` : "--no-config";
  const ours = new Set(["CRIA_LIBRARY", "CRIA_CACHE", "CRIA_SHARED", "CRIA_ISA"]);
  const inherited = Object.entries(Deno.env.toObject())
    .filter(([name]) => !name.startsWith("CRIA_") || ours.has(name));
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", config, main, ...args],
    cwd,
    clearEnv: true,
    env: {
      ...Object.fromEntries(inherited),
      NO_COLOR: "1",
      XDG_CONFIG_HOME: `${ROOT}/tests/cli/nowhere`,
      ...options.env,
    },
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stderr = new Response(child.stderr).text();
  const written = stdin === undefined ? undefined : writeAll(child.stdin, stdin);
  const stdout = await readAll(child, options.signal);
  await written;
  const { code } = await child.status;
  return { code, stdout, stderr: await stderr };
}

async function writeAll(stream: WritableStream<Uint8Array>, text: string): Promise<void> {
  const writer = stream.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
}

/** Reads stdout to its end; the signal goes out with its first bytes. */
async function readAll(child: Deno.ChildProcess, signal: Deno.Signal | undefined): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    if (text === "" && signal !== undefined) child.kill(signal);
    text += decoder.decode(chunk, { stream: true });
  }
  return text;
}

/** Runs `cria ... --json` and gives its result; it must succeed, and write nothing else. */
export async function criaJson(
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await cria([...args, "--json"], options);
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr}`);
  return JSON.parse(stdout);
}
