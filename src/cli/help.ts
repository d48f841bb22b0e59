/** Help texts, made from the tables of commands and flags. @module */

import {
  type Argument,
  type Command,
  COMMON,
  ENGINE,
  type Flag,
  flagName,
  type Flags,
} from "./command.ts";
import { columnsOf, wrap } from "./layout.ts";
import { SAMPLING } from "./sampling.ts";

/** A command in the overview. */
export interface Summary {
  /** Its name. */
  readonly name: string;
  /** What it does, without a full stop. */
  readonly summary: string;
}

/** The overview of all commands. */
export function overview(commands: readonly Summary[], width: number): string {
  return [
    "cria runs language models: GGUF files, safetensors folders.",
    "",
    "Usage: cria COMMAND [MODEL] [FLAGS]",
    "",
    "Commands:",
    ...columnsOf(commands.map(({ name, summary }) => [name, summary]), width),
    "",
    ...wrap("MODEL left out of run and chat: the embedded story model.", width),
    ...wrap('"cria COMMAND --help" says more, "cria --version" which version this is.', width),
    "",
    "Examples:",
    '  cria run -p "Once upon a time"',
    "  cria chat model.gguf",
    "",
  ].join("\n");
}

/** The help of one command. */
export function commandHelp({ name, summary }: Summary, command: Command, width: number): string {
  const flags = Object.entries(command.flags);
  const own = flags.filter(([key]) => !(key in ENGINE || key in SAMPLING));
  const usage = [name, ...command.arguments.map(inUsage)].join(" ");
  const section = (title: string, flags: readonly (readonly [string, Flag])[]) =>
    flags.length === 0 ? [] : ["", `${title}:`, ...columnsOf(flags.map(flagLine), width)];
  return [
    ...wrap(`${summary}.`, width),
    "",
    `Usage: cria ${usage} [FLAGS]`,
    ...command.arguments.length === 0 ? [] : [
      "",
      "Arguments:",
      ...columnsOf(command.arguments.map((one) => [one.name, one.help]), width),
    ],
    ...section("Flags", own),
    ...section("Sampling", flags.filter(([key]) => key in SAMPLING)),
    ...section("Model", flags.filter(([key]) => key in ENGINE)),
    ...section("Common", Object.entries(COMMON)),
    ...(command.notes ?? []).flatMap((note) => ["", ...wrap(note, width)]),
    "",
    "Examples:",
    ...command.examples.map((line) => `  cria ${line}`),
    "",
  ].join("\n");
}

/** An argument as it stands in the usage. */
function inUsage({ name, optional, many }: Argument): string {
  const written = many ? `${name} ...` : name;
  return optional ? `[${written}]` : written;
}

/** A flag as a row: how it is written, and what it does. */
function flagLine([key, { short, hint, help, many }]: readonly [string, Flags[string]]): string[] {
  const names = `${short === undefined ? "" : `-${short}, `}--${flagName(key)}`;
  const kept = help.replace(/\(default: (\S+)\)/, "(default:\u00a0$1)"); // in one piece
  return [hint === undefined ? names : `${names} ${hint}${many ? " ..." : ""}`, kept];
}
