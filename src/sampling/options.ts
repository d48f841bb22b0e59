/** The numbers of all samplers: what each means, its default, and what it may be. @module */

import { ArgumentError } from "../errors.ts";

/** The numbers of all samplers, checked and complete. */
export interface ChainOptions {
  /** Divides logits (softmax at a temperature); 0 or less keeps only the best token. */
  readonly temperature: number;
  /**
   * Lets the temperature lie between `temperature` - this and `temperature` + this, by how even the
   * distribution is: low + (high - low) (H / ln n)^`dynatempExponent`, with the entropy H of the n
   * tokens that are left. 0 leaves it fixed.
   */
  readonly dynatempRange: number;
  /** Bends the way from the lowest to the highest temperature; 1 is straight. */
  readonly dynatempExponent: number;
  /** Keeps this many tokens (Fan et al. 2018, arXiv:1805.04833); 0 and -1 keep all. */
  readonly topK: number;
  /**
   * Keeps the likeliest tokens that together reach this probability (nucleus sampling, Holtzman et
   * al. 2020, arXiv:1904.09751); 1 keeps all.
   */
  readonly topP: number;
  /**
   * Keeps tokens at least this likely, measured by the likeliest: p ≥ minP max p (Nguyen et al.
   * 2024, arXiv:2407.01082); 0 keeps all.
   */
  readonly minP: number;
  /**
   * Keeps the tokens whose surprise is nearest to the entropy, |-ln p - H|, up to this probability
   * (locally typical sampling, Meister et al. 2022, arXiv:2202.00666); 1 keeps all.
   */
  readonly typicalP: number;
  /**
   * Keeps tokens whose logit is at most this many standard deviations of all logits below the
   * highest (top-nσ, Tang et al. 2024, arXiv:2411.07641); 0 and less keep all.
   */
  readonly topNSigma: number;
  /**
   * How often XTC (exclude top choices) acts: of the tokens that reach `xtcThreshold`, all but the
   * least likely are left out. It comes from a pull request of text-generation-webui, 6335; 0 never
   * does, 1 always.
   */
  readonly xtcProbability: number;
  /** The probability from which a token is a top choice of XTC; above 0.5 there are never two. */
  readonly xtcThreshold: number;
  /** Top-p, min-p, typical and XTC leave at least so many tokens; 0: as many as come. */
  readonly minKeep: number;
  /**
   * Divides the positive logits of tokens that have occurred and multiplies the others (Keskar et
   * al. 2019, CTRL, arXiv:1909.05858); 1 does nothing.
   */
  readonly repeatPenalty: number;
  /** Taken off the logit of a token that has occurred. */
  readonly presencePenalty: number;
  /** Taken off the logit of a token for every time it has occurred. */
  readonly frequencyPenalty: number;
  /** How many of the last tokens penalties look at; -1 means all. */
  readonly penaltyLastN: number;
  /**
   * The strength of DRY ("don't repeat yourself": text-generation-webui, pull request 5677).
   * 0: off. A token that would make a repetition of n tokens longer loses
   * `dryMultiplier` `dryBase`^(n - `dryAllowedLength`), if n reaches `dryAllowedLength`.
   */
  readonly dryMultiplier: number;
  /** What DRY's penalty is multiplied by for every token of the repetition. */
  readonly dryBase: number;
  /** The shortest repetition that DRY minds to be continued. */
  readonly dryAllowedLength: number;
  /** How many of the last tokens DRY looks at; 0: none, -1: all. */
  readonly dryPenaltyLastN: number;
  /**
   * Mirostat (Basu et al. 2021, arXiv:2007.14966) keeps the surprise of the chosen tokens near
   * `mirostatTau`, instead of all samplers that cut off: after each token its bound mu becomes
   * mu - `mirostatEta` (-log2 p - `mirostatTau`), from 2 `mirostatTau` on. 0: off; 1: keeps the k
   * tokens of that bound, by Zipf's law; 2: keeps the tokens up to that surprise.
   */
  readonly mirostat: number;
  /** The surprise that mirostat aims at, in bits. */
  readonly mirostatTau: number;
  /** How fast mirostat learns. */
  readonly mirostatEta: number;
}

/** What a number must be. */
interface Rule {
  readonly is: (value: number) => boolean;
  readonly want: string;
}

/** A number of some kind; `off` is what does nothing. */
function real(off: string): Rule {
  return { is: Number.isFinite, want: `a number (${off})` };
}

/** A probability. */
function share(off: string): Rule {
  return { is: (value) => value >= 0 && value <= 1, want: `a number from 0 to 1 (${off})` };
}

/** A number of at least, or above, some other. */
function positive(off: string): Rule {
  return { is: (value) => value > 0 && value < Infinity, want: `a number above 0${off}` };
}

function notNegative(off: string): Rule {
  return { is: (value) => value >= 0 && value < Infinity, want: `a number from 0 (${off})` };
}

/** A count, or the -1 that means all in other programs. */
function countOrAll(meaning: string): Rule {
  return {
    is: (value) => value === -1 || isCount(value),
    want: `a whole number from 0 ${meaning}`,
  };
}

/** Every number: llama.cpp's default, and what it may be. */
const NUMBERS: { readonly [K in keyof ChainOptions]: readonly [standard: number, rule: Rule] } = {
  temperature: [0.8, real("0 or less: always the likeliest token")],
  dynatempRange: [0, notNegative("0: off")],
  dynatempExponent: [1, positive(" (1: straight)")],
  topK: [40, countOrAll("(0 or -1: off)")],
  topP: [0.95, share("1: off")],
  minP: [0.05, share("0: off")],
  typicalP: [1, share("1: off")],
  topNSigma: [-1, real("0 or less: off")],
  xtcProbability: [0, share("0: off")],
  xtcThreshold: [0.1, share("above 0.5: off")],
  minKeep: [0, { is: isCount, want: "a whole number from 0" }],
  repeatPenalty: [1, positive(" (1: off)")],
  presencePenalty: [0, real("0: off")],
  frequencyPenalty: [0, real("0: off")],
  penaltyLastN: [64, countOrAll("(-1: the whole context)")],
  dryMultiplier: [0, notNegative("0: off")],
  dryBase: [1.75, positive("")],
  dryAllowedLength: [2, { is: isCount, want: "a whole number from 0" }],
  dryPenaltyLastN: [-1, countOrAll("(-1: the whole context)")],
  mirostat: [0, { is: (value) => [0, 1, 2].includes(value), want: "0, 1 or 2 (0: off)" }],
  mirostatTau: [5, notNegative("5 is usual")],
  mirostatEta: [0.1, notNegative("0.1 is usual")],
};

const NAMES = Object.keys(NUMBERS) as (keyof ChainOptions)[];

/** llama.cpp's defaults. */
export const DEFAULT_SAMPLING = Object.fromEntries(
  NAMES.map((name) => [name, NUMBERS[name][0]]),
) as unknown as ChainOptions;

/** The chain's numbers, complete and checked. */
export function checkNumbers(
  options: { readonly [K in keyof ChainOptions]?: number | undefined },
): ChainOptions {
  const checked: Record<string, number> = {};
  for (const name of NAMES) {
    const [standard, { is, want }] = NUMBERS[name];
    const value = options[name] ?? standard;
    if (typeof value !== "number" || !is(value)) throw unusable(name, value, want);
    checked[name] = value;
  }
  return checked as unknown as ChainOptions;
}

/** A whole number from 0. */
export function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** The error for an option. */
export function unusable(name: string, value: unknown, want: string): ArgumentError {
  return new ArgumentError(`Cannot sample with "${name}": ${value} is not ${want}`);
}
