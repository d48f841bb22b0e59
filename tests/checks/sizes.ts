/** How long files and functions are, and how long they may be. @module */

import { codeOf, type Files, only } from "./source.ts";

/** A piece of text and its length. */
export interface Size {
  /** Where: a path, and the line of a function. */
  readonly name: string;
  /** Lines. */
  readonly lines: number;
}

/** What is allowed: of all pieces the median and the one at 95 %, and each alone. */
export interface Limits {
  /** Half of them have at most this many lines. */
  readonly median?: number;
  /** Of twenty, nineteen have at most this many. */
  readonly most?: number;
  /** Every one has at most this many. */
  readonly each: number;
}

/** Lines of each file. */
export function fileSizes(files: Files): Size[] {
  return [...files].map(([name, text]) => ({ name, lines: text.split("\n").length - 1 }));
}

/** Lines of each function that has a body in braces, its head included. */
export function functionSizes(files: Files): Size[] {
  return [...only(files, /\.(ts|c|h)$/)].flatMap(([path, text]) => {
    const code = codeOf(text, { strings: false });
    const starts = path.endsWith(".ts") ? scriptFunctions(code) : cFunctions(code);
    return starts.map(({ start, end }) => ({
      name: `${path}:${lineAt(code, start)}`,
      lines: lineAt(code, end) - lineAt(code, start) + 1,
    }));
  });
}

/** Says what is too long; nothing when all is well. */
export function checkSizes(what: string, sizes: readonly Size[], limits: Limits): string[] {
  const sorted = sizes.map(({ lines }) => lines).sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.ceil(sorted.length * part) - 1] ?? 0;
  const wrong = sizes.filter(({ lines }) => lines > limits.each)
    .map(({ name, lines }) => `${name}: ${lines} lines, a ${what} has at most ${limits.each}`);
  const { median = Infinity, most = Infinity } = limits;
  if (at(0.5) > median) wrong.push(`median ${what}: ${at(0.5)} lines, at most ${median}`);
  if (at(0.95) > most) wrong.push(`95 % of every ${what}: ${at(0.95)} lines, at most ${most}`);
  return wrong;
}

interface Span {
  readonly start: number;
  readonly end: number;
}

function lineAt(code: string, offset: number): number {
  return code.slice(0, offset).split("\n").length;
}

/** In C a function starts in the first column, and so does the brace that ends it. */
function cFunctions(code: string): Span[] {
  const pattern =
    /^(?!typedef|struct|enum|union|static const|extern)[A-Za-z_][^;{}#=]*\)\s*\{[^]*?^\}/gm;
  return [...code.matchAll(pattern)].map((found) => ({
    start: found.index,
    end: found.index + found[0].length,
  }));
}

/** Code before a brace that opens a body: a list of parameters, perhaps a type, or an arrow. */
const BODY = /(=>|\)(\s*:\s*[^;={}()]*(\([^()]*\)[^;={}()]*)?(\{[^{}]*\}[^;={}()]*)?)?)\s*$/;
const CONTROL = /\b(if|for|while|switch|catch|with)\s*(await\s*)?$/;

function scriptFunctions(code: string): Span[] {
  const found: Span[] = [];
  const open: (number | undefined)[] = []; // per brace, where its function starts
  for (let at = 0; at < code.length; at++) {
    if (code[at] === "{") open.push(functionStart(code, at));
    else if (code[at] === "}") {
      const start = open.pop();
      if (start !== undefined) found.push({ start, end: at });
    }
  }
  return found;
}

/** Where the function begins whose body opens at `brace`; `undefined` for any other brace. */
function functionStart(code: string, brace: number): number | undefined {
  const before = code.slice(Math.max(0, brace - 400), brace);
  const head = BODY.exec(before);
  if (head === null || /[<:|&,]\s*$/.test(before)) return undefined; // or the brace of a type
  if (head[0].startsWith("=>")) return brace;
  const close = brace - before.length + head.index;
  const start = openingOf(code, close);
  return start === undefined || CONTROL.test(code.slice(0, start)) ? undefined : start;
}

/** The parenthesis that the one at `close` closes. */
function openingOf(code: string, close: number): number | undefined {
  for (let at = close, depth = 0; at >= 0; at--) {
    if (code[at] === ")") depth++;
    else if (code[at] === "(" && --depth === 0) return at;
  }
  return undefined;
}
