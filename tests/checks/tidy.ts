/** House rules of text: first lines, widths, names, words that must not stand in a file. @module */

import { codeOf, type Files, importsOf, only, resolveImport } from "./source.ts";

/** Source files that people write. */
export const SOURCES = /\.(ts|c|h|def|zig)$/;
const TYPESCRIPT = /\.ts$/;
const COLUMNS = 100;

/** A file begins with one sentence on what it holds. */
export function checkFirstLines(files: Files): string[] {
  return [...only(files, SOURCES)].filter(([path, text]) => {
    const comment = TYPESCRIPT.test(path) ? /^\/\*\*\n? \*?\s*(.*)/ : /^\/\/!? (.*)/;
    return (comment.exec(text)?.[1]?.match(/\w+/g) ?? []).length < 3;
  }).map(([path]) => `${path}: its first line does not say what the file holds`);
}

/** Lines have 100 columns, but for one long word that cannot be broken. */
export function checkWidths(files: Files): string[] {
  const wrong: string[] = [];
  for (const [path, text] of only(files, SOURCES)) {
    for (const [index, line] of text.split("\n").entries()) {
      if ([...line].length <= COLUMNS || /^\s*\S+$/.test(line)) continue;
      wrong.push(`${path}:${index + 1}: more than ${COLUMNS} columns`);
    }
  }
  return wrong;
}

const VAGUE = /(^|[/_])(utils?|helpers?|managers?|common|misc)([._/]|$)/;

/** Files and folders are snake_case and named after what they hold. */
export function checkFileNames(files: Files): string[] {
  return [...only(files, /^(src|kernels|tests|bench|mod\.ts)/).keys()]
    .filter((path) => VAGUE.test(path) || (SOURCES.test(path) && !/^[a-z0-9_./]+$/.test(path)))
    .map((path) => `${path}: not a snake_case name that says what it holds`);
}

/** Words that must not stand anywhere; written in pieces, for this file is read as well. */
const WORDS: readonly [pattern: RegExp, problem: string][] = [
  [new RegExp(`\\b(${["TO" + "DO", "FIX" + "ME", "XX" + "X"].join("|")})\\b`), "an open end"],
  [/\b(registry\.[a-z]+js\.org|registry\.[a-z]+pkg\.com|npm\.jsr\.[a-z]+)/, "a registry's host"],
  [/(^|[\s"'`=(:])\/(work|root|home\/\w+|Users\/\w+|tmp\/w)\//, "a path of one machine"],
];

/** No open ends without an issue, no registry's host, no path of somebody's machine. */
export function checkWords(files: Files): string[] {
  const wrong: string[] = [];
  for (const [path, text] of files) {
    for (const [index, line] of text.split("\n").entries()) {
      for (const [pattern, problem] of WORDS) {
        if (pattern.test(line)) wrong.push(`${path}:${index + 1}: ${problem}`);
      }
    }
  }
  return wrong;
}

const ANY = /(?<!\.\s*)\bany\b(?!\s*\()/;
const SILENCED = /@ts-(ignore|nocheck|expect-error)|deno-lint-ignore(-file)?\s+no-explicit-any/;

/** No `any`, and nothing that keeps the type checker from saying so. */
export function checkAny(files: Files): string[] {
  return [...only(files, TYPESCRIPT)].flatMap(([path, text]) => {
    const problems = ANY.test(codeOf(text, { strings: false })) ? [`${path}: uses any`] : [];
    const silenced = codeOf(text, { strings: true }) !== text && commentsOf(text).match(SILENCED);
    return silenced ? [...problems, `${path}: silences the type checker`] : problems;
  });
}

/** What codeOf() takes away. */
function commentsOf(text: string): string {
  const code = codeOf(text, { strings: true });
  return Array.from(text, (char, index) => code[index] === char ? " " : char).join("");
}

/** Modules of npm:deno-std have the types that our declaration file gives them, or `any`. */
export function checkTypedImports(files: Files, declarations: string): string[] {
  const declared = new Set(
    [...declarations.matchAll(/^declare module "([^"]+)"/gm)].map((m) => m[1]),
  );
  const wrong: string[] = [];
  for (const [path, text] of only(files, TYPESCRIPT)) {
    for (const specifier of path.endsWith(".d.ts") ? [] : importsOf(text)) {
      if (!/^(@std\/|npm:deno-std)/.test(specifier) || declared.has(specifier)) continue;
      wrong.push(`${path}: "${specifier}" has no types in deno_std.d.ts`);
    }
  }
  return wrong;
}

/** Model families: the code knows numbers and flags, and names them in tables only. */
const BRANDS = /(?<![a-z])(llama|qwen|mistral|mixtral|gemma|phi\d|smollm|deepseek|falcon)/i;
const TABLES = new RegExp(
  "^src/(model/(architectures|names)|format/(hf_(config|rope)|gguf_vocabulary)|" +
    "chat/(fallbacks|tool_calls)|tokenizer/pretokeni[sz]e\\w*)\\.ts$",
);
/** Single names that other files need, because a file format spells them so. */
const SPELLED: ReadonlyMap<string, RegExp> = new Map([
  ["src/tokenizer/tokenizer.ts", /^ {2}llama: \{$/], // GGUF's name of SentencePiece vocabularies
  ["src/cli/perplexity.ts", /llama-perplexity \(/], // the program that shares a kind of file
]);

/** No brand names outside the tables, but for comments. */
export function checkBrands(files: Files): string[] {
  const wrong: string[] = [];
  for (const [path, text] of only(files, /^(src|kernels)\/.*\.(ts|c|h|def)$/)) {
    if (TABLES.test(path)) continue;
    for (const [index, line] of codeOf(text, { strings: true }).split("\n").entries()) {
      const brand = BRANDS.exec(line);
      if (brand && !SPELLED.get(path)?.test(line)) {
        wrong.push(`${path}:${index + 1}: names "${brand[1]}" outside the tables`);
      }
    }
  }
  return wrong;
}

const ROOTS =
  /^(mod\.ts|src\/cli\/main\.ts|src\/toolchain\/(build\.ts|deno_std\.d\.ts))$|^(tests|bench)\//;

/** Every TypeScript file of src/ is reached from a root, every C file from build.zig. */
export function checkDeadFiles(files: Files): string[] {
  const reached = new Set([...files.keys()].filter((path) => ROOTS.test(path)));
  for (const path of reached) {
    const text = files.get(path) ?? "";
    for (const specifier of TYPESCRIPT.test(path) ? importsOf(text) : []) {
      const target = resolveImport(path, specifier);
      if (target !== undefined && files.has(target)) reached.add(target);
    }
  }
  const build = files.get("build.zig") ?? "";
  for (const [, path] of build.matchAll(/"(kernels\/[^"]+\.c)"/g)) reached.add(path ?? "");
  for (const path of reached) {
    if (!path.startsWith("kernels/")) continue;
    for (const name of includesOf(files.get(path) ?? "", files)) reached.add(name);
  }
  return [...only(files, /^src\/.*\.ts$|^kernels\/.*\.(c|h|def)$/).keys()]
    .filter((path) => !reached.has(path))
    .map((path) => `${path}: nothing uses it`);
}

/** The C files that a C file includes, by whatever macro it builds their names. */
function includesOf(text: string, files: Files): string[] {
  const names = [...text.matchAll(/"(?:[\w./]*\/)?(\w+\.(?:h|def|c))"/g)].map((found) => found[1]);
  const macro = /#\s*include\s+[A-Z]/.test(text);
  return [...files.keys()].filter((path) =>
    path.startsWith("kernels/") &&
    (names.includes(path.split("/").at(-1)) || (macro && path.startsWith("kernels/isa/")))
  );
}
