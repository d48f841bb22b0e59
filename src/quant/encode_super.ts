/** Encoders of super-blocks of 256, Q4_K, Q5_K, Q6_K: a search for the least error. @module */

// A sub-block is fitted twice over: for each of some trial scales the codes follow by rounding, and
// for these codes the best scale (and minimum) follow from the normal equations of weighted least
// squares. The errors of large weights count more, as ggml's reference has it: |x| plus the root
// mean square for Q4_K and Q5_K, x squared for Q6_K. Then the scales themselves are rounded, to
// 6 or 8 bits of the largest one, and the codes are taken anew.

const { abs, max, min, round, sqrt } = Math;

const HALF = new DataView(new ArrayBuffer(2)); // scratch to see what a half keeps of a number

/** The nearest half-precision float. */
function toHalf(value: number): number {
  HALF.setFloat16(0, value);
  return HALF.getFloat16(0);
}

/** How one type searches: codes from 0 to `largest`, trial scales of (largest + shift) steps. */
interface Search {
  readonly largest: number;
  readonly firstShift: number;
  readonly trials: number;
}

const Q4K: Search = { largest: 15, firstShift: -1, trials: 21 };
const Q5K: Search = { largest: 31, firstShift: -1, trials: 21 };
const SHIFT_STEP = 0.1;

/** Weights of a sub-block's errors: |x| plus its root mean square, [32]. */
const WEIGHTS = new Float64Array(32);

/** Value = scale * code - minimum, with a minimum of at least 0. */
interface Fit {
  scale: number;
  minimum: number;
  /** What it leaves of the weighted sum of squares; only differences count. */
  error: number;
}

/** Sums over a sub-block that hold for all codes. */
const SUMS = { w: 0, x: 0 };

/** Sets WEIGHTS and SUMS. */
function weigh(x: Float32Array, at: number): void {
  let squares = 0;
  for (let i = 0; i < 32; i++) squares += x[at + i]! * x[at + i]!;
  const base = sqrt(squares / 32);
  let sumW = 0, sumX = 0;
  for (let i = 0; i < 32; i++) {
    const value = x[at + i]!, w = base + abs(value);
    WEIGHTS[i] = w;
    sumW += w;
    sumX += w * value;
  }
  SUMS.w = sumW;
  SUMS.x = sumX;
}

/** Takes the codes round(inverse * (x + shift)) and their best fit; keeps it if it is better. */
function tryCodes(
  x: Float32Array,
  at: number,
  largest: number,
  inverse: number,
  shift: number,
  best: Fit,
): void {
  let sumL = 0, sumLL = 0, sumXL = 0;
  for (let i = 0; i < 32; i++) {
    const value = x[at + i]!, w = WEIGHTS[i]!;
    const steps = (inverse * (value + shift) + 0.5) | 0;
    const code = steps > largest ? largest : steps < 0 ? 0 : steps;
    sumL += w * code;
    sumLL += w * code * code;
    sumXL += w * code * value;
  }
  if (sumLL === 0) return;
  const { w: sumW, x: sumX } = SUMS;
  const determinant = sumW * sumLL - sumL * sumL;
  let scale = (sumW * sumXL - sumX * sumL) / determinant;
  let offset = (sumLL * sumX - sumL * sumXL) / determinant;
  if (!(determinant > 1e-9 * sumW * sumLL) || offset > 0) {
    scale = sumXL / sumLL; // all codes alike, or a minimum that cannot be stored
    offset = 0;
  }
  const error = scale * (scale * sumLL - 2 * sumXL) +
    offset * (offset * sumW + 2 * (scale * sumL - sumX));
  if (error >= best.error) return;
  best.scale = scale;
  best.minimum = -offset;
  best.error = error;
}

const REFINEMENTS = 3;

/** Fits one sub-block of 32. */
function fitWithMinimum(x: Float32Array, at: number, search: Search, best: Fit): void {
  weigh(x, at);
  let least = 0, most = x[at]!;
  for (let i = at; i < at + 32; i++) {
    const value = x[i]!;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  best.scale = 0;
  best.minimum = -least;
  best.error = Infinity;
  if (most <= least) return; // all alike and not above 0
  for (let trial = 0; trial < search.trials; trial++) {
    const steps = search.largest + search.firstShift + SHIFT_STEP * trial;
    tryCodes(x, at, search.largest, steps / (most - least), -least, best);
  }
  for (let i = 0; i < REFINEMENTS && best.scale > 0; i++) {
    tryCodes(x, at, search.largest, 1 / best.scale, best.minimum, best);
  }
}

const FIT: Fit = { scale: 0, minimum: 0, error: 0 };
const SCALES = new Float64Array(16), MINIMA = new Float64Array(8);
const SIX_SCALES = new Uint8Array(8), SIX_MINIMA = new Uint8Array(8);
const CODES = new Uint8Array(256);

/** Rounds values to 6 bits of the largest; returns the size of a step as it will be stored. */
function toSixBits(values: Float64Array, codes: Uint8Array): number {
  let most = 0;
  for (let j = 0; j < 8; j++) most = max(most, values[j]!);
  const step = toHalf(most / 63);
  for (let j = 0; j < 8; j++) {
    codes[j] = step > 0 ? min(63, max(0, round(values[j]! * (63 / most)))) : 0;
  }
  return step;
}

/** Packs eight 6-bit scales and minima into 12 bytes, the upper two bits of the last four apart. */
function packScales(block: DataView, offset: number): void {
  for (let j = 0; j < 4; j++) {
    const scale = SIX_SCALES[j + 4]!, minimum = SIX_MINIMA[j + 4]!;
    block.setUint8(offset + j, SIX_SCALES[j]! | (scale >> 4) << 6);
    block.setUint8(offset + 4 + j, SIX_MINIMA[j]! | (minimum >> 4) << 6);
    block.setUint8(offset + 8 + j, (scale & 15) | (minimum & 15) << 4);
  }
}

/** Writes the head of Q4_K and Q5_K, and fills CODES. */
function encodeWithMinima(
  values: Float32Array,
  at: number,
  search: Search,
  block: DataView,
  offset: number,
): void {
  for (let j = 0; j < 8; j++) {
    fitWithMinimum(values, at + 32 * j, search, FIT);
    SCALES[j] = FIT.scale;
    MINIMA[j] = FIT.minimum;
  }
  const d = toSixBits(SCALES, SIX_SCALES), dmin = toSixBits(MINIMA, SIX_MINIMA);
  block.setFloat16(offset, d, true);
  block.setFloat16(offset + 2, dmin, true);
  packScales(block, offset + 4);
  for (let j = 0; j < 8; j++) {
    const scale = d * SIX_SCALES[j]!, minimum = dmin * SIX_MINIMA[j]!;
    const inverse = scale === 0 ? 0 : 1 / scale;
    for (let i = 32 * j; i < 32 * j + 32; i++) {
      const code = round((values[at + i]! + minimum) * inverse);
      CODES[i] = code < 0 ? 0 : code > search.largest ? search.largest : code;
    }
  }
}

/** Writes the low halves of 256 codes: 32 bytes hold 64 of them, the first 32 below. */
function writeLowHalves(block: DataView, offset: number): void {
  for (let i = 0; i < 128; i++) {
    const first = (i >> 5) * 64 + (i & 31);
    block.setUint8(offset + i, (CODES[first]! & 15) | (CODES[first + 32]! & 15) << 4);
  }
}

/** Encodes Q4_K: eight sub-blocks of 32 with a scale and a minimum. */
export function encodeQ4K(values: Float32Array, at: number, block: DataView, offset: number): void {
  encodeWithMinima(values, at, Q4K, block, offset);
  writeLowHalves(block, offset + 16);
}

/** Encodes Q5_K: as Q4_K, bit j of byte i of the fifth bits belongs to element i of sub-block j. */
export function encodeQ5K(values: Float32Array, at: number, block: DataView, offset: number): void {
  encodeWithMinima(values, at, Q5K, block, offset);
  for (let i = 0; i < 32; i++) {
    let fifth = 0;
    for (let j = 0; j < 8; j++) fifth |= (CODES[32 * j + i]! >> 4) << j;
    block.setUint8(offset + 16 + i, fifth);
  }
  writeLowHalves(block, offset + 48);
}

/** Trial scales of Q6_K: 32 steps to the extreme first, then a little more or less. */
const SHIFTS: readonly number[] = [0, ...Array.from({ length: 19 }, (_, i) => 0.1 * (i - 9))];

/**
 * The scale of 16 values with codes from -32 to 31 that leaves the least weighted error: with codes
 * fixed, scale = sum(w x l) / sum(w l l) takes sum(w x l)^2 / sum(w l l) off it.
 */
function fitSymmetric(x: Float32Array, at: number): number {
  let extreme = 0;
  for (let i = at; i < at + 16; i++) if (abs(x[i]!) > abs(extreme)) extreme = x[i]!;
  if (extreme === 0) return 0;
  let largest = 0, scale = 0;
  for (let trial = 0; trial < SHIFTS.length; trial++) {
    const inverse = -(32 + SHIFTS[trial]!) / extreme;
    let sumXL = 0, sumLL = 0;
    for (let i = at; i < at + 16; i++) {
      const value = x[i]!, w = value * value, steps = round(inverse * value);
      const code = steps < -32 ? -32 : steps > 31 ? 31 : steps;
      sumXL += w * value * code;
      sumLL += w * code * code;
    }
    const gain = sumLL > 0 ? sumXL * sumXL / sumLL : 0;
    if (gain > largest) [largest, scale] = [gain, sumXL / sumLL];
  }
  return scale;
}

/** Encodes Q6_K: sixteen sub-blocks of 16, each with a signed 8-bit scale. */
export function encodeQ6K(values: Float32Array, at: number, block: DataView, offset: number): void {
  let extreme = 0;
  for (let j = 0; j < 16; j++) {
    const scale = SCALES[j] = fitSymmetric(values, at + 16 * j);
    if (abs(scale) > abs(extreme)) extreme = scale;
  }
  const d = toHalf(extreme / -128);
  block.setFloat16(offset + 208, d, true);
  for (let j = 0; j < 16; j++) {
    const rounded = d === 0 ? 0 : min(127, max(-128, round(SCALES[j]! * (-128 / extreme))));
    block.setInt8(offset + 192 + j, rounded);
    const inverse = rounded === 0 || d === 0 ? 0 : 1 / (d * rounded);
    for (let i = 16 * j; i < 16 * j + 16; i++) {
      CODES[i] = min(31, max(-32, round(values[at + i]! * inverse))) + 32;
    }
  }
  for (let i = 0; i < 64; i++) { // part: of 128; byte i of it has columns i and i + 64
    for (let part = 0; part < 2; part++) {
      const low = CODES[128 * part + i]! & 15, high = CODES[128 * part + 64 + i]! & 15;
      block.setUint8(offset + 64 * part + i, low | high << 4);
    }
  }
  for (let i = 0; i < 64; i++) { // byte i has the upper two bits of columns i, +32, +64 and +96
    const first = (i >> 5) * 128 + (i & 31);
    let top = 0;
    for (let quarter = 0; quarter < 4; quarter++) {
      top |= (CODES[first + 32 * quarter]! >> 4) << 2 * quarter;
    }
    block.setUint8(offset + 128 + i, top);
  }
}
