/** The program `cria`: finds the command, reads its flags, turns errors into exit codes. @module */

import { environment } from "../native/cache_folder.ts";
import { checkArguments, parse } from "./arguments.ts";
import { type Command, COMMON, type Flags } from "./command.ts";
import { EXIT, exitCode, InterruptError, oneLine, UsageError } from "./failure.ts";
import { commandHelp, overview, type Summary } from "./help.ts";
import { resolveFlags } from "./settings.ts";
import { didYouMean } from "./suggest.ts";
import { note, terminalWidth, write } from "./terminal.ts";
import { VERSION } from "./version.ts";

/** A command and the module that holds it, loaded when it is called. */
interface Entry extends Summary {
  readonly load: () => Promise<{ readonly command: Command }>;
}

/** Every command, in the order of the help. */
const COMMANDS: readonly Entry[] = [
  {
    name: "run",
    summary: "Continue a text",
    load: () => import("./run.ts"),
  },
  {
    name: "chat",
    summary: "Talk with a model",
    load: () => import("./chat.ts"),
  },
  {
    name: "inspect",
    summary: "Show what is in a model file",
    load: () => import("./inspect.ts"),
  },
  {
    name: "tokenize",
    summary: "Turn text into tokens",
    load: () => import("./tokenize.ts"),
  },
  {
    name: "detokenize",
    summary: "Turn tokens into text",
    load: () => import("./detokenize.ts"),
  },
  {
    name: "template",
    summary: "Apply a model's chat template to messages",
    load: () => import("./template.ts"),
  },
  {
    name: "embed",
    summary: "Turn texts into vectors",
    load: () => import("./embed.ts"),
  },
  {
    name: "eval",
    summary: "Write the logits after each of some tokens",
    load: () => import("./eval.ts"),
  },
  {
    name: "perplexity",
    summary: "Measure how well a model predicts a text",
    load: () => import("./perplexity.ts"),
  },
  {
    name: "quantize",
    summary: "Write a model with coarser weights",
    load: () => import("./quantize.ts"),
  },
  {
    name: "bench",
    summary: "Measure how fast a model runs",
    load: () => import("./bench.ts"),
  },
  {
    name: "doctor",
    summary: "Check whether cria works here",
    load: () => import("./doctor.ts"),
  },
];

/**
 * Runs a command line.
 * @param args what comes after the program's name
 * @returns the exit code
 */
async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    const entry = COMMANDS.find((one) => one.name === rest[0]);
    const text = entry ? await helpOf(entry) : overview(COMMANDS, terminalWidth());
    if (name !== undefined) await write(text);
    else note(text.trimEnd());
    return name === undefined ? EXIT.usage : EXIT.done;
  }
  if (name === "--version" || name === "-V") {
    await write(`cria ${VERSION}\n`);
    return EXIT.done;
  }
  const entry = COMMANDS.find((one) => one.name === name);
  if (entry !== undefined) return await runCommand(entry, rest);
  const hint = didYouMean(name, COMMANDS.map((one) => one.name)) || '; see "cria --help"';
  throw new UsageError(`Cannot run ${JSON.stringify(name)}: there is no such command${hint}`);
}

/** Runs one command with the rest of the command line. */
async function runCommand(entry: Entry, args: readonly string[]): Promise<number> {
  const { command } = await entry.load();
  const flags: Flags = { ...command.flags, ...COMMON };
  const parsed = parse(args, flags);
  if (parsed.flags.has("help")) {
    await write(await helpOf(entry));
    return EXIT.done;
  }
  checkArguments(entry.name, parsed.rest, command.arguments);
  const values = await resolveFlags(entry.name, flags, parsed.flags, allTables);
  const length = Math.max(command.arguments.length, parsed.rest.length);
  const given = Array.from({ length }, (_, index) => parsed.rest[index]);
  // The table was read with these very flags, so the values have the types that it says.
  return await command.run({ flags: values as never, given }) ?? EXIT.done;
}

/** The flags of all commands by their names: what a config file may set. */
async function allTables(): Promise<ReadonlyMap<string, Flags>> {
  const loaded = COMMANDS.map(async ({ name, load }) => {
    return [name, { ...(await load()).command.flags, ...COMMON }] as const;
  });
  return new Map(await Promise.all(loaded));
}

async function helpOf(entry: Entry): Promise<string> {
  const { command } = await entry.load();
  return commandHelp(entry, command, terminalWidth());
}

/** Says what went wrong, unless nobody is there to hear it. */
function report(error: unknown): number {
  if (error instanceof Deno.errors.BrokenPipe) return EXIT.done; // `cria ... | head`: it has enough
  if (error instanceof InterruptError) return EXIT.interrupted;
  note(`cria: ${oneLine(error)}`);
  if (environment("CRIA_DEBUG")) note(error instanceof Error ? error.stack ?? "" : "");
  return exitCode(error);
}

if (import.meta.main) {
  let code: number;
  try {
    code = await main(Deno.args);
  } catch (error) {
    code = report(error);
  }
  Deno.exit(code);
}
