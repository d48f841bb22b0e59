/** How well a model predicts a text: the mean surprise of its tokens. @module */

import { ArgumentError } from "../errors.ts";
import type { Model } from "../session/model.ts";
import type { Prompt } from "../session/session.ts";
import { encodeRow, rowWords } from "./log_probs.ts";
import { checkContext, firstScored, rowsOf, writeLogitFile } from "./logit_file.ts";
import { cut, scoreChunks, type Scored } from "./scoring.ts";
import { beginOf, Surprise, tokensOf } from "./surprise.ts";

/** How well a text was predicted. */
export interface Perplexity {
  /** Predicted tokens. */
  readonly tokens: number;
  /** The mean negative log-likelihood, in nats. */
  readonly nll: number;
  /** Its standard error; NaN for fewer than two tokens. */
  readonly nllError: number;
  /** e to the power of the mean. */
  readonly perplexity: number;
  /** The standard error that this amounts to. */
  readonly perplexityError: number;
  /** Chunks of the text. */
  readonly chunks: number;
  /** Tokens of a chunk. */
  readonly context: number;
}

/** How far an evaluation is. */
export interface EvaluationProgress {
  /** Predicted tokens so far. */
  readonly tokens: number;
  /** Those that there will be. */
  readonly totalTokens: number;
  /** The perplexity of those so far. */
  readonly perplexity: number;
}

/** How a text is evaluated. */
export interface PerplexityOptions {
  /** Tokens of a chunk; 512, if left out. */
  readonly context?: number | undefined;
  /** Only so many chunks, the first ones. */
  readonly chunks?: number | undefined;
  /** Stops the work, within milliseconds; the promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Hears how far it is. */
  readonly onProgress?: ((progress: EvaluationProgress) => void) | undefined;
}

const DEFAULT_CONTEXT = 512;

/**
 * Measures how well a model predicts a text. It is tokenized without the tokens that a model wants
 * around a text, and cut into chunks, each evaluated alone; every token but the first of a chunk
 * counts.
 * @param model the model
 * @param text a text, or token ids
 * @param options size of chunks, a signal
 * @throws {ArgumentError} the text has fewer than two tokens
 * @example
 * ```ts
 * import { Model } from "../session/model.ts";
 *
 * using model = await Model.load("models/story.gguf", { context: 64 });
 * const text = "Once upon a time there was a little dog. The dog was happy.";
 * const result = await perplexity(model, text, { context: 64 });
 * console.assert(result.perplexity > 1 && result.perplexity < 100);
 * ```
 */
export async function perplexity(
  model: Model,
  text: Prompt,
  { context = DEFAULT_CONTEXT, chunks: most = Infinity, ...options }: PerplexityOptions = {},
): Promise<Perplexity> {
  const chunks = cut(await tokensOf(model, text), context).slice(0, most);
  const surprise = new Surprise(chunks.map(({ length }) => length - 1), options);
  const take = (rows: Scored) => rows.each((...row) => surprise.add(rows, ...row));
  await scoreChunks(model, chunks, { from: 0, signal: options.signal, take });
  return surprise.result(context);
}

/**
 * Writes the log-probabilities of a text to a file, for models to be compared with by
 * `divergence`, in the form that llama-perplexity has for it. As there, only whole chunks count,
 * each begins with the token before a text where the model has one, and the second half of its
 * tokens is predicted.
 * @param model the model
 * @param text a text, or token ids
 * @param path the file; it gets its name when it is whole, and replaces one that is there
 * @param options size of chunks, a signal
 * @returns how well the tokens were predicted that are in the file
 */
export async function saveLogits(
  model: Model,
  text: Prompt,
  path: string,
  { context = DEFAULT_CONTEXT, chunks: most = Infinity, ...options }: PerplexityOptions = {},
): Promise<Perplexity> {
  checkContext(context);
  const all = cut(await tokensOf(model, text), context).filter(({ length }) => length === context);
  const chunks = all.slice(0, most), { vocabularySize } = model.config;
  if (chunks.length === 0) {
    throw new ArgumentError(`Cannot save logits: the text has no whole chunk of ${context} tokens`);
  }
  const surprise = new Surprise(chunks.map(() => rowsOf(context)), options);
  const words = rowWords(vocabularySize);
  await writeLogitFile(path, { context, vocabularySize, chunks }, async (put) => {
    const take = async (rows: Scored) => {
      const encoded: Uint16Array[] = [];
      await rows.each((index, logits, next) => {
        surprise.add(rows, index, logits, next);
        encodeRow(logits, encoded[index] = new Uint16Array(words));
      });
      const joined = new Uint16Array(encoded.length * words);
      encoded.forEach((row, index) => joined.set(row, index * words));
      await put(rows.chunk, rows.first, joined);
    };
    const from = firstScored(context), begin = beginOf(model);
    await scoreChunks(model, chunks, { from, begin, signal: options.signal, take });
  });
  return surprise.result(context);
}
