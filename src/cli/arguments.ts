/** Reads a command line by a table of flags; what stands in no table is refused. @module */

import { parseArgs } from "node:util";
import { type Argument, type Flag, flagName, type Flags } from "./command.ts";
import { UsageError } from "./failure.ts";
import { didYouMean } from "./suggest.ts";

/** A command line, cut up: texts not yet turned into values. */
export interface Parsed {
  /** The texts given for each flag, by its name in code; a switch has "true". */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  /** What is no flag, in order. */
  readonly rest: readonly string[];
}

/**
 * Cuts up a command line.
 *
 * The value of a flag is whatever comes next, also if it begins with a dash; `--` ends the flags.
 * @throws UsageError for an unknown flag, a missing value, or one given twice
 */
export function parse(args: readonly string[], flags: Flags): Parsed {
  const names = new Map(Object.keys(flags).map((key) => [flagName(key), key]));
  const options = Object.fromEntries([...names].map(([name, key]) => {
    const { short, hint } = flags[key]!;
    const type = hint === undefined ? "boolean" as const : "string" as const;
    return [name, { type, ...(short === undefined ? {} : { short }) }];
  }));
  const { tokens } = parseArgs({
    args: [...args],
    options,
    strict: false, // its own errors would not fit ours
    allowPositionals: true,
    tokens: true,
  });
  const found = new Map<string, string[]>();
  const rest: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") rest.push(token.value);
    if (token.kind !== "option") continue;
    const key = names.get(token.name);
    if (key === undefined) throw unknownFlag(token.rawName, [...names.keys()]);
    const value = valueOf(token.rawName, token.value, flags[key]!, found.has(key));
    found.set(key, [...found.get(key) ?? [], value]);
  }
  return { flags: found, rest };
}

/** The text of one flag. */
function valueOf(
  name: string,
  value: string | undefined,
  { hint, many }: Flag,
  isSecond: boolean,
): string {
  if (hint === undefined) {
    if (value === undefined) return "true";
    throw new UsageError(`Cannot set ${name} to ${JSON.stringify(value)}: it takes no value`);
  }
  if (value === undefined) throw new UsageError(`Cannot use ${name}: its ${hint} is missing`);
  if (!isSecond || many) return value;
  throw new UsageError(`Cannot use ${name} ${JSON.stringify(value)}: it was given before`);
}

function unknownFlag(name: string, known: readonly string[]): UsageError {
  const hint = didYouMean(name, known.map((one) => `--${one}`));
  return new UsageError(`Cannot use "${name}": there is no such flag${hint}`);
}

/**
 * Holds the arguments against those that a command takes.
 * @param command its name
 * @throws UsageError when one is missing, or there are too many
 */
export function checkArguments(
  command: string,
  rest: readonly string[],
  wanted: readonly Argument[],
): void {
  const missing = wanted.slice(rest.length).find(({ optional }) => !optional);
  if (missing !== undefined) {
    const help = `see "cria ${command} --help"`;
    throw new UsageError(`Cannot run "${command}": ${missing.name} is missing; ${help}`);
  }
  if (wanted.at(-1)?.many) return;
  const extra = rest[wanted.length];
  if (extra === undefined) return;
  const names = wanted.map(({ name }) => name).join(" and ");
  const state = names === "" ? "there are no arguments" : `there is only ${names}`;
  throw new UsageError(`Cannot take ${JSON.stringify(extra)}: besides flags ${state}`);
}
