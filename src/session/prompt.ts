/** Turns a rendered chat into tokens; a message never brings in a special one. @module */

import { MARK_TOKENS } from "../chat/reasoning.ts";
import type { Segment } from "../chat/template.ts";
import { TOOL_TOKENS } from "../chat/tool_calls.ts";
import type { SpecialFilter } from "../tokenizer/special.ts";
import type { TokenizerLike } from "./engine.ts";

/**
 * Tokens of a rendered chat: those of its text as a whole, but that special tokens are found only
 * where every character comes from the template.
 * @param tokenizer the model's
 * @param segments the parts, in order
 */
export async function encodeSegments(
  tokenizer: TokenizerLike,
  segments: readonly Segment[],
): Promise<number[]> {
  const text = segments.map((segment) => segment.text).join("");
  const tokens = await tokenizer.encodeAsync(text, optionsFor(segments, text.length));
  return withBos(tokenizer, tokens);
}

/** Special tokens count where no character comes from a message; never an EOS at the end. */
function optionsFor(
  segments: readonly Segment[],
  length: number,
): { bos: boolean; special: SpecialFilter } {
  const foreign = foreignUnits(segments, length);
  return {
    bos: false,
    special: ({ piece, kind, start, end }) =>
      // Some vocabularies spell runs of spaces with tokens of their own: these are text.
      (kind === "user" && !isMark(piece)) || foreign.subarray(start, end).indexOf(1) < 0,
  };
}

/** Puts BOS first; a template that writes the first token itself must not get it twice. */
function withBos({ addBos, bosToken }: TokenizerLike, tokens: number[]): number[] {
  if (addBos && bosToken !== undefined && tokens[0] !== bosToken) tokens.unshift(bosToken);
  return tokens;
}

/** Whether only templates and models may write a token. */
function isMark(piece: string): boolean {
  return MARK_TOKENS.has(piece) || TOOL_TOKENS.has(piece);
}

/** For each UTF-16 unit of the text 1, if a message has brought it in. */
function foreignUnits(segments: readonly Segment[], length: number): Uint8Array {
  const units = new Uint8Array(length);
  let at = 0;
  for (const { text, special } of segments) {
    const start = at;
    at += text.length;
    if (!special) units.fill(1, start, at);
  }
  return units;
}
