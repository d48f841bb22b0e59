/** The activation functions of gates. @module */

/**
 * By the number in a step, see ACTIVATIONS of step.ts: SiLU, and GELU in its tanh form, where
 * 0.5 (1 + tanh(u)) is written 1 / (1 + exp(-2u)): the same, without losing what is near 0.
 */
const FUNCTIONS: readonly ((x: number) => number)[] = [
  (x) => x / (1 + Math.exp(-x)),
  (x) => x / (1 + Math.exp(-2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
];

/** The function of a number; NaN for one that there is not. */
export function activationOf(number: number): (x: number) => number {
  return FUNCTIONS[number] ?? (() => NaN);
}
