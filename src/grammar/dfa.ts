/** Deterministic finite automata over characters, and what can be done with them. @module */

import { ArgumentError } from "../errors.ts";
import { EVERY_CHARACTER, LAST_CODE_POINT, normalize, type Range } from "./code_points.ts";
import type { Expression, Machine, MachineEdge } from "./expression.ts";

/** A way from a state: on characters from first to last, to another state. */
export type DfaEdge = readonly [first: number, last: number, to: number];

/** An automaton; state 0 is the first. What no edge takes is refused. */
export interface Dfa {
  /** The edges of each state, in the order of their characters, none overlapping another. */
  readonly edges: readonly (readonly DfaEdge[])[]; // [states]
  /** Whether a text may end in each state. */
  readonly accepting: readonly boolean[]; // [states]
}

/** More states than this are taken for a mistake, or an attack; fewer for an expression. */
const MOST_STATES = 100_000, MOST_SETS = 10_000;

/** The automaton of a list of texts: a tree. */
export function dfaOfTexts(texts: Iterable<string>): Dfa {
  const nodes: Map<number, number>[] = [new Map()], accepting = [false];
  for (const text of texts) {
    let at = 0;
    for (const char of text) {
      const code = char.codePointAt(0)!;
      let next = nodes[at]!.get(code);
      if (next === undefined) {
        next = nodes.push(new Map()) - 1;
        accepting.push(false);
        nodes[at]!.set(code, next);
      }
      at = next;
    }
    accepting[at] = true;
  }
  const edges = nodes.map((node) =>
    [...node].sort((a, b) => a[0] - b[0]).map(([code, to]): DfaEdge => [code, code, to])
  );
  return { edges, accepting };
}

/** The automaton of texts with so many characters. */
export function dfaOfLength(least: number, most: number): Dfa {
  const last = most === Infinity ? least : most;
  if (last >= MOST_STATES) throw tooLarge();
  const edges = Array.from({ length: last + 1 }, (_, state): DfaEdge[] => {
    if (state === last && most !== Infinity) return [];
    const to = Math.min(state + 1, last);
    return EVERY_CHARACTER.map(([first, last]): DfaEdge => [first, last, to]);
  });
  return { edges, accepting: edges.map((_, state) => state >= least) };
}

/**
 * An automaton whose states are found by trying characters.
 * @param first the first state, as a text
 * @param characters all that can occur
 * @param next the state after a character; undefined where it is refused
 * @param accepts whether a text may end in a state
 */
export function dfaOfStates(
  first: string,
  characters: string,
  next: (state: string, character: string) => string | undefined,
  accepts: (state: string) => boolean,
): Dfa {
  const names = [first], numbers = new Map([[first, 0]]), edges: DfaEdge[][] = [];
  const sorted = [...characters].sort();
  for (const name of names) {
    const own: DfaEdge[] = [];
    for (const character of sorted) {
      const to = next(name, character), code = character.codePointAt(0)!;
      if (to === undefined) continue;
      if (!numbers.has(to)) numbers.set(to, names.push(to) - 1);
      append(own, [code, code, numbers.get(to)!]);
    }
    edges.push(own);
    if (edges.length > MOST_STATES) throw tooLarge();
  }
  return { edges, accepting: names.map(accepts) };
}

/** Two symbols beyond Unicode that stand for no character: that here the text begins, or ends. */
export const BEGIN: Range = [LAST_CODE_POINT + 1, LAST_CODE_POINT + 1];
export const END: Range = [LAST_CODE_POINT + 2, LAST_CODE_POINT + 2];

/**
 * The automaton of an expression without rules (Rabin and Scott 1959); BEGIN and END in it are met
 * at the ends of a text, as often as you like.
 */
export function dfaOf(expression: Expression): Dfa {
  const nfa = new Nfa(), end = nfa.state();
  nfa.connect(nfa.state(), end, expression);
  const first = nfa.closure([1], [BEGIN[0]]);
  const sets = [first], numbers = new Map<string, number>(); // the first state is never met again
  const edges: DfaEdge[][] = [];
  for (const set of sets) {
    const all = set.flatMap((state) => nfa.edges[state]!.filter((edge) => edge[0] < BEGIN[0]));
    const own: DfaEdge[] = [];
    for (const [first, last] of piecesOf(all)) {
      const reached = all.filter((edge) => edge[0] <= first && edge[1] >= last);
      const next = nfa.closure(reached.map((edge) => edge[2]), []);
      const key = next.join();
      if (!numbers.has(key)) numbers.set(key, sets.push(next) - 1);
      append(own, [first, last, numbers.get(key)!]);
    }
    edges.push(own);
    if (edges.length > MOST_SETS) throw tooLarge(MOST_SETS);
  }
  const accepting = sets.map((set, at) => {
    return nfa.closure(set, at === 0 ? [BEGIN[0], END[0]] : [END[0]]).includes(end);
  });
  return { edges, accepting };
}

/** What both automata accept. */
export function intersect(a: Dfa, b: Dfa): Dfa {
  return product(a, b, (left, right) => right >= 0 && a.accepting[left]! && b.accepting[right]!);
}

/** What the first accepts and the second does not. */
export function subtract(a: Dfa, b: Dfa): Dfa {
  const accepts = (left: number, right: number) =>
    a.accepting[left]! && !(right >= 0 && b.accepting[right]!);
  return product(a, b, accepts, true);
}

const NO_EDGES: readonly DfaEdge[] = [];

/** Pairs of states; the second is -1 where the second automaton has refused already. */
function product(
  a: Dfa,
  b: Dfa,
  accepts: (left: number, right: number) => boolean,
  isAlone = false,
): Dfa {
  const pairs: [number, number][] = [[0, 0]];
  const numbers = new Map([[1, 0]]); // of pairs, each as one number
  const edges: DfaEdge[][] = [];
  for (const [left, right] of pairs) {
    const own: DfaEdge[] = [], others = right < 0 ? NO_EDGES : b.edges[right]!;
    const go = (first: number, last: number, to: number, other: number) => {
      const key = to * (b.edges.length + 1) + other + 1;
      let number = numbers.get(key);
      if (number === undefined) numbers.set(key, number = pairs.push([to, other]) - 1);
      append(own, [first, last, number]);
    };
    for (const [first, last, to] of a.edges[left]!) {
      let from = first; // up to here the edge has been dealt with
      for (const [begin, end, other] of others) {
        if (end < from || begin > last) continue;
        if (begin > from && isAlone) go(from, begin - 1, to, -1);
        from = Math.max(from, begin);
        go(from, Math.min(last, end), to, other);
        from = end + 1;
      }
      if (from <= last && isAlone) go(from, last, to, -1);
    }
    edges.push(own);
    if (edges.length > MOST_STATES) throw tooLarge();
  }
  return trim({ edges, accepting: pairs.map(([left, right]) => accepts(left, right)) });
}

/** Whether an automaton accepts nothing. */
export function isEmpty({ accepting }: Dfa): boolean {
  return !accepting.includes(true); // of a trimmed one: every state is reached
}

/** Whether an automaton accepts a text. */
export function accepts({ edges, accepting }: Dfa, text: string): boolean {
  let at = 0;
  for (const char of text) {
    const code = char.codePointAt(0)!;
    const edge = edges[at]!.find(([first, last]) => first <= code && last >= code);
    if (edge === undefined) return false;
    at = edge[2];
  }
  return accepting[at]!;
}

/** The same automaton as a part of a grammar. */
export function machineOf({ edges, accepting }: Dfa): Machine {
  const all: MachineEdge[] = [];
  edges.forEach((own, from) => {
    const byTarget = Map.groupBy(own, (edge) => edge[2]);
    for (const [to, group] of byTarget) {
      all.push({ from, to, on: normalize(group.map(([first, last]): Range => [first, last])) });
    }
  });
  const ends = accepting.flatMap((accepts, state) => accepts ? [state] : []);
  return { stateCount: edges.length, accepting: ends, edges: all };
}

/** Leaves out edges to states from which no end is reached. */
function trim({ edges, accepting }: Dfa): Dfa {
  const before: number[][] = edges.map(() => []);
  edges.forEach((own, from) => own.forEach(([, , to]) => before[to]!.push(from)));
  const alive = new Set(accepting.flatMap((accepts, state) => accepts ? [state] : []));
  for (const state of alive) for (const from of before[state]!) alive.add(from);
  return { edges: edges.map((own) => own.filter(([, , to]) => alive.has(to))), accepting };
}

/** The characters of some edges, cut wherever one of them begins or ends. */
function piecesOf(edges: readonly DfaEdge[]): Range[] {
  const cuts = [...new Set(edges.flatMap(([first, last]) => [first, last + 1]))];
  cuts.sort((a, b) => a - b);
  const covered = normalize(edges.map(([first, last]): Range => [first, last]));
  const pieces: Range[] = [];
  let range = 0;
  for (let i = 0; i + 1 < cuts.length; i++) {
    const [first, last] = [cuts[i]!, cuts[i + 1]! - 1];
    while (covered[range]![1] < first) range++;
    if (covered[range]![0] <= first) pieces.push([first, last]);
  }
  return pieces;
}

/** Appends an edge, to the one before if it goes on from it. */
function append(edges: DfaEdge[], edge: DfaEdge): void {
  const before = edges.at(-1);
  if (before !== undefined && before[1] + 1 === edge[0] && before[2] === edge[2]) {
    edges[edges.length - 1] = [before[0], edge[1], edge[2]];
  } else edges.push(edge);
}

function tooLarge(most = MOST_STATES): ArgumentError {
  return new ArgumentError(`Cannot use this expression: it needs over ${most} states`);
}

/** States and edges of an expression, as it is written (Thompson 1968). */
class Nfa {
  readonly edges: DfaEdge[][] = [];
  readonly #empty: number[][] = [];

  state(): number {
    if (this.edges.length >= MOST_STATES) throw tooLarge();
    this.#empty.push([]);
    return this.edges.push([]) - 1;
  }

  connect(from: number, to: number, part: Expression): void {
    switch (part.kind) {
      case "text":
        return this.connect(from, to, {
          kind: "sequence",
          parts: Array.from(part.text, (char): Expression => {
            const code = char.codePointAt(0)!;
            return { kind: "class", ranges: [[code, code]] };
          }),
        });
      case "class":
        for (const [first, last] of part.ranges) this.edges[from]!.push([first, last, to]);
        return;
      case "sequence":
        for (const one of part.parts) {
          const next = this.state();
          this.connect(from, next, one);
          from = next;
        }
        this.#empty[from]!.push(to);
        return;
      case "choice":
        for (const one of part.parts) {
          const begin = this.state();
          this.#empty[from]!.push(begin);
          this.connect(begin, to, one);
        }
        return;
      case "repeat":
        return this.#repeat(from, to, part);
      default:
        throw new ArgumentError(`Cannot make an automaton of a ${part.kind}`);
    }
  }

  #repeat(from: number, to: number, repeat: Expression & { kind: "repeat" }): void {
    const { part, least, most } = repeat;
    const rounds = most === Infinity ? least : most;
    for (let round = 0; round < rounds; round++) {
      if (round >= least) this.#empty[from]!.push(to);
      const next = this.state();
      this.connect(from, next, part);
      from = next;
    }
    if (most === Infinity) {
      const loop = this.state(), end = this.state();
      this.#empty[from]!.push(loop);
      this.connect(loop, end, part);
      this.#empty[end]!.push(loop);
      this.#empty[loop]!.push(to);
    } else this.#empty[from]!.push(to);
  }

  /** The states that are reached by nothing but some symbols; in the order of their numbers. */
  closure(states: readonly number[], symbols: readonly number[]): number[] {
    const reached = new Set(states);
    for (const state of reached) {
      for (const next of this.#empty[state]!) reached.add(next);
      if (symbols.length === 0) continue;
      for (const [first, , to] of this.edges[state]!) if (symbols.includes(first)) reached.add(to);
    }
    return [...reached].sort((a, b) => a - b);
  }
}
