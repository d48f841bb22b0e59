/** exp(-x) for x from 0, several times faster than `Math.exp`: what softmax is made of. @module */

/** A table entry for each 256th of a nat, to 64 nats: the rest is a short series. */
const STEPS_PER_NAT = 256;
const TABLE = Float64Array.from({ length: 64 * STEPS_PER_NAT }, (_, step) => {
  return Math.exp(-step / STEPS_PER_NAT);
});

/**
 * exp(-depth), to 14 digits: the nearest entry of a table times the Taylor series of what is left,
 * whose first missing term is below 2^-40 / 120. NaN gives 0, as -Infinity does: never.
 * @param depth from 0
 */
export function decay(depth: number): number {
  const steps = depth * STEPS_PER_NAT;
  if (!(steps < TABLE.length)) return depth < Infinity ? Math.exp(-depth) : 0;
  const step = steps | 0;
  const x = (steps - step) * (1 / STEPS_PER_NAT);
  return TABLE[step]! * (1 - x * (1 - x * (1 / 2 - x * (1 / 6 - x * (1 / 24)))));
}
