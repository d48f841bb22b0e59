/** Gives the event loop a turn in the middle of long work. @module */

import { setImmediate } from "node:timers";

/**
 * Resolves in a task of its own: timers and events have had their turn by then.
 *
 * By `setImmediate` (about 80 µs beside a running model): promises alone would let no timer run,
 * `setTimeout` waits for at least a millisecond, and a MessageChannel takes twice as long, as each
 * turn needs a new one (messages of one that is listened to come before any timer).
 */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => resolve()));
}

/** How long the event loop is held at a time by long work. */
const SLICE_MS = 4;

/** Runs work that may pause wherever it yields, with turns of the event loop in between. */
export async function inSlices<T>(work: Generator<unknown, T>): Promise<T> {
  for (let sinceMs = performance.now();;) {
    const { done, value } = work.next();
    if (done) return value;
    if (performance.now() - sinceMs < SLICE_MS) continue;
    await turn();
    sinceMs = performance.now();
  }
}
