/** What happens to tokens that a context has no room for. @module */

/**
 * `error`: a prompt that does not fit is refused, and a generation ends where the context does.
 * `truncate`: a prompt loses its oldest tokens; a generation ends where the context does.
 * `shift`: the same for prompts; a generation goes on after the oldest half is dropped.
 */
export type OverflowPolicy = "error" | "shift" | "truncate";

/**
 * Drops the oldest tokens but the first ones.
 * @param tokens the tokens
 * @param size how many may be left, more than `keep`
 * @param keep how many of the first ones stay
 */
export function dropOldest(tokens: readonly number[], size: number, keep: number): number[] {
  if (tokens.length <= size) return [...tokens];
  return [...tokens.slice(0, keep), ...tokens.slice(tokens.length - (size - keep))];
}

/**
 * How many tokens of a prompt are taken where not all fit: room is left for what is to come, at
 * most half of the context.
 */
export function promptRoom(capacity: number, expected: number, keep: number): number {
  const room = Math.max(1, Math.min(expected, Math.floor(capacity / 2)));
  return Math.max(keep + 1, capacity - room);
}

/** How many tokens are left when the oldest half of those behind the first `keep` is dropped. */
export function shiftedSize(length: number, keep: number): number {
  return keep + Math.ceil((length - keep) / 2);
}
