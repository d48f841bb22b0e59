/** The table of samplers: one function and one row for each. @module */

import type { Candidates } from "./candidates.ts";
import type { ChainContext } from "./context.ts";
import { dry } from "./dry.ts";
import { keepUnsurprising } from "./mirostat.ts";
import type { ChainOptions } from "./options.ts";
import { penalize } from "./penalties.ts";
import { heat } from "./temperature.ts";
import {
  excludeTopChoices,
  keepMinP,
  keepTopK,
  keepTopNSigma,
  keepTopP,
  keepTypical,
} from "./truncation.ts";

/** Names of the samplers, as `order` takes them. */
export type SamplerName =
  | "penalties"
  | "dry"
  | "topNSigma"
  | "topK"
  | "typicalP"
  | "topP"
  | "minP"
  | "xtc"
  | "temperature"
  | "mirostat";

/** A sampler: fewer candidates, or changed logits. It leaves alone the logits of the model. */
export type SamplerStep = (candidates: Candidates, context: ChainContext) => Candidates;

/** One row: a sampler. */
export interface SamplerRow {
  /** Its name in `order`. */
  readonly name: SamplerName;
  /** What it does. */
  readonly apply: SamplerStep;
  /** Whether these options make it do anything. */
  readonly active: (options: ChainOptions) => boolean;
  /** Whether it can neither remove the best token nor make another the best. */
  readonly keepsBest?: boolean;
  /** Whether it leaves tokens out, which is what mirostat does in its own way. */
  readonly truncates?: boolean;
}

/** Every sampler, in llama.cpp's order; mirostat takes the place of all that truncate. */
export const SAMPLERS: readonly SamplerRow[] = [
  {
    name: "penalties",
    apply: penalize,
    active: (o) =>
      o.penaltyLastN !== 0 &&
      (o.repeatPenalty !== 1 || o.presencePenalty !== 0 || o.frequencyPenalty !== 0),
  },
  { name: "dry", apply: dry, active: (o) => o.dryMultiplier > 0 && o.dryPenaltyLastN !== 0 },
  ...truncating([
    { name: "topNSigma", apply: keepTopNSigma, active: (o) => o.topNSigma > 0, keepsBest: true },
    { name: "topK", apply: keepTopK, active: (o) => o.topK > 0, keepsBest: true },
    { name: "typicalP", apply: keepTypical, active: (o) => o.typicalP < 1 },
    { name: "topP", apply: keepTopP, active: (o) => o.topP < 1, keepsBest: true },
    { name: "minP", apply: keepMinP, active: (o) => o.minP > 0, keepsBest: true },
    {
      name: "xtc",
      apply: excludeTopChoices,
      active: (o) => o.xtcProbability > 0 && o.xtcThreshold <= 0.5,
    },
  ]),
  {
    name: "temperature",
    apply: heat,
    active: (o) => o.temperature !== 1 || o.dynatempRange > 0,
  },
  { name: "mirostat", apply: keepUnsurprising, active: (o) => o.mirostat > 0, keepsBest: true },
];

function truncating(rows: readonly SamplerRow[]): SamplerRow[] {
  return rows.map((row) => ({ ...row, truncates: true }));
}
