/** Reads the repository as text: its files, their code without comments, their imports. @module */

import { ROOT } from "../../src/toolchain/build.ts";

/** Files by path relative to the repository, with slashes. */
export type Files = ReadonlyMap<string, string>;

/** What is not ours, not text, or made by a build. */
const LEFT_OUT = /^(\.git|node_modules|kernels\/build|\.zig-cache|zig-out)$/;
const TEXT = /\.(ts|c|h|def|zig|json|jsonc|md|py|sh|yml|yaml|toml|lock)$|(^|\/)[^.]+$|\.gitignore$/;

/** Reads all text files below a folder of the repository. */
export async function readFiles(folder = ""): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for await (const entry of Deno.readDir(`${ROOT}/${folder}`)) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (LEFT_OUT.test(path)) continue;
    if (entry.isDirectory) {
      for (const [name, text] of await readFiles(path)) files.set(name, text);
    } else if (entry.isFile && TEXT.test(path)) {
      files.set(path, await Deno.readTextFile(`${ROOT}/${path}`));
    }
  }
  return files;
}

/** The files whose path matches. */
export function only(files: Files, path: RegExp): Map<string, string> {
  return new Map([...files].filter(([name]) => path.test(name)));
}

/** What a scan leaves in place; everything else becomes spaces, line ends stay. */
export interface Kept {
  /** Keep what stands in quotes. */
  readonly strings: boolean;
}

/** One token to jump over: a comment, a string, a regular expression. C has only the first two. */
const COMMENT = /\/\/[^\n]*|\/\*[\s\S]*?\*\//y;
const STRING = /"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])*'/y;
const REGEXP = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/y;
const BEFORE_REGEXP = /(?:^|[=(,:;!&|?{}[+\->~%*]|\breturn|\btypeof|\bcase)\s*$/;

/** The code of a TypeScript, C or Zig file: comments blanked, and strings unless they are kept. */
export function codeOf(text: string, { strings }: Kept): string {
  let out = "";
  const open: number[] = []; // depth of braces inside each open `${`
  let inTemplate = false;
  for (let at = 0; at < text.length;) {
    if (inTemplate) {
      const end = templateEnd(text, at);
      const piece = text.slice(at, end.at);
      out += strings ? piece : blank(piece);
      at = end.at;
      inTemplate = false;
      if (end.expression) open.push(0);
      continue;
    }
    const token = tokenAt(text, at, out);
    if (token !== undefined) {
      out += token.comment || !strings ? blank(token.text) : token.text;
      at += token.text.length;
      continue;
    }
    const char = text[at]!;
    const depth = open.at(-1);
    if (char === "`" || (char === "}" && depth === 0)) {
      inTemplate = true;
      if (char === "}") open.pop();
    } else if (depth !== undefined && (char === "{" || char === "}")) {
      open[open.length - 1] = depth + (char === "{" ? 1 : -1);
    }
    out += char;
    at++;
  }
  return out;
}

/** Where the text of a template ends: behind its last backtick, or behind `${`. */
function templateEnd(text: string, start: number): { at: number; expression: boolean } {
  for (let at = start; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "`") return { at: at + 1, expression: false };
    else if (text.startsWith("${", at)) return { at: at + 2, expression: true };
  }
  return { at: text.length, expression: false };
}

function tokenAt(
  text: string,
  at: number,
  before: string,
): { text: string; comment: boolean } | undefined {
  const char = text[at];
  if (char === "/") {
    const comment = match(COMMENT, text, at);
    if (comment !== undefined) return { text: comment, comment: true };
    if (!BEFORE_REGEXP.test(before.slice(-40))) return undefined;
    const literal = match(REGEXP, text, at);
    return literal === undefined ? undefined : { text: literal, comment: false };
  }
  if (char !== '"' && char !== "'") return undefined;
  const string = match(STRING, text, at);
  return string === undefined ? undefined : { text: string, comment: false };
}

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, " ");
}

const IMPORT =
  /(?:import|export)\b[^"'`;]*?\bfrom\s*"(?<from>[^"]+)"|import\s*\(?\s*"(?<bare>[^"]+)"/y;

/** The specifiers that a TypeScript file imports, re-exports, or imports types from. */
export function importsOf(text: string): string[] {
  const code = codeOf(text, { strings: true });
  const keywords = codeOf(text, { strings: false }).matchAll(/\b(import|export)\b/g);
  return [...keywords].flatMap(({ index }) => {
    IMPORT.lastIndex = index;
    const { from, bare } = IMPORT.exec(code)?.groups ?? {};
    return from ?? bare ?? [];
  });
}

/** The path that a relative specifier means in a file; `undefined` for any other specifier. */
export function resolveImport(file: string, specifier: string): string | undefined {
  if (!/^\.\.?\//.test(specifier)) return undefined;
  return new URL(specifier, `file:///${file}`).pathname.slice(1);
}
