/** The two streams of the program: results on stdout, everything else on stderr. @module */

const encoder = new TextEncoder();

/** Whether stdout, or stderr, is a terminal. */
export const isTerminal = {
  stdin: () => Deno.stdin.isTerminal(),
  stdout: () => Deno.stdout.isTerminal(),
  stderr: () => Deno.stderr.isTerminal(),
} as const;

/** Columns of the terminal, or 80 where there is none. */
export function terminalWidth(): number {
  try {
    return Math.max(20, Deno.consoleSize().columns || 80); // 0: a terminal that does not say
  } catch {
    return 80;
  }
}

/** Writes to stdout, all of it. */
export async function write(data: string | Uint8Array): Promise<void> {
  const rest = typeof data === "string" ? encoder.encode(data) : data;
  for (let at = 0; at < rest.length;) at += await Deno.stdout.write(rest.subarray(at));
}

/** Writes a result as JSON; `fields` may hold bigints and typed arrays. */
export async function writeJson(result: unknown): Promise<void> {
  await write(JSON.stringify(result, plainValue) + "\n");
}

/** What JSON has no word for: bigints become exact numbers, typed arrays become arrays. */
function plainValue(_: string, value: unknown): unknown {
  if (typeof value === "bigint") return rawJson(String(value));
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    return Array.from(value as unknown as ArrayLike<number | bigint>);
  }
  return value instanceof Map ? Object.fromEntries(value) : value;
}

/** V8 has it; TypeScript's types do not yet. */
const { rawJSON: rawJson } = JSON as unknown as { rawJSON(text: string): unknown };

/** Writes a line to stderr. */
export function note(line: string): void {
  writeError(line + "\n");
}

/** Writes to stderr as it is. */
export function writeError(text: string): void {
  const rest = encoder.encode(text);
  for (let at = 0; at < rest.length;) at += Deno.stderr.writeSync(rest.subarray(at));
}

/** Looks that text on stdout can have, as the codes that begin and end them. */
const STYLES = {
  title: [1, 22],
  label: [2, 22],
  bar: [36, 39],
  warning: [33, 39],
} as const;

/** Text for stdout with a look, where it is a terminal that wants colours. */
export function styled(style: keyof typeof STYLES, text: string): string {
  if (!Deno.stdout.isTerminal() || Deno.noColor) return text;
  const [begin, end] = STYLES[style];
  return `\x1b[${begin}m${text}\x1b[${end}m`;
}

/** Text for stderr in grey, where it is a terminal that wants colours. */
export function dim(text: string): string {
  return Deno.stderr.isTerminal() && !Deno.noColor ? `\x1b[2m${text}\x1b[22m` : text;
}

/** How often the progress line is rewritten at the most. */
const INTERVAL_MS = 80;
/** What takes less is not worth a line. */
const QUIET_MS = 150;

/** One line on stderr that says how far things are, and goes away; only on a terminal. */
export class Progress implements Disposable {
  readonly #on: boolean;
  readonly #startedMs = performance.now();
  #lastMs = -Infinity;
  #shown = false;

  /** @param on false to show nothing */
  constructor(on: boolean) {
    this.#on = on && isTerminal.stderr();
  }

  /** Shows a line, unless the last one is very new; `text` fits a terminal of 60 columns. */
  show(text: string): void {
    const now = performance.now();
    if (!this.#on || now - this.#startedMs < QUIET_MS || now - this.#lastMs < INTERVAL_MS) return;
    this.#lastMs = now;
    this.#shown = true;
    writeError(`\r\x1b[K${dim(text.slice(0, terminalWidth() - 1))}`);
  }

  /** Shows how much of something is done. */
  share(title: string, done: number, total: number): void {
    this.show(`${title} … ${Math.floor(100 * done / total)} %`);
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#shown) writeError("\r\x1b[K");
    this.#shown = false;
  }

  /** The same. */
  [Symbol.dispose](): void {
    this.clear();
  }
}
