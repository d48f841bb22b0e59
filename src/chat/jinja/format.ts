/** Python's two ways to put values into a text: `%` and `format`. @module */

import { spendText, TemplateFault } from "./budget.ts";
import { SPACE, Text } from "./text.ts";
import {
  type Arguments,
  Dict,
  Float,
  itemsOf,
  numeric,
  Tuple,
  typeName,
  type Value,
  whole,
} from "./values.ts";
import { print, repr } from "./writing.ts";

/** How wide a value is to be written, and on which side. */
interface Layout {
  readonly width: number;
  readonly align: "<" | ">" | "^" | "=";
  readonly fill: string;
}

/** A text with as much beside it as it takes. */
export function pad(text: Text, { width, align, fill }: Layout): Text {
  const missing = Math.max(0, width - text.length);
  spendText(missing);
  const left = align === "<" ? 0 : align === "^" ? missing >> 1 : missing;
  const sides = [left, missing - left].map((count) => Text.own(fill.repeat(count))) as [Text, Text];
  const sign = align === "=" && /^[+-]/.test(text.text) ? 1 : 0;
  return Text.join([text.cut(0, sign), sides[0], text.cut(sign), sides[1]]);
}

/** A number in one of the forms that a letter stands for. */
function writeNumber(value: Value, type: string, precision: number | undefined): string {
  const number = numeric(value);
  if (number === undefined) throw new TemplateFault(`a ${typeName(value)} is no number`);
  const places = Math.min(precision ?? 6, 100);
  switch (type) {
    case "d":
    case "i":
    case "u":
      return String(Math.trunc(number));
    case "x":
    case "o":
    case "b":
      return whole(value, "a number").toString({ x: 16, o: 8, b: 2 }[type]);
    case "X":
      return whole(value, "a number").toString(16).toUpperCase();
    case "f":
    case "F":
      return number.toFixed(places);
    case "e":
    case "E": {
      const text = number.toExponential(places).replace(/e([+-])(\d)$/, "e$10$2");
      return type === "E" ? text.toUpperCase() : text;
    }
    case "%":
      return `${(number * 100).toFixed(places)}%`;
    default: // g
      return String(Number(number.toPrecision(Math.max(1, places))));
  }
}

const PERCENT = /%(?:\((\w+)\))?([-+ 0#]*)(\d+)?(?:\.(\d+))?(.)/gs;

/** `format % values`. */
export function percent(format: Text, values: Value): Text {
  const positional = values instanceof Tuple ? values.items : [values];
  const parts: Text[] = [];
  let from = 0, next = 0;
  for (const found of format.text.matchAll(PERCENT)) {
    const [whole, name, flags = "", width = "0", precision, type = ""] = found;
    parts.push(format.cut(from, found.index));
    from = found.index + whole.length;
    if (type === "%") {
      parts.push(Text.own("%"));
      continue;
    }
    const value = name === undefined
      ? positional[next++]
      : values instanceof Dict
      ? values.get(Text.own(name))
      : undefined;
    if (value === undefined) throw new TemplateFault("there are too few values for the format");
    const text = percentValue(value, type, flags, precision);
    const align = flags.includes("-") ? "<" : flags.includes("0") ? "=" : ">";
    parts.push(pad(text, { width: Number(width), align, fill: align === "=" ? "0" : " " }));
  }
  const unused = next < positional.length && !(values instanceof Dict) && !itemsOf(values);
  if (unused || (values instanceof Tuple && next < positional.length)) {
    throw new TemplateFault("there are too many values for the format");
  }
  return Text.join([...parts, format.cut(from)]);
}

function percentValue(
  value: Value,
  type: string,
  flags: string,
  precision: string | undefined,
): Text {
  const places = precision === undefined ? undefined : Number(precision);
  if (type === "s" || type === "r") {
    const text = type === "s" ? print(value) : repr(value);
    return places === undefined ? text : text.cut(0, places);
  }
  if (type === "c") return Text.foreign(character(value)); // data must not spell with numbers
  if (!"diuxXofFeEgG".includes(type)) throw new TemplateFault(`"%${type}" is no format`);
  const text = writeNumber(value, type, places);
  return Text.own(flags.includes("+") && !text.startsWith("-") ? `+${text}` : text);
}

function character(value: Value): string {
  if (value instanceof Text) return value.text;
  const code = whole(value, "a character");
  if (code >= 0 && code <= 0x10FFFF) return String.fromCodePoint(code);
  throw new TemplateFault(`${code} is no character`);
}

const FIELD = /\{\{|\}\}|\{(\w*)((?:\.\w+|\[\w+\])*)(?:!([rsa]))?(?::([^{}]*))?\}|[{}]/g;

/** `text.format(values)`. */
export function format(text: Text, { positional, named }: Arguments): Text {
  const parts: Text[] = [];
  let from = 0, next = 0, numbered = false;
  for (const match of text.text.matchAll(FIELD)) {
    const { 0: found, 1: key = "", 2: path, 3: form, 4: spec = "", index } = match;
    parts.push(text.cut(from, index));
    from = index + found.length;
    if (found === "{{" || found === "}}") {
      parts.push(text.cut(index, index + 1));
      continue;
    }
    if (found.length === 1) throw new TemplateFault(`"${found}" stands alone in the format`);
    if (path) throw new TemplateFault(`"${found}" is no format that templates may use`);
    numbered ||= /^\d+$/.test(key);
    const place = key === "" ? next++ : /^\d+$/.test(key) ? Number(key) : undefined;
    if (numbered && next > 0) throw new TemplateFault("some fields have numbers, some have not");
    const value = place === undefined ? named.get(key) : positional[place];
    if (value === undefined) throw new TemplateFault(`there is no value for "${found}"`);
    parts.push(
      formatValue(form === undefined ? value : form === "s" ? print(value) : repr(value), spec),
    );
  }
  return Text.join([...parts, text.cut(from)]);
}

const SPEC = /^(?:(.)?([<>^=]))?([-+ ])?#?(0)?(\d+)?([,_])?(?:\.(\d+))?([a-zA-Z%])?$/su;

/** A value by a format such as `>8` or `.2f`. */
function formatValue(value: Value, spec: string): Text {
  const found = SPEC.exec(spec);
  if (!found) throw new TemplateFault(`"${spec}" is no format`);
  const [, fill, align, sign, zero, width = "0", comma, precision, type] = found;
  const isNumber = typeof value === "number" || value instanceof Float;
  let text = print(value);
  const places = precision === undefined ? undefined : Number(precision);
  if (isNumber && (type ?? precision ?? comma ?? sign) !== undefined) {
    const form = type ?? (typeof value === "number" ? "d" : places === undefined ? "r" : "g");
    let written = form === "r" ? text.text : writeNumber(value, form, places);
    if (comma) {
      written = written.replace(/^-?\d+/, (digits) => digits.replace(/\B(?=(\d{3})+$)/g, comma));
    }
    text = Text.own(sign && sign !== "-" && !written.startsWith("-") ? sign + written : written);
  } else if (places !== undefined) text = text.cut(0, places);
  return pad(text, {
    width: Number(width),
    align: (align ?? (zero ? "=" : isNumber ? ">" : "<")) as Layout["align"],
    fill: fill ?? (zero ? "0" : " "),
  });
}

// deno-lint-ignore no-control-regex -- Python ends lines at three control characters as well
const LINE_END = /\r\n|[\n\r\v\f\x1C-\x1E\x85\u2028\u2029]/g;

/** A text in lines, without what ends them. */
export function lines(text: Text, keepEnds = false): Text[] {
  const parts: Text[] = [];
  let from = 0;
  for (const { 0: end, index } of text.text.matchAll(LINE_END)) {
    parts.push(text.cut(from, keepEnds ? index + end.length : index));
    from = index + end.length;
  }
  if (from < text.text.length) parts.push(text.cut(from));
  return parts;
}

/** The words of a text: what stands between white space. */
export function words(text: Text, most = Infinity): Text[] {
  const parts: Text[] = [];
  let at = 0;
  const skip = (space: boolean) => {
    while (at < text.text.length && SPACE.test(text.text[at]!) === space) at++;
  };
  for (skip(true); at < text.text.length; skip(true)) {
    if (parts.length >= most) return [...parts, text.cut(at).strip(undefined, false, true)];
    const start = at;
    skip(false);
    parts.push(text.cut(start, at));
  }
  return parts;
}
