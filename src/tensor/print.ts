/** Tensors as text, laid out like NumPy's: aligned, large ones cut to their edges. @module */

import type { FloatType } from "./elements.ts";
import type { Layout } from "./layout.ts";
import { sizeOf } from "./layout.ts";

const EDGE = 3; // items at each end of an axis that is cut
const LARGE = 1000; // a tensor with more elements is cut
const COLUMNS = 75;
const DIGITS = 8; // after the point, at most
const NUDGES = [1 - 2 ** -50, 1 + 2 ** -50]; // what only a tie rounds to a number does not name it
const GAP = -1; // stands for the items that are left out

/**
 * `rounded`, but where the number lies exactly half way, rounded to an even digit as NumPy does:
 * JavaScript rounds such ones up. `exact` has all digits, written in the same way.
 */
function evened(rounded: string, exact: string): string {
  const [digits = "", exponent] = rounded.split("e");
  const [all = "", place] = exact.split("e");
  const half = place === exponent && /^50*$/.test(all.slice(digits.length).replace(".", ""));
  if (!half || !/[13579]$/.test(digits)) return rounded;
  return all.slice(0, digits.length) + (exponent === undefined ? "" : `e${exponent}`);
}

/** A number as a mantissa and an exponent of ten, in as few digits as name no other. */
function shortest(value: number, round: (value: number) => number): string {
  for (let digits = 0; digits < 9; digits++) {
    const text = value.toExponential(digits);
    const sure = NUDGES.every((nudge) => round(Number(text) * nudge) === value);
    if (sure) return evened(text, value.toExponential(60));
  }
  return value.toExponential(); // of a double these are the fewest digits
}

/** "2.5", "-3.", "0.00012346": at most eight digits after the point, none that say nothing. */
function positional(value: number, round: (value: number) => number): string {
  const short = shortest(value, round);
  const [mantissa = "", exponent = "0"] = short.split("e");
  const digits = (mantissa.split(".")[1]?.length ?? 0) - Number(exponent);
  const text = digits > DIGITS
    ? evened(value.toFixed(DIGITS), value.toFixed(60)).replace(/0+$/, "")
    : Number(short).toFixed(Math.max(0, digits));
  const sign = Object.is(value, -0) ? "-" : "";
  return sign + (text.includes(".") ? text : `${text}.`);
}

/** Fills up both sides of a point to a common width. */
function aligned(texts: readonly string[]): { left: number; right: number } {
  let left = 0, right = 0;
  for (const text of texts) {
    const point = text.indexOf(".");
    left = Math.max(left, point);
    right = Math.max(right, text.length - point - 1);
  }
  return { left, right };
}

/** Writes numbers in positional form, points below each other. */
function positionalWriter(values: readonly number[], round: (value: number) => number) {
  const { left, right } = aligned(values.map((value) => positional(value, round)));
  const write = (value: number) => {
    const text = positional(value, round), point = text.indexOf(".");
    return " ".repeat(left - point) + text + " ".repeat(right - (text.length - point - 1));
  };
  return { write, left, right };
}

/** "1.50e-03" in its parts, at most eight digits after the point. */
function scientific(value: number, round: (value: number) => number) {
  let text = shortest(value, round);
  if (text.indexOf("e") - text.indexOf(".") > DIGITS + 1) {
    text = evened(value.toExponential(DIGITS), value.toExponential(60));
  }
  const [mantissa = "", exponent = ""] = text.split("e");
  const [whole = "", digits = ""] = mantissa.split(".");
  const sign = Object.is(value, -0) ? "-" : "";
  return {
    whole: sign + whole,
    digits: digits.replace(/0+$/, ""),
    exponent: exponent.slice(1).padStart(2, "0"),
    sign: exponent[0] ?? "+",
  };
}

/** Writes numbers with exponents, all with as many digits. */
function scientificWriter(values: readonly number[], round: (value: number) => number) {
  const parts = values.map((value) => scientific(value, round));
  const most = (of: (part: ReturnType<typeof scientific>) => string) =>
    parts.reduce((width, part) => Math.max(width, of(part).length), 0);
  const left = most(({ whole }) => whole), digits = most((part) => part.digits);
  const places = most(({ exponent }) => exponent);
  const write = (value: number) => {
    const part = scientific(value, round);
    const mantissa = `${part.whole.padStart(left)}.${part.digits.padEnd(digits, "0")}`;
    return `${mantissa}e${part.sign}${part.exponent.padStart(places, "0")}`;
  };
  return { write, left, right: digits + 2 + places };
}

/** Whether floats are so large, small or far apart that only exponents show them. */
function needExponents(values: readonly number[], { round, digits }: FloatType): boolean {
  let least = Infinity, most = 0;
  for (const value of values) {
    if (value === 0) continue;
    least = Math.min(least, Math.abs(value));
    most = Math.max(most, Math.abs(value));
  }
  return most > 0 &&
    (most >= 10 ** Math.min(DIGITS, digits) || least < round(1e-4) || round(most / least) > 1000);
}

/** How each of these numbers is written, so that all take as many columns. */
function writerFor(values: readonly number[], float?: FloatType): (value: number) => string {
  if (float === undefined) {
    const width = values.reduce((most, value) => Math.max(most, String(value).length), 0);
    return (value) => String(value).padStart(width);
  }
  const finite = values.filter(Number.isFinite);
  const { write, left, right } = needExponents(finite, float)
    ? scientificWriter(finite, float.round)
    : positionalWriter(finite, float.round);
  if (finite.length === values.length) return write;
  const odd = (value: number) => String(value).replace("Infinity", "inf").replace("NaN", "nan");
  const widest = values.reduce(
    (most, value) => Number.isFinite(value) ? most : Math.max(most, odd(value).length),
    left + right + 1,
  );
  return (value) => (Number.isFinite(value) ? write(value) : odd(value)).padStart(widest);
}

/** The indices of an axis that are shown. */
function shown(length: number, cut: boolean): number[] {
  const all = (count: number, from: number) => Array.from({ length: count }, (_, i) => from + i);
  if (!cut || length <= 2 * EDGE) return all(length, 0);
  return [...all(EDGE, 0), GAP, ...all(EDGE, length - EDGE)];
}

/** The positions that are shown, in the order in which they are. */
function shownPositions({ shape, strides, offset }: Layout, cut: boolean): number[] {
  let found = [offset];
  for (const [axis, length] of shape.entries()) {
    const indices = shown(length, cut).filter((index) => index !== GAP);
    found = found.flatMap((at) => indices.map((index) => at + index * strides[axis]!));
  }
  return found;
}

/** Words on lines of at most `width` columns, the ones after the first indented. */
function fill(words: readonly string[], indent: string, width: number): string {
  const lines: string[] = [];
  let line = indent;
  for (const word of words) {
    if (line.length + word.length > width && line.length > indent.length) {
      lines.push(line.trimEnd());
      line = indent;
    }
    line += `${word} `;
  }
  return [...lines, line.slice(0, -1)].join("\n").slice(indent.length);
}

/** The text of a tensor, without its name: nested brackets around aligned numbers. */
export function tensorText(data: ArrayLike<number>, layout: Layout, float?: FloatType): string {
  const { shape, strides } = layout;
  if (sizeOf(shape) === 0) return "[]";
  const cut = sizeOf(shape) > LARGE;
  const write = writerFor(shownPositions(layout, cut).map((at) => data[at]!), float);
  if (shape.length === 0) return write(data[layout.offset]!).replace(/\.$/, ".0");
  const part = (axis: number, offset: number): string => {
    if (axis === shape.length) return write(data[offset]!);
    const indent = " ".repeat(axis + 1);
    const items = shown(shape[axis]!, cut).map((index) =>
      index === GAP ? "..." : part(axis + 1, offset + index * strides[axis]!)
    );
    const breaks = "\n".repeat(shape.length - 1 - axis) + indent;
    const inside = axis === shape.length - 1
      ? fill(items, indent, COLUMNS - axis - 1)
      : items.join(breaks);
    return `[${inside}]`;
  };
  return part(0, layout.offset);
}
