/** Finds logits that are no finite numbers: of a broken model, or a broken file. @module */

/** The exponent of a float: all ones mean NaN or infinite. */
const EXPONENT = 0x7f800000;
const EXPONENT_UNIT = 0x00800000;

/** How many logits are NaN or infinite. None, nearly always: that is found by one quick pass. */
export function countNonFinite(logits: Float32Array): number {
  const bits = new Int32Array(logits.buffer, logits.byteOffset, logits.length);
  return anyNonFinite(bits) ? logits.reduce((sum, l) => sum + Number(!Number.isFinite(l)), 0) : 0;
}

/** One more than an exponent of ones reaches the sign bit; four sums hide each other's waiting. */
function anyNonFinite(bits: Int32Array): boolean {
  let [a, b, c, d] = [0, 0, 0, 0];
  let at = 0;
  for (const end = bits.length - bits.length % 4; at < end; at += 4) {
    a |= (bits[at]! & EXPONENT) + EXPONENT_UNIT;
    b |= (bits[at + 1]! & EXPONENT) + EXPONENT_UNIT;
    c |= (bits[at + 2]! & EXPONENT) + EXPONENT_UNIT;
    d |= (bits[at + 3]! & EXPONENT) + EXPONENT_UNIT;
  }
  for (; at < bits.length; at++) a |= (bits[at]! & EXPONENT) + EXPONENT_UNIT;
  return (a | b | c | d) < 0;
}
