/**
 * A grammar as a recursive transition network over bytes (Woods 1970): each rule a finite automaton
 * whose edges read a byte, or call another rule. @module
 */

import { ArgumentError } from "../errors.ts";
import { type Range, utf8Bytes, utf8Ranges, without } from "./code_points.ts";
import { dfaOfTexts, machineOf } from "./dfa.ts";
import type { Expression, Rules, Spelling } from "./expression.ts";
import { distancesOf } from "./distances.ts";
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

/** What most states have of most things; one list for all, as there are very many states. */
const NONE: number[] = [];

/** More than this is taken for a mistake, before it takes all memory. */
const MOST_STATES = 2_000_000;
/** A repetition that needs no more states than this is written out, a longer one is counted. */
const MOST_WRITTEN_OUT = 48;
/** The same for what cannot be counted, because a round of it may be empty. */
const MOST_EMPTY_ROUNDS = 4096;
/** Of more texts than this, those that begin alike share their states. */
const MOST_BRANCHES = 8;

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
  readonly #parts = new Map<Expression, number>();
  readonly #sharedStates = new Map<string, number>();

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
    this.distances = distancesOf(this);
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

  /** The number of a rule without a name, the same for the same part. */
  #partNumber(part: Expression): number {
    const number = this.#parts.get(part) ?? this.#newRule(part);
    this.#parts.set(part, number);
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
    return this.states.push({ accepting: false, bytes: NONE, empty: NONE, calls: NONE }) - 1;
  }

  #call(from: number, call: Call): void {
    this.#add(from, "calls", this.calls.push(call) - 1);
  }

  /** Adds to one of the lists of a state. */
  #add(state: number, list: "bytes" | "empty" | "calls", ...more: number[]): void {
    const own = this.states[state]!;
    if (own[list] === NONE) own[list] = more;
    else own[list].push(...more);
  }

  /** Makes a way between two states for whatever an expression matches. */
  #connect(from: number, to: number, part: Expression): void {
    switch (part.kind) {
      case "text":
        return this.#bytes(from, to, utf8Bytes(part.text));
      case "class":
        return this.#class(from, to, part.ranges);
      case "sequence":
        return this.#sequence(from, to, part.parts);
      case "choice":
        if (part.parts.length > MOST_BRANCHES && part.parts.every((one) => one.kind === "text")) {
          const texts = part.parts.map((one) => one.kind === "text" ? one.text : "");
          return this.#machine(from, to, {
            kind: "machine",
            machine: machineOf(dfaOfTexts(texts)),
          });
        }
        for (const one of part.parts) {
          const begin = this.#state(); // loops of one alternative must not lead into another
          this.#add(from, "empty", begin);
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

  #bytes(from: number, to: number, bytes: readonly number[]): void {
    if (bytes.length === 0) this.#add(from, "empty", to);
    let at = from;
    for (let i = 0; i < bytes.length; i++) {
      const next = i === bytes.length - 1 ? to : this.#state();
      this.#add(at, "bytes", bytes[i]!, bytes[i]!, next);
      at = next;
    }
  }

  /** Characters of a set; spellings that end alike share their ends. */
  #class(from: number, to: number, ranges: readonly Range[]): void {
    const isAscii = ranges.every(([, last]) => last <= 0x7F);
    if (isAscii) return this.#add(from, "bytes", ...ranges.flatMap((range) => [...range, to]));
    for (const places of utf8Ranges(ranges)) {
      let next = to;
      for (let place = places.length - 1; place > 0; place--) {
        const last = next;
        next = this.#shared(`${to} ${places.slice(place).join()}`, (state) => {
          this.#add(state, "bytes", ...places[place]!, last);
        });
      }
      this.#add(from, "bytes", ...places[0]!, next);
    }
  }

  /** A state that is made once for whoever needs the same. */
  #shared(key: string, make: (state: number) => void): number {
    const known = this.#sharedStates.get(key);
    if (known !== undefined) return known;
    const state = this.#state();
    this.#sharedStates.set(key, state);
    make(state);
    return state;
  }

  #sequence(from: number, to: number, parts: readonly Expression[]): void {
    if (parts.length === 0) this.#add(from, "empty", to);
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
    const rule = part.kind === "rule" ? this.#ruleNumber(part.name) : this.#partNumber(part);
    this.#call(from, { rule, least, most, target: to });
  }

  /** A repetition in as many copies as it has rounds, and a loop where it has no end. */
  #writeOut(from: number, to: number, part: Expression, least: number, most: number): void {
    const rounds = most === Infinity ? least : most;
    for (let round = 0; round < rounds; round++) {
      if (round >= least) this.#add(from, "empty", to);
      const next = this.#state();
      this.#connect(from, next, part);
      from = next;
    }
    if (most === Infinity) {
      const loop = this.#state(), end = this.#state();
      this.#add(from, "empty", loop);
      this.#connect(loop, end, part);
      this.#add(end, "empty", loop);
      this.#add(loop, "empty", to);
    } else this.#add(from, "empty", to);
  }

  #machine(from: number, to: number, part: Expression & { kind: "machine" }): void {
    const { machine: { stateCount, accepting, edges }, spell } = part;
    const states = Array.from({ length: stateCount }, () => this.#state());
    this.#add(from, "empty", states[0]!);
    for (const { from, to, on } of edges) {
      const [begin, end] = [states[from]!, states[to]!];
      if ("kind" in on) this.#connect(begin, end, on);
      else if (spell === undefined) this.#class(begin, end, on);
      else this.#spelled(begin, end, on, spell);
    }
    for (const state of accepting) this.#add(states[state]!, "empty", to);
  }

  /** Characters of a set, some of which are written in another way. */
  #spelled(from: number, to: number, ranges: readonly Range[], spelling: Spelling): void {
    const plain = without(ranges, spelling.escaped), escaped = without(ranges, plain);
    this.#class(from, to, plain);
    if (escaped.length === 0) return;
    const begin = this.#shared(`${to} escaped ${escaped.join()}`, (state) => {
      this.#connect(state, to, spelling.escape(escaped));
    });
    this.#add(from, "empty", begin);
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
      if (state.bytes.length > 0) {
        state.bytes = state.bytes.map((byte, at) => at % 3 === 2 ? beyond(byte) : byte);
      }
      if (state.empty.length > 0) state.empty = [...new Set(state.empty.map(beyond))];
    }
    this.starts.forEach((start, rule) => this.starts[rule] = beyond(start));
    this.calls.forEach((call, at) => this.calls[at] = { ...call, target: beyond(call.target) });
  }
}

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
