/** Chooses the next token from logits. @module */

import { CriaError } from "../errors.ts";
import { countAllowed } from "./allowed.ts";
import {
  best,
  bestPlace,
  type Candidates,
  draw,
  massOf,
  tokenAt,
  weigh,
  weightOf,
} from "./candidates.ts";
import type { SamplerName, SamplerStep } from "./chain.ts";
import { type ChainContext, Scratch } from "./context.ts";
import type { CustomSampler } from "./custom.ts";
import { Breakers, type SequencesOf } from "./dry.ts";
import { countNonFinite } from "./finite.ts";
import { firstMu, nextMu } from "./mirostat.ts";
import { type ChainOptions, checkNumbers, isCount, unusable } from "./options.ts";
import { planChain } from "./plan.ts";
import { Random } from "./random.ts";
import { type Scores, scoresOf } from "./scores.ts";
import { type Bias, biasOf, forcedOf, only, startOf } from "./start.ts";

export type { ChainOptions, CustomSampler, SamplerName, Scores, SequencesOf };
export type { SamplerContext } from "./context.ts";
export type { TokenLogits } from "./custom.ts";
export type { Score } from "./scores.ts";

/** Options of a sampler; what is left out has llama.cpp's default. */
export interface SamplerOptions
  extends Partial<{ readonly [K in keyof ChainOptions]: ChainOptions[K] | undefined }> {
  /** A whole number from 0: the same seed chooses the same tokens. Random, if left out. */
  readonly seed?: number | undefined;
  /** Added to the logits of tokens, by id, before everything else; -Infinity forbids one. */
  readonly logitBias?: Readonly<Record<number, number>> | ReadonlyMap<number, number> | undefined;
  /** Tokens that are never chosen. */
  readonly bannedTokens?: readonly number[] | undefined;
  /** The first tokens are these, whatever the logits say. */
  readonly forcedTokens?: readonly number[] | undefined;
  /**
   * What DRY follows no repetition across: texts (in a session, which has a tokenizer), or
   * sequences of token ids. Line ends, colons, double quotes and asterisks, if left out.
   */
  readonly drySequenceBreakers?: readonly (string | readonly number[])[] | undefined;
  /**
   * The samplers that run, and their order: names, and functions of your own (`CustomSampler`).
   * llama.cpp's order, if left out: penalties, dry, topNSigma, topK, typicalP, topP, minP, xtc,
   * temperature, mirostat.
   */
  readonly order?: readonly (SamplerName | CustomSampler)[] | undefined;
}

/** What is left after the chain, the likeliest first. */
export interface Distribution {
  /** Token ids. */
  readonly tokens: Uint32Array; // [count]
  /** Their probabilities; they add up to 1. */
  readonly probabilities: Float32Array; // [count]
}

/** What a token is chosen by, beside the logits. */
export interface ChooseOptions {
  /** What stands before, the prompt's tokens included. */
  readonly previousTokens?: ArrayLike<number> | undefined;
  /**
   * A bit set over the vocabulary, which comes before everything else: token t may be chosen if bit
   * `t & 31` of word `t >> 5` is set; all, if left out.
   */
  readonly allowed?: Uint32Array | undefined;
  /** Asks for log-probabilities: of the token, and of this many of the likeliest. */
  readonly logprobs?: number | undefined;
}

/** A chosen token, and what is known of it. */
export interface Choice {
  /** The token. */
  readonly token: number;
  /** How many of the logits are NaN or infinite. */
  readonly nonFinite: number;
  /** By the model's logits alone; with `logprobs`. */
  readonly before?: Scores;
  /** By what the chain has left, with bias and `allowed`; with `logprobs`. */
  readonly after?: Scores;
}

/**
 * A chain of samplers and a random number generator, for one text: mirostat learns from each token,
 * and `forcedTokens` are used up.
 *
 * With the default chain, a token of a vocabulary of 49,152 takes well under 0.1 ms, of 151,936
 * about 0.2 ms. Without `topK`, samplers that ask for all probabilities take several times that.
 * @example
 * ```ts
 * const sampler = new Sampler({ temperature: 0 });
 * sampler.sample(Float32Array.of(0.1, 2.5, -1), []); // 1
 * ```
 * @example Samplers of your own stand between those of the table
 * ```ts
 * const even: CustomSampler = ({ tokens, logits }) => {
 *   return { tokens, logits: logits.map((logit, i) => tokens[i]! % 2 ? -Infinity : logit) };
 * };
 * const sampler = new Sampler({ temperature: 0, order: ["topK", even, "temperature"] });
 * console.assert(sampler.sample(Float32Array.of(1, 5, 2, 4)) === 2);
 * ```
 */
export class Sampler {
  /** The seed in use, also where none was given. */
  readonly seed: number;
  readonly #options: ChainOptions;
  readonly #steps: readonly SamplerStep[];
  readonly #bias: Bias;
  readonly #forced: readonly number[];
  readonly #breakers: Breakers;
  readonly #random: Random;
  readonly #scratch = new Scratch();
  #mu: number;
  #count = 0;

  /**
   * Checks the options and plans the chain.
   * @param options what to do; see `ChainOptions`
   * @param sequencesOf knows how texts of `drySequenceBreakers` are spelt; without it they have to
   * be token sequences, and there are none if left out
   * @throws ArgumentError naming the option that cannot be used
   */
  constructor(options?: SamplerOptions, sequencesOf?: SequencesOf) {
    options ??= {};
    this.#options = checkNumbers(options);
    this.#steps = planChain(this.#options, options.order);
    this.#bias = biasOf(options);
    this.#forced = forcedOf(options.forcedTokens, this.#bias);
    const given = this.#options.dryMultiplier > 0 ? options.drySequenceBreakers : [];
    this.#breakers = new Breakers(given, sequencesOf);
    this.#mu = firstMu(this.#options);
    this.seed = options.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]!;
    if (!isCount(this.seed)) throw unusable("seed", this.seed, "a whole number from 0 to 2^53 - 1");
    this.#random = new Random(this.seed);
  }

  /** The surprise in bits that mirostat allows the next token. */
  get mu(): number {
    return this.#mu;
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
    return this.#advance(logits, { previousTokens, allowed }).token;
  }

  /**
   * Chooses a token, and says what is known of it. It looks for logits that are not finite.
   * @param logits as `sample` takes them
   * @param options what stands before, what is allowed, and whether log-probabilities are wanted
   * @throws CriaError when no token can be chosen
   * @example
   * ```ts
   * const sampler = new Sampler({ temperature: 0 });
   * const { token, after } = sampler.choose(Float32Array.of(0, NaN, 3), { logprobs: 1 });
   * console.assert(token === 2 && after!.logprob === 0);
   * ```
   */
  choose(logits: Float32Array, options: ChooseOptions = {}): Choice {
    const { token, left } = this.#advance(logits, options);
    return choiceOf(token, logits, left, options);
  }

  /**
   * Takes note of a token that was chosen by other means, as the only one that a grammar allows.
   * @param token the token
   * @param logits those that there were
   * @param options whether log-probabilities are wanted
   * @throws CriaError when `forcedTokens` want another one
   */
  accept(token: number, logits: Float32Array, options: ChooseOptions = {}): Choice {
    const forced = this.#forced[this.#count++];
    if (forced !== undefined && forced !== token) {
      throw new CriaError(`Cannot force token ${forced}: only ${token} is allowed here`);
    }
    const left = { tokens: Uint32Array.of(token), logits: Float32Array.of(0), sorted: true };
    return choiceOf(token, logits, left, options);
  }

  /**
   * What the chain leaves to choose from; where it throws dice (XTC), as the next `sample` will.
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
    const left = this.#run(logits, { previousTokens, allowed }, this.#random.clone());
    const sorted = best(left, left.logits.length);
    const weights = weigh(sorted, sorted.logits[0]!);
    const sum = weights.reduce((a, b) => a + b, 0);
    return {
      tokens: Uint32Array.from(weights, (_, place) => tokenAt(sorted, place)),
      probabilities: Float32Array.from(weights, (weight) => weight / sum),
    };
  }

  /** Chooses a token, and learns from it. */
  #advance(
    logits: Float32Array,
    options: ChooseOptions,
  ): { readonly token: number; readonly left: Candidates } {
    const left = this.#run(logits, options, this.#random);
    const top = bestPlace(left);
    const place = left.logits.length === 1 ? top : draw(left, top, this.#random.next());
    if (this.#options.mirostat > 0 && this.#count >= this.#forced.length) {
      const highest = left.logits[top]!;
      const p = weightOf(left.logits[place]!, highest) / massOf(left.logits, highest);
      this.#mu = nextMu(this.#mu, p, this.#options);
    }
    this.#count++;
    return { token: tokenAt(left, place), left };
  }

  /** Sends the vocabulary, or what is allowed of it, through the chain. */
  #run(logits: Float32Array, options: ChooseOptions, random: Random): Candidates {
    const { previousTokens = [], allowed } = options;
    const context: ChainContext = {
      ...{ options: this.#options, previousTokens, logits, scratch: this.#scratch },
      ...{ breakers: this.#breakers, mu: this.#mu, random: () => random.next() },
    };
    const forced = this.#forced[this.#count];
    if (forced !== undefined) return only(forced, context, allowed);
    let left = startOf(context, allowed, this.#bias);
    for (const apply of this.#steps) left = apply(left, context);
    if (bestPlace(left) >= 0) return left;
    throw nothingLeft(logits, allowed);
  }
}

/** A token, and what is asked of it. */
function choiceOf(
  token: number,
  logits: Float32Array,
  left: Candidates,
  { logprobs: count }: ChooseOptions,
): Choice {
  const nonFinite = countNonFinite(logits);
  if (count === undefined) return { token, nonFinite };
  const all: Candidates = { tokens: undefined, logits, sorted: false };
  const [before, after] = [all, left].map((from) => scoresOf(from, token, count));
  return { token, nonFinite, before: before!, after: after! };
}

/** The error where every logit is -Infinity or NaN. */
function nothingLeft(logits: Float32Array, allowed: Uint32Array | undefined): CriaError {
  const count = allowed === undefined ? logits.length : countAllowed(allowed, logits.length);
  const broken = logits.reduce((sum, logit) => sum + Number(Number.isNaN(logit)), 0);
  const rest = broken > 0 ? `; the model gave NaN for ${broken} of ${logits.length}` : "";
  return new CriaError(`Cannot choose a token: none of ${count} logits is above -Infinity${rest}`);
}
