/** Normalizers and pre-tokenizers of `tokenizer.json`: tables of what the families use. @module */
import { quote } from "../bytes.ts";
import { ArgumentError, ModelError } from "../errors.ts";
import { dressed } from "./byte_letters.ts";
import { Charsmap } from "./charsmap.ts";
import { compileRegex } from "./hf_regex.ts";

/** A part of `tokenizer.json`. */
export interface Part {
  readonly type?: string;
  readonly [key: string]: unknown;
}

/** Changes a text before it is cut. */
export type Normalizer = (text: string) => string;

/** Cuts words further; `isStart` says that the first one begins the text. */
export type Splitter = (words: readonly string[], isStart: boolean) => readonly string[];

const UTF8 = new TextEncoder();
const MOST_GRAPHEMES = 1 << 12; // that are remembered
const GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const PUNCTUATION = "[\\p{P}$+<=>^`|~]";

/** Every normalizer that cria knows. */
const NORMALIZERS: Readonly<Record<string, (part: Part) => Normalizer>> = {
  Sequence: (part) => {
    const steps = partsOf(part["normalizers"]).map(normalizer);
    return (text) => steps.reduce((sofar, step) => step(sofar), text);
  },
  NFC: () => (text) => text.normalize("NFC"),
  NFD: () => (text) => text.normalize("NFD"),
  NFKC: () => (text) => text.normalize("NFKC"),
  NFKD: () => (text) => text.normalize("NFKD"),
  Lowercase: () => lowered,
  StripAccents: () => (text) => text.replace(/\p{M}/gu, ""),
  BertNormalizer: bertNormalizer,
  Precompiled: (part) => {
    const map = part["precompiled_charsmap"] ?? ""; // there may be none
    return map === "" ? (text) => text : precompiled(new Charsmap(bytesOf(String(map))));
  },
  Nmt: () => (text) => text.replace(NMT_DROPPED, "").replace(NMT_BLANKS, " "),
  ByteLevel: () => dressed,
  Prepend: (part) => {
    const prefix = textOf(part, "prepend");
    return (text) => text === "" ? text : prefix + text;
  },
  Replace: (part) => {
    const pattern = patternOf(part), content = textOf(part, "content");
    return (text) => text.replaceAll(pattern, () => content);
  },
  Strip: (part) => (text) => {
    const left = part["strip_left"] === true ? text.replace(/^\p{White_Space}+/u, "") : text;
    return part["strip_right"] === true ? left.replace(/\p{White_Space}+$/u, "") : left;
  },
};

/** Every pre-tokenizer that cria knows. */
const SPLITTERS: Readonly<Record<string, (part: Part) => Splitter>> = {
  Sequence: (part) => {
    const steps = partsOf(part["pretokenizers"]).map(splitter);
    return (words, isStart) => steps.reduce((sofar, step) => step(sofar, isStart), words);
  },
  Split: (part) => {
    const behavior = String(part["behavior"]).toLowerCase();
    return cutting(patternOf(part), behavior, part["invert"] === true);
  },
  ByteLevel: (part) => {
    const cut = part["use_regex"] === false ? undefined : cutting(compileRegex(GPT2), "isolated");
    const hasPrefix = part["add_prefix_space"] === true;
    const prefixed = (word: string) => hasPrefix && !word.startsWith(" ") ? ` ${word}` : word;
    return (words, isStart) => {
      const whole = words.map(prefixed);
      return (cut?.(whole, isStart) ?? whole).map(dressed);
    };
  },
  Metaspace: metaspace,
  Digits: (part) =>
    cutting(part["individual_digits"] === true ? /\p{N}/gu : /\p{N}+/gu, "isolated"),
  Punctuation: (part) =>
    cutting(new RegExp(PUNCTUATION, "gu"), String(part["behavior"] ?? "isolated").toLowerCase()),
  BertPreTokenizer: () => {
    const blanks = cutting(/\p{White_Space}/gu, "removed");
    const signs = cutting(new RegExp(PUNCTUATION, "gu"), "isolated");
    return (words, isStart) => signs(blanks(words, isStart), isStart);
  },
  Whitespace: () => cutting(compileRegex("\\w+|[^\\w\\s]+"), "removed", true),
  WhitespaceSplit: () => cutting(/\p{White_Space}/gu, "removed"),
};

/** What the normalizer of neural translation leaves out, and what becomes a space. */
const NMT_DROPPED = /(?![\0\t\n\f\r\u0080-\u008e\u0090-\u009e])\p{Cc}/gu;
const NMT_BLANKS = /[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/gu;

/** Small letters, one character at a time: a sigma does not know that it ends a word. */
function lowered(text: string): string {
  return text.replace(/Σ/g, "σ").toLowerCase();
}

const CHINESE = "[\\u3400-\\u4dbf\\u4e00-\\u9fff\\uf900-\\ufaff\\u{20000}-\\u{2a6df}" +
  "\\u{2a700}-\\u{2b81f}\\u{2b920}-\\u{2ceaf}\\u{2f800}-\\u{2fa1f}]";

/** Without controls, Chinese characters between spaces, without accents, in small letters. */
function bertNormalizer(part: Part): Normalizer {
  const isLower = part["lowercase"] !== false, isBare = part["strip_accents"] ?? isLower;
  const chinese = new RegExp(CHINESE, "gu");
  return (given) => {
    let text = given;
    if (part["clean_text"] !== false) {
      text = text.replace(/(?![\t\n\r])[\ufffd\p{Cc}\p{Cf}\p{Co}]/gu, "").replace(
        /\p{White_Space}/gu,
        " ",
      );
    }
    if (part["handle_chinese_chars"] !== false) text = text.replace(chinese, " $& ");
    if (isBare === true) text = text.normalize("NFD").replace(/\p{Mn}/gu, "");
    return isLower ? lowered(text) : text;
  };
}

/** By a table of SentencePiece: short graphemes as a whole, else their characters. */
function precompiled(charsmap: Charsmap): Normalizer {
  const graphemes = new Intl.Segmenter("und", { granularity: "grapheme" });
  const mapped = (text: string): string | undefined =>
    charsmap.match(UTF8.encode(text), 0, "shortest")?.text;
  const replaced = (grapheme: string): string => {
    const whole = UTF8.encode(grapheme).length < 6 ? mapped(grapheme) : undefined;
    return whole ?? Array.from(grapheme, (char) => mapped(char) ?? char).join("");
  };
  const known = new Map<string, string>(); // graphemes that came before
  return (text) => {
    let out = "";
    for (const { segment } of graphemes.segment(text)) {
      const becomes = known.get(segment) ?? replaced(segment);
      if (known.size < MOST_GRAPHEMES) known.set(segment, becomes);
      out += becomes;
    }
    return out;
  };
}

/** The bytes that a text of letters stands for. (RFC 4648) */
function bytesOf(base64: string): Uint8Array {
  try {
    return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  } catch {
    throw new ModelError(`Cannot read "precompiled_charsmap": it is no base64`);
  }
}

/** The normalizer that a part describes; null changes nothing. */
export function normalizer(part: Part | null): Normalizer {
  return part === null ? (text) => text : lookUp(NORMALIZERS, "normalizer", part)(part);
}

/** The pre-tokenizer that a part describes; null cuts nothing. */
export function splitter(part: Part | null): Splitter {
  return part === null ? (words) => words : lookUp(SPLITTERS, "pre-tokenizer", part)(part);
}

/** A row of a table, or which there are. */
function lookUp<T>(table: Readonly<Record<string, T>>, what: string, { type = "" }: Part): T {
  const found = Object.hasOwn(table, type) ? table[type] : undefined;
  if (found !== undefined) return found;
  const known = Object.keys(table).join(", ");
  throw new ModelError(`Cannot tokenize with ${what} ${quote(String(type))}: cria knows ${known}`);
}

/** The parts of a sequence. */
function partsOf(list: unknown): Part[] {
  return Array.isArray(list) ? list : [];
}

/** A pattern: a text as it stands, or an expression. */
function patternOf(part: Part): RegExp {
  const pattern: Part = Object(part["pattern"]);
  if (pattern["Regex"] !== undefined) return compileRegex(textOf(pattern, "Regex"));
  return new RegExp(RegExp.escape(textOf(pattern, "String")), "gu");
}

/** A text of a part; it must be there. */
function textOf(part: Part, key: string): string {
  const text = part[key];
  if (typeof text === "string") return text;
  throw new ModelError(
    `Cannot tokenize with ${quote(String(part.type ?? "a pattern"))}: no text "${key}"`,
  );
}

/** Spaces become blanks, one comes before a text, and words begin at them. */
function metaspace(part: Part): Splitter {
  const blank = String(part["replacement"] ?? "▁");
  const scheme = part["prepend_scheme"] ??
    (part["add_prefix_space"] === false ? "never" : "always");
  const cut = part["split"] === false
    ? undefined
    : cutting(new RegExp(RegExp.escape(blank), "gu"), "mergedwithnext");
  return (words, isStart) => {
    const blanked = words.map((word, i) => {
      const text = word.replaceAll(" ", blank);
      const isWanted = scheme === "always" || (scheme === "first" && isStart && i === 0);
      return isWanted && !text.startsWith(blank) ? blank + text : text;
    });
    return cut?.(blanked, isStart) ?? blanked;
  };
}

/** A stretch of a word: what a pattern matches, or what lies between. */
interface Stretch {
  readonly text: string;
  readonly isMatch: boolean;
}

/** What becomes of the stretches of a word, by the name of the behaviour. */
const BEHAVIORS: Readonly<Record<string, (stretches: readonly Stretch[]) => string[]>> = {
  isolated: (stretches) => stretches.map(({ text }) => text),
  removed: (stretches) => stretches.filter(({ isMatch }) => !isMatch).map(({ text }) => text),
  contiguous: (stretches) => joined(stretches, (a, b) => a.isMatch === b.isMatch),
  mergedwithprevious: (stretches) => joined(stretches, (a, b) => !a.isMatch && b.isMatch),
  mergedwithnext: (stretches) => joined(stretches, (a, b) => a.isMatch && !b.isMatch),
};

/** Cuts words at what a pattern matches; inverted, at what it does not. */
function cutting(pattern: RegExp, behavior: string, invert = false): Splitter {
  const combine = BEHAVIORS[behavior];
  if (combine === undefined) {
    const known = Object.keys(BEHAVIORS).join(", ");
    throw new ModelError(`Cannot split as ${quote(behavior)}: cria knows ${known}`);
  }
  return (words) => words.flatMap((word) => combine(stretchesOf(word, pattern, invert)));
}

/** Neighbours that belong together become one. */
function joined(
  stretches: readonly Stretch[],
  belong: (a: Stretch, b: Stretch) => boolean,
): string[] {
  const words: string[] = [];
  stretches.forEach((stretch, i) => {
    if (i > 0 && belong(stretches[i - 1]!, stretch)) words[words.length - 1] += stretch.text;
    else words.push(stretch.text);
  });
  return words;
}

/** A word as matches and what lies between them, in order. */
function stretchesOf(word: string, pattern: RegExp, invert: boolean): Stretch[] {
  const stretches: Stretch[] = [];
  let end = 0;
  try {
    for (const { 0: match, index } of word.matchAll(pattern)) {
      if (match === "") continue;
      if (index > end) stretches.push({ text: word.slice(end, index), isMatch: invert });
      stretches.push({ text: match, isMatch: !invert });
      end = index + match.length;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // the matcher's stack is full
    const state = "it has a word of millions of characters";
    throw new ArgumentError(`Cannot encode a text of ${word.length} characters: ${state}`);
  }
  if (end < word.length) stretches.push({ text: word.slice(end), isMatch: invert });
  return stretches;
}
