/** Work on many texts, several at a time: as many as the cache of a model has room for. @module */

import { PAGE_POSITIONS } from "../cache/pages.ts";

/** How much may be in flight at a time; one text always may. */
export interface Room {
  /** Pages of the cache. */
  readonly pages: number;
  /** Tokens: enough to fill steps while others are prepared. */
  readonly tokens: number;
  /** Texts. */
  readonly texts: number;
}

/**
 * Works on all texts. When one fails the others are stopped, and waited for.
 * @param room how much may be in flight
 * @param inputs the tokens of each text
 * @param outer stops the work
 * @param work on one text, by its index; to be stopped by the signal
 */
export async function inFlight(
  room: Room,
  inputs: readonly (readonly number[])[],
  outer: AbortSignal | undefined,
  work: (tokens: readonly number[], index: number, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const signal = AbortSignal.any([failed.signal, ...outer ? [outer] : []]);
  const running = new Set<Promise<void>>();
  let { pages: roomPages, tokens: roomTokens } = room;
  try {
    for (const [index, tokens] of inputs.entries()) {
      const { length } = tokens, pages = Math.ceil(length / PAGE_POSITIONS);
      while (running.size > 0) {
        if (running.size < room.texts && pages <= roomPages && length <= roomTokens) break;
        await Promise.race(running);
      }
      signal.throwIfAborted();
      roomPages -= pages, roomTokens -= length;
      const one = work(tokens, index, signal).finally(() => {
        running.delete(one);
        roomPages += pages, roomTokens += length;
      });
      running.add(one);
    }
    await Promise.all(running);
  } catch (error) {
    failed.abort(error); // the others need not go on
    throw error;
  } finally {
    await Promise.allSettled(running);
  }
}
