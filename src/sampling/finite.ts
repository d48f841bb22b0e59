/** Finds logits that are no finite numbers: of a broken model, or a broken file. @module */

/** The exponent of a float: all ones mean NaN or infinite. */
const EXPONENT = 0x7f800000;
const UNIT = 0x00800000;

/** How many logits are NaN or infinite. None, nearly always: that is found by one quick pass. */
export function countNonFinite(logits: Float32Array): number {
  const bits = new Int32Array(logits.buffer, logits.byteOffset, logits.length);
  return anyNonFinite(bits) ? logits.reduce((sum, l) => sum + Number(!Number.isFinite(l)), 0) : 0;
}

/** One more than an exponent of ones reaches the sign bit; four sums do not wait for each other. */
function anyNonFinite(bits: Int32Array): boolean {
  let a = 0, b = 0, c = 0, d = 0, at = 0;
  for (const end = bits.length - bits.length % 8; at < end; at += 8) {
    a |= (bits[at]! & EXPONENT) + UNIT;
    b |= (bits[at + 1]! & EXPONENT) + UNIT;
    c |= (bits[at + 2]! & EXPONENT) + UNIT;
    d |= (bits[at + 3]! & EXPONENT) + UNIT;
    a |= (bits[at + 4]! & EXPONENT) + UNIT;
    b |= (bits[at + 5]! & EXPONENT) + UNIT;
    c |= (bits[at + 6]! & EXPONENT) + UNIT;
    d |= (bits[at + 7]! & EXPONENT) + UNIT;
  }
  for (; at < bits.length; at++) a |= (bits[at]! & EXPONENT) + UNIT;
  return (a | b | c | d) < 0;
}
