/** DRY ("don't repeat yourself"): tokens that would make a repetition longer. @module */

import type { Candidates } from "./candidates.ts";
import type { ChainContext } from "./context.ts";
import { isCount, unusable } from "./options.ts";
import { begin, change, newTally, raise } from "./tally.ts";

/** A penalty never makes a token impossible: something must be left where all have one. */
const MOST = 1e30;

const OPTION = "drySequenceBreakers";

/** llama.cpp's breakers of repetitions. */
export const USUAL_BREAKERS: readonly string[] = ["\n", ":", '"', "*"];

/** A text that is longer breaks nothing: each of its ends has to be spelt. */
const LONGEST = 100;

/** Says which token sequences a text may be spelt as. */
export type SequencesOf = (text: string) => Iterable<readonly number[]>;

/** Of token sequences, what follows their first tokens. */
type Rests = Map<number, (readonly number[])[]>;

/** Refuses what is no breaker. */
function check(breaker: string | readonly number[], hasTokenizer: boolean): void {
  if (typeof breaker !== "string") {
    if (breaker.length > 0 && breaker.every(isCount)) return;
    throw unusable(OPTION, `[${breaker}]`, "one or more token ids");
  }
  if (breaker === "" || breaker.length > LONGEST) {
    throw unusable(OPTION, JSON.stringify(breaker), `a text of 1 to ${LONGEST} characters`);
  }
  if (hasTokenizer) return;
  throw unusable(OPTION, JSON.stringify(breaker), "a token sequence, and there is no tokenizer");
}

/** Texts and token sequences that no repetition is followed across. */
export class Breakers {
  readonly #given: readonly (string | readonly number[])[];
  readonly #sequencesOf: SequencesOf | undefined;
  #known: { readonly rests: Rests; readonly longest: number } | undefined;

  /**
   * Checks what is given; texts are looked up when they are needed, which takes a while.
   * @param given the usual ones, if left out and there is `sequencesOf`
   * @param sequencesOf knows how texts are spelt
   */
  constructor(
    given: readonly (string | readonly number[])[] | undefined,
    sequencesOf: SequencesOf | undefined,
  ) {
    this.#given = given ?? (sequencesOf ? USUAL_BREAKERS : []);
    this.#sequencesOf = sequencesOf;
    for (const one of this.#given) check(one, sequencesOf !== undefined);
  }

  /** The longest rest, and the rests by their first tokens. */
  get #index(): { readonly rests: Rests; readonly longest: number } {
    if (this.#known) return this.#known;
    const rests: Rests = new Map();
    let longest = 0;
    for (const one of this.#given) {
      for (const [head, ...rest] of typeof one === "string" ? this.#sequencesOf!(one) : [one]) {
        longest = Math.max(longest, rest.length);
        const others = rests.get(head!);
        if (others) others.push(rest);
        else rests.set(head!, [rest]);
      }
    }
    return this.#known = { rests, longest };
  }

  /** Whether a token is a breaker by itself. */
  has(token: number): boolean {
    return this.#index.rests.get(token)?.some((rest) => rest.length === 0) ?? false;
  }

  /**
   * How many tokens stand behind the last breaker.
   * @param back tokens, the last one first
   * @param most where there are at least so many, any number of at least that is right
   */
  countBehind(back: Int32Array, most: number): number {
    const { rests, longest: longestRest } = this.#index;
    const end = Math.min(back.length, most + longestRest);
    for (let at = 0; at < end; at++) {
      let longest = -1;
      for (const rest of rests.get(back[at]!) ?? []) {
        const fits = rest.length <= at && rest.every((token, i) => token === back[at - 1 - i]);
        if (fits && rest.length > longest) longest = rest.length;
      }
      if (longest >= 0) return at - longest;
    }
    return Infinity;
  }
}

/**
 * DRY. How long each earlier stretch of text agrees with the end of the text is what the
 * Z-algorithm (Gusfield 1997, 1.4) finds for the text read backwards, in linear time.
 */
export function dry(candidates: Candidates, context: ChainContext): Candidates {
  const { previousTokens, options, breakers, scratch } = context;
  const { dryMultiplier, dryBase, dryAllowedLength, dryPenaltyLastN } = options;
  const count = previousTokens.length - begin(previousTokens.length, dryPenaltyLastN);
  if (count <= dryAllowedLength) return candidates;
  const room = scratch.integers(2 * count);
  const back = room.subarray(0, count); // [count], the last token first
  for (let at = 0; at < count; at++) back[at] = previousTokens[previousTokens.length - 1 - at]!;
  const lengths = agreements(back, room.subarray(count, 2 * count));
  let longest = 0;
  for (let at = 1; at < count; at++) longest = Math.max(longest, lengths[at]!);
  const limit = breakers.countBehind(back, longest);
  const tally = newTally(context);
  for (let at = 1; at < count; at++) {
    const length = Math.min(lengths[at]!, limit), next = back[at - 1]!;
    if (length < dryAllowedLength || breakers.has(next)) continue;
    raise(tally, next, length + 1); // 0 is no number
  }
  return change(candidates, context, tally, (logit, longer) => {
    const penalty = dryMultiplier * dryBase ** (longer - 1 - dryAllowedLength);
    return logit - Math.min(penalty, MOST);
  });
}

/**
 * The Z-algorithm: for each place, how many tokens from there on are those at the beginning.
 * @param tokens [count]
 * @param lengths where the answers go, [count]; that of the first place is 0
 */
function agreements(tokens: Int32Array, lengths: Int32Array): Int32Array {
  lengths[0] = 0;
  let begin = 0, end = 0; // of the agreement that reaches furthest
  for (let at = 1; at < tokens.length; at++) {
    let length = at < end ? Math.min(lengths[at - begin]!, end - at) : 0;
    if (at + length >= end) {
      while (at + length < tokens.length && tokens[length] === tokens[at + length]) length++;
      [begin, end] = [at, at + length];
    }
    lengths[at] = length;
  }
  return lengths;
}
