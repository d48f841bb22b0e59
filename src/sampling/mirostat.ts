/** Mirostat (Basu et al. 2021, arXiv:2007.14966): a bound on surprise that learns. @module */

import { above, best, bestPlace, type Candidates, massOf } from "./candidates.ts";
import type { ChainContext } from "./context.ts";
import type { ChainOptions } from "./options.ts";

/** What mirostat learns by. */
type Learning = Pick<ChainOptions, "mirostatTau" | "mirostatEta">;

/** How many of the likeliest tokens show the exponent of Zipf's law. */
const ZIPF_TOKENS = 100;

/** The tokens that the bound `mu` leaves, one at least. */
export function keepUnsurprising(candidates: Candidates, context: ChainContext): Candidates {
  const top = bestPlace(candidates);
  const highest = candidates.logits[top];
  if (highest === undefined || highest === Infinity) return candidates;
  if (context.options.mirostat === 1) {
    const count = zipfCount(candidates, context);
    return count < candidates.logits.length ? best(candidates, count) : candidates;
  }
  // Surprise in nats is depth + ln Σ.
  const depth = context.mu * Math.LN2 - Math.log(massOf(candidates.logits, highest));
  return above(candidates, Math.min(highest, highest - depth), true);
}

/**
 * Mirostat 1: how many tokens have a surprise of mu on average, if probabilities follow Zipf's law.
 * Its exponent s is estimated by least squares from the likeliest tokens, and k from it (the
 * paper's algorithm 1).
 */
function zipfCount(candidates: Candidates, { mu, logits: { length } }: ChainContext): number {
  const { logits } = best(candidates, ZIPF_TOKENS);
  let [products, squares] = [0, 0];
  for (let i = 0; i + 1 < logits.length; i++) {
    const t = Math.log((i + 2) / (i + 1));
    products += t * (logits[i]! - logits[i + 1]!);
    squares += t * t;
  }
  const s = products / squares, epsilon = s - 1;
  const share = epsilon === 0 ? 1 / Math.log(length) : epsilon / (1 - length ** -epsilon);
  const count = Math.trunc((share * 2 ** mu) ** (1 / s));
  return Math.max(1, Math.min(count || 1, candidates.logits.length));
}

/** What mu is before the first token. */
export function firstMu({ mirostatTau }: Learning): number {
  return 2 * mirostatTau;
}

/** What mu becomes after a token. */
export function nextMu(mu: number, probability: number, options: Learning): number {
  return mu - options.mirostatEta * (-Math.log2(probability) - options.mirostatTau);
}
