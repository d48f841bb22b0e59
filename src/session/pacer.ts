/** Lets timers and events run between short pieces of synchronous work. @module */

import { turn } from "../turn.ts";

/** Work that may pass before the event loop gets a turn. */
const STRETCH_MS = 4;

/** Keeps a loop of synchronous steps from holding the event loop. */
export class Pacer {
  #lastTurn = performance.now();

  /** Gives the event loop a turn, if it had none for 4 ms. */
  async pause(): Promise<void> {
    if (performance.now() - this.#lastTurn < STRETCH_MS) return;
    await turn();
    this.#lastTurn = performance.now();
  }
}
