/** Lets timers and events run between short pieces of synchronous work. @module */

/** Work that may pass before the event loop gets a turn. */
const STRETCH_MS = 4;

/**
 * Keeps a loop of synchronous steps from holding the event loop.
 *
 * A turn is a real task, by a MessageChannel (about 10 µs): promises alone would let no timer
 * run, and `setTimeout` would wait for at least a millisecond.
 */
export class Pacer {
  #lastTurn = performance.now();

  /** Gives the event loop a turn, if it had none for 4 ms. */
  async pause(): Promise<void> {
    if (performance.now() - this.#lastTurn < STRETCH_MS) return;
    await turn();
    this.#lastTurn = performance.now();
  }
}

/** Resolves in a task of its own. */
function turn(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close(); // an open port would keep the program alive
      resolve();
    };
    port2.postMessage(null);
  });
}
