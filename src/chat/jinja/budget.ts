/** How much a template may cost: length, depth, steps, the text that it makes. @module */

/** What no chat needs, and a hostile template is stopped at. */
export const LIMITS = {
  /** Characters of a template's source. */
  sourceLength: 1 << 20,
  /** Brackets and blocks within each other; operators in a row count as well. */
  depth: 200,
  /** Macros that call each other. */
  calls: 60,
  /** Values worked out, elements looked at; text counts by its length. */
  steps: 10_000_000,
  /** Characters of a text, in between or in the end. */
  textLength: 1 << 24,
} as const;

/** Something that a template may not do, or that makes no sense. */
export class TemplateFault extends Error {
  /** Where in the source, once that is known. */
  at: number | undefined;
}

let stepsLeft = 0, stepsGiven = 0;

/** Runs work with so many steps; the rendering around it, if any, goes on with its own. */
export function withBudget<T>(steps: number, work: () => T): T {
  const outer = [stepsLeft, stepsGiven] as const;
  stepsLeft = stepsGiven = steps;
  try {
    return work();
  } finally {
    [stepsLeft, stepsGiven] = outer;
  }
}

/** Counts steps; throws when there have been too many. */
export function spend(steps: number): void {
  stepsLeft -= steps;
  if (stepsLeft < 0) throw new TemplateFault(`it takes more than ${stepsGiven} steps`);
}

/** Counts the making of a text, best before it is made. */
export function spendText(length: number): void {
  checkLength(length);
  spend(length >> 5);
}

/** Throws where a text is too long. */
export function checkLength(length: number): void {
  if (length <= LIMITS.textLength) return;
  throw new TemplateFault(`it makes a text of more than ${LIMITS.textLength} characters`);
}
