/** How far a model's predictions are from those in a file: what quantising costs. @module */

import { formatError } from "../bytes.ts";
import { ArgumentError, ModelError } from "../errors.ts";
import type { Model } from "../session/model.ts";
import type { Prompt } from "../session/session.ts";
import { decodeRow, rowWords } from "./log_probs.ts";
import { firstScored, LogitFile, rowsOf } from "./logit_file.ts";
import type { Perplexity, PerplexityOptions } from "./perplexity.ts";
import { scoreChunks, type Scored } from "./scoring.ts";
import {
  type Estimate,
  estimate,
  exponential,
  meanCovariance,
  percentile,
  rootMeanSquare,
  share,
} from "./statistics.ts";
import { beginOf, joined, Surprise, tokensOf } from "./surprise.ts";

export type { Estimate };

/** Some values: their mean, and how they are spread. */
export interface Spread {
  /** The mean. */
  readonly mean: number;
  /** Its standard error. */
  readonly error: number;
  /** By share: "50" is the median, "99" is above 99 % of them, "0" and "100" are the extremes. */
  readonly percentiles: Readonly<Record<string, number>>;
}

/** A model beside the one that a file was made with; the statistics of llama-perplexity. */
export interface Divergence extends Perplexity {
  /** The same tokens, predicted by the other model. */
  readonly base: Pick<Perplexity, "nll" | "nllError" | "perplexity" | "perplexityError">;
  /** The logarithm of how much larger the perplexity is: the difference of the means. */
  readonly lnRatio: Estimate;
  /** How much larger the perplexity is. */
  readonly ratio: Estimate;
  /** The perplexity less the other model's. */
  readonly difference: Estimate;
  /** How well the surprises of the two models go together: 1 is perfectly. */
  readonly correlation: number;
  /** Kullback-Leibler divergence from the other model's prediction of each token, in nats. */
  readonly kld: Spread;
  /** Probability of the token that came next, less what the other model gave it. */
  readonly deltaP: Spread;
  /** The root of the mean square of that. */
  readonly rmsDeltaP: Estimate;
  /** How often both models hold the same token for the likeliest. */
  readonly sameTop: Estimate;
}

/** How a model is compared; the size of chunks is the file's. */
export interface DivergenceOptions extends Omit<PerplexityOptions, "context"> {
  /** The text that the file was made of, if that is to be checked. */
  readonly text?: Prompt | undefined;
}

/**
 * Compares a model's predictions with those in a file, which `saveLogits` wrote, or
 * llama-perplexity with --save-all-logits.
 * @param model the model
 * @param path the file
 * @param options a signal
 * @throws {FormatError} the file is none of these, or is cut off
 * @throws {ModelError} it is about another vocabulary
 * @example
 * ```ts
 * import { Model } from "../session/model.ts";
 * import { saveLogits } from "./perplexity.ts";
 *
 * using model = await Model.load("models/story.gguf", { context: 16 });
 * const path = await Deno.makeTempFile();
 * const text = "Once upon a time there was a little dog. The dog was very happy that day.";
 * await saveLogits(model, text, path, { context: 16 });
 * const { kld, sameTop } = await divergence(model, path);
 * console.assert(kld.mean < 1e-6 && sameTop.value === 1);
 * await Deno.remove(path);
 * ```
 */
export async function divergence(
  model: Model,
  path: string,
  { chunks: most = Infinity, text, signal, onProgress }: DivergenceOptions = {},
): Promise<Divergence> {
  using file = await LogitFile.open(path);
  const { context, vocabularySize } = file.header, own = model.config.vocabularySize;
  if (vocabularySize !== own) {
    const state = `its vocabulary has ${vocabularySize} tokens, that of the model ${own}`;
    throw new ModelError(`Cannot compare with ${JSON.stringify(path)}: ${state}`);
  }
  if (text !== undefined) checkText(file, await tokensOf(model, text));
  const chunks = file.header.chunks.slice(0, most), rows = rowsOf(context);
  const surprise = new Surprise(chunks.map(() => rows), { onProgress });
  const comparison = new Comparison(file, chunks.length);
  const take = (rows: Scored) => comparison.take(rows, surprise);
  const from = firstScored(context);
  await scoreChunks(model, chunks, { from, begin: beginOf(model), signal, take });
  return comparison.result(surprise, context);
}

/** Refuses a text that is not the one of the file. */
function checkText({ path, header }: LogitFile, tokens: readonly number[]): void {
  const { context, chunks } = header;
  const other = chunks.findIndex((chunk, index) =>
    chunk.some((id, at) => id !== tokens[index * context + at])
  );
  if (other < 0) return;
  const at = chunks[other]!.findIndex((id, at) => id !== tokens[other * context + at]);
  const found = tokens[other * context + at] ?? "missing", position = other * context + at;
  const state = `token ${position} is ${chunks[other]![at]}, that of the text is ${found}`;
  throw new ArgumentError(`Cannot compare with ${JSON.stringify(path)}: ${state}`);
}

/** Below this the other model's share of the divergence is left out, as llama-perplexity does. */
const LEAST_LOG_PROB = -16;

/** What is measured token by token. */
class Comparison {
  readonly #file: LogitFile;
  readonly #lists: Readonly<Record<"base" | "kld" | "deltaP", readonly Float64Array[]>>;
  #sameTop = 0;

  constructor(file: LogitFile, chunks: number) {
    const rows = rowsOf(file.header.context);
    const lists = () => Array.from({ length: chunks }, () => new Float64Array(rows));
    this.#file = file;
    this.#lists = { base: lists(), kld: lists(), deltaP: lists() };
  }

  /** Compares some rows. */
  async take(rows: Scored, surprise: Surprise): Promise<void> {
    const width = rowWords(this.#file.header.vocabularySize), { chunk, first, count } = rows;
    const words = await this.#file.rows(chunk, first, count);
    await rows.each((index, logits, next) => {
      const nll = surprise.add(rows, index, logits, next);
      const row = words.subarray(index * width, (index + 1) * width);
      this.#compare(chunk, first + index, logits, next, nll, row);
    });
  }

  #compare(
    chunk: number,
    row: number,
    logits: Float32Array,
    next: number,
    nll: number,
    words: Uint16Array,
  ): void {
    const { path, header } = this.#file;
    const { step, least, codes } = decodeRow(words, header.vocabularySize);
    if (!(step >= 0 && step < Infinity && least > -Infinity && least <= 0)) {
      const state = `row ${row} of chunk ${chunk} has a step of ${step} from ${least}`;
      throw formatError(path, state);
    }
    const total = nll + logits[next]!; // ln of the sum of exp
    let kld = 0, top = 0, baseTop = 0;
    for (let i = 0; i < codes.length; i++) {
      const logBase = codes[i]! * step + least;
      if (logits[i]! > logits[top]!) top = i;
      if (codes[i]! > codes[baseTop]!) baseTop = i;
      if (logBase > LEAST_LOG_PROB) kld += Math.exp(logBase) * (logBase - logits[i]! + total);
    }
    const base = -(codes[next]! * step + least);
    this.#lists.base[chunk]![row] = base;
    this.#lists.kld[chunk]![row] = kld;
    this.#lists.deltaP[chunk]![row] = Math.exp(-nll) - Math.exp(-base);
    if (top === baseTop) this.#sameTop++;
  }

  /** What it comes to. */
  result(surprise: Surprise, context: number): Divergence {
    const nll = surprise.all, base = joined(this.#lists.base), deltaP = joined(this.#lists.deltaP);
    const own = surprise.result(context), other = estimate(base), theirs = exponential(other);
    const covariance = meanCovariance(nll, base);
    const error = (a: number, b: number, both: number) =>
      Math.sqrt(Math.max(0, a * a + b * b - 2 * both));
    const lnRatio = {
      value: own.nll - other.value,
      error: error(own.nllError, other.error, covariance),
    };
    const scaled = own.perplexity * theirs.value * covariance;
    return {
      ...own,
      base: {
        ...{ nll: other.value, nllError: other.error },
        ...{ perplexity: theirs.value, perplexityError: theirs.error },
      },
      lnRatio,
      ratio: exponential(lnRatio),
      difference: {
        value: own.perplexity - theirs.value,
        error: error(own.perplexityError, theirs.error, scaled),
      },
      correlation: covariance / (own.nllError * other.error),
      kld: spread(joined(this.#lists.kld)),
      deltaP: spread(deltaP),
      rmsDeltaP: rootMeanSquare(deltaP),
      sameTop: share(this.#sameTop, nll.length),
    };
  }
}

const PERCENTILES = [0, 0.1, 1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9, 100];

/** Mean and percentiles. */
function spread(values: Float64Array): Spread {
  const sorted = values.toSorted(), { value: mean, error } = estimate(values);
  const percentiles = PERCENTILES.map((at) => [String(at), percentile(sorted, at / 100)]);
  return { mean, error, percentiles: Object.fromEntries(percentiles) };
}
