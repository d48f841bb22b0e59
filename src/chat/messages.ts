/** What messages of a chat must be. @module */

import { ArgumentError } from "../errors.ts";

/**
 * Looks at messages that may come from JavaScript.
 * @throws ArgumentError when they are no list of objects
 */
export function checkMessages(messages: readonly unknown[]): void {
  if (!Array.isArray(messages)) throw new ArgumentError("Cannot render messages: give a list");
  const isMessage = (one: unknown) => typeof one === "object" && one !== null;
  const wrong = messages.findIndex((one) => !isMessage(one));
  if (wrong < 0) return;
  const kind = messages[wrong] === null ? "null" : typeof messages[wrong];
  throw new ArgumentError(`Cannot render message ${wrong + 1}: it is no object, but ${kind}`);
}
