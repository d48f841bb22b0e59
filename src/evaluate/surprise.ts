/** The tokens of a text to be evaluated, and how much each of them surprised a model. @module */

import { ArgumentError } from "../errors.ts";
import type { Model } from "../session/model.ts";
import type { Prompt } from "../session/session.ts";
import { logSumExp } from "./log_probs.ts";
import type { Perplexity, PerplexityOptions } from "./perplexity.ts";
import type { Scored } from "./scoring.ts";
import { estimate, exponential } from "./statistics.ts";

/** The token that chunks of a file of logits begin with, if it is not their own. */
export function beginOf({ tokenizer: { addBos, bosToken } }: Model): number | undefined {
  return addBos ? bosToken : undefined;
}

/** Tokens of a text to be evaluated: nothing is put around it. */
export async function tokensOf(
  { tokenizer, config }: Model,
  text: Prompt,
): Promise<readonly number[]> {
  const isText = typeof text === "string";
  const tokens = isText ? await tokenizer.encodeAsync(text, { bos: false }) : text;
  const size = config.vocabularySize;
  const bad = tokens.find((id) => !Number.isInteger(id) || id < 0 || id >= size);
  if (bad !== undefined) {
    throw new ArgumentError(`Cannot evaluate token ${bad}: the vocabulary has ${size}`);
  }
  if (tokens.length >= 2) return tokens;
  throw new ArgumentError("Cannot evaluate the text: it has fewer than two tokens");
}

/** Surprises of tokens by chunk, in the order of the text whatever order they come in. */
export class Surprise {
  readonly #nll: readonly Float64Array[]; // by chunk, [rows]
  readonly #options: Pick<PerplexityOptions, "onProgress">;
  #sum = 0; // in the order in which they came: for progress only
  #count = 0;
  readonly #total: number;

  /** @param rows of each chunk */
  constructor(rows: readonly number[], options: Pick<PerplexityOptions, "onProgress">) {
    this.#nll = rows.map((count) => new Float64Array(count));
    this.#total = rows.reduce((a, b) => a + b, 0);
    this.#options = options;
  }

  /** Adds one row. @returns -ln of the probability of the token that came next */
  add({ chunk, first }: Scored, index: number, logits: Float32Array, next: number): number {
    const nll = logSumExp(logits) - logits[next]!;
    this.#nll[chunk]![first + index] = nll;
    this.#sum += nll;
    const tokens = ++this.#count, perplexity = Math.exp(this.#sum / tokens);
    this.#options.onProgress?.({ tokens, totalTokens: this.#total, perplexity });
    return nll;
  }

  /** All of them. */
  get all(): Float64Array {
    return joined(this.#nll);
  }

  /** What they come to. */
  result(context: number): Perplexity {
    const all = this.all, { value: nll, error: nllError } = estimate(all);
    const { value: perplexity, error: perplexityError } = exponential({
      value: nll,
      error: nllError,
    });
    const chunks = this.#nll.length;
    return { tokens: all.length, nll, nllError, perplexity, perplexityError, chunks, context };
  }
}

/** Lists one after the other. */
export function joined(lists: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(lists.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const list of lists) {
    all.set(list, at);
    at += list.length;
  }
  return all;
}
