/** Numbers of JSON within bounds, as automata over their digits. @module */

import { type Dfa, dfaOfStates, intersect, isEmpty, machineOf } from "../dfa.ts";
import { characters, choice, type Expression, optional, repeat } from "../expression.ts";
import { sequence, text } from "../expression.ts";
import { keyword, type Place, refuse } from "./document.ts";
import { numberFormatOf } from "./formats.ts";
import type { Conjunction } from "./forms.ts";
import { numberOf } from "./limits.ts";

/** A number that others are compared with, and whether it counts itself. */
interface Bound {
  readonly value: number;
  readonly isOpen: boolean;
}

/** The numbers that meet some places. */
export interface NumberRange {
  readonly lower: Bound | undefined;
  readonly upper: Bound | undefined;
  /** All are whole. */
  readonly whole: boolean;
  /** All are multiples of this. */
  readonly step: number;
}

/** Numbers of up to so many digits keep their order, and their differences, as doubles. */
const EXACT_DIGITS = 15;
/** Digits before and after the point of a number without bounds: none is infinite. */
const FREE_DIGITS = 20;
const LARGEST_STEP = 5000;

/** What bounds of some places leave; undefined bounds are open ends. */
export function numberRange(places: Conjunction, whole: boolean): NumberRange {
  let lower: Bound | undefined, upper: Bound | undefined, step = 1, isWhole = whole;
  for (const place of places) {
    const format = numberFormatOf(keyword(place, "format"));
    for (const bound of boundsOf(place, "minimum", "exclusiveMinimum", format?.minimum)) {
      if (isStricter(bound, lower, 1)) lower = bound;
    }
    for (const bound of boundsOf(place, "maximum", "exclusiveMaximum", format?.maximum)) {
      if (isStricter(bound, upper, -1)) upper = bound;
    }
    step = leastCommonMultiple(step, stepOf(place));
    isWhole ||= keyword(place, "multipleOf") !== undefined || format?.whole === true;
  }
  if (step > LARGEST_STEP) throw refuse(places[0]!.path, `has a multipleOf over ${LARGEST_STEP}`);
  return { lower, upper, whole: isWhole, step };
}

/** The bounds of a place to one side; a boolean `exclusive…` is draft-04's. */
function boundsOf(
  place: Place,
  closed: string,
  open: string,
  ofFormat: number | undefined,
): Bound[] {
  if (typeof keyword(place, open) === "boolean") {
    throw refuse(`${place.path}/${open}`, "is a boolean; give the bound itself");
  }
  const bounds: Bound[] = [];
  const add = (value: number | undefined, isOpen: boolean) => {
    if (value !== undefined && Number.isFinite(value)) bounds.push({ value, isOpen });
  };
  add(ofFormat, false);
  add(numberOf(place, closed), false);
  add(numberOf(place, open), true);
  return bounds;
}

/** Whether a bound leaves less than another; `side` is 1 for lower ones, -1 for upper ones. */
function isStricter(bound: Bound, other: Bound | undefined, side: 1 | -1): boolean {
  if (other === undefined) return true;
  const further = side * (bound.value - other.value);
  return further > 0 || further === 0 && bound.isOpen;
}

function stepOf(place: Place): number {
  const step = numberOf(place, "multipleOf");
  if (step === undefined || Number.isInteger(step) && step > 0) return step ?? 1;
  throw refuse(`${place.path}/multipleOf`, "is not supported but for whole numbers above 0");
}

function leastCommonMultiple(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  return a / x * b;
}

/** Whether a number is in a range. */
export function isWithin(value: number, { lower, upper, whole, step }: NumberRange): boolean {
  if (lower && (lower.isOpen ? value <= lower.value : value < lower.value)) return false;
  if (upper && (upper.isOpen ? value >= upper.value : value > upper.value)) return false;
  return !whole || Number.isInteger(value) && value % step === 0;
}

/** Whether no number is in both ranges, by their bounds. */
export function areApart(a: NumberRange, b: NumberRange): boolean {
  const below = (upper: Bound | undefined, lower: Bound | undefined) =>
    upper !== undefined && lower !== undefined &&
    (upper.value < lower.value ||
      upper.value === lower.value && (upper.isOpen || lower.isOpen));
  return below(a.upper, b.lower) || below(b.upper, a.lower);
}

const DIGIT = characters([0x30, 0x39]);
const NATURAL = (most: number) =>
  choice(text("0"), sequence(characters([0x31, 0x39]), repeat(DIGIT, 0, most - 1)));
const FRACTION = sequence(text("."), repeat(DIGIT, 1, FREE_DIGITS));
/** Exponents up to 307: with one digit before the point, no number is infinite. */
const EXPONENT = sequence(
  characters([0x45, 0x45], [0x65, 0x65]),
  optional(characters([0x2B, 0x2B], [0x2D, 0x2D])),
  choice(
    sequence(characters([0x31, 0x39]), optional(DIGIT)),
    sequence(characters([0x31, 0x32]), DIGIT, DIGIT),
    sequence(text("30"), characters([0x30, 0x37])),
  ),
);
const FREE_INTEGER = sequence(optional(text("-")), NATURAL(FREE_DIGITS));
const FREE_NUMBER = sequence(
  optional(text("-")),
  choice(
    sequence(NATURAL(FREE_DIGITS), optional(FRACTION)),
    sequence(DIGIT, optional(FRACTION), EXPONENT),
  ),
);

/** The numbers of a range, as they are written. */
export function numberExpression(places: Conjunction, range: NumberRange): Expression {
  const { lower, upper, whole, step } = range;
  if (lower === undefined && upper === undefined && step === 1) {
    return whole ? FREE_INTEGER : FREE_NUMBER;
  }
  for (const bound of [lower, upper]) {
    if (bound?.isOpen && Math.abs(bound.value) > Number.MAX_SAFE_INTEGER) {
      const place = places.find((one) => Object.values(one.schema).includes(bound.value));
      throw refuse(place?.path ?? "#", `excludes ${bound.value}, beyond what doubles tell apart`);
    }
  }
  const negated = (bound: Bound | undefined) => bound && { ...bound, value: -bound.value };
  const parts = [
    magnitudes(lower, upper, range),
    // A minus before zero would be another zero.
    magnitudes(stricter(negated(upper), { value: 0, isOpen: true }), negated(lower), range),
  ];
  return choice(...parts.map((dfa, at): Expression => {
    if (isEmpty(dfa)) return characters();
    const digits: Expression = { kind: "machine", machine: machineOf(dfa) };
    return at === 0 ? digits : sequence(text("-"), digits);
  }));
}

function stricter(a: Bound | undefined, b: Bound): Bound {
  return isStricter(b, a, 1) ? b : a!;
}

/** Numbers without a sign between two bounds. */
function magnitudes(
  lower: Bound | undefined,
  upper: Bound | undefined,
  { whole, step }: NumberRange,
): Dfa {
  if (upper !== undefined && upper.value < 0) return NOTHING;
  const bounds = [lower, upper].map((bound) => Math.max(0, bound?.value ?? 0));
  const most = Math.max(EXACT_DIGITS, ...bounds.map((value) => digitsOf(value).whole.length));
  let dfa = shape(most, whole);
  if (lower !== undefined && lower.value >= 0) {
    dfa = intersect(dfa, compared(lower.value, lower.isOpen ? [">"] : ["=", ">"]));
  }
  if (upper !== undefined) {
    dfa = intersect(dfa, compared(upper.value, upper.isOpen ? ["<"] : ["<", "="]));
  }
  return step === 1 ? dfa : intersect(dfa, multiples(step));
}

const DIGITS = "0123456789", NOTHING: Dfa = { edges: [[]], accepting: [false] };

/** A number written out: the digits before the point, and those behind without zeros at the end. */
function digitsOf(value: number): { whole: string; fraction: string; digits: number } {
  const [mantissa = "", exponent = "0"] = value.toString().split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  const shift = Number(exponent);
  const all = whole + fraction, point = whole.length + shift;
  const padded = point <= 0
    ? "0".repeat(1 - point) + all
    : all + "0".repeat(Math.max(0, point - all.length));
  const at = Math.max(1, point);
  const before = padded.slice(0, at).replace(/^0+(?=\d)/, "");
  const behind = padded.slice(at).replace(/0+$/, "");
  return { whole: before, fraction: behind, digits: all.replace(/^0+|0+$/g, "").length };
}

/** Numbers without a sign: so many digits before the point, behind it while all are exact. */
function shape(most: number, whole: boolean): Dfa {
  const next = (state: string, char: string) => {
    const [part, count] = [state[0]!, Number(state.slice(1))];
    if (part === "s") return char === "." ? undefined : char === "0" ? "z0" : "i1";
    if (char === ".") return whole || part === "f" || part === "p" ? undefined : `p${count}`;
    if (part === "z" || count >= (part === "i" ? most : EXACT_DIGITS)) return undefined;
    return part === "i" ? `i${count + 1}` : `f${count + 1}`;
  };
  return dfaOfStates("s0", `${DIGITS}.`, next, (state) => /^[zif]/.test(state));
}

/** Numbers without a sign that compare with a bound in one of some ways. */
function compared(bound: number, ways: readonly string[]): Dfa {
  const { whole, fraction } = digitsOf(bound);
  const order = (a: string, b: string) => a < b ? "<" : a > b ? ">" : "=";
  /** How a number compares whose digits before the point have all been read. */
  const settled = (state: string) => {
    const count = Number(state.slice(2));
    return count < whole.length ? "<" : count > whole.length ? ">" : state[1]!;
  };
  const next = (state: string, char: string) => {
    if (state === "<" || state === ">") return state;
    if (state[0] === "i") {
      if (char === ".") return settled(state) === "=" ? "f0" : settled(state);
      const count = Number(state.slice(2));
      if (count >= whole.length) return `i>${whole.length + 1}`;
      return `i${state[1] === "=" ? order(char, whole[count]!) : state[1]}${count + 1}`;
    }
    if (char === ".") return undefined;
    const at = Number(state.slice(1)), way = order(char, fraction[at] ?? "0");
    return way === "=" ? `f${Math.min(at + 1, fraction.length)}` : way;
  };
  const accepts = (state: string) => {
    if (state === "i=0") return false;
    const way = state === "<" || state === ">"
      ? state
      : state[0] === "i"
      ? settled(state) === "=" && fraction !== "" ? "<" : settled(state)
      : Number(state.slice(1)) < fraction.length
      ? "<"
      : "=";
    return ways.includes(way);
  };
  return dfaOfStates("i=0", `${DIGITS}.`, next, accepts);
}

/** Whole numbers that a step divides. */
function multiples(step: number): Dfa {
  const next = (state: string, char: string) =>
    char === "." ? undefined : String((Number(state) * 10 + Number(char)) % step);
  // The state before any digit is that of 0; `shape` refuses a number without digits.
  return dfaOfStates("0", DIGITS, next, (state) => state === "0");
}
