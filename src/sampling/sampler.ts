/** Chooses the next token from logits. @module */

import { ArgumentError, CriaError } from "../errors.ts";
import { countAllowed, restrict } from "./allowed.ts";
import { best, bestPlace, type Candidates, tokenAt, weigh } from "./candidates.ts";
import { type ChainOptions, type SamplerName, type SamplerRow, SAMPLERS } from "./chain.ts";
import { Random } from "./random.ts";

/** Options of a sampler; what is left out has the value of `DEFAULT_SAMPLING`. */
export interface SamplerOptions
  extends Partial<{ readonly [K in keyof ChainOptions]: ChainOptions[K] | undefined }> {
  /** A whole number from 0: the same seed chooses the same tokens. Random, if left out. */
  readonly seed?: number | undefined;
  /** Added to the logits of tokens, by id, before everything else; -Infinity forbids one. */
  readonly logitBias?: Readonly<Record<number, number>> | ReadonlyMap<number, number> | undefined;
  /** The samplers that run, and their order; llama.cpp's, if left out. */
  readonly order?: readonly SamplerName[] | undefined;
}

/** What is left after the chain, the likeliest first. */
export interface Distribution {
  /** Token ids. */
  readonly tokens: Uint32Array; // [count]
  /** Their probabilities; they add up to 1. */
  readonly probabilities: Float32Array; // [count]
}

/** llama.cpp's defaults. */
export const DEFAULT_SAMPLING: ChainOptions = {
  temperature: 0.8,
  topK: 40,
  topP: 0.95,
  minP: 0.05,
  typicalP: 1,
  repeatPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  penaltyLastN: 64,
};

/** What each number must be. */
const RULES: Record<keyof ChainOptions, { is: (value: number) => boolean; want: string }> = {
  temperature: { is: Number.isFinite, want: "a number (0 or less: always the likeliest token)" },
  topK: { is: isCountOrMinusOne, want: "a whole number from 0 (0 or -1: off)" },
  topP: { is: isShare, want: "a number from 0 to 1 (1: off)" },
  minP: { is: isShare, want: "a number from 0 to 1 (0: off)" },
  typicalP: { is: isShare, want: "a number from 0 to 1 (1: off)" },
  repeatPenalty: {
    is: (value) => Number.isFinite(value) && value > 0,
    want: "a number above 0 (1: off)",
  },
  presencePenalty: { is: Number.isFinite, want: "a number (0: off)" },
  frequencyPenalty: { is: Number.isFinite, want: "a number (0: off)" },
  penaltyLastN: {
    is: isCountOrMinusOne,
    want: "a whole number from 0 (-1: the whole context)",
  },
};

/**
 * A chain of samplers and a random number generator.
 *
 * With the default chain, a token of a vocabulary of 49,152 takes well under 0.1 ms.
 * @example
 * ```ts
 * const sampler = new Sampler({ temperature: 0 });
 * sampler.sample(Float32Array.of(0.1, 2.5, -1), []); // 1
 * ```
 */
export class Sampler {
  /** The seed in use, also where none was given. */
  readonly seed: number;
  readonly #options: ChainOptions;
  readonly #steps: readonly SamplerRow[];
  readonly #bias: readonly (readonly [token: number, bias: number])[];
  readonly #random: Random;
  #copy = new Float32Array(0); // of logits, where they are changed

  /**
   * Checks the options and plans the chain.
   * @param options what to do; see `DEFAULT_SAMPLING`
   * @throws ArgumentError naming the option that cannot be used
   */
  constructor(options: SamplerOptions = {}) {
    this.#options = checkNumbers(options);
    this.#steps = planSteps(this.#options, options.order);
    this.#bias = checkBias(options.logitBias);
    this.seed = options.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]!;
    if (!isCount(this.seed)) throw unusable("seed", this.seed, "a whole number from 0 to 2^53 - 1");
    this.#random = new Random(this.seed);
  }

  /**
   * Chooses a token.
   * @param logits one per token of the vocabulary, [vocabularySize]; not changed. NaN counts as
   * -Infinity
   * @param previousTokens what stands before, for penalties
   * @param allowed a bit set over the vocabulary, which comes before everything else: token t may
   * be chosen if bit `t & 31` of word `t >> 5` is set; all, if left out
   * @throws CriaError when no token can be chosen
   * @example
   * ```ts
   * const sampler = new Sampler({ temperature: 0 });
   * const logits = Float32Array.of(0.1, 2.5, -1);
   * sampler.sample(logits, [], Uint32Array.of(0b101)); // 0: token 1 is not allowed
   * ```
   */
  sample(
    logits: Float32Array,
    previousTokens?: ArrayLike<number>,
    allowed?: Uint32Array,
  ): number {
    const left = this.#run(logits, previousTokens ?? [], allowed);
    const top = bestPlace(left);
    if (left.logits.length === 1) return tokenAt(left, top);
    const { weights, sum } = weigh(left, left.logits[top]!);
    let rest = this.#random.next() * sum;
    for (let place = 0; place < weights.length; place++) {
      rest -= weights[place]!;
      if (rest < 0) return tokenAt(left, place);
    }
    return tokenAt(left, top); // rounding has eaten the last weight
  }

  /**
   * What the chain leaves to choose from.
   * @param logits one per token of the vocabulary, [vocabularySize]; not changed
   * @param previousTokens what stands before, for penalties
   * @param allowed a bit set over the vocabulary, as `sample` takes it
   * @throws CriaError when no token can be chosen
   */
  distribution(
    logits: Float32Array,
    previousTokens?: ArrayLike<number>,
    allowed?: Uint32Array,
  ): Distribution {
    const left = this.#run(logits, previousTokens ?? [], allowed);
    const sorted = best(left, left.logits.length);
    const { weights, sum } = weigh(sorted, sorted.logits[0]!);
    return {
      tokens: Uint32Array.from(weights, (_, place) => tokenAt(sorted, place)),
      probabilities: Float32Array.from(weights, (weight) => weight / sum),
    };
  }

  /** Sends the vocabulary, or what is allowed of it, through the chain. */
  #run(
    logits: Float32Array,
    previousTokens: ArrayLike<number>,
    allowed: Uint32Array | undefined,
  ): Candidates {
    const count = allowed === undefined ? logits.length : countAllowed(allowed, logits.length);
    if (count === 0 && allowed !== undefined) {
      throw new CriaError(`Cannot choose a token: none of ${logits.length} is allowed`);
    }
    const start: Candidates = allowed === undefined
      ? { tokens: undefined, logits, sorted: false }
      : restrict(logits, allowed, count, () => this.#scratch(logits.length));
    let left = this.#biased(start, logits);
    for (const step of this.#steps) left = step.apply(left, this.#options, previousTokens);
    if (bestPlace(left) >= 0) return left;
    throw new CriaError(`Cannot choose a token: none of ${count} logits is above -Infinity`);
  }

  /** A place for as many logits, used again for every token. */
  #scratch(length: number): Float32Array {
    return this.#copy.length === length ? this.#copy : this.#copy = new Float32Array(length);
  }

  /** Candidates with the bias added; the same where there is none. */
  #biased(candidates: Candidates, vocabulary: Float32Array): Candidates {
    if (this.#bias.length === 0) return candidates;
    const { tokens, sorted } = candidates;
    const logits = candidates.logits === vocabulary
      ? this.#scratch(vocabulary.length)
      : candidates.logits;
    if (logits !== candidates.logits) logits.set(candidates.logits);
    for (const [token, bias] of this.#bias) {
      if (token >= vocabulary.length) {
        throw unusable("logitBias", token, `a token below ${vocabulary.length}`);
      }
      const place = tokens === undefined ? token : tokens.indexOf(token);
      if (place >= 0) logits[place]! += bias;
    }
    return { tokens, logits, sorted };
  }
}

/** The chain's numbers, complete and checked. */
function checkNumbers(options: SamplerOptions): ChainOptions {
  const checked: Record<string, number> = {};
  for (const name of Object.keys(RULES) as (keyof ChainOptions)[]) {
    const value = options[name] ?? DEFAULT_SAMPLING[name];
    if (!RULES[name].is(value)) throw unusable(name, value, RULES[name].want);
    checked[name] = value;
  }
  return checked as unknown as ChainOptions;
}

/** The rows that do anything, in order. */
function planSteps(options: ChainOptions, order?: readonly SamplerName[]): readonly SamplerRow[] {
  const names = SAMPLERS.map((row) => row.name);
  const rows = (order ?? names).map((name) => {
    const row = SAMPLERS.find((row) => row.name === name);
    if (!row) throw unusable("order", name, `one of ${names.join(", ")}`);
    return row;
  });
  if (new Set(rows).size < rows.length) throw unusable("order", order!.join(), "without repeats");
  const active = rows.filter((row) => row.active(options));
  // Only the best token will be left, so whatever keeps it need not run.
  const greedy = options.temperature <= 0 && rows.some((row) => row.name === "temperature");
  return greedy ? active.filter((row) => !row.keepsBest) : active;
}

/** The bias as pairs. */
function checkBias(bias: SamplerOptions["logitBias"]): [number, number][] {
  const pairs: [number, number][] = bias instanceof Map
    ? [...bias]
    : Object.entries(bias ?? {}).map(([token, value]) => [Number(token), value]);
  for (const [token, value] of pairs) {
    if (!isCount(token)) throw unusable("logitBias", token, "a token id");
    if (!(value < Infinity)) throw unusable("logitBias", value, "a number below Infinity");
  }
  return pairs;
}

/** A whole number from 0. */
function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** A whole number from 0, or the -1 that means all in other programs. */
function isCountOrMinusOne(value: number): boolean {
  return value === -1 || isCount(value);
}

/** A number from 0 to 1. */
function isShare(value: number): boolean {
  return value >= 0 && value <= 1;
}

/** The error for an option. */
function unusable(name: string, value: unknown, want: string): ArgumentError {
  return new ArgumentError(`Cannot sample with "${name}": ${value} is not ${want}`);
}
