/** Values put into a text, and a text taken apart into lines or words. @module */

import { TemplateFault } from "./budget.ts";
import { SPACE, Text } from "./text.ts";
import { type Arguments, Dict, numeric, Tuple, type Value } from "./values.ts";
import { print, repr } from "./writing.ts";

/** Puts values where a pattern matches; `write` says which. */
function fill(text: Text, pattern: RegExp, write: (match: RegExpExecArray) => Text): Text {
  const parts: Text[] = [];
  let from = 0;
  for (const match of text.text.matchAll(pattern)) {
    parts.push(text.cut(from, match.index), write(match));
    from = match.index + match[0].length;
  }
  return Text.join([...parts, text.cut(from)]);
}

/** `format % values`, without widths and the like. */
export function percent(format: Text, values: Value): Text {
  const given = values instanceof Tuple ? values.items : [values];
  let next = 0;
  const filled = fill(format, /%(?:\((\w+)\))?(.?)/gs, ([found, name, type]) => {
    if (found === "%%") return Text.own("%");
    const value = name === undefined
      ? given[next++]
      : values instanceof Dict
      ? values.get(Text.own(name))
      : undefined;
    if (value === undefined) throw new TemplateFault(`there is no value for "${found}"`);
    if (type === "s") return print(value);
    if (type === "r") return repr(value);
    const number = numeric(value);
    if (type === "d" && number !== undefined) return Text.own(String(Math.trunc(number)));
    throw new TemplateFault(`"${found}" is no format that templates may use`);
  });
  if (next >= given.length || values instanceof Dict) return filled;
  throw new TemplateFault("there are too many values for the format");
}

/** `text.format(values)`, without widths and the like. */
export function format(text: Text, { positional, named }: Arguments): Text {
  let next = 0;
  return fill(text, /\{\{|\}\}|\{(\w*)\}|[{}]/g, ([found, key]) => {
    if (found === "{{" || found === "}}") return Text.own(found[0]!);
    const place = key === "" ? next++ : Number(key ?? NaN);
    const value = Number.isNaN(place) ? named.get(key ?? "") : positional[place];
    if (value !== undefined) return print(value);
    throw new TemplateFault(`there is no value for "${found}" in the format`);
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
    if (parts.length >= most) return [...parts, text.cut(at)];
    const start = at;
    skip(false);
    parts.push(text.cut(start, at));
  }
  return parts;
}
