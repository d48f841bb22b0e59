/** Turns a rendered chat into tokens; a message never brings in a special one. @module */

import type { Segment } from "../chat/disguise.ts";
import type { TokenizerLike } from "./engine.ts";

const KNOWN = new WeakMap<TokenizerLike, ReadonlyMap<string, number>>();

/**
 * Spelling and id of every token that no text of a user may bring in. Looks at the whole
 * vocabulary, once per tokenizer (50,000 tokens: 1 ms).
 */
export function specialTokens(tokenizer: TokenizerLike): ReadonlyMap<string, number> {
  const known = KNOWN.get(tokenizer);
  if (known) return known;
  const found = new Map<string, number>();
  for (let id = 0; id < tokenizer.vocabularySize; id++) {
    const kind = tokenizer.kind(id);
    if (kind !== "control" && kind !== "unknown") continue;
    const spelling = tokenizer.piece(id);
    if (spelling !== "") found.set(spelling, id);
  }
  KNOWN.set(tokenizer, found);
  return found;
}

/**
 * Tokens of a rendered chat. Special tokens are found in the parts that allow it, never across the
 * border to one that does not; what lies between two of them is tokenized as one text.
 * @param tokenizer the model's
 * @param segments the parts, in order
 */
export function encodeSegments(
  tokenizer: TokenizerLike,
  segments: readonly Segment[],
): number[] {
  const text = segments.map((segment) => segment.text).join("");
  const bosPiece = tokenizer.bosToken === undefined ? "" : tokenizer.piece(tokenizer.bosToken);
  // A template that writes the first token itself must not get it twice.
  const bos = tokenizer.addBos && !(bosPiece !== "" && text.startsWith(bosPiece));
  if (segments.every((segment) => segment.special)) {
    const tokens = tokenizer.encode(text, { bos: false, special: true }); // never an EOS at the end
    if (bos && tokenizer.bosToken !== undefined) tokens.unshift(tokenizer.bosToken);
    return tokens;
  }
  return encodeMixed(tokenizer, segments, bos);
}

/** The rare case: a message spells a special token somewhere. */
function encodeMixed(
  tokenizer: TokenizerLike,
  segments: readonly Segment[],
  bos: boolean,
): number[] {
  const tokens = bos && tokenizer.bosToken !== undefined ? [tokenizer.bosToken] : [];
  const append = (id: number) => tokens.push(id);
  const special = specialTokens(tokenizer);
  const pattern = specialPattern([...special.keys()]);
  let plain = "";
  const encodePlain = () => {
    // One by one: as arguments of one call, some 100,000 tokens would fill the stack.
    if (plain !== "") tokenizer.encode(plain, { bos: false, special: false }).forEach(append);
    plain = "";
  };
  for (const segment of joinAlike(segments)) {
    const parts = segment.special ? segment.text.split(pattern) : [segment.text];
    parts.forEach((part, index) => {
      const id = index % 2 === 1 ? special.get(part) : undefined;
      if (id === undefined) {
        plain += part;
      } else {
        encodePlain();
        append(id);
      }
    });
  }
  encodePlain();
  return tokens;
}

/** Segments with neighbours of one kind made one. */
function joinAlike(segments: readonly Segment[]): Segment[] {
  const joined: Segment[] = [];
  for (const segment of segments) {
    const last = joined.at(-1);
    if (last?.special !== segment.special) joined.push(segment);
    else joined.splice(-1, 1, { text: last.text + segment.text, special: last.special });
  }
  return joined;
}

/** Matches any of the spellings, the longest first; `split` then puts them at odd places. */
function specialPattern(spellings: readonly string[]): RegExp {
  const longestFirst = spellings.filter((text) => text !== "").sort((a, b) => b.length - a.length);
  const escaped = longestFirst.map((text) => text.replace(/[\\^$.*+?()[\]{}|\/-]/g, "\\$&"));
  return escaped.length === 0 ? /($^)/ : new RegExp(`(${escaped.join("|")})`);
}
