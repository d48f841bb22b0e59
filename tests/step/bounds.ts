/** How far kernels may lie from sums in double precision, by their definitions. @module */

/** Half a unit in the last place of a float, relative: what one rounding may do. */
export const U = 2 ** -24;
/** Relative error of the kernels' exp, as kernels/elementwise.h states it. */
const EXP = 2.1e-7;
/** Below this nothing is relative any more: exp ends at -87, floats become subnormal. */
const TINY = 2e-38;

const { abs, max } = Math;

/** A row of numbers. */
export type Row = ArrayLike<number>;
/** Allowed distances from the expected values of one row of outputs. */
export type Bound = (expected: Row) => Row;

const each = (row: Row, bound: (value: number, i: number) => number): Float64Array =>
  Float64Array.from(row, bound);

/** The same number, though 0 equals -0. */
export const equalBound: Bound = (expected) => new Float64Array(expected.length);

/** sum |w| |x| for each row of weights: what the errors of a chain of additions are relative to. */
export function productSizes(weights: Row, x: Row): Float64Array {
  const sizes = new Float64Array(weights.length / x.length);
  for (let i = 0; i < weights.length; i++) {
    sizes[Math.floor(i / x.length)]! += abs(weights[i]! * x[i % x.length]!);
  }
  return sizes;
}

/**
 * Roundings on the way of one product into an output. Floats: a chain of k / 16 fmas, a tree of
 * four. Blocks: weight times scale, the integer's conversion, then two fmas per block. One more for
 * the reference's decoded weight.
 */
export function productRoundings(k: number, elements: number): number {
  return elements === 1 ? k / 16 + 6 : 2 * Math.ceil(k / elements) + 3;
}

/** weight x + bias + residual, each addition rounding all that is there. */
export function matmulBound(sizes: Row, added: Row, roundings: number): Bound {
  return (expected) =>
    each(expected, (_, i) => (roundings + 3) * U * (sizes[i]! + added[i]!) + TINY);
}

/** A chain of fmas over the ranks, and what it is added to. */
export function gatherBound(sizes: Row, ranks: number): Bound {
  return (expected) => each(expected, (_, i) => (ranks + 2) * U * sizes[i]! + TINY);
}

/** |activation'| is at most 1.1 for SiLU and 1.13 for GELU. */
const STEEPEST = 1.13;

/** Of activation(gate) * up: the activation's error relative to its value, `z` its exponent. */
function activationError(gate: number): number {
  const z = 1.6 * (abs(gate) + 0.0448 * abs(gate) ** 3); // of GELU, 5 roundings; SiLU has |gate|
  return EXP + 6 * U * z + 4 * U;
}

/** activation(gate) * up where both are exact. */
export function activateBound(gate: Row, up: Row): Bound {
  return (expected) =>
    each(
      expected,
      (y, i) => abs(y) * activationError(gate[i]!) + abs(gate[i]! * up[i]!) * TINY + TINY,
    );
}

/** activation(gate) * up where both are sums with errors of their own. */
export function gatedBound(gate: Row, up: Row, gateError: Row, upError: Row): Bound {
  return (expected) =>
    each(
      expected,
      (y, i) =>
        STEEPEST * gateError[i]! * (abs(up[i]!) + upError[i]!) + abs(gate[i]!) * upError[i]! +
        abs(y) * activationError(gate[i]!) + TINY,
    );
}

/** k / 64 fmas and a tree of 6 under a root, which halves; nine more roundings. */
export function normBound(k: number): Bound {
  return (expected) => each(expected, (y) => abs(y) * U * (k / 128 + 9) + TINY);
}

/** Rounded activations of values with errors: a code may fall on either side of a tie. */
export function roundedBound(codeSize: (i: number) => number): Bound {
  return (expected) => each(expected, (_, i) => 1.001 * codeSize(i) + TINY);
}

/** Two products and a sum: three roundings of |x0| + |x1|, for |cos| and |sin| are at most 1. */
export function ropeBound(sizes: Row): Bound {
  return (expected) => each(expected, (_, i) => 3 * U * sizes[i]! + TINY);
}

/** 1 - 2 / (p + 1): p / (p + 1) ^ 2 is at most 1 / 4, five roundings of at most 2. */
export function softcapBound(cap: number): Bound {
  return (expected) =>
    each(expected, (y) => cap * ((EXP + 4 * U * abs(Math.atanh(abs(y / cap) - U))) / 2 + 8 * U));
}

/** exp of rounded differences, over their sum in 16 lanes. */
export function softmaxBound(x: Row): Bound {
  const most = Array.from(x).reduce((a, b) => max(a, b), -Infinity);
  const error = (value: number) => EXP + U * (most - value);
  return (expected) => {
    const sum = Array.from(expected, (y, i) => y * error(x[i]!)).reduce((a, b) => a + b, 0);
    const roundings = (x.length / 16 + 7) * U;
    return each(expected, (y, i) => y * (error(x[i]!) + sum + roundings) + TINY);
  };
}

/**
 * Attention. A score is a chain of headDim fmas and a product: with |q| |k| the largest sum of
 * sizes, its error changes every weight by at most that factor, and their sum too; then chains of
 * up to 256 fmas and three roundings per chunk, over values of at most `values`.
 */
export function attendBound(a: {
  headDim: number;
  scores: number; // the largest scale * sum |q_d k_d|
  values: number; // the largest |v|
  positions: number; // that a row sees
}): Bound {
  const score = (a.headDim + 2) * U * a.scores + 2 * U * a.scores; // and of its difference to max
  const chunks = Math.ceil(a.positions / 256) + 1;
  const weight = EXP + 2 * score + chunks * (EXP + 2 * score + 3 * U);
  const sums = (Math.min(a.positions, 256) + 4) * U;
  const error = 2 * (weight + sums) * a.values + TINY;
  return (expected) => each(expected, () => error);
}
