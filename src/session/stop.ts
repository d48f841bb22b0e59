/** Finds stop strings in a stream of text, across the borders of its pieces. @module */

import { ArgumentError } from "../errors.ts";

/**
 * Passes text on until a stop string is complete; holds back what might be the start of one.
 *
 * Costs one search per piece, over at most the held text and the piece.
 */
export class StopMatcher {
  /** Text that may turn out to be the start of a stop string. */
  #held = "";
  /** Whether a stop string has come. */
  stopped = false;

  /**
   * Begins with no text.
   * @param stops the stop strings
   * @throws ArgumentError when one is empty
   */
  constructor(readonly stops: readonly string[]) {
    if (stops.includes("")) throw new ArgumentError(`Cannot stop at "": a stop string is empty`);
  }

  /**
   * Takes a piece of text.
   * @returns what may be shown: everything before a stop string, nothing of one
   */
  push(text: string): string {
    const all = this.#held + text;
    const end = this.#firstStop(all);
    this.stopped ||= end >= 0;
    const shown = all.slice(0, end >= 0 ? end : all.length - this.#openLength(all));
    this.#held = end >= 0 ? "" : all.slice(shown.length);
    return shown;
  }

  /** The held text, when no more comes. */
  flush(): string {
    const held = this.#held;
    this.#held = "";
    return held;
  }

  /** Where the earliest stop string begins, or -1. */
  #firstStop(text: string): number {
    let first = -1;
    for (const stop of this.stops) {
      const at = text.indexOf(stop);
      if (at >= 0 && (first < 0 || at < first)) first = at;
    }
    return first;
  }

  /** Length of the longest end of the text that begins a stop string. */
  #openLength(text: string): number {
    let longest = 0;
    for (const stop of this.stops) {
      for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
        if (text.endsWith(stop.slice(0, length))) longest = length;
      }
    }
    return longest;
  }
}
