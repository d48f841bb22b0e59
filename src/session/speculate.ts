/**
 * Speculation: cheap guesses at the next tokens, checked by the model in one step (Leviathan et al.
 * 2023, arXiv:2211.17192). A guess counts when the sampler chooses that very token from the model's
 * own logits, so that tokens are those of plain decoding, sampled ones too. @module
 */

import { ArgumentError, CacheFullError, QueueFullError } from "../errors.ts";
import { bestPlace } from "../sampling/candidates.ts";
import type { Engine, EvaluateOptions, Sequence } from "./engine.ts";

/** Where guesses come from: what followed the last tokens before, or a smaller model. */
export type Speculation = "lookup" | Engine;

/** Makes guesses. */
export interface Guesser extends Disposable {
  /**
   * Guesses what follows.
   * @param tokens all tokens so far
   * @param most how many guesses at the most
   * @param options how a model evaluates what it needs for them
   */
  guess(
    tokens: readonly number[],
    most: number,
    options: EvaluateOptions,
  ): Promise<readonly number[]> | readonly number[];
}

/** The longest beginning that is looked up, and the shortest. */
const LONGEST = 4, SHORTEST = 2;

/** What followed the last time that these tokens stood there (prompt lookup, Saxena 2023). */
export function lookUp(tokens: readonly number[], most: number): readonly number[] {
  for (let length = LONGEST; length >= SHORTEST; length--) {
    const end = tokens.length - length;
    for (let at = end - 1; at >= 0; at--) {
      let same = 0;
      while (same < length && tokens[at + same] === tokens[end + same]) same++;
      if (same === length) return tokens.slice(at + length, at + length + most);
    }
  }
  return [];
}

/** A smaller model of the same vocabulary, which says what it thinks likeliest. */
class Draft implements Guesser {
  readonly #engine: Engine;
  #sequence: Sequence | undefined; // made when it is needed: a generation may never be read

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async guess(
    tokens: readonly number[],
    most: number,
    options: EvaluateOptions,
  ): Promise<readonly number[]> {
    const sequence = this.#sequence ??= this.#engine.createSequence();
    const room = sequence.capacity - tokens.length;
    const guesses: number[] = [];
    if (room < 1) return guesses;
    let next = tokens.slice(sequence.reuse(tokens.slice(0, -1)));
    try {
      while (guesses.length < Math.min(most, room)) {
        const logits = await sequence.evaluate(next, options);
        const best = bestPlace({ tokens: undefined, logits, sorted: false });
        if (best < 0) break;
        guesses.push(best);
        next = [best];
      }
    } catch (error) {
      // Others have all that the draft has: what is generated can do without it.
      if (!(error instanceof CacheFullError || error instanceof QueueFullError)) throw error;
    }
    return guesses;
  }

  [Symbol.dispose](): void {
    this.#sequence?.[Symbol.dispose]();
  }
}

/**
 * Makes what guesses for a model.
 * @param kind where guesses come from
 * @param engine the model that is to be guessed
 * @throws {ArgumentError} it is neither of the kinds, or the model has another vocabulary
 */
export function createGuesser(kind: Speculation, engine: Engine): Guesser {
  if (kind === "lookup") return { guess: lookUp, [Symbol.dispose]() {} };
  if (typeof kind !== "object" || typeof kind.createSequence !== "function") {
    const found = typeof kind === "string" ? `"${kind}"` : typeof kind;
    throw new ArgumentError(`Cannot speculate with ${found}: there are "lookup", and models`);
  }
  const [own, draft] = [engine.tokenizer, kind.tokenizer];
  const same = own.vocabularySize === draft.vocabularySize;
  let other = same ? 0 : Math.min(own.vocabularySize, draft.vocabularySize);
  while (same && other < own.vocabularySize && own.piece(other) === draft.piece(other)) other++;
  if (other < own.vocabularySize || !same) {
    throw new ArgumentError(
      `Cannot speculate with this draft: token ${other} is not the same in both models`,
    );
  }
  return new Draft(kind);
}

/** Fewest and most guesses of a step. */
const FEWEST = 3, MOST = 15;

/** How many guesses are worth a step, as they have turned out so far. */
export class GuessCount {
  #most = FEWEST;
  /** Guesses that were checked. */
  guessed = 0;
  /** Those that were right. */
  accepted = 0;

  /** How many guesses to make next. */
  get most(): number {
    return this.#most;
  }

  /** Learns from a step: `right` of `made` guesses were right. */
  learn(made: number, right: number): void {
    this.guessed += made;
    this.accepted += right;
    const next = right === made ? this.#most * 2 : right + 1;
    this.#most = Math.min(MOST, Math.max(FEWEST, next));
  }
}
