/** Which rows the next step takes: a pure function of what is wanted. @module */

/** Somebody's wish for tokens to be evaluated. */
export interface Demand {
  /** Tokens to go. */
  readonly left: number;
  /** How many of the last ones get logits. */
  readonly logitRows: number;
  /** Higher ones come first. */
  readonly priority: number;
}

/** What a demand gets of the next step. */
export interface Share<T extends Demand> {
  /** Whose it is. */
  readonly demand: T;
  /** The next tokens of it, at least one. */
  readonly rows: number;
  /** How many of these rows get logits: the last ones. */
  readonly logitRows: number;
}

/** What a step can hold. */
export interface PlanLimits {
  /** Rows. */
  readonly rows: number;
  /** Rows that get logits. */
  readonly logitRows: number;
}

/** A demand of so many tokens is served at once: a decode, or a few guesses to be checked. */
const SHORT_ROWS = 16;
/** What long demands get beside short ones: those should not wait for much longer than alone. */
const BESIDE_ROWS = 64;
/** Fewer rows of a long demand would waste the reading of weights. */
const LEAST_ROWS = 32;

/**
 * Short demands first, whole; what is left goes to long ones in equal parts, the earlier ones
 * first. A higher priority is served before a lower one.
 * @param demands in the order in which they came
 * @param limits what the step can hold
 */
export function planStep<T extends Demand>(demands: readonly T[], limits: PlanLimits): Share<T>[] {
  const sorted = demands.toSorted((a, b) => b.priority - a.priority); // stable
  const shares: Share<T>[] = [];
  let { rows: room, logitRows: logitRoom } = limits;
  const serve = (demand: T, most: number) => {
    const silent = Math.max(0, demand.left - demand.logitRows); // rows before those with logits
    const rows = Math.min(demand.left, most, room, silent + logitRoom);
    if (rows < 1) return;
    const logitRows = Math.max(0, rows - silent);
    shares.push({ demand, rows, logitRows });
    room -= rows, logitRoom -= logitRows;
  };
  const short = sorted.filter(({ left }) => left <= SHORT_ROWS);
  for (const demand of short) serve(demand, SHORT_ROWS);
  if (short.length > 0) room = Math.min(room, BESIDE_ROWS);
  const long = sorted.filter(({ left }) => left > SHORT_ROWS);
  while (long.length > 0 && room > 0) {
    const count = long.filter(({ priority }) => priority === long[0]!.priority).length;
    const equal = Math.max(LEAST_ROWS, Math.ceil(room / count));
    for (const demand of long.splice(0, count)) serve(demand, equal);
  }
  return shares;
}
