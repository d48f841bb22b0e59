/** How byte-level BPE cuts a text into words first: regular expressions by name. @module */
import { quote } from "../bytes.ts";
import { ArgumentError, ModelError } from "../errors.ts";

/**
 * A way of cutting. Each expression cuts every word that the one before left, and matches every
 * character somewhere, so that nothing gets lost: `word.match(pattern)`.
 */
export interface PreTokenizer {
  readonly patterns: readonly RegExp[];
  /** A word that is a piece is that piece, whatever the merges say. */
  readonly wholeWords?: true;
  /** Texts begin with the BOS token unless the file says otherwise. */
  readonly addBos?: true;
}

/** Joins alternatives, first one first. `S` stands for white space as Unicode has it, not as JS. */
function alternatives(...parts: readonly string[]): RegExp {
  const source = parts.join("|").replaceAll("[S]", "\\p{White_Space}")
    .replaceAll("[^S", "[^\\p{White_Space}");
  return new RegExp(source, "gu");
}

const CONTRACTIONS = "'s|'t|'re|'ve|'m|'ll|'d";
const ANY_CASE = "'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]";
const WHITE = "[S]+(?![^S])|[S]+"; // all of a gap but its last character, which begins a word

const GPT2 = alternatives(
  CONTRACTIONS,
  " ?\\p{L}+",
  " ?\\p{N}+",
  " ?[^S\\p{L}\\p{N}]+",
  WHITE,
);

/** Words as Llama 3 and Qwen 2 have them; they differ in how many digits make a word. */
const modern = (digits: string): RegExp =>
  alternatives(
    ANY_CASE,
    "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+",
    digits,
    " ?[^S\\p{L}\\p{N}]+[\\r\\n]*",
    "[S]*[\\r\\n]+",
    WHITE,
  );

const LLAMA3: PreTokenizer = {
  patterns: [modern("\\p{N}{1,3}")],
  wholeWords: true,
  addBos: true,
};
const QWEN2: PreTokenizer = { patterns: [modern("\\p{N}")] };
const PUNCTUATION = "\\p{P}$+<=>^~\\|";

/** Every pre-tokenizer that cria knows, by the name that GGUF files give it. */
export const PRE_TOKENIZERS: Readonly<Record<string, PreTokenizer>> = {
  "default": {
    patterns: [
      alternatives(`[${PUNCTUATION}]+`, `[^${PUNCTUATION}]+`),
      GPT2,
      alternatives("\\p{N}+", "\\P{N}+"),
      alternatives("[0-9][0-9][0-9]", "(?:[^0-9]+|[0-9]{1,2}(?![0-9]))+"),
    ],
  },
  "gpt-2": { patterns: [GPT2] },
  "phi-2": { patterns: [GPT2] },
  "smollm": { patterns: [alternatives("\\p{N}", "\\P{N}+"), GPT2] },
  "llama-bpe": LLAMA3,
  "llama-v3": LLAMA3,
  "llama3": LLAMA3,
  "qwen2": QWEN2,
  "deepseek-r1-qwen": QWEN2,
};

/**
 * The pre-tokenizer of that name.
 *
 * @throws {ModelError} cria does not know it: guessing would give wrong tokens without a word
 */
export function preTokenizer(name: string): PreTokenizer {
  const found = Object.hasOwn(PRE_TOKENIZERS, name) ? PRE_TOKENIZERS[name] : undefined;
  if (found !== undefined) return found;
  const known = Object.keys(PRE_TOKENIZERS).join(", ");
  throw new ModelError(`Cannot tokenize with pre-tokenizer ${quote(name)}: cria knows ${known}`);
}

/**
 * Cuts a text into words.
 *
 * @throws {ArgumentError} a word of millions of characters, which a regular expression cannot hold
 */
export function cutWords(text: string, { patterns }: PreTokenizer): readonly string[] {
  let words: readonly string[] = [text];
  try {
    for (const pattern of patterns) {
      words = words.length === 1
        ? words[0]!.match(pattern) ?? []
        : words.flatMap((word) => word.match(pattern) ?? []);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // the matcher's stack is full
    const state = "it has a word of millions of characters";
    throw new ArgumentError(`Cannot encode a text of ${text.length} characters: ${state}`);
  }
  return words;
}
