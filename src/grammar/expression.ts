/** The form of every grammar: rules over characters, which front ends write. @module */

import { type Range } from "./code_points.ts";

/** A part of a grammar. */
export type Expression =
  /** These very characters. */
  | { readonly kind: "text"; readonly text: string }
  /** One character of a set. */
  | { readonly kind: "class"; readonly ranges: readonly Range[] }
  /** One after the other; of none, the empty text. */
  | { readonly kind: "sequence"; readonly parts: readonly Expression[] }
  /** One of several. */
  | { readonly kind: "choice"; readonly parts: readonly Expression[] }
  /** As often as from `least` to `most`, which may be Infinity. */
  | {
    readonly kind: "repeat";
    readonly part: Expression;
    readonly least: number;
    readonly most: number;
  }
  /** What another rule matches. */
  | { readonly kind: "rule"; readonly name: string }
  /** What a machine matches; its symbols are characters, spelled by `spell` where it is there. */
  | { readonly kind: "machine"; readonly machine: Machine; readonly spell?: Spelling };

/** A finite automaton over any expressions: states are numbers, the first one is 0. */
export interface Machine {
  /** How many states there are. */
  readonly stateCount: number;
  /** The states that may be the last. */
  readonly accepting: readonly number[];
  /** The ways from state to state. */
  readonly edges: readonly MachineEdge[];
}

/** A way from state to state: a set of characters, or whatever an expression matches. */
export interface MachineEdge {
  readonly from: number;
  readonly to: number;
  readonly on: readonly Range[] | Expression;
}

/** How characters are written that cannot stand for themselves, as in the strings of JSON. */
export interface Spelling {
  /** Which these are. */
  readonly escaped: readonly Range[];
  /** How some of them are written. */
  readonly escape: (ranges: readonly Range[]) => Expression;
}

/** The empty text. */
export const EMPTY: Expression = { kind: "sequence", parts: [] };

/** These very characters. */
export function text(text: string): Expression {
  return { kind: "text", text };
}

/** One character of a set. */
export function characters(...ranges: readonly Range[]): Expression {
  return { kind: "class", ranges };
}

/** One after the other. */
export function sequence(...parts: readonly Expression[]): Expression {
  return parts.length === 1 ? parts[0]! : { kind: "sequence", parts };
}

/** One of several. */
export function choice(...parts: readonly Expression[]): Expression {
  return parts.length === 1 ? parts[0]! : { kind: "choice", parts };
}

/** From `least` to `most` times. */
export function repeat(part: Expression, least: number, most: number = Infinity): Expression {
  return { kind: "repeat", part, least, most };
}

/** It, or nothing. */
export function optional(part: Expression): Expression {
  return repeat(part, 0, 1);
}

/** What a rule matches. */
export function rule(name: string): Expression {
  return { kind: "rule", name };
}

/** Rules by name. */
export interface Rules {
  /** The expression of each rule. */
  readonly rules: ReadonlyMap<string, Expression>;
  /** The rule of a whole text. */
  readonly root: string;
  /** Where a rule stands in its source, for errors. */
  readonly where?: (name: string) => string;
}
