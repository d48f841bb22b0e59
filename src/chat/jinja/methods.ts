/** The methods of texts, lists and dictionaries that templates may call. @module */

import { bind } from "./arguments.ts";
import { spend, spendText, TemplateFault } from "./budget.ts";
import { format, lines, words } from "./format.ts";
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

function split(self: Text, args: Arguments, name: string): Value {
  const [sep = null, maxsplit = -1] = bind(name, ["sep", "maxsplit"], args);
  const count = whole(maxsplit, "maxsplit"), most = count < 0 ? Infinity : count;
  return sep === null ? words(self, most) : self.split(separatorOf(sep, name), most);
}

/** `rsplit`: the cuts from the right. */
function splitRight(self: Text, args: Arguments, name: string): Value {
  const [sep = null, maxsplit = -1] = bind(name, ["sep", "maxsplit"], args, 1);
  const parts = self.split(separatorOf(sep, name)), most = whole(maxsplit, "maxsplit");
  const first = most < 0 ? 0 : Math.max(0, parts.length - 1 - most);
  const kept = parts.slice(first + 1), end = kept.reduce((sum, { text }) => sum + text.length, 0);
  const cuts = kept.length * textOf(sep, name).text.length;
  return [self.cut(0, self.text.length - end - cuts), ...kept];
}

function separatorOf(sep: Value, name: string): string {
  const { text } = textOf(sep, name);
  if (text === "") throw new TemplateFault("an empty text separates nothing");
  return text;
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
  return text.replace(/\p{L}+/gu, capitalize);
}

/** A capital first, all else small. */
export function capitalize(text: string): string {
  const [first = ""] = text, [capital = "", ...rest] = first.toUpperCase(); // of ß it is Ss
  return capital + (rest.join("") + text.slice(first.length)).toLowerCase();
}

/** Methods of texts. */
const TEXT: Readonly<Record<string, Method<Text>>> = {
  upper: plain((self) => self.map((text) => text.toUpperCase())),
  lower: plain((self) => self.map((text) => text.toLowerCase())),
  title: plain((self) => self.map(titleCase)),
  capitalize: plain((self) => self.map(capitalize)),
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
  isdigit: every(/[^\p{Nd}²³¹⁰⁴-⁹₀-₉]/u),
  isdecimal: every(/\P{Nd}/u),
  isnumeric: every(/\P{N}/u),
  isalpha: every(/\P{L}/u),
  isalnum: every(/[^\p{L}\p{N}]/u),
  isspace: plain((self) => self.text !== "" && self.strip(undefined, true, false).text === ""),
  isupper: plain(({ text }) => /\p{L}/u.test(text) && text === text.toUpperCase()),
  islower: plain(({ text }) => /\p{L}/u.test(text) && text === text.toLowerCase()),
  isascii: plain(({ text }) => !/[^\0-\x7F]/.test(text)),
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
