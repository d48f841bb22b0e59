/** What a command is: its arguments, its table of flags, and what it does. @module */

import { KV_TYPES } from "../cache/pages.ts";
import { UsageError } from "./failure.ts";

/** One flag of a command. */
export interface Flag<T = unknown> {
  /** One letter, as in `-p`. */
  readonly short?: string;
  /** What stands for the value in the help; a flag without one is a switch. */
  readonly hint?: string;
  /** One sentence, without a full stop. */
  readonly help: string;
  /** May be given several times. */
  readonly many?: boolean;
  /** May also come from the environment and from the config file. */
  readonly setting?: boolean;
  /** Makes the value of the texts that were given; `name` is where they came from. */
  readonly read: (texts: readonly string[], name: string) => T;
}

/** The flags of a command by their names in code: `topK` is `--top-k`. */
export type Flags = Readonly<Record<string, Flag>>;

/** The values of flags. */
export type Values<F extends Flags> = {
  readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never;
};

/** One argument that is not a flag. */
export interface Argument {
  /** As in the help: `MODEL`. */
  readonly name: string;
  /** One sentence, without a full stop. */
  readonly help: string;
  /** May be left out. */
  readonly optional?: boolean;
  /** May be given several times; the last argument only. */
  readonly many?: boolean;
}

/** What a command is called with. */
export interface Call<F extends Flags> {
  /** The values of the command's flags and of those that all commands have. */
  readonly flags: Values<F & typeof COMMON>;
  /** The arguments, in order; those left out are undefined. */
  readonly given: readonly (string | undefined)[];
}

/** One command. */
export interface Command<F extends Flags = Flags> {
  /** Its arguments, in order. */
  readonly arguments: readonly Argument[];
  /** Its own flags. */
  readonly flags: F;
  /** What the help says below the flags, one paragraph each. */
  readonly notes?: readonly string[];
  /** Command lines that work, without the program's name. */
  readonly examples: readonly string[];
  /** Does it; returns an exit code, 0 if none. */
  run(call: Call<F>): Promise<number | void>;
}

/** Gives a command the types of its flags. */
export function define<F extends Flags>(command: Command<F>): Command<F> {
  return command;
}

/** What a flag may have besides its help. */
type FlagOptions = Pick<Flag, "short" | "setting">;

/** A switch. */
export function toggle(help: string, options: FlagOptions = {}): Flag<boolean> {
  const read = (texts: readonly string[], name: string) => {
    const text = texts.at(-1)?.toLowerCase() ?? "false";
    if (["true", "1", "yes", "on"].includes(text)) return true;
    if (["false", "0", "no", "off"].includes(text)) return false;
    throw unusable(name, text, "it is true or false");
  };
  return { ...options, help, read };
}

/** A flag with a text; the last one counts. */
export function text(
  hint: string,
  help: string,
  options: FlagOptions = {},
): Flag<string | undefined> {
  return { ...options, hint, help, read: (texts) => texts.at(-1) };
}

/** A flag with a text that may be given several times; none of them is empty. */
export function texts(hint: string, help: string, options: FlagOptions = {}): Flag<string[]> {
  const read = (given: readonly string[], name: string) => {
    if (!given.includes("")) return [...given];
    throw unusable(name, "", "it is a text that is not empty");
  };
  return { ...options, hint, help, many: true, read };
}

/** A flag with one of some words. */
export function choice<const T extends string>(
  words: readonly T[],
  help: string,
  options: FlagOptions = {},
): Flag<T | undefined> {
  const read = (given: readonly string[], name: string) => {
    const last = given.at(-1);
    const found = words.find((word) => word === last);
    if (last === undefined || found !== undefined) return found;
    throw unusable(name, last, `it is ${words.join(" or ")}`);
  };
  return { ...options, hint: words.join("|"), help, read };
}

/** A flag with some of some words between commas, in any order. */
export function choices<const T extends string>(
  words: readonly T[],
  help: string,
  options: FlagOptions = {},
): Flag<readonly T[] | undefined> {
  const read = (given: readonly string[], name: string) =>
    given.at(-1)?.split(",").map((part) => {
      const found = words.find((word) => word === part.trim());
      if (found !== undefined) return found;
      throw unusable(name, part, `it is some of ${words.join(",")}`);
    });
  return { ...options, hint: "NAMES", help, read };
}

/** What a number may be. */
interface Range {
  readonly is: (value: number) => boolean;
  readonly want: string;
}

/** Any number. */
const ANY: Range = { is: Number.isFinite, want: "it is a number" };
/** A probability. */
export const SHARE: Range = {
  is: (value) => value >= 0 && value <= 1,
  want: "it is a number from 0 to 1",
};
/** A divisor. */
export const POSITIVE: Range = { is: (value) => value > 0, want: "it is a number above 0" };

/** A flag with a number. */
export function real(
  hint: string,
  help: string,
  { range = ANY, ...options }: FlagOptions & { readonly range?: Range } = {},
): Flag<number | undefined> {
  const read = (given: readonly string[], name: string) => {
    const last = given.at(-1);
    return last === undefined ? undefined : toReal(last, name, range);
  };
  return { ...options, hint, help, read };
}

/** A flag with a whole number of at least `least`. */
export function whole(
  hint: string,
  help: string,
  { least = 0, ...options }: FlagOptions & { readonly least?: number } = {},
): Flag<number | undefined> {
  const read = (given: readonly string[], name: string) => {
    const last = given.at(-1);
    return last === undefined ? undefined : toWhole(last, name, least);
  };
  return { ...options, hint, help, read };
}

/** A flag with whole numbers between commas. */
export function wholes(
  hint: string,
  help: string,
  { least = 0, ...options }: FlagOptions & { readonly least?: number } = {},
): Flag<readonly number[] | undefined> {
  const read = (given: readonly string[], name: string) =>
    given.at(-1)?.split(",").map((part) => toWhole(part.trim(), name, least));
  return { ...options, hint, help, read };
}

/** Reads a number as people write one: no hexadecimal digits, no empty text. */
function toReal(given: string, name: string, { is, want }: Range): number {
  const value = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(given) ? Number(given) : NaN;
  if (Number.isFinite(value) && is(value)) return value;
  throw unusable(name, given, want);
}

/** Reads a whole number; names where it came from if it cannot. */
export function toWhole(given: string, name: string, least: number): number {
  const value = /^[-+]?\d+$/.test(given) ? Number(given) : NaN;
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw unusable(name, given, `it is a whole number from ${least}`);
}

function unusable(name: string, given: string, want: string): UsageError {
  return new UsageError(`Cannot set ${name} to ${JSON.stringify(given)}: ${want}`);
}

/** The flags that every command has. */
export const COMMON = {
  json: toggle("Write the result as JSON, and nothing else, to stdout"),
  quiet: toggle("Leave out progress, statistics and notes", { setting: true }),
  config: text("FILE", "Read settings from this TOML file instead of cria.toml"),
  help: toggle("Show this help", { short: "h" }),
} as const satisfies Flags;

/** The flags of every command that runs a model. */
export const ENGINE = {
  threads: whole("N", "Threads (default: the physical cores the process may use)", {
    least: 1,
    setting: true,
  }),
  ctx: whole("N", "Positions of the context", { least: 1, setting: true }),
  kv: choice(
    KV_TYPES,
    "Number type of the key and value cache (default: f16, under float weights f32)",
    { setting: true },
  ),
  quantize: choice(
    ["Q8_0", "Q4_0", "int8"],
    "Round matrices of floats to this type while loading",
    { setting: true },
  ),
} as const satisfies Flags;

/** A flag's name on the command line: `topK` is `top-k`. */
export function flagName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** A flag's name in the environment: `topK` is `CRIA_TOP_K`. */
export function variableName(key: string): string {
  return `CRIA_${flagName(key).replaceAll("-", "_").toUpperCase()}`;
}
