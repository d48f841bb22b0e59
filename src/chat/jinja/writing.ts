/** How values are written: as Python prints them, and as JSON. @module */

import { spend, TemplateFault } from "./budget.ts";
import { Text } from "./text.ts";
import { Dict, Float, itemsOf, missing, Tuple, typeName, Undefined, type Value } from "./values.ts";

/** What `{{ value }}` writes. */
export function print(value: Value): Text {
  if (value instanceof Text) return value;
  return value instanceof Undefined ? Text.EMPTY : repr(value);
}

/** What Python's `repr` writes. */
export function repr(value: Value): Text {
  spend(1);
  if (value instanceof Text) return quoted(value);
  if (value instanceof Dict) {
    const entries = value.entries().map(([key, item]) =>
      Text.join([repr(key), Text.own(": "), repr(item)])
    );
    return enclosed("{", entries, "}");
  }
  const items = itemsOf(value);
  if (!items) return Text.own(written(value));
  const close = value instanceof Tuple ? items.length === 1 ? ",)" : ")" : "]";
  return enclosed(value instanceof Tuple ? "(" : "[", items.map(repr), close);
}

function enclosed(open: string, items: readonly Text[], close: string, between = ", "): Text {
  return Text.join([Text.own(open), Text.join(items, Text.own(between)), Text.own(close)]);
}

/** Values without parts. */
function written(value: Value): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return wholeNumber(value);
  if (value instanceof Float) return float(value.value);
  return value instanceof Undefined ? "Undefined" : `<${typeName(value)}>`;
}

function wholeNumber(value: number): string {
  return Number.isSafeInteger(value) || !Number.isFinite(value) ? `${value}` : `${BigInt(value)}`;
}

/** A float as Python writes it: always with a point or an exponent. */
export function float(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Object.is(value, -0)) return "-0.0";
  const [, sign, digits, exponentText] = /^(-?)([\d.]+)e([+-]\d+)$/.exec(value.toExponential())!;
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= 16) {
    const size = String(Math.abs(exponent)).padStart(2, "0");
    return `${sign}${digits}e${exponent < 0 ? "-" : "+"}${size}`;
  }
  const plain = exponent < 0
    ? value.toFixed(digits!.replace(".", "").length - 1 - exponent)
    : `${value}`;
  return plain.includes(".") ? plain : `${plain}.0`;
}

const ESCAPED: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
const UNPRINTABLE = /[\\\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

/** A text in quotes, what cannot be printed escaped. */
function quoted(value: Text): Text {
  const quote = value.text.includes("'") && !value.text.includes('"') ? '"' : "'";
  const inner = value.rewrite(UNPRINTABLE, (character) => {
    if (character === "\\") return "\\\\";
    const code = character.codePointAt(0)!, hex = code.toString(16);
    if (Object.hasOwn(ESCAPED, character)) return ESCAPED[character]!;
    if (code < 0x100) return `\\x${hex.padStart(2, "0")}`;
    return code < 0x10000 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
  });
  const escaped = quote === "'" ? inner.rewrite(/'/g, () => "\\'") : inner;
  return Text.join([Text.own(quote), escaped, Text.own(quote)]);
}

/** How JSON is written. */
export interface JsonStyle {
  /** Whether other characters than those of ASCII are escaped. */
  readonly ascii: boolean;
  /** Whether keys are in order. */
  readonly sorted: boolean;
  /** What a line begins with, for each level; all in one line, if left out. */
  readonly indent: Text | undefined;
  /** Between items, and between key and value. */
  readonly separators: readonly [Text, Text];
}

/** A value as JSON. */
export function json(value: Value, style: JsonStyle, level = 0): Text {
  spend(1);
  if (value instanceof Text) return jsonText(value, style);
  if (value instanceof Undefined) throw missing(value);
  if (value instanceof Dict) {
    const entries = value.entries().map(([key, item]) => [jsonKey(key), item] as const);
    if (style.sorted) entries.sort(([a], [b]) => a.text < b.text ? -1 : 1);
    const items = entries.map(([key, item]) =>
      Text.join([jsonText(key, style), style.separators[1], json(item, style, level + 1)])
    );
    return block("{", items, "}", style, level);
  }
  const items = itemsOf(value);
  if (items) {
    return block(
      "[",
      items.map((item) => json(item, style, level + 1)),
      "]",
      style,
      level,
    );
  }
  return Text.own(jsonAtom(value));
}

function jsonAtom(value: Value): string {
  if (value === null) return "null";
  if (typeof value === "boolean") return String(value);
  if (typeof value === "number") return wholeNumber(value);
  if (!(value instanceof Float)) throw new TemplateFault(`a ${typeName(value)} is no JSON`);
  const names: Readonly<Record<string, string>> = {
    nan: "NaN",
    inf: "Infinity",
    "-inf": "-Infinity",
  };
  const text = float(value.value);
  return names[text] ?? text;
}

function jsonKey(key: Value): Text {
  if (key instanceof Text) return key;
  if (itemsOf(key)) throw new TemplateFault(`a ${typeName(key)} is no key in JSON`);
  return Text.own(jsonAtom(key));
}

/** Items between brackets, each in a line of its own where there is an indentation. */
function block(
  open: string,
  items: readonly Text[],
  close: string,
  { indent, separators: [comma] }: JsonStyle,
  level: number,
): Text {
  if (items.length === 0 || indent === undefined) {
    return Text.join([Text.own(open), Text.join(items, comma), Text.own(close)]);
  }
  const line = (depth: number) => Text.join([Text.own("\n"), indent.repeat(depth)]);
  const inner = Text.join(items, Text.join([comma, line(level + 1)]));
  return Text.join([Text.own(open), line(level + 1), inner, line(level), Text.own(close)]);
}

const JSON_ESCAPES: Readonly<Record<string, string>> = {
  ...{ '"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f", "\b": "\\b" },
};
// deno-lint-ignore no-control-regex -- control characters are what has to be escaped
const JSON_SPECIAL = /["\\\x00-\x1F]/g;
const NOT_ASCII = /["\\]|[^ -~]/g;

function jsonText(value: Text, { ascii }: JsonStyle): Text {
  const inner = value.rewrite(
    ascii ? NOT_ASCII : JSON_SPECIAL,
    (unit) => JSON_ESCAPES[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return Text.join([Text.own('"'), inner, Text.own('"')]);
}
