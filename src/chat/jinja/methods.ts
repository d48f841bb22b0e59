/** The methods of texts, lists and dictionaries that templates may call. @module */

import { bind } from "./arguments.ts";
import { spend, spendText, TemplateFault } from "./budget.ts";
import { format, lines, pad, words } from "./format.ts";
import { slice } from "./slices.ts";
import { Text } from "./text.ts";
import {
  type Arguments,
  Dict,
  equal,
  itemsOf,
  iterate,
  textOf,
  truth,
  Tuple,
  type Value,
  whole,
} from "./values.ts";

type Method<T> = (self: T, args: Arguments, name: string) => Value;

/** The texts that `startswith` and its like look for. */
function affixes(args: Arguments, name: string): readonly string[] {
  const [value = null] = bind(name, ["affix"], args, 1);
  return (value instanceof Tuple ? value.items : [value]).map((one) => textOf(one, name).text);
}

/** `strip` and its like. */
function strip(left: boolean, right: boolean): Method<Text> {
  return (self, args, name) => {
    const [set = null] = bind(name, ["chars"], args);
    return self.strip(set === null ? undefined : textOf(set, name).text, left, right);
  };
}

/** A method without arguments. */
function plain(work: (self: Text) => Value): Method<Text> {
  return (self, args, name) => {
    bind(name, [], args);
    return work(self);
  };
}

/** Whether there is something, and all of it matches. */
function every(pattern: RegExp): Method<Text> {
  return plain(({ text }) => text !== "" && !text.match(pattern));
}

/** `find` and its like: where a text stands, in characters. */
function find(last: boolean, must: boolean): Method<Text> {
  return (self, args, name) => {
    const [sub, start = null, end = null] = bind(name, ["sub", "start", "end"], args, 1);
    const part = slice(self, [start, end]) as Text, wanted = textOf(sub, name).text;
    const at = last ? part.text.lastIndexOf(wanted) : part.text.indexOf(wanted);
    if (at < 0 && must) throw new TemplateFault("the part is not in the text");
    const before = start === null ? 0 : self.length - (slice(self, [start]) as Text).length;
    return at < 0 ? -1 : before + part.cut(0, at).length;
  };
}

/** `ljust` and its like. */
function justify(align: "<" | ">"): Method<Text> {
  return (self, args, name) => {
    const [width = 0, fill] = bind(name, ["width", "fillchar"], args, 1);
    const filler = fill === undefined ? " " : textOf(fill, name).text;
    return pad(self, { width: whole(width, "a width"), align, fill: filler });
  };
}

/** In the middle; one more on the left where both the space and the width are odd. */
export function center(self: Text, width: number, fill = " "): Text {
  const space = Math.max(0, width - self.length), left = (space >> 1) + (space & width & 1);
  return pad(pad(self, { width: self.length + left, align: ">", fill }), {
    width,
    align: "<",
    fill,
  });
}

/** `partition` and its like. */
function partition(last: boolean): Method<Text> {
  return (self, args, name) => {
    const [sep] = bind(name, ["sep"], args, 1), { text } = textOf(sep, name);
    const at = last ? self.text.lastIndexOf(text) : self.text.indexOf(text);
    if (at >= 0) {
      return new Tuple([
        self.cut(0, at),
        self.cut(at, at + text.length),
        self.cut(at + text.length),
      ]);
    }
    return new Tuple(last ? [Text.EMPTY, Text.EMPTY, self] : [self, Text.EMPTY, Text.EMPTY]);
  };
}

function split(self: Text, args: Arguments, name: string): Value {
  const [sep = null, maxsplit = -1] = bind(name, ["sep", "maxsplit"], args);
  const count = whole(maxsplit, "maxsplit"), most = count < 0 ? Infinity : count;
  if (sep === null) return words(self, most);
  const { text } = textOf(sep, name);
  if (text === "") throw new TemplateFault("an empty text separates nothing");
  return self.split(text, most);
}

function splitRight(self: Text, args: Arguments, name: string): Value {
  const [sep = null, maxsplit = -1] = bind(name, ["sep", "maxsplit"], args);
  const count = whole(maxsplit, "maxsplit");
  const separator = sep === null ? undefined : textOf(sep, name);
  const parts = split(self, { positional: [sep], named: new Map() }, name) as Text[];
  if (count < 0 || parts.length - 1 <= count) return parts;
  if (separator) {
    const first = Text.join(parts.slice(0, parts.length - count), separator);
    return [self.cut(0, first.text.length), ...parts.slice(parts.length - count)];
  }
  const kept = parts.slice(parts.length - count);
  let end = self.strip(undefined, false, true);
  for (const part of kept.toReversed()) {
    end = end.cut(0, end.text.length - part.text.length).strip(undefined, false, true);
  }
  return [end, ...kept];
}

/** Every place of a text changed for another; at most `most` of them. */
export function replace(self: Text, old: Text, to: Text, most = Infinity): Text {
  if (old.text !== "") return Text.join(self.split(old.text, most), to);
  const characters = self.characters().slice(0, most);
  const done = characters.reduce((length, { text }) => length + text.length, 0);
  spendText(self.text.length + to.text.length * (characters.length + 1));
  const rest = most > characters.length ? to : Text.EMPTY;
  return Text.join([...characters.flatMap((one) => [to, one]), rest, self.cut(done)]);
}

/** Words with a capital, all else small; a word begins after what is no letter. */
export function titleCase(text: string): string {
  return text.replace(/\p{L}+/gu, (word) => {
    const [first = ""] = word;
    return first.toUpperCase() + word.slice(first.length).toLowerCase();
  });
}

/** A capital first, all else small. */
export function capitalize(text: string): string {
  const [first = ""] = text;
  return first.toUpperCase() + text.slice(first.length).toLowerCase();
}

function swapCase(text: string): string {
  return text.replace(
    /\p{L}/gu,
    (one) => one === one.toLowerCase() ? one.toUpperCase() : one.toLowerCase(),
  );
}

/** Methods of texts. */
const TEXT: Readonly<Record<string, Method<Text>>> = {
  upper: plain((self) => self.map((text) => text.toUpperCase())),
  lower: plain((self) => self.map((text) => text.toLowerCase())),
  casefold: plain((self) => self.map((text) => text.toLowerCase().replaceAll("ß", "ss"))),
  title: plain((self) => self.map(titleCase)),
  capitalize: plain((self) => self.map(capitalize)),
  swapcase: plain((self) => self.map(swapCase)),
  strip: strip(true, true),
  lstrip: strip(true, false),
  rstrip: strip(false, true),
  startswith: (self, args, name) => affixes(args, name).some((one) => self.text.startsWith(one)),
  endswith: (self, args, name) => affixes(args, name).some((one) => self.text.endsWith(one)),
  removeprefix: (self, args, name) => {
    const [affix = ""] = affixes(args, name);
    return self.text.startsWith(affix) ? self.cut(affix.length) : self;
  },
  removesuffix: (self, args, name) => {
    const [affix = ""] = affixes(args, name);
    return self.text.endsWith(affix) ? self.cut(0, self.text.length - affix.length) : self;
  },
  split,
  rsplit: splitRight,
  splitlines: (self, args, name) => lines(self, truth(bind(name, ["keepends"], args)[0] ?? false)),
  partition: partition(false),
  rpartition: partition(true),
  find: find(false, false),
  rfind: find(true, false),
  index: find(false, true),
  rindex: find(true, true),
  count: (self, args, name) => {
    const [sub, start = null, end = null] = bind(name, ["sub", "start", "end"], args, 1);
    const part = slice(self, [start, end]) as Text, { text } = textOf(sub, name);
    return text === "" ? part.length + 1 : part.split(text).length - 1;
  },
  replace: (self, args, name) => {
    const [old, to, count = -1] = bind(name, ["old", "new", "count"], args, 2);
    const most = whole(count, "count");
    return replace(self, textOf(old, name), textOf(to, name), most < 0 ? Infinity : most);
  },
  join: (self, args, name) => {
    const [items = null] = bind(name, ["iterable"], args, 1);
    return Text.join(iterate(items).map((item) => textOf(item, "what is joined")), self);
  },
  format: (self, args) => format(self, args),
  ljust: justify("<"),
  rjust: justify(">"),
  center: (self, args, name) => {
    const [width = 0, fill] = bind(name, ["width", "fillchar"], args, 1);
    const filler = fill === undefined ? " " : textOf(fill, name).text;
    return center(self, whole(width, "a width"), filler);
  },
  zfill: (self, args, name) => {
    const [width = 0] = bind(name, ["width"], args, 1);
    return pad(self, { width: whole(width, "a width"), align: "=", fill: "0" });
  },
  isdigit: every(/[^\p{Nd}²³¹⁰⁴-⁹₀-₉]/u),
  isdecimal: every(/\P{Nd}/u),
  isnumeric: every(/\P{N}/u),
  isalpha: every(/\P{L}/u),
  isalnum: every(/[^\p{L}\p{N}]/u),
  isspace: plain((self) => self.text !== "" && self.strip(undefined, true, false).text === ""),
  isupper: plain(({ text }) => /\p{L}/u.test(text) && text === text.toUpperCase()),
  islower: plain(({ text }) => /\p{L}/u.test(text) && text === text.toLowerCase()),
  istitle: plain(({ text }) => /\p{L}/u.test(text) && text === titleCase(text)),
  isascii: plain(({ text }) => !/[^\0-\x7F]/.test(text)),
  isidentifier: plain(({ text }) => /^[\p{L}\p{Nl}_][\p{L}\p{M}\p{N}_]*$/u.test(text)),
};

/** Methods of dictionaries. */
const DICT: Readonly<Record<string, Method<Dict>>> = {
  get: (self, args, name) => {
    const [key = null, otherwise = null] = bind(name, ["key", "default"], args, 1);
    const value = self.get(key);
    return value === undefined ? otherwise : value;
  },
  items: (self) => self.entries().map((entry) => new Tuple(entry)),
  keys: (self) => self.keys(),
  values: (self) => self.entries().map(([, value]) => value),
  copy: (self) => new Dict(self.entries()),
};

/** Methods of lists and tuples. */
const LIST: Readonly<Record<string, Method<readonly Value[]>>> = {
  index: (self, args, name) => {
    const [wanted = null] = bind(name, ["value"], args, 1);
    const at = self.findIndex((item) => equal(item, wanted));
    if (at < 0) throw new TemplateFault("the value is not in the list");
    return at;
  },
  count: (self, args, name) => {
    const [wanted = null] = bind(name, ["value"], args, 1);
    return self.filter((item) => equal(item, wanted)).length;
  },
  copy: (self) => [...self],
};

/** Methods that change what they belong to: no template may. */
const FORBIDDEN = new Set([
  ...["append", "clear", "extend", "insert", "pop", "popitem", "remove", "reverse", "setdefault"],
  ...["sort", "update"],
]);

/** Calls of a method, bound to its value; undefined where there is none of that name. */
export function methodOf(self: Value, name: string): ((args: Arguments) => Value) | undefined {
  const items = itemsOf(self);
  const find = <T>(methods: Readonly<Record<string, Method<T>>>, value: T) => {
    const method = Object.hasOwn(methods, name) ? methods[name] : undefined;
    return method && ((args: Arguments) => method(value, args, name));
  };
  spend(1);
  if (self instanceof Text) return find(TEXT, self);
  const found = self instanceof Dict ? find(DICT, self) : items && find(LIST, items);
  if (found || !FORBIDDEN.has(name) || !(self instanceof Dict || items)) return found;
  return () => {
    throw new TemplateFault(`"${name}" would change data, which templates may not`);
  };
}
