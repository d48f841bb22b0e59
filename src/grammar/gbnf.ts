/** GBNF, the grammar notation of llama.cpp (its grammars/README.md), read into rules. @module */

import { ArgumentError } from "../errors.ts";
import { EVERY_CHARACTER, LAST_CODE_POINT, negate, type Range } from "./code_points.ts";
import {
  characters,
  choice,
  EMPTY,
  type Expression,
  repeat,
  rule,
  sequence,
} from "./expression.ts";
import type { Rules } from "./expression.ts";
import { text } from "./expression.ts";

/** Parts within parts within parts: beyond this it is a mistake, or an attack on our stack. */
const DEEPEST = 256;
/** What an escape stands for; those with digits say how many. */
const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  "\\": "\\",
  '"': '"',
  "[": "[",
  "]": "]",
  "-": "-",
  "^": "^",
};
const DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };
const REPEATS: Readonly<Record<string, readonly [number, number]>> = {
  "*": [0, Infinity],
  "+": [1, Infinity],
  "?": [0, 1],
};

/**
 * Reads a grammar; its text is matched by the rule `root`.
 * @throws ArgumentError naming line and column of what cannot be read
 */
export function readGbnf(source: string): Rules {
  return new Reader(source).read();
}

class Reader {
  readonly #source: string;
  #at = 0;
  #depth = 0;
  readonly #rules = new Map<string, Expression>();
  readonly #places = new Map<string, number>(); // where rules are defined
  readonly #uses = new Map<string, number>(); // where they are first named

  constructor(source: string) {
    this.#source = source;
  }

  read(): Rules {
    for (this.#skip(true); this.#at < this.#source.length; this.#skip(true)) this.#rule();
    for (const [name, at] of this.#uses) {
      if (!this.#rules.has(name)) throw this.#error(`there is no rule "${name}"`, at);
    }
    if (!this.#rules.has("root")) throw this.#error('there is no rule "root"');
    const where = (name: string) => ` (${this.#place(this.#places.get(name) ?? 0)})`;
    return { rules: this.#rules, root: "root", where };
  }

  #rule(): void {
    const at = this.#at, name = this.#name("a rule");
    if (this.#rules.has(name)) throw this.#error(`rule "${name}" is there twice`, at);
    this.#skip(false);
    if (!this.#take("::=")) throw this.#error(`"::=" must follow the name of a rule`);
    this.#skip(true);
    this.#places.set(name, at);
    this.#rules.set(name, this.#alternatives(false));
    if (this.#at < this.#source.length && !/[\r\n]/.test(this.#source[this.#at]!)) {
      throw this.#error(`a rule cannot go on with ${this.#here()}`);
    }
  }

  /** Alternatives; within brackets and after `|` a line may end. */
  #alternatives(inside: boolean): Expression {
    if (++this.#depth > DEEPEST) throw this.#error(`brackets go deeper than ${DEEPEST}`);
    const parts = [this.#sequence(inside)];
    while (this.#take("|")) {
      this.#skip(true);
      parts.push(this.#sequence(inside));
    }
    this.#depth--;
    return choice(...parts);
  }

  #sequence(inside: boolean): Expression {
    const parts: Expression[] = [];
    for (;;) {
      const at = this.#at, part = this.#item();
      if (part === undefined) break;
      this.#skip(inside);
      parts.push(this.#repeated(part, inside, at));
    }
    return parts.length === 0 ? EMPTY : sequence(...parts);
  }

  /** One literal, class, name or bracket. */
  #item(): Expression | undefined {
    const char = this.#source[this.#at] ?? "";
    if (/[\w-]/.test(char)) {
      const at = this.#at, name = this.#name("a name");
      if (!this.#uses.has(name)) this.#uses.set(name, at);
      return rule(name);
    }
    if (this.#take('"')) return this.#literal();
    if (this.#take("[")) return this.#class();
    if (this.#take(".")) return characters(...EVERY_CHARACTER);
    if (this.#take("(")) {
      this.#skip(true);
      const part = this.#alternatives(true);
      if (!this.#take(")")) throw this.#error(`")" is missing before ${this.#here()}`);
      return part;
    }
    if (char === "<" || char === "!") {
      throw this.#error("a token by its name or number is not supported; write its text");
    }
    return undefined;
  }

  /** A part with the repetitions behind it. */
  #repeated(part: Expression, inside: boolean, from: number): Expression {
    for (;;) {
      const at = this.#at, sign = this.#source[at] ?? "";
      const simple = REPEATS[sign];
      if (simple !== undefined) {
        this.#at++;
        part = repeat(part, ...simple);
      } else if (sign === "{") {
        const bounds = /\{\s*(\d+)\s*(,)?\s*(\d+)?\s*\}/y;
        bounds.lastIndex = at;
        const found = bounds.exec(this.#source);
        if (found === null) throw this.#error("a repetition is {m}, {m,} or {m,n}");
        const least = Number(found[1]);
        const most = found[2] === undefined ? least : Number(found[3] ?? Infinity);
        if (found[2] === undefined && found[3] !== undefined || most < least) {
          throw this.#error(`"${found[0]}" is no number of times`);
        }
        if (!Number.isSafeInteger(least) || most !== Infinity && !Number.isSafeInteger(most)) {
          throw this.#error(`"${found[0]}" is too often`);
        }
        this.#at += found[0].length;
        part = repeat(part, least, most);
      } else return part;
      if (this.#at === from) return part;
      this.#skip(inside);
    }
  }

  #literal(): Expression {
    const from = this.#at - 1;
    let chars = "";
    while (!this.#take('"')) {
      if (this.#atLineEnd()) throw this.#error("a text does not end", from);
      chars += String.fromCodePoint(this.#character());
    }
    return text(chars);
  }

  #class(): Expression {
    const from = this.#at - 1, isNegated = this.#take("^"), ranges: Range[] = [];
    while (!this.#take("]")) {
      if (this.#at >= this.#source.length) throw this.#error("a class does not end", from);
      const at = this.#at, first = this.#character();
      const isRange = this.#source[this.#at] === "-" && this.#source[this.#at + 1] !== "]";
      if (isRange) this.#at++;
      const last = isRange ? this.#character() : first;
      if (last < first) throw this.#error("a range of characters runs backwards", at);
      ranges.push([first, last]);
    }
    return characters(...isNegated ? negate(ranges) : ranges);
  }

  /** One character, written as itself or by an escape. */
  #character(): number {
    const at = this.#at;
    if (at >= this.#source.length) throw this.#error("a character is missing");
    if (!this.#take("\\")) {
      const codePoint = this.#source.codePointAt(at)!;
      this.#at += codePoint > 0xFFFF ? 2 : 1;
      return codePoint;
    }
    const letter = this.#source[this.#at++] ?? "";
    const escaped = Object.hasOwn(ESCAPES, letter) ? ESCAPES[letter] : undefined;
    if (escaped !== undefined) return escaped.codePointAt(0)!;
    const digits = Object.hasOwn(DIGITS, letter) ? DIGITS[letter]! : 0;
    const number = this.#source.slice(this.#at, this.#at + digits);
    if (digits > 0 && number.length === digits && /^[0-9a-fA-F]+$/.test(number)) {
      const codePoint = parseInt(number, 16);
      this.#at += digits;
      if (codePoint <= LAST_CODE_POINT && (codePoint < 0xD800 || codePoint > 0xDFFF)) {
        return codePoint;
      }
    }
    throw this.#error(`"${this.#source.slice(at, this.#at)}" is no escape of a character`, at);
  }

  #name(what: string): string {
    const pattern = /[\w-]+/y;
    pattern.lastIndex = this.#at;
    const name = pattern.exec(this.#source)?.[0];
    if (name === undefined) throw this.#error(`${what} cannot begin with ${this.#here()}`);
    this.#at += name.length;
    return name;
  }

  /** Skips spaces and comments; line ends too, where they mean nothing. */
  #skip(lineEnds: boolean): void {
    const pattern = lineEnds ? /(\s|#[^\r\n]*)*/y : /([ \t]|#[^\r\n]*)*/y;
    pattern.lastIndex = this.#at;
    this.#at += pattern.exec(this.#source)![0].length;
  }

  #take(what: string): boolean {
    if (!this.#source.startsWith(what, this.#at)) return false;
    this.#at += what.length;
    return true;
  }

  #atLineEnd(): boolean {
    return this.#at >= this.#source.length || /[\r\n]/.test(this.#source[this.#at]!);
  }

  #here(): string {
    if (this.#at >= this.#source.length) return "the end";
    return JSON.stringify(String.fromCodePoint(this.#source.codePointAt(this.#at)!));
  }

  #error(state: string, at: number = this.#at): ArgumentError {
    return new ArgumentError(`Cannot read the grammar: ${state} (${this.#place(at)})`);
  }

  #place(at: number): string {
    const lines = this.#source.slice(0, at).split("\n");
    return `line ${lines.length}, column ${lines.at(-1)!.length + 1}`;
  }
}
