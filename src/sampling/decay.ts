/** exp(-x) for x from 0, several times faster than `Math.exp`: what softmax is made of. @module */

/** A table entry for each 512th of a nat; beyond it there is nothing that a sum would feel. */
const STEPS_PER_NAT = 512;
const LENGTH = 64 * STEPS_PER_NAT;
const TABLE = Float64Array.from({ length: LENGTH }, (_, step) => Math.exp(-step / STEPS_PER_NAT));

/**
 * exp(-depth), to 12 digits: the nearest entry of a table times the Taylor series of what is left,
 * whose first missing term is below 2^-36 / 24. It is 0 from 64 on (that is 1.6e-28), and for NaN,
 * as for -Infinity: never.
 * @param depth from 0
 */
export function decay(depth: number): number {
  const steps = depth * STEPS_PER_NAT;
  if (!(steps < LENGTH)) return 0;
  const step = steps | 0;
  const x = (steps - step) * (1 / STEPS_PER_NAT);
  return TABLE[step]! * (1 - x * (1 - x * (1 / 2 - x * (1 / 6))));
}
