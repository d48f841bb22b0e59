/** The flags of samplers: a row for each option, named as in code. @module */

import { SAMPLERS } from "../sampling/chain.ts";
import type { SamplerOptions } from "../sampling/sampler.ts";
import {
  choice,
  choices,
  flagName,
  type Flags,
  POSITIVE,
  real,
  SHARE,
  texts,
  type Values,
  whole,
  wholes,
} from "./command.ts";

const setting = true;
const share = { range: SHARE, setting };
const positive = { range: POSITIVE, setting };
const notNegative = {
  range: { is: (value: number) => value >= 0, want: "it is a number from 0" },
  setting,
};

/** The names of samplers, written as flags are. */
const NAMES = SAMPLERS.map(({ name }) => flagName(name));

/** The flags of samplers, in the order in which they run. */
export const SAMPLING = {
  seed: whole("S", "The same seed gives the same text (default: a random one)", { setting }),
  temperature: real("T", "Randomness; 0: always the likeliest token (default: 0.8)", { setting }),
  topK: whole("K", "Choose from the K likeliest tokens; 0: off (default: 40)", {
    least: -1,
    setting,
  }),
  topP: real("P", "Choose from the likeliest tokens of total probability P (default: 0.95)", share),
  minP: real("P", "Leave out tokens below P times the likeliest one (default: 0.05)", share),
  typicalP: real("P", "Choose from tokens of typical surprise up to P; 1: off (default: 1)", share),
  topNSigma: real("N", "Leave out logits N deviations below the highest (default: off)", {
    setting,
  }),
  minKeep: whole("N", "Samplers from top-p to XTC leave N tokens at least (default: 0)", {
    setting,
  }),
  xtcProbability: real("P", "How often XTC leaves out the top choices; 0: off (default: 0)", share),
  xtcThreshold: real("P", "From which probability tokens are top choices (default: 0.1)", share),
  dynatempRange: real("R", "Temperature T - R to T + R, as entropy has it (default: 0)", {
    ...notNegative,
  }),
  dynatempExponent: real("E", "How entropy maps to the temperature (default: 1)", positive),
  repeatPenalty: real(
    "R",
    "Make tokens that were there less likely; 1: off (default: 1)",
    positive,
  ),
  presencePenalty: real("P", "The same, by a fixed amount (default: 0)", { setting }),
  frequencyPenalty: real("P", "The same, each time they were there (default: 0)", { setting }),
  penaltyLastN: whole("N", "How many tokens back these three look; -1: all (default: 64)", {
    least: -1,
    setting,
  }),
  dryMultiplier: real("M", "Strength of DRY against repetitions; 0: off (default: 0)", notNegative),
  dryBase: real("B", "How fast it grows with their length (default: 1.75)", positive),
  dryAllowedLength: whole("N", "From which length they count (default: 2)", { setting }),
  dryPenaltyLastN: whole("N", "How many tokens back DRY looks; -1: all (default: -1)", {
    least: -1,
    setting,
  }),
  drySequenceBreaker: texts(
    "TEXT",
    'No repetition goes across this text; "none": none (default: newline, colon, quote, asterisk)',
    { setting },
  ),
  mirostat: choice(["0", "1", "2"], "Mirostat, version 1 or 2, instead of cutting off; 0: off", {
    setting,
  }),
  mirostatTau: real("T", "The surprise it aims at, in bits (default: 5)", notNegative),
  mirostatEta: real("E", "How fast it learns (default: 0.1)", notNegative),
  order: choices(NAMES, `The samplers that run, in this order: ${NAMES.join(", ")}`, { setting }),
  bannedTokens: wholes("IDS", "Tokens that are never chosen, by number, between commas", {
    setting,
  }),
} as const satisfies Flags;

/** The options of a sampler, from its flags. */
export function samplerOptions(flags: Values<typeof SAMPLING>): SamplerOptions {
  const keys = Object.keys(SAMPLING) as (keyof typeof SAMPLING)[];
  const { drySequenceBreaker, mirostat, order, ...options } = Object.fromEntries(
    keys.map((key) => [key, flags[key]]),
  ) as Values<typeof SAMPLING>;
  const breakers = drySequenceBreaker.filter((text) => text !== "none");
  return {
    ...options,
    order: order?.map((name) => SAMPLERS[NAMES.indexOf(name)]!.name),
    mirostat: mirostat === undefined ? undefined : Number(mirostat),
    drySequenceBreakers: drySequenceBreaker.length === 0 ? undefined : breakers,
  };
}
