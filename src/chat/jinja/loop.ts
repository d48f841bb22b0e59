/** What a template sees as `loop`. @module */

import { type Callable, equal, Fields, found, Func, Tuple, type Value } from "./values.ts";

/** Where a loop is. */
export interface LoopState {
  readonly items: readonly Value[];
  readonly index: number;
  /** How many loops of the same statement are around it. */
  readonly depth: number;
  /** What `loop.changed` has seen last; of all rounds of the loop. */
  readonly changes: { last?: Value };
  /** Runs the loop over other items; of a recursive one. */
  readonly call: Callable | undefined;
}

/** Every field, by its name. */
const FIELDS: Readonly<Record<string, (state: LoopState) => Value>> = {
  index: ({ index }) => index + 1,
  index0: ({ index }) => index,
  revindex: ({ items, index }) => items.length - index,
  revindex0: ({ items, index }) => items.length - index - 1,
  first: ({ index }) => index === 0,
  last: ({ items, index }) => index === items.length - 1,
  length: ({ items }) => items.length,
  depth: ({ depth }) => depth + 1,
  depth0: ({ depth }) => depth,
  previtem: ({ items, index }) => found(items[index - 1], "the item before the first"),
  nextitem: ({ items, index }) => found(items[index + 1], "the item after the last"),
  cycle: ({ index }) =>
    new Func(
      "cycle",
      ({ positional }) => found(positional[index % positional.length], "a value to cycle through"),
    ),
  changed: ({ changes }) =>
    new Func("changed", ({ positional }) => {
      const now = new Tuple(positional), before = changes.last;
      changes.last = now;
      return before === undefined || !equal(now, before);
    }),
};

/** The fields of a loop. */
export function loopFields(state: LoopState): Fields {
  const get = (name: string) => Object.hasOwn(FIELDS, name) ? FIELDS[name]!(state) : undefined;
  return new Fields("loop", get, undefined, state.call);
}
