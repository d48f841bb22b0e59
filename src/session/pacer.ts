/** Lets timers and events run between short pieces of synchronous work. @module */

import { turn } from "../turn.ts";

/** How long the event loop may be held; less than the 10 ms that cria promises. */
const STRETCH_MS = 8;

/** Keeps a loop of synchronous steps from holding the event loop. */
export class Pacer {
  #lastTurnMs = performance.now();
  #lastCallMs = this.#lastTurnMs;

  /** Gives the event loop a turn, if another step like the last one would hold it for too long. */
  async pause(): Promise<void> {
    const nowMs = performance.now(), stepMs = nowMs - this.#lastCallMs;
    this.#lastCallMs = nowMs;
    if (nowMs - this.#lastTurnMs + stepMs < STRETCH_MS) return;
    await turn();
    this.#lastTurnMs = this.#lastCallMs = performance.now();
  }
}
