/** Holds the C header against the table of symbols that TypeScript calls. @module */

import { codeOf } from "./source.ts";

/** One function of the header: the types that FFI needs for it. */
export interface Declaration {
  /** What it is called. */
  readonly name: string;
  /** The FFI type of each parameter. */
  readonly parameters: readonly string[];
  /** The FFI type of what it returns. */
  readonly result: string;
}

/**
 * C types that may cross the boundary: integers, floats, and buffers that JavaScript owns. A
 * pointer back, a callback or a size that depends on the platform is refused.
 */
const TYPES: Readonly<Record<string, string>> = {
  void: "void",
  int32_t: "i32",
  uint32_t: "u32",
  int64_t: "i64",
  uint64_t: "u64",
  float: "f32",
  double: "f64",
};

const DECLARATION = /\bCRIA_API\s+([^;(]*?)\b(\w+)\s*\(([^;]*)\)\s*;/g;

/** Reads the exported functions of the header. */
export function declarationsOf(header: string): Declaration[] {
  const code = codeOf(header, { strings: false }).replace(/^\s*#(.*\\\n)*.*$/gm, "");
  return [...code.matchAll(DECLARATION)].map(([, result = "", name = "", list = ""]) => ({
    name,
    parameters: list.trim() === "void" ? [] : list.split(",").map(parameterType),
    result: result.includes("*") ? "pointer" : typeOf(result),
  }));
}

function parameterType(text: string): string {
  if (text.includes("*")) return /\(|\*\s*(const\s*)?\*/.test(text) ? `${text.trim()}?` : "buffer";
  return typeOf(text.replace(/\b\w+\s*$/, "")); // without the name
}

function typeOf(text: string): string {
  const type = text.replace(/\bconst\b/g, "").trim();
  return TYPES[type] ?? `${type}?`;
}

/** Says where header and table differ, or leave the rules of the boundary; else nothing. */
export function checkHeader(header: string, symbols: Deno.ForeignLibraryInterface): string[] {
  const wrong: string[] = [];
  const declared = new Map(declarationsOf(header).map((one) => [one.name, one]));
  const bound = new Set<string>();
  for (const [key, symbol] of Object.entries(symbols)) {
    if (!("parameters" in symbol)) {
      wrong.push(`${key}: a variable cannot be checked; make it a function`);
      continue;
    }
    const name = symbol.name ?? key;
    bound.add(name);
    const own = declared.get(name);
    if (own === undefined) {
      wrong.push(`${name} is bound, but not in cria.h`);
      continue;
    }
    const [there, here] = [signature(own.parameters, own.result), bindingOf(symbol)];
    if (there !== here) wrong.push(`${name} is ${there} in cria.h, but bound as ${here}`);
  }
  for (const { name, result, parameters } of declared.values()) {
    if (!bound.has(name)) wrong.push(`${name} is in cria.h, but not bound`);
    if (result === "pointer") wrong.push(`${name} returns a pointer`);
    for (const type of [result, ...parameters]) {
      if (type.endsWith("?")) wrong.push(`${name}: "${type.slice(0, -1)}" may not cross`);
    }
  }
  return wrong;
}

function bindingOf(symbol: Deno.ForeignFunction): string {
  return signature(symbol.parameters.map(String), String(symbol.result));
}

function signature(parameters: readonly string[], result: string): string {
  return `(${parameters.join(", ")}) ${result}`;
}
