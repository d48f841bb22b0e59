/** Regular expressions of ECMAScript (ECMA-262, 22.2), as far as they are regular. @module */

import { ArgumentError } from "../errors.ts";
import { charactersOf, EVERY_CHARACTER, negate } from "./code_points.ts";
import { normalize, type Range } from "./code_points.ts";
import { BEGIN, type Dfa, dfaOf, END, intersect, subtract } from "./dfa.ts";
import { characters, choice, EMPTY, type Expression } from "./expression.ts";
import { repeat, sequence } from "./expression.ts";

const DIGIT: readonly Range[] = [[0x30, 0x39]];
const WORD: readonly Range[] = normalize([...DIGIT, [0x41, 0x5A], [0x5F, 0x5F], [0x61, 0x7A]]);
const LINE_END = charactersOf("\n\r\u2028\u2029");
const SPACE = charactersOf(
  "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a" +
    "\u2028\u2029\u202f\u205f\u3000\ufeff",
);
/** The classes that a letter stands for. */
const CLASSES: Readonly<Record<string, readonly Range[]>> = {
  d: DIGIT,
  D: negate(DIGIT),
  w: WORD,
  W: negate(WORD),
  s: SPACE,
  S: negate(SPACE),
};
/** The characters that a letter stands for. */
const CONTROLS: Readonly<Record<string, string>> = {
  ...{ t: "\t", n: "\n", v: "\v", f: "\f", r: "\r", "0": "\0" },
};
const DEEPEST = 256;
const MOST_ROUNDS = 10_000;

/** How a regular expression is meant. */
export interface RegexOptions {
  /** Whether it must match the whole text, not only a part. */
  readonly whole: boolean;
  /** Whether `.` matches line ends, too. */
  readonly dotAll?: boolean;
}

/**
 * The texts that a regular expression matches, as an automaton. Characters are code points. Looking
 * ahead is understood where the expression begins, behind `^`: a part more that the text must, or
 * must not, begin with.
 * @throws ArgumentError for what is no expression, or not regular, as references back
 */
export function readRegex(source: string, { whole, dotAll = false }: RegexOptions): Dfa {
  const { part, ahead } = new Reader(source, dotAll).read();
  let dfa = searching(part, whole, whole);
  for (const { part, isWanted } of ahead) {
    dfa = (isWanted ? intersect : subtract)(dfa, searching(part, true, false));
  }
  return dfa;
}

/** Texts with something in them; right at their beginning or end, if so wanted. */
function searching(part: Expression, atBegin: boolean, atEnd: boolean): Dfa {
  const free = repeat(characters(...EVERY_CHARACTER), 0);
  return dfaOf(sequence(atBegin ? EMPTY : free, part, atEnd ? EMPTY : free));
}

/** A part that a text must, or must not, begin with. */
interface Ahead {
  readonly part: Expression;
  readonly isWanted: boolean;
}

class Reader {
  readonly #source: string;
  readonly #dot: Expression;
  #at = 0;
  #depth = 0;

  constructor(source: string, dotAll: boolean) {
    this.#source = source;
    this.#dot = characters(...dotAll ? EVERY_CHARACTER : negate(LINE_END));
  }

  read(): { part: Expression; ahead: readonly Ahead[] } {
    try {
      new RegExp(this.#source, "u");
    } catch {
      try {
        new RegExp(this.#source); // escapes that Unicode mode would not have
      } catch (error) {
        throw this.#error(error instanceof Error ? error.message : String(error));
      }
    }
    const ahead = this.#ahead(), part = this.#alternatives();
    if (this.#at < this.#source.length) throw this.#error("a bracket is closed too often");
    if (ahead.length > 0 && part.kind === "choice") {
      throw this.#error("looking ahead beside alternatives is not supported");
    }
    return { part: ahead.length > 0 ? sequence(characters(BEGIN), part) : part, ahead };
  }

  /** What stands between `^` and the rest. */
  #ahead(): Ahead[] {
    const found: Ahead[] = [];
    if (this.#match(/\^(?=\(\?[=!])/y) === undefined) return found;
    for (let sign = this.#sign(); sign !== undefined; sign = this.#sign()) {
      found.push({ part: this.#alternatives(), isWanted: sign === "(?=" });
      if (!this.#take(")")) throw this.#error("a bracket is not closed");
    }
    return found;
  }

  #sign(): string | undefined {
    return this.#match(/\(\?[=!]/y);
  }

  #alternatives(): Expression {
    if (++this.#depth > DEEPEST) throw this.#error(`brackets go deeper than ${DEEPEST}`);
    const parts = [this.#sequence()];
    while (this.#take("|")) parts.push(this.#sequence());
    this.#depth--;
    return choice(...parts);
  }

  #sequence(): Expression {
    const parts: Expression[] = [];
    while (this.#at < this.#source.length && !/[|)]/.test(this.#source[this.#at]!)) {
      parts.push(this.#repeated(this.#item()));
    }
    return parts.length === 0 ? EMPTY : sequence(...parts);
  }

  #item(): Expression {
    if (this.#take("^")) return characters(BEGIN);
    if (this.#take("$")) return characters(END);
    if (this.#take(".")) return this.#dot;
    if (this.#take("[")) return characters(...this.#class());
    if (this.#take("(")) {
      if (this.#take("?") && !this.#take(":")) {
        const name = this.#match(/<[\p{ID_Start}$_][\p{ID_Continue}$]*>/uy);
        if (name === undefined) throw this.#error("looking around is supported only behind ^");
      }
      const part = this.#alternatives();
      if (!this.#take(")")) throw this.#error("a bracket is not closed");
      return part;
    }
    if (this.#take("\\")) return characters(...this.#escape(false));
    return characters(...charactersOf(this.#next()));
  }

  #repeated(part: Expression): Expression {
    const found = this.#match(/[*+?]|\{\d+(,\d*)?\}/y);
    if (found === undefined) return part;
    this.#take("?"); // a lazy repetition matches the same texts
    const [least = 0, most] = found === "*"
      ? [0, Infinity]
      : found === "+"
      ? [1, Infinity]
      : found === "?"
      ? [0, 1]
      : this.#bounds(found);
    if (least > MOST_ROUNDS || most! > MOST_ROUNDS && most !== Infinity) {
      throw this.#error(`"${found}" is more than ${MOST_ROUNDS} times`);
    }
    return repeat(part, least, most);
  }

  #bounds(found: string): [number, number] {
    const [least, most] = found.slice(1, -1).split(",");
    if (most === undefined) return [Number(least), Number(least)];
    return [Number(least), most === "" ? Infinity : Number(most)];
  }

  /** The characters of a class, behind its first bracket. */
  #class(): Range[] {
    const isNegated = this.#take("^"), ranges: Range[] = [];
    while (!this.#take("]")) {
      if (this.#at >= this.#source.length) throw this.#error("a class does not end");
      const first = this.#classItem();
      const isRange = this.#source[this.#at] === "-" && this.#source[this.#at + 1] !== "]";
      if (!isRange || !isSingle(first)) {
        ranges.push(...first);
        continue;
      }
      this.#at++;
      const last = this.#classItem();
      if (isSingle(last)) ranges.push([first[0]![0], last[0]![0]]);
      else ranges.push(...first, ...charactersOf("-"), ...last);
    }
    const all = normalize(ranges);
    return isNegated ? negate(all) : all;
  }

  #classItem(): readonly Range[] {
    return this.#take("\\") ? this.#escape(true) : charactersOf(this.#next());
  }

  /** The characters of an escape, behind its backslash. */
  #escape(inClass: boolean): readonly Range[] {
    const property = this.#match(/[pP]\{[\w=]+\}/y);
    if (property !== undefined) return propertyRanges(property);
    const hex = this.#match(/x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|u\{[0-9a-fA-F]+\}/y);
    if (hex !== undefined) return this.#hex(hex);
    const control = this.#match(/c[A-Za-z]/y);
    if (control !== undefined) return charactersOf(String.fromCharCode(control.charCodeAt(1) % 32));
    const letter = this.#next();
    if (Object.hasOwn(CLASSES, letter)) return CLASSES[letter]!;
    if (Object.hasOwn(CONTROLS, letter) && !/^\d/.test(this.#source.slice(this.#at))) {
      return charactersOf(CONTROLS[letter]!);
    }
    if (inClass && letter === "b") return charactersOf("\b");
    if (/[bB]/.test(letter)) throw this.#error("the border of a word is not supported");
    if (/[0-9k]/.test(letter)) throw this.#error("a reference back is not regular");
    if (/[A-Za-z]/.test(letter)) throw this.#error(`"\\${letter}" is not supported`);
    return charactersOf(letter);
  }

  #hex(hex: string): readonly Range[] {
    const code = parseInt(hex.replace(/[xu{}]/g, ""), 16);
    const isHigh = code >= 0xD800 && code <= 0xDBFF;
    const low = isHigh ? this.#match(/\\u[dD][c-fC-F][0-9a-fA-F]{2}/y) : undefined;
    if (low === undefined) return [[code, code]];
    return charactersOf(String.fromCharCode(code, parseInt(low.slice(2), 16)));
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #next(): string {
    if (this.#at >= this.#source.length) throw this.#error("a character is missing");
    const char = String.fromCodePoint(this.#source.codePointAt(this.#at)!);
    this.#at += char.length;
    return char;
  }

  #take(what: string): boolean {
    if (!this.#source.startsWith(what, this.#at)) return false;
    this.#at += what.length;
    return true;
  }

  #error(state: string): ArgumentError {
    const quoted = JSON.stringify(this.#source);
    return new ArgumentError(`Cannot use the expression ${quoted}: ${state} (at ${this.#at})`);
  }
}

function isSingle(ranges: readonly Range[]): boolean {
  return ranges.length === 1 && ranges[0]![0] === ranges[0]![1];
}

const PROPERTIES = new Map<string, readonly Range[]>();

/** The characters with a property of Unicode: those that JavaScript's own engine says have it. */
function propertyRanges(property: string): readonly Range[] {
  const known = PROPERTIES.get(property);
  if (known !== undefined) return known;
  const pattern = new RegExp(`\\${property}`, "u"), ranges: [number, number][] = [];
  for (const [first, last] of EVERY_CHARACTER) {
    for (let code = first; code <= last; code++) {
      if (!pattern.test(String.fromCodePoint(code))) continue;
      const before = ranges.at(-1);
      if (before !== undefined && before[1] + 1 === code) before[1] = code;
      else ranges.push([code, code]);
    }
  }
  PROPERTIES.set(property, ranges);
  return ranges;
}
