/** What names mean at a place in a template. @module */

import type { Value } from "./values.ts";

/** Names and their values; those of blocks around it are seen, and never changed. */
export class Scope {
  readonly #names = new Map<string, Value>();

  constructor(readonly outer?: Scope) {}

  get(name: string): Value | undefined {
    const value = this.#names.get(name);
    return value === undefined ? this.outer?.get(name) : value;
  }

  set(name: string, value: Value): void {
    this.#names.set(name, value);
  }
}
