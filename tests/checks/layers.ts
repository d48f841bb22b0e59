/** The direction of imports: which layer of src/ may import which. @module */

import { codeOf, type Files, importsOf, resolveImport } from "./source.ts";

/**
 * Each layer, a folder or a file of src/, with the layers that it may import: lowest first, and
 * only what stands above it in this table.
 */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  turn: [],
  bytes: ["errors"],
  quant: ["errors", "bytes"],
  tensor: ["errors", "quant"],
  format: ["errors", "turn", "bytes", "quant", "tensor"],
  tokenizer: ["errors", "bytes", "turn"],
  chat: ["errors"],
  grammar: ["errors"],
  sampling: ["errors"],
  native: ["errors", "quant"],
  hub: ["errors", "native"],
  step: ["errors", "quant", "native"],
  cache: ["errors", "quant", "native", "step"],
  model: ["errors", "turn", "bytes", "quant", "tensor", "format", "native", "step", "cache"],
  quantize: ["errors", "bytes", "quant", "format", "model"],
  session: [
    ...["errors", "turn", "quant", "format", "tokenizer", "chat", "grammar", "sampling"],
    ...["native", "step", "cache", "model"],
  ],
  evaluate: ["errors", "turn", "bytes", "format", "model", "session"],
  server: ["errors", "tokenizer", "chat", "grammar", "sampling", "model", "session"],
  cli: [
    ...["errors", "bytes", "quant", "tensor", "format", "tokenizer", "chat", "grammar", "sampling"],
    ...["native", "hub", "quantize", "step", "cache", "model", "session", "evaluate", "server"],
  ],
  toolchain: ["errors", "native"],
};

/** What may name native code, and what may write to the terminal or end the program. */
const NATIVE = /\bDeno\.(dlopen|Unsafe\w+)|\bdlopen\s*\(/;
const NATIVE_FILE = "src/native/ffi.ts";
const PRINTS = /\bconsole\.|\bDeno\.(stdout|stderr|exit)\b/;
const PRINTING_LAYERS = ["cli", "toolchain"];

/** The layer of a file: its folder in src/, or its own name. */
function layerOf(path: string): string {
  return path.split("/")[1]?.replace(/\.ts$/, "") ?? "";
}

/** Says what is wrong with the imports of src/ and mod.ts; nothing when all is well. */
export function checkLayers(files: Files): string[] {
  const wrong: string[] = [];
  for (const [path, text] of files) {
    const isMod = path === "mod.ts";
    if (!isMod && !/^src\/.*\.ts$/.test(path)) continue;
    const layer = layerOf(path);
    const may = isMod ? Object.keys(LAYERS).filter(isLibrary) : LAYERS[layer];
    if (may === undefined) {
      wrong.push(`${path}: the table of layers has no "${layer}"`);
      continue;
    }
    for (const specifier of importsOf(text)) {
      const problem = importProblem(path, specifier, [...may, layer], files);
      if (problem !== undefined) wrong.push(`${path}: ${problem}`);
    }
    const code = codeOf(text, { strings: false });
    if (path !== NATIVE_FILE && NATIVE.test(code)) wrong.push(`${path}: names native code`);
    if (!PRINTING_LAYERS.includes(layer) && PRINTS.test(code)) wrong.push(`${path}: prints`);
  }
  return wrong;
}

/** The table must go one way only: a layer names none that stands below it. */
export function checkTable(layers: Readonly<Record<string, readonly string[]>> = LAYERS): string[] {
  const names = Object.keys(layers);
  return Object.entries(layers).flatMap(([name, may]) =>
    may.filter((other) => !names.slice(0, names.indexOf(name)).includes(other))
      .map((other) => `"${name}" may not name "${other}": it does not stand above it`)
  );
}

function isLibrary(layer: string): boolean {
  return !PRINTING_LAYERS.includes(layer);
}

/** A relative import must lie in a layer below; any other must work from a URL as well. */
function importProblem(
  path: string,
  specifier: string,
  may: readonly string[],
  files: Files,
): string | undefined {
  const target = resolveImport(path, specifier);
  if (target === undefined) {
    if (/^npm:(@[\w.-]+\/)?[\w.-]+@\d[\w.-]*(\/|$)/.test(specifier)) return undefined;
    if (specifier.startsWith("node:")) return undefined;
    return `imports "${specifier}", which does not work from a URL`;
  }
  if (!files.has(target)) return `imports "${specifier}", which is not there`;
  if (path === "mod.ts" ? may.includes(layerOf(target)) : allowed(target, may)) return undefined;
  return `imports "${specifier}" of a layer that it may not know`;
}

function allowed(target: string, may: readonly string[]): boolean {
  return target.startsWith("src/") && may.includes(layerOf(target));
}
