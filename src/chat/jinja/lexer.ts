/** Cuts the source of a template into tokens, with Jinja's rules of white space. @module */

import { TemplateFault } from "./budget.ts";

/** What a token is. */
export type TokenKind =
  | "data" // text between tags
  | "{{"
  | "}}"
  | "{%"
  | "%}"
  | "name"
  | "string"
  | "integer"
  | "float"
  | "operator"
  | "end";

/** A token. */
export interface Token {
  readonly kind: TokenKind;
  /** A name, an operator, the digits of a number, the characters of a string. */
  readonly value: string;
  /** Where it begins in the source, in UTF-16 units. */
  readonly at: number;
}

const TAG = /\{[{%#]/g;
/** The ends of tags; without a sign they take the line's end along, as `trim_blocks` says. */
const ENDS = { "{{": /-\}\}\s*|\}\}/y, "{%": /\+%\}|-%\}\s*|%\}\n?/y };
const COMMENT_END = /\+#\}|-#\}\s*|#\}\n?/g;
const RAW_BEGIN = /\{%[-+]?\s*raw\s*(?:-%\}\s*|%\})/y;
const RAW_END = /\{%([-+]?)\s*endraw\s*(?:\+%\}|-%\}\s*|%\}\n?)/g;

/** What stands in tags: the first that matches. */
const INNER: readonly (readonly [TokenKind | "space", RegExp])[] = [
  ["space", /\s+/y],
  ["float", /(?<!\.)\d[\d_]*(?:(?:\.\d[\d_]*)?e[+-]?\d[\d_]*|\.\d[\d_]*)/iy],
  ["integer", /0[box][\da-f_]+|\d[\d_]*/iy],
  ["name", /[\p{L}\p{M}\p{Nl}_][\p{L}\p{M}\p{N}_]*/uy],
  ["string", /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/sy],
  ["operator", /\/\/|\*\*|[=!<>]=|[-+*\/%~[\](){}<>=.:|,;]/y],
];

const CLOSING: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };

/** Line ends are one character, and one at the very end does not count. */
export function normalize(source: string): string {
  return source.replace(/\r\n?/g, "\n").replace(/\n$/, "");
}

/** The tokens of a normalized source; the last one is its end. */
export function tokenize(source: string): Token[] {
  return new Lexer(source).run();
}

/** Matches a sticky or global pattern from a place on. */
function matchAt(pattern: RegExp, source: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(source);
}

class Lexer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  run(): Token[] {
    while (this.#at < this.#source.length) {
      const open = matchAt(TAG, this.#source, this.#at);
      const tag = open?.index ?? this.#source.length;
      const data = this.#source.slice(this.#at, tag);
      this.#data(open ? this.#stripped(data, tag) : data);
      this.#at = tag;
      if (open) this.#tag(open[0] as "{{" | "{%" | "{#");
    }
    this.#push("end", "", this.#at);
    return this.#tokens;
  }

  #push(kind: TokenKind, value: string, at: number): void {
    this.#tokens.push({ kind, value, at });
  }

  #data(text: string): void {
    if (text !== "") this.#push("data", text, this.#at);
  }

  /** Text before a tag without what the tag takes away: `-` all space, a block its line's. */
  #stripped(data: string, tag: number): string {
    const sign = this.#source[tag + 2];
    if (sign === "-") return trimEnd(data);
    if (sign === "+" || this.#source[tag + 1] === "{") return data;
    const line = data.lastIndexOf("\n") + 1;
    const begins = line > 0 || this.#at === 0 || this.#source[this.#at - 1] === "\n";
    return begins && trimEnd(data.slice(line)) === "" ? data.slice(0, line) : data;
  }

  #tag(open: "{{" | "{%" | "{#"): void {
    if (open === "{#") return this.#comment();
    const raw = open === "{%" && matchAt(RAW_BEGIN, this.#source, this.#at);
    if (raw) return this.#raw(raw[0].length);
    const start = this.#at, sign = this.#source[start + 2];
    this.#push(open, open, start);
    this.#at += sign === "-" || sign === "+" ? 3 : 2;
    const closing: string[] = [];
    for (;;) {
      const end = closing.length === 0 && matchAt(ENDS[open], this.#source, this.#at);
      if (end) {
        this.#push(open === "{{" ? "}}" : "%}", end[0], this.#at);
        this.#at += end[0].length;
        return;
      }
      if (this.#at >= this.#source.length) throw fault(`"${open}" has no end`, start);
      this.#inner(closing);
    }
  }

  /** One token within a tag. */
  #inner(closing: string[]): void {
    for (const [kind, pattern] of INNER) {
      const found = matchAt(pattern, this.#source, this.#at)?.[0];
      if (found === undefined) continue;
      if (kind === "operator") this.#balance(found, closing);
      const value = kind === "string" ? unescape(found.slice(1, -1)) : found;
      if (kind !== "space") this.#push(kind, value, this.#at);
      this.#at += found.length;
      return;
    }
    const character = String.fromCodePoint(this.#source.codePointAt(this.#at)!);
    throw fault(`${JSON.stringify(character)} makes no sense here`, this.#at);
  }

  /** Keeps count of brackets: within them `}}` ends no tag. */
  #balance(operator: string, closing: string[]): void {
    const close = CLOSING[operator];
    if (close !== undefined) closing.push(close);
    if (!/^[)\]}]$/.test(operator)) return;
    const expected = closing.pop();
    if (expected === operator) return;
    const state = expected === undefined ? "closes nothing" : `stands where "${expected}" should`;
    throw fault(`"${operator}" ${state}`, this.#at);
  }

  #comment(): void {
    const end = matchAt(COMMENT_END, this.#source, this.#at + 2);
    if (!end) throw fault('"{#" has no end', this.#at);
    this.#at = end.index + end[0].length;
  }

  #raw(beginLength: number): void {
    const from = this.#at + beginLength;
    const end = matchAt(RAW_END, this.#source, from);
    if (!end) throw fault('"raw" has no "endraw"', this.#at);
    this.#at = from;
    this.#data(this.#stripped(this.#source.slice(from, end.index), end.index));
    this.#at = end.index + end[0].length;
  }
}

/** Without white space at the end; a regular expression would take quadratic time. */
function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && /\s/.test(text[end - 1]!)) end--;
  return text.slice(0, end);
}

const ESCAPES: Readonly<Record<string, string>> = {
  ...{ n: "\n", t: "\t", r: "\r", a: "\x07", b: "\b", f: "\f", v: "\v" },
  ...{ "\n": "", "\\": "\\", "'": "'", '"': '"' },
};

/** The characters that a literal stands for, by Python's rules: unknown escapes stay. */
function unescape(literal: string): string {
  const pattern = /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{1,3})|(.))/gs;
  return literal.replace(pattern, (all, x, u, U, octal, letter) => {
    const hex = x ?? u ?? U;
    if (hex !== undefined) return codePoint(parseInt(hex, 16), all);
    if (octal !== undefined) return codePoint(parseInt(octal, 8), all);
    return Object.hasOwn(ESCAPES, letter) ? ESCAPES[letter]! : all;
  });
}

function codePoint(code: number, literal: string): string {
  return code <= 0x10FFFF ? String.fromCodePoint(code) : literal;
}

/** What is wrong, and where. */
export function fault(message: string, at: number): TemplateFault {
  return Object.assign(new TemplateFault(message), { at });
}
