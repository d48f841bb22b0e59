/** What a chain begins with: what is allowed, banned or forced, and the bias of tokens. @module */

import { CriaError } from "../errors.ts";
import { countAllowed, isAllowed, restrict } from "./allowed.ts";
import type { Candidates } from "./candidates.ts";
import { type ChainContext, owned } from "./context.ts";
import { isCount, unusable } from "./options.ts";

/** What is added to the logits of tokens, in any order, and which option says so. */
export type Bias = readonly (readonly [token: number, bias: number, option: string])[];

/** The bias of options, banned tokens included. */
export function biasOf(
  { logitBias, bannedTokens }: {
    readonly logitBias?: Readonly<Record<number, number>> | ReadonlyMap<number, number> | undefined;
    readonly bannedTokens?: readonly number[] | undefined;
  },
): Bias {
  const pairs: [number, number][] = logitBias instanceof Map
    ? [...logitBias]
    : Object.entries(logitBias ?? {}).map(([token, bias]) => [Number(token), bias]);
  for (const [token, bias] of pairs) {
    if (!isCount(token)) throw unusable("logitBias", token, "a token id");
    if (typeof bias !== "number" || !(bias < Infinity)) {
      throw unusable("logitBias", bias, "a number below Infinity");
    }
  }
  const banned = tokensOf("bannedTokens", bannedTokens);
  return [
    ...pairs.map(([token, bias]) => [token, bias, "logitBias"] as const),
    ...banned.map((token) => [token, -Infinity, "bannedTokens"] as const),
  ];
}

/** The tokens of an option. */
export function tokensOf(name: string, tokens: readonly number[] = []): readonly number[] {
  if (!Array.isArray(tokens)) throw unusable(name, tokens, "a list of token ids");
  const wrong = tokens.find((token) => !isCount(token));
  if (wrong !== undefined) throw unusable(name, wrong, "a token id");
  return [...tokens];
}

/** The tokens that a generation is to begin with; none that is banned. */
export function forcedOf(tokens: readonly number[] | undefined, bias: Bias): readonly number[] {
  const forced = tokensOf("forcedTokens", tokens);
  const banned = new Set(bias.filter(([, by]) => by === -Infinity).map(([token]) => token));
  const wrong = forced.find((token) => banned.has(token));
  if (wrong !== undefined) throw unusable("forcedTokens", wrong, "a token that may be chosen");
  return forced;
}

/**
 * Candidates before the chain: all that is allowed, with the bias added.
 * @throws CriaError when nothing is allowed
 */
export function startOf(
  context: ChainContext,
  allowed: Uint32Array | undefined,
  bias: Bias,
): Candidates {
  const { logits } = context;
  if (allowed === undefined) return biased({ tokens: undefined, logits, sorted: false });
  const count = countAllowed(allowed, logits.length);
  if (count === 0) {
    throw new CriaError(`Cannot choose a token: none of ${logits.length} is allowed`);
  }
  return biased(restrict(logits, allowed, count, context.scratch));

  function biased(candidates: Candidates): Candidates {
    return bias.length === 0
      ? candidates
      : addBias(owned(candidates, context), bias, logits.length);
  }
}

function addBias(candidates: Candidates, bias: Bias, vocabularySize: number): Candidates {
  const { tokens, logits } = candidates;
  for (const [token, by, option] of bias) {
    if (token >= vocabularySize) {
      throw unusable(option, token, `a token below ${vocabularySize}`);
    }
    const place = tokens === undefined ? token : placeOf(tokens, token);
    if (place >= 0) logits[place]! += by;
  }
  return candidates;
}

/** Where a token is among ascending ones; -1 if it is not. */
function placeOf(tokens: Uint32Array, token: number): number {
  let [low, high] = [0, tokens.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (tokens[middle]! < token) low = middle + 1;
    else high = middle;
  }
  return tokens[low] === token ? low : -1;
}

/**
 * One token alone.
 * @throws CriaError when it is not there, or not allowed
 */
export function only(
  token: number,
  { logits }: ChainContext,
  allowed: Uint32Array | undefined,
): Candidates {
  if (token >= logits.length) {
    throw new CriaError(`Cannot force token ${token}: there are ${logits.length}`);
  }
  if (allowed !== undefined && !isAllowed(allowed, token)) {
    throw new CriaError(`Cannot force token ${token}: it is not allowed here`);
  }
  return { tokens: Uint32Array.of(token), logits: Float32Array.of(0), sorted: true };
}
