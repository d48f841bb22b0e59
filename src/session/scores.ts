/** What a piece says of its token's probability: from token ids to texts. @module */

import type { Choice } from "../sampling/sampler.ts";
import type { TokenizerLike } from "./engine.ts";

/** A token that might have been chosen. */
export interface TokenScore {
  /** Its id. */
  readonly token: number;
  /** Its text alone; its spelling where it stands for none, as control tokens do. */
  readonly text: string;
  /** Natural logarithm of its probability. */
  readonly logprob: number;
}

/** Log-probabilities of a token that was chosen; with `logprobs` only. */
export interface TokenScores {
  /** Natural logarithm of the token's probability by the model alone, before any sampler. */
  readonly logprob?: number;
  /** The likeliest tokens by the model alone; with a number of them only. */
  readonly topLogprobs?: readonly TokenScore[];
  /** The same as `logprob` in what bias, grammar and samplers have left to choose from. */
  readonly logprobAfter?: number;
  /** The likeliest of what is left to choose from; there may be fewer of them. */
  readonly topLogprobsAfter?: readonly TokenScore[];
}

/** The scores of a choice; the likeliest tokens only where they were asked for. */
export function tokenScores(
  { before, after }: Choice,
  tokenizer: TokenizerLike,
  withTop: boolean,
): TokenScores {
  if (before === undefined || after === undefined) return {};
  const { logprob } = before, { logprob: logprobAfter } = after;
  if (!withTop) return { logprob, logprobAfter };
  const [topLogprobs, topLogprobsAfter] = [before, after].map(({ top }) =>
    top.map(({ token, logprob }) => ({ token, text: textOf(token, tokenizer), logprob }))
  );
  return { logprob, topLogprobs: topLogprobs!, logprobAfter, topLogprobsAfter: topLogprobsAfter! };
}

function textOf(token: number, tokenizer: TokenizerLike): string {
  const stream = tokenizer.stream();
  return stream.push(token) + stream.flush() || tokenizer.piece(token);
}
