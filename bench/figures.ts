/** What benches share: registration, pseudo-random data, a summary of rates. @module */

/** Small sizes and few repeats: the tests run every bench this way. */
export const TINY = Deno.env.get("CRIA_BENCH_TINY") === "1";

/** What one call works on; rates are made of it. */
export interface Amount {
  /** Bytes read from memory. */
  readonly bytes?: number;
  /** Multiplications and additions. */
  readonly operations?: number;
  /** Tokens. */
  readonly tokens?: number;
  /** Bytes of text. */
  readonly textBytes?: number;
}

/** Work that is ready to be timed. */
export interface Ready {
  /** The timed part. */
  readonly run: () => void | Promise<void>;
  /** A number that depends on all that was computed. */
  readonly checksum: () => number;
  /** More that the summary should say. */
  readonly note?: () => string;
}

/** One bench. */
export interface Figure {
  readonly group: string;
  readonly name: string;
  readonly amount: Amount;
  /** Others of the group are compared with this one. */
  readonly baseline?: boolean;
  /** For what takes long: few calls. */
  readonly slow?: boolean;
  /** For what does not return at once. */
  readonly waits?: boolean;
  /** Called before each run; not timed. */
  readonly before?: (() => Promise<void>) | undefined;
  /** Makes what `run` needs; not timed. */
  readonly make: () => Ready | Promise<Ready>;
}

/** A figure and what was measured of it. */
interface Measured {
  readonly figure: Figure;
  readonly samplesMs: number[];
  checksum: number;
  note: string;
}

const records: Measured[] = [];

/** Registers a bench; its rates and its checksum are printed to stderr when all are done. */
export function figure(figure: Figure): void {
  const record: Measured = { figure, samplesMs: [], checksum: NaN, note: "" };
  records.push(record);
  let ready: Ready | undefined;
  const time = (startMs: number, { note }: Ready) => {
    record.samplesMs.push(performance.now() - startMs);
    if (note) record.note = note();
  };
  const start = async () => { // the first call, which Deno does not count
    ready = await figure.make();
    await ready.run();
    record.checksum = ready.checksum();
  };
  const { group, name, baseline = false, slow = false, waits = false } = figure;
  const few = TINY ? { n: 1, warmup: 1 } : slow ? { n: 5, warmup: 2 } : {};
  const fn = async (context: Deno.BenchContext): Promise<void> => {
    if (!ready) return await start();
    if (TINY && record.samplesMs.length > 0) return await briefly();
    if (figure.before) {
      await figure.before();
      context.start();
    }
    const startMs = performance.now(), running = ready.run();
    if (waits) await running;
    time(startMs, ready);
  };
  Deno.bench({ group, name, baseline, ...few, fn });
}

/** A millisecond's rest: of calls that take so long, Deno makes few. */
function briefly(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

/** The middle value; the mean of the middle two of an even count. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b), middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Token ids that look random and are the same every time; a longer list begins like a shorter. */
export function pseudoTokens(count: number, vocabularySize: number, seed: number): number[] {
  const numbers = pseudoNumbers(seed);
  return Array.from({ length: count }, () => Math.floor(numbers() * vocabularySize));
}

/** Numbers from 0 to 1 that look random (Numerical Recipes' linear congruential generator). */
export function pseudoNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Sum of all values, for checksums. */
export function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** What the processor calls itself. */
export async function processorName(): Promise<string> {
  const text = await Deno.readTextFile("/proc/cpuinfo").catch(() => "");
  return /^model name\s*: (.*)$/m.exec(text)?.[1] ?? `${Deno.build.os} ${Deno.build.arch}`;
}

/** A number with three digits that count. */
export function threeDigits(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en-US");
  return value.toPrecision(3);
}

/** Rows as a Markdown table whose columns are padded; the first row is the head. */
export function markdown(rows: readonly (readonly string[])[]): string {
  const [head = []] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [line(head), rule, ...rows.slice(1).map(line)].join("\n");
}

const RATES: readonly [amount: keyof Amount, unit: string, scale: number][] = [
  ["bytes", "GB/s", 1e-9],
  ["operations", "Gop/s", 1e-9],
  ["tokens", "tokens/s", 1],
  ["textBytes", "MB/s of text", 1e-6],
];

function rowOf({ figure: { group, name, amount }, samplesMs, checksum, note }: Measured): string[] {
  const middleMs = median(samplesMs);
  const rates = RATES.flatMap(([key, unit, scale]) => {
    const done = amount[key];
    return done === undefined ? [] : [`${threeDigits(done * scale / middleMs * 1000)} ${unit}`];
  });
  const all = [...rates, note].filter((text) => text !== "").join(", ");
  const time = `${threeDigits(middleMs * 1000)} µs`;
  return [`${group}: ${name}`, String(samplesMs.length), time, all, checksum.toPrecision(6)];
}

/** One figure as bench/record.ts reads it. */
export interface RecordedFigure {
  /** The suite: "matmul" of bench/matmul_bench.ts. */
  readonly suite: string;
  /** Group and name. */
  readonly name: string;
  /** Microseconds. */
  readonly median: number;
}

/** Appends what was measured to a file, a line of JSON for each figure. */
function record(path: string, measured: readonly Measured[]): void {
  const suite = /(\w+)_bench\.ts$/.exec(Deno.mainModule)?.[1] ?? Deno.mainModule;
  const lines = measured.map(({ figure: { group, name }, samplesMs }): RecordedFigure => {
    const microseconds = median(samplesMs) * 1000;
    return { suite, name: `${group}: ${name}`, median: Number(microseconds.toPrecision(4)) };
  });
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
  Deno.writeTextFileSync(path, text, { append: true });
}

globalThis.addEventListener("unload", () => {
  const measured = records.filter(({ samplesMs }) => samplesMs.length > 0);
  if (measured.length === 0) return;
  const path = Deno.env.get("CRIA_BENCH_RECORD");
  if (path) record(path, measured);
  const rows = [["bench", "runs", "median", "rate", "checksum"], ...measured.map(rowOf)];
  console.error(`\n${markdown(rows)}\n`);
});
