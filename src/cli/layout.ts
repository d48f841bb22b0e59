/** Text for terminals: wrapping, columns, bars, numbers that people can read. @module */

const NO_COLUMN = /[\p{Mn}\p{Me}\p{Cf}]/u;
const TWO_COLUMNS =
  /[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u;

/** Columns that a text takes on a terminal: East Asian characters and emoji take two. */
export function widthOf(text: string): number {
  let width = 0;
  for (const char of text) width += NO_COLUMN.test(char) ? 0 : TWO_COLUMNS.test(char) ? 2 : 1;
  return width;
}

/** Breaks a text into lines of at most `width` columns, at its plain spaces. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/[ \n]+/)) {
    const last = lines.at(-1);
    if (last === undefined || widthOf(last) + 1 + widthOf(word) > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.map((line) => line.replaceAll("\u00a0", " "));
}

/**
 * Rows of a name and a sentence, indented by two. The sentence stands beside the name, or below it
 * where the terminal is too narrow for both.
 */
export function columnsOf(rows: readonly (readonly string[])[], width: number): string[] {
  const widest = Math.max(0, ...rows.map(([name = ""]) => widthOf(name)));
  const left = Math.min(widest, 30) + 4;
  const beside = width - left >= 30;
  return rows.flatMap(([name = "", text = ""]) => {
    const indent = beside ? left : 6;
    const lines = wrap(text, Math.max(20, width - indent)).map((line) => " ".repeat(indent) + line);
    const head = `  ${name}`;
    if (!beside || widthOf(head) + 2 > left) return [head, ...lines];
    return [pad(head, left) + (lines[0] ?? "").trimStart(), ...lines.slice(1)];
  });
}

/** Fills a text up with spaces on its right, or on its left. */
export function pad(text: string, width: number, side: "left" | "right" = "right"): string {
  const space = " ".repeat(Math.max(0, width - widthOf(text)));
  return side === "left" ? space + text : text + space;
}

/** Cuts a text to a number of columns; what is cut ends on an ellipsis. */
export function clip(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let out = "";
  for (const char of text) {
    if (widthOf(out + char) > width - 1) break;
    out += char;
  }
  return `${out}…`;
}

/** One column of a table. */
export interface Column {
  /** Its head. */
  readonly title: string;
  /** Numbers stand on the right. */
  readonly align?: "left" | "right";
  /** This one is cut when the table is too wide. */
  readonly flexible?: boolean;
}

/** A table whose flexible column gives way, so that no line is wider than `width`. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): string[] {
  const all = [columns.map(({ title }) => title), ...rows];
  const widths = columns.map((_, at) =>
    all.reduce((most, row) => Math.max(most, widthOf(row[at] ?? "")), 0)
  );
  const over = widths.reduce((sum, one) => sum + one + 2, -2) - width;
  const flexible = columns.findIndex((column) => column.flexible);
  if (over > 0 && flexible >= 0) widths[flexible] = Math.max(8, widths[flexible]! - over);
  return all.map((row) =>
    columns.map(({ align }, at) => {
      const cell = clip(row[at] ?? "", widths[at]!);
      return pad(cell, widths[at]!, align === "right" ? "left" : "right");
    }).join("  ").trimEnd()
  );
}

/** A bar for a share from 0 to 1, drawn to an eighth of a column. */
export function bar(share: number, width: number): string {
  const eighths = Math.max(share > 0 ? 1 : 0, Math.round(share * width * 8));
  const rest = eighths % 8;
  return "█".repeat(Math.floor(eighths / 8)) + (rest === 0 ? "" : " ▏▎▍▌▋▊▉"[rest]);
}

/** Joins parts by a dot, on as many lines as they need. */
export function joinWithin(parts: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const last = lines.at(-1);
    if (last === undefined || widthOf(`${last} · ${part}`) > width) lines.push(part);
    else lines[lines.length - 1] = `${last} · ${part}`;
  }
  return lines;
}

const STEPS = ["B", "kB", "MB", "GB", "TB"];

/** A size in decimal units: "98.4 MB". */
export function bytes(count: number): string {
  let value = count, step = 0;
  while (value >= 999.5 && step < STEPS.length - 1) [value, step] = [value / 1000, step + 1];
  return `${step === 0 ? value : threeDigits(value)} ${STEPS[step]}`;
}

/** A number with three digits that count: "9.84", "98.4", "984". */
export function threeDigits(value: number): string {
  return value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}

/** A count for people: "134.5 million". */
export function amount(count: number): string {
  if (count >= 999.5e6) return `${threeDigits(count / 1e9)} billion`;
  return count >= 999500 ? `${threeDigits(count / 1e6)} million` : grouped(count);
}

/** A whole number with commas: "49,152". */
export function grouped(count: number | bigint): string {
  return count.toLocaleString("en-US");
}
