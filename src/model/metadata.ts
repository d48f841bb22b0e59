/** Reads checked numbers and words out of a file's metadata. @module */

import { ModelError } from "../errors.ts";

/** What a number must be. Without `fallback` the key must be there. */
export interface NumberRule {
  /** Smallest allowed value. */
  readonly min: number;
  /** Largest allowed value. */
  readonly max: number;
  /** The value of a missing key. */
  readonly fallback?: number;
}

/** Metadata of one architecture: keys are given without its prefix. */
export class Metadata {
  /**
   * Looks at a file's metadata.
   * @param entries the file's metadata
   * @param prefix what stands before every key, `llama.` for example
   */
  constructor(readonly entries: ReadonlyMap<string, unknown>, readonly prefix: string) {}

  /** Whether the key is there. */
  has(key: string): boolean {
    return this.entries.has(this.prefix + key);
  }

  /**
   * A whole number.
   * @throws ModelError naming key and value when it is missing, no whole number or out of range
   */
  count(key: string, rule: NumberRule): number {
    return this.#checked(key, rule, "a whole number", Number.isInteger);
  }

  /**
   * A finite real number, rounded to the float that a GGUF has for it.
   * @throws ModelError naming key and value when it is missing, not finite or out of range
   */
  real(key: string, rule: NumberRule): number {
    return Math.fround(this.#checked(key, rule, "a number", Number.isFinite));
  }

  /**
   * A flag.
   * @throws ModelError when the value is neither true nor false
   */
  flag(key: string, fallback: boolean): boolean {
    const value = this.entries.get(this.prefix + key) ?? fallback;
    if (typeof value === "boolean") return value;
    throw new ModelError(`Cannot use "${this.prefix}${key}": ${show(value)} is not true or false`);
  }

  /**
   * A list of flags.
   * @returns undefined where the value is no list
   * @throws ModelError when there are not so many, or something else is in it
   */
  flags(key: string, count: number): readonly boolean[] | undefined {
    const value = this.entries.get(this.prefix + key);
    if (!Array.isArray(value)) return undefined;
    const isGood = value.length === count && value.every((one) => typeof one === "boolean");
    if (isGood) return value;
    throw new ModelError(
      `Cannot use "${this.prefix}${key}": ${show(value)} is not ${count} times true or false`,
    );
  }

  /**
   * A text of the metadata.
   * @returns undefined where the key is missing
   * @throws ModelError when the value is no text
   */
  word(key: string): string | undefined {
    const value = this.entries.get(this.prefix + key);
    if (value === undefined || typeof value === "string") return value;
    throw new ModelError(`Cannot use "${this.prefix}${key}": ${show(value)} is not a text`);
  }

  #checked(
    key: string,
    rule: NumberRule,
    kind: string,
    fits: (value: number) => boolean,
  ): number {
    const name = this.prefix + key;
    const found = this.entries.get(name) ?? rule.fallback;
    if (found === undefined) throw new ModelError(`Cannot use the model: "${name}" is missing`);
    const value = typeof found === "bigint" ? Number(found) : found;
    if (typeof value === "number" && fits(value) && value >= rule.min && value <= rule.max) {
      return value;
    }
    throw new ModelError(
      `Cannot use "${name}": ${show(found)} is not ${kind} from ${rule.min} to ${rule.max}`,
    );
  }
}

/** A value of a file for a message: one short line whatever the file holds. */
export function show(value: unknown): string {
  if (typeof value === "string") {
    return JSON.stringify(value.length > 60 ? value.slice(0, 60) + "…" : value);
  }
  if (typeof value === "object" && value !== null) {
    return "length" in value ? `an array of ${value.length}` : "an object";
  }
  return String(value);
}
