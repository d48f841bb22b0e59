/** Settings that are not on the command line: the environment, then the config file. @module */

import { CriaError } from "../errors.ts";
import { environment } from "../native/cache_folder.ts";
import { flagName, type Flags, type Values, variableName } from "./command.ts";
import { UsageError } from "./failure.ts";
import { didYouMean } from "./suggest.ts";

const FILE_NAME = "cria.toml";

/** The texts of one setting, and where they came from. */
interface Origin {
  readonly texts: readonly string[];
  readonly name: string;
}

/** A config file that has been read: settings by name, and those of single commands. */
interface Config {
  readonly path: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/**
 * The value of every flag: from the command line, else the environment, else the config file, else
 * none.
 * @param command the command's name: its table in the config file comes before the top level
 * @param flags the command's flags
 * @param given texts from the command line
 * @param allTables the flags of all commands by name; asked for only where a config file has more
 * than this command's settings
 */
export async function resolveFlags<F extends Flags>(
  command: string,
  flags: F,
  given: ReadonlyMap<string, readonly string[]>,
  allTables: () => Promise<ReadonlyMap<string, Flags>>,
): Promise<Values<F>> {
  const file = await readConfig(given.get("config")?.at(-1));
  const own = settingsOf(flags);
  if (Object.keys(file?.values ?? {}).some((name) => !own.includes(name))) {
    check(file!, await allTables());
  }
  const values = Object.entries(flags).map(([key, flag]) => {
    const texts = given.get(key);
    const origin = texts !== undefined
      ? { texts, name: `--${flagName(key)}` }
      : flag.setting
      ? fromEnvironment(key) ?? fromFile(key, command, file)
      : undefined;
    return [key, flag.read(origin?.texts ?? [], origin?.name ?? key)];
  });
  return Object.fromEntries(values) as Values<F>;
}

function fromEnvironment(key: string): Origin | undefined {
  const name = variableName(key);
  const value = environment(name);
  return value === undefined ? undefined : { texts: [value], name };
}

function fromFile(key: string, command: string, file: Config | undefined): Origin | undefined {
  const own = file?.values[command];
  const name = flagName(key);
  const value = (isTable(own) ? own[name] : undefined) ?? file?.values[name];
  if (file === undefined || value === undefined) return undefined;
  const texts = (Array.isArray(value) ? value : [value]).map(String);
  return { texts, name: `"${name}" of ${JSON.stringify(file.path)}` };
}

/** Reads the config file that is named, or the first one that is there. */
async function readConfig(named: string | undefined): Promise<Config | undefined> {
  for (const candidate of named === undefined ? defaultPaths() : [named]) {
    const source = await readText(candidate, named !== undefined);
    if (source !== undefined) return await parseToml(candidate, source);
  }
  return undefined;
}

/** `cria.toml` here, then in the user's config folder. */
function defaultPaths(): string[] {
  const home = environment("HOME");
  const folder = Deno.build.os === "windows"
    ? environment("APPDATA")
    : environment("XDG_CONFIG_HOME") ?? (home && `${home}/.config`);
  return [FILE_NAME, ...folder === undefined ? [] : [`${folder}/cria/${FILE_NAME}`]];
}

/** The text of a file; undefined where there is none, unless it must be there. */
async function readText(path: string, isNamed: boolean): Promise<string | undefined> {
  const { state } = Deno.permissions.querySync({ name: "read", path });
  if (state !== "granted" && !isNamed) return undefined;
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound && !isNamed) return undefined;
    const reason = error instanceof Deno.errors.NotFound
      ? "no such file"
      : error instanceof Error
      ? error.message
      : String(error);
    throw new CriaError(`Cannot read the config file ${JSON.stringify(path)}: ${reason}`);
  }
}

async function parseToml(path: string, source: string): Promise<Config> {
  const { parse } = await import("npm:deno-std@1.4.0/toml/mod.js");
  try {
    return { path, values: parse(source) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CriaError(`Cannot read the config file ${JSON.stringify(path)}: ${reason}`);
  }
}

/** Refuses what no command knows: a misspelt setting would otherwise be without effect. */
function check(config: Config, tables: ReadonlyMap<string, Flags>): void {
  const all = [...tables.values()].flatMap(settingsOf);
  for (const [name, value] of Object.entries(config.values)) {
    const own = isTable(value) ? tables.get(name) : undefined;
    const known = own === undefined ? all : settingsOf(own);
    for (const key of own === undefined ? [name] : Object.keys(value as object)) {
      if (known.includes(key)) continue;
      const where = own === undefined ? "" : ` for ${name}`;
      const place = `${JSON.stringify(config.path)}: there is no such setting${where}`;
      const hint = didYouMean(key, own === undefined ? [...all, ...tables.keys()] : known);
      throw new UsageError(`Cannot use ${JSON.stringify(key)} of ${place}${hint}`);
    }
  }
}

/** Names of the flags that a config file may set. */
function settingsOf(flags: Flags): string[] {
  return Object.keys(flags).filter((key) => flags[key]!.setting).map(flagName);
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
