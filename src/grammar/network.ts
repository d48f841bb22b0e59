/**
 * A grammar as a recursive transition network over bytes (Woods 1970): each rule a finite automaton
 * whose edges read a byte, or call another rule. @module
 */

import { ArgumentError } from "../errors.ts";
import { type Range, utf8Ranges } from "./code_points.ts";
import type { Expression, Rules } from "./expression.ts";
import { Nullable } from "./nullable.ts";

/** A call of a rule: `least` to `most` times in a row, then on to `target`. */
export interface Call {
  readonly rule: number;
  readonly least: number;
  readonly most: number;
  readonly target: number;
}

/** A state of the network. */
export interface State {
  /** Whether the rule may end here. */
  accepting: boolean;
  /** Bytes that are read, first and last, and where they lead: three numbers each. */
  bytes: number[];
  /** States that are as good as this one. */
  empty: number[];
  /** Rules that are called; numbers of calls. */
  calls: number[];
}

/** More than this is taken for a mistake, before it takes all memory. */
const MOST_STATES = 2_000_000;
/** A repetition that needs no more states than this is written out, a longer one is counted. */
const MOST_WRITTEN_OUT = 48;
/** The same for what cannot be counted, because a round of it may be empty. */
const MOST_EMPTY_ROUNDS = 4096;

/** The network of a grammar. */
export class Network {
  /** All states of all rules. */
  readonly states: State[] = [];
  /** All calls. */
  readonly calls: Call[] = [];
  /** The first state of each rule. */
  readonly starts: number[] = [];
  /** Fewest bytes from each state to the end of its rule; Infinity where there is no way. */
  distances: Float64Array = new Float64Array(0); // [states.length]
  /** The rule of a whole text. */
  readonly root: number;
  readonly #rules: ReadonlyMap<string, Expression>;
  readonly #numbers = new Map<string, number>();
  readonly #pending: (readonly [rule: number, part: Expression])[] = [];
  readonly #nullable: Nullable;

  /**
   * Builds the network.
   * @throws ArgumentError for left recursion, or a root that no text of finite length meets
   */
  constructor(grammar: Rules) {
    this.#rules = grammar.rules;
    this.#nullable = new Nullable(grammar);
    this.#nullable.refuseLeftRecursion();
    this.root = this.#ruleNumber(grammar.root);
    for (let next = this.#pending.pop(); next !== undefined; next = this.#pending.pop()) {
      const [number, part] = next, end = this.#state();
      this.states[end]!.accepting = true;
      this.#connect(this.starts[number]!, end, part);
    }
    this.#skipEmpty();
    this.distances = measure(this);
    if (this.distances[this.starts[this.root]!] === Infinity) {
      throw new ArgumentError("Cannot use this grammar: no text of finite length meets it");
    }
  }

  /** The number of a rule; its states are made later. */
  #ruleNumber(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const number = this.#newRule(this.#rules.get(name)!);
    this.#numbers.set(name, number);
    return number;
  }

  #newRule(part: Expression): number {
    const number = this.starts.push(this.#state()) - 1;
    this.#pending.push([number, part]);
    return number;
  }

  #state(): number {
    if (this.states.length >= MOST_STATES) {
      throw new ArgumentError(`Cannot use this grammar: it needs over ${MOST_STATES} states`);
    }
    return this.states.push({ accepting: false, bytes: [], empty: [], calls: [] }) - 1;
  }

  #call(from: number, call: Call): void {
    this.states[from]!.calls.push(this.calls.push(call) - 1);
  }

  /** Makes a way between two states for whatever an expression matches. */
  #connect(from: number, to: number, part: Expression): void {
    switch (part.kind) {
      case "text":
        return this.#bytes(from, to, UTF8.encode(part.text));
      case "class":
        return this.#class(from, to, part.ranges);
      case "sequence":
        return this.#sequence(from, to, part.parts);
      case "choice":
        for (const one of part.parts) {
          const begin = this.#state(); // loops of one alternative must not lead into another
          this.states[from]!.empty.push(begin);
          this.#connect(begin, to, one);
        }
        return;
      case "repeat":
        return this.#repeat(from, to, part);
      case "rule": {
        const call = { rule: this.#ruleNumber(part.name), least: 1, most: 1, target: to };
        return this.#call(from, call);
      }
      case "machine":
        return this.#machine(from, to, part);
    }
  }

  #bytes(from: number, to: number, bytes: Uint8Array): void {
    if (bytes.length === 0) this.states[from]!.empty.push(to);
    let at = from;
    for (let i = 0; i < bytes.length; i++) {
      const next = i === bytes.length - 1 ? to : this.#state();
      this.states[at]!.bytes.push(bytes[i]!, bytes[i]!, next);
      at = next;
    }
  }

  /** Characters of a set; spellings that end alike share their ends. */
  #class(from: number, to: number, ranges: readonly Range[]): void {
    const tails = new Map<string, number>();
    for (const places of utf8Ranges(ranges)) {
      let next = to;
      for (let place = places.length - 1; place > 0; place--) {
        const key = places.slice(place).join(";");
        const known = tails.get(key) ?? this.#state();
        if (!tails.has(key)) this.states[known]!.bytes.push(...places[place]!, next);
        tails.set(key, known);
        next = known;
      }
      this.states[from]!.bytes.push(...places[0]!, next);
    }
  }

  #sequence(from: number, to: number, parts: readonly Expression[]): void {
    if (parts.length === 0) this.states[from]!.empty.push(to);
    parts.forEach((part, index) => {
      const next = index === parts.length - 1 ? to : this.#state();
      this.#connect(from, next, part);
      from = next;
    });
  }

  #repeat(from: number, to: number, repeat: Expression & { kind: "repeat" }): void {
    const { part } = repeat, isNullable = this.#nullable.of(part);
    const least = isNullable ? 0 : repeat.least, { most } = repeat;
    const rounds = most === Infinity ? least : most;
    const isShort = rounds <= 1 || rounds * sizeOf(part) <= MOST_WRITTEN_OUT;
    if (isShort || isNullable) {
      if (rounds > MOST_EMPTY_ROUNDS) {
        const state = `${rounds} rounds of what may be empty, more than ${MOST_EMPTY_ROUNDS}`;
        throw new ArgumentError(`Cannot repeat so often: ${state}`);
      }
      return this.#writeOut(from, to, part, least, most);
    }
    const rule = part.kind === "rule" ? this.#ruleNumber(part.name) : this.#newRule(part);
    this.#call(from, { rule, least, most, target: to });
  }

  /** A repetition in as many copies as it has rounds, and a loop where it has no end. */
  #writeOut(from: number, to: number, part: Expression, least: number, most: number): void {
    const rounds = most === Infinity ? least : most;
    for (let round = 0; round < rounds; round++) {
      if (round >= least) this.states[from]!.empty.push(to);
      const next = this.#state();
      this.#connect(from, next, part);
      from = next;
    }
    if (most === Infinity) {
      const loop = this.#state(), end = this.#state();
      this.states[from]!.empty.push(loop);
      this.#connect(loop, end, part);
      this.states[end]!.empty.push(loop);
      this.states[loop]!.empty.push(to);
    } else this.states[from]!.empty.push(to);
  }

  #machine(from: number, to: number, part: Expression & { kind: "machine" }): void {
    const { machine: { stateCount, accepting, edges }, spell } = part;
    const states = Array.from({ length: stateCount }, () => this.#state());
    this.states[from]!.empty.push(states[0]!);
    for (const { from, to, on } of edges) {
      if ("kind" in on) this.#connect(states[from]!, states[to]!, on);
      else if (spell === undefined) this.#class(states[from]!, states[to]!, on);
      else this.#connect(states[from]!, states[to]!, spell(on));
    }
    for (const state of accepting) this.states[states[state]!]!.empty.push(to);
  }

  /** Leads past states that are nothing but a step to another one. */
  #skipEmpty(): void {
    const { states } = this;
    const beyond = (state: number) => {
      for (let steps = 0; steps < states.length; steps++) {
        const { accepting, bytes, empty, calls } = states[state]!;
        if (accepting || bytes.length > 0 || calls.length > 0 || empty.length !== 1) break;
        state = empty[0]!;
      }
      return state;
    };
    for (const state of states) {
      for (let at = 2; at < state.bytes.length; at += 3) state.bytes[at] = beyond(state.bytes[at]!);
      if (state.empty.length > 0) state.empty = [...new Set(state.empty.map(beyond))];
    }
    this.starts.forEach((start, rule) => this.starts[rule] = beyond(start));
    this.calls.forEach((call, at) => this.calls[at] = { ...call, target: beyond(call.target) });
  }
}

const UTF8 = new TextEncoder();

/** About how many states an expression takes. */
function sizeOf(part: Expression): number {
  switch (part.kind) {
    case "text":
      return part.text.length;
    case "class":
      return 1;
    case "sequence":
    case "choice":
      return part.parts.reduce((sum, one) => sum + sizeOf(one), 1);
    case "repeat":
      return sizeOf(part.part) * Math.min(part.most, part.least + 1, MOST_WRITTEN_OUT);
    case "rule":
      return 1;
    case "machine":
      return part.machine.stateCount;
  }
}

/** Fewest bytes from each state to the end of its rule: shortest ways, found from their ends. */
function measure({ states, calls, starts }: Network): Float64Array {
  const distances = new Float64Array(states.length).fill(Infinity);
  const before: number[][] = states.map(() => []); // who may gain when a state does
  states.forEach((state, from) => {
    for (let at = 2; at < state.bytes.length; at += 3) before[state.bytes[at]!]!.push(from);
    for (const to of state.empty) before[to]!.push(from);
    for (const call of state.calls) {
      before[calls[call]!.target]!.push(from);
      before[starts[calls[call]!.rule]!]!.push(from);
    }
  });
  const through = (number: number) => {
    const { rule, least, target } = calls[number]!;
    const rounds = least === 0 ? 0 : least * distances[starts[rule]!]!;
    return rounds + distances[target]!;
  };
  let changed = states.flatMap(({ accepting }, state) => accepting ? [state] : []);
  for (const state of changed) distances[state] = 0;
  while (changed.length > 0) {
    const next = new Set<number>();
    for (const at of changed) {
      for (const from of before[at]!) {
        const { bytes, empty, calls } = states[from]!;
        let least = distances[from]!;
        for (let i = 2; i < bytes.length; i += 3) {
          least = Math.min(least, 1 + distances[bytes[i]!]!);
        }
        for (const to of empty) least = Math.min(least, distances[to]!);
        for (const call of calls) least = Math.min(least, through(call));
        if (least >= distances[from]!) continue;
        distances[from] = least;
        next.add(from);
      }
    }
    changed = [...next];
  }
  return distances;
}
