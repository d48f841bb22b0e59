/** Regular expressions of `tokenizer.json`, Oniguruma's, as JavaScript has them. @module */
import { quote } from "../bytes.ts";
import { ModelError } from "../errors.ts";

/** What the classes of Oniguruma mean, outside and inside of brackets. */
const CLASSES: Readonly<Record<string, string>> = {
  s: "\\p{White_Space}",
  S: "\\P{White_Space}",
  d: "\\p{Nd}",
  D: "\\P{Nd}",
  h: "0-9a-fA-F",
};
const WORD = "\\p{L}\\p{M}\\p{N}\\p{Pc}";
const SCRIPTS = /^(\\[pP]\{)(\^?)(Han|Hangul|Hiragana|Katakana|Latin|Cyrillic|Greek|Arabic|Thai)\}/;

/** One piece of an expression: an escape, or a character. */
const PIECE = /\\[pP]\{[^}]*\}|\\[^]|[^]/gu;

/**
 * Compiles an expression; it matches as it does in Oniguruma, or is refused.
 *
 * @throws {ModelError} it has something that JavaScript has not, such as possessive quantifiers
 */
export function compileRegex(source: string): RegExp {
  let out = "", depth = 0; // depth: of brackets
  for (const [piece] of source.matchAll(PIECE)) {
    if (piece === "[" && depth > 0) throw refusal(source, "it nests brackets");
    out += translate(piece, depth > 0);
    if (piece === "[") depth++;
    if (piece === "]" && depth > 0) depth--;
  }
  if (/&&/.test(source)) throw refusal(source, "it intersects classes");
  try {
    return new RegExp(out, "gu");
  } catch (error) {
    throw refusal(source, error instanceof Error ? error.message : String(error));
  }
}

/** A piece as JavaScript writes it. */
function translate(piece: string, inClass: boolean): string {
  if (piece === "." && !inClass) return "[^\\n]";
  if (piece[0] !== "\\") return piece;
  const letter = piece[1]!;
  if (letter === "w") return inClass ? WORD : `[${WORD}]`;
  if (letter === "W" && !inClass) return `[^${WORD}]`;
  if (letter === "h" && !inClass) return `[${CLASSES["h"]}]`;
  if (CLASSES[letter] !== undefined) return CLASSES[letter];
  if (SCRIPTS.test(piece)) return piece.replace(SCRIPTS, "$1Script=$3}");
  if (/[\p{L}\p{N}]/u.test(letter) || /[\\^$.*+?()[\]{}|/]/.test(letter)) return piece;
  return letter === "-" && inClass ? piece : letter;
}

function refusal(source: string, state: string): ModelError {
  return new ModelError(`Cannot tokenize with the expression ${quote(source, 200)}: ${state}`);
}
