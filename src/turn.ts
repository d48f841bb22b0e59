/** Gives the event loop a turn in the middle of long work. @module */

/**
 * Resolves in a task of its own: timers and events have had their turn by then.
 *
 * By a MessageChannel (about 10 µs): promises alone would let no timer run, and `setTimeout` would
 * wait for at least a millisecond. Each time by a new one: messages of a port that is listened to
 * already come one after another, and timers wait for the last of them.
 */
export function turn(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close(); // an open port would keep the program alive
      resolve();
    };
    port2.postMessage(null);
  });
}
