/** Runs chunks of tokens through a model, several at a time, and gives out their logits. @module */

import { ArgumentError } from "../errors.ts";
import { MAX_LOGIT_ROWS } from "../model/work.ts";
import type { Model } from "../session/model.ts";
import { inFlight } from "../session/in_flight.ts";
import { Pacer } from "../session/pacer.ts";
import { turn } from "../turn.ts";

/** Some consecutive rows of a chunk. */
export interface Scored {
  /** Index of the chunk. */
  readonly chunk: number;
  /** Index of the first row: 0 is the first of the chunk that is scored. */
  readonly first: number;
  /** How many rows. */
  readonly count: number;
  /** Calls back for each row, with pauses for the event loop. */
  readonly each: (
    row: (index: number, logits: Float32Array, next: number) => void,
  ) => Promise<void>;
}

/** How chunks are scored. */
export interface ScoringOptions {
  /** Index of the first token of a chunk whose logits are wanted. */
  readonly from: number;
  /** The token that stands for the first one of each chunk, if not itself. */
  readonly begin?: number | undefined;
  /** Stops the work. */
  readonly signal?: AbortSignal | undefined;
  /** Takes rows; those of a chunk in order, chunks beside each other. */
  readonly take: (rows: Scored) => Promise<void>;
}

/** Two chunks at least: a step of one runs while the logits of the other are looked at. */
const CHUNKS_AHEAD = 2;

/** Scores every token of every chunk that another one follows, from `from` on. */
export async function scoreChunks(
  model: Model,
  chunks: readonly (readonly number[])[],
  options: ScoringOptions,
): Promise<void> {
  const longest = chunks.reduce((most, { length }) => Math.max(most, length), 0);
  const ahead = Math.max(CHUNKS_AHEAD * longest, 2 * MAX_LOGIT_ROWS);
  const room = { pages: model.cacheStatistics().freePages, tokens: ahead, texts: MAX_LOGIT_ROWS };
  await inFlight(room, chunks, options.signal, async (tokens, chunk, signal) => {
    const { begin = tokens[0]!, from, take } = options, pacer = new Pacer();
    const input = [begin, ...tokens.slice(1, -1)], vocabulary = model.config.vocabularySize;
    using sequence = model.createSequence({ keep: false });
    if (from > 0) await sequence.evaluate(input.slice(0, from), { signal });
    for (let at = from; at < input.length; at += MAX_LOGIT_ROWS) {
      const part = input.slice(at, at + MAX_LOGIT_ROWS);
      const logits = await sequence.decode(part, buffer(part.length * vocabulary), { signal });
      await turn(); // the next step begins before these logits are looked at
      const each: Scored["each"] = async (row) => {
        for (let index = 0; index < part.length; index++) {
          await pacer.pause();
          signal.throwIfAborted();
          const one = logits.subarray(index * vocabulary, (index + 1) * vocabulary);
          row(index, one, tokens[at + index + 1]!);
        }
      };
      await take({ chunk, first: at - from, count: part.length, each });
    }
  });
}

function buffer(floats: number): Float32Array<ArrayBuffer> {
  return new Float32Array(floats);
}

/** Chunks of `length` tokens; the last one may have fewer, but none fewer than two. */
export function cut(ids: readonly number[], length: number): number[][] {
  if (!Number.isInteger(length) || length < 2) {
    throw new ArgumentError(
      `Cannot cut a text into chunks of ${length}: they have 2 tokens or more`,
    );
  }
  const chunks: number[][] = [];
  for (let at = 0; at + 1 < ids.length; at += length) chunks.push(ids.slice(at, at + length));
  return chunks;
}
