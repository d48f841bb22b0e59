/** How well a model predicts a text: the mean surprise of its tokens. @module */

import type { Model } from "../session/model.ts";
import type { Progress } from "./terminal.ts";

/** How well a text was predicted. */
export interface Prediction {
  /** Predicted tokens. */
  readonly tokens: number;
  /** The mean negative log-likelihood, in nats. */
  readonly nll: number;
  /** e to the power of that. */
  readonly perplexity: number;
}

/** Chunks of at most `length` tokens; none has fewer than two. */
export function cut(ids: readonly number[], length: number): number[][] {
  const chunks: number[][] = [];
  for (let at = 0; at + 1 < ids.length; at += length) chunks.push(ids.slice(at, at + length));
  return chunks;
}

/** The mean negative log-likelihood of all predicted tokens, in nats. */
export async function measure(
  model: Model,
  chunks: readonly (readonly number[])[],
  signal: AbortSignal,
  progress: Progress,
): Promise<Prediction> {
  const vocabulary = model.config.vocabularySize;
  let sum = 0, count = 0;
  for (const [index, chunk] of chunks.entries()) {
    for await (const { first, rows, logits } of model.logitRows(chunk, { signal })) {
      for (let row = 0; row < rows; row++) {
        const next = chunk[first + row + 1];
        if (next === undefined) break; // nothing follows the last token
        sum += surprise(logits.subarray(row * vocabulary, (row + 1) * vocabulary), next);
        count++;
      }
      progress.show(
        `Chunk ${index + 1} of ${chunks.length}, perplexity ${Math.exp(sum / count).toFixed(3)}`,
      );
    }
  }
  const nll = count === 0 ? 0 : sum / count;
  return { tokens: count, nll, perplexity: Math.exp(nll) };
}

/** -ln softmax(logits)[token], in double precision. */
function surprise(logits: Float32Array, token: number): number {
  let most = -Infinity;
  for (const logit of logits) if (logit > most) most = logit;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - most);
  return most + Math.log(sum) - logits[token]!;
}
