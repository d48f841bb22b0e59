/** The logarithm of a softmax, and rows of it in 16 bits as llama.cpp keeps them. @module */

/** ln of the sum of exp(logits). */
export function logSumExp(logits: Float32Array): number {
  let most = -Infinity, sum = 0;
  for (let i = 0; i < logits.length; i++) if (logits[i]! > most) most = logits[i]!;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - most);
  return most + Math.log(sum);
}

/** The words before the codes of a row: two floats, the step and the least log-probability. */
const HEAD_WORDS = 4;
/** Logits farther below the largest one are kept as if they were there. */
const RANGE = 16;

/** Words of a row: its head, and a code for each token, filled up to an even count. */
export function rowWords(vocabularySize: number): number {
  return HEAD_WORDS + 2 * Math.ceil(vocabularySize / 2);
}

/**
 * Writes a row: `code * step + least` is the log-probability of a token. In single precision, so
 * that the bits are those of llama.cpp.
 * @param logits [vocabularySize]
 * @param to [rowWords(vocabularySize)]
 */
export function encodeRow(logits: Float32Array, to: Uint16Array): void {
  let most = -Infinity, smallest = Infinity;
  for (let i = 0; i < logits.length; i++) {
    if (logits[i]! > most) most = logits[i]!;
    if (logits[i]! < smallest) smallest = logits[i]!;
  }
  const least = Math.max(smallest, Math.fround(most - RANGE)), { fround } = Math;
  const logSum = fround(logSumExp(logits) - most), step = fround(fround(most - least) / 65535);
  const head = new Float32Array([step, fround(fround(least - most) - logSum)]);
  to.set(new Uint16Array(head.buffer));
  const codes = to.subarray(HEAD_WORDS), inverse = fround(1 / step);
  codes.fill(0);
  if (step === 0) return;
  for (let i = 0; i < logits.length; i++) {
    const exact = fround(inverse * fround(logits[i]! - least));
    if (logits[i]! > least) codes[i] = roundHalfEven(exact);
  }
}

/** Adding 1.5 * 2^23 leaves no bits behind the point of a float. */
function roundHalfEven(value: number): number {
  return Math.fround(value + 12582912) - 12582912;
}

/** Log-probabilities of a row. */
export interface LogProbs {
  readonly step: number;
  readonly least: number;
  readonly codes: Uint16Array; // [vocabularySize]
}

/** The parts of a row. */
export function decodeRow(words: Uint16Array, vocabularySize: number): LogProbs {
  const [step, least] = new Float32Array(words.slice(0, HEAD_WORDS).buffer);
  const codes = words.subarray(HEAD_WORDS, HEAD_WORDS + vocabularySize);
  return { step: step!, least: least!, codes };
}
