/** Stacks that share their lower parts: what a text is inside of. @module */

import type { Network } from "./network.ts";

/**
 * A stack of frames, never changed: the top one, and the stack below. Of one parent there is at
 * most one stack with a frame, so that equal stacks are the same object.
 */
export class Stack {
  static #count = 0;
  /** A number of its own. */
  readonly id: number = Stack.#count++;
  #children: Map<number, Stack> | undefined;

  /**
   * Frames make them.
   * @param parent the stack below; undefined at the bottom
   * @param frame a state, or a number of `Frames`
   * @param cost fewest bytes that complete everything below and this frame
   */
  constructor(
    readonly parent: Stack | undefined,
    readonly frame: number,
    readonly cost: number,
  ) {}

  /** The stack with one more frame. */
  push(frame: number, cost: number): Stack {
    this.#children ??= new Map();
    const known = this.#children.get(frame);
    if (known !== undefined) return known;
    const made = new Stack(this, frame, this.cost + cost);
    this.#children.set(frame, made);
    return made;
  }

  /** Forgets the stacks above, for those who would not meet them again. */
  forget(): void {
    this.#children = undefined;
  }
}

/** A counted call that is under way: how many rounds must, and how many may follow this one. */
export interface Counter {
  readonly call: number;
  readonly least: number;
  readonly most: number;
}

/** A set of stacks, each with a state on top that can read a byte. */
export interface Tops {
  /** The stacks, in the order of their ids. */
  readonly stacks: readonly Stack[];
  /** Whether everything above the bottom may be complete. */
  readonly ended: boolean;
}

/** The frames of a network: states, and counters with numbers beyond them. */
export class Frames {
  readonly #network: Network;
  readonly #counters: Counter[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #ends: Uint8Array; // [states]: 1 for those where a rule ends and cannot go on

  /** Begins with the states alone. */
  constructor(network: Network) {
    this.#network = network;
    this.#ends = Uint8Array.from(network.states, ({ accepting, bytes, empty, calls }) => {
      return Number(accepting && bytes.length + empty.length + calls.length === 0);
    });
  }

  /** The counter of a frame; undefined for a state. */
  counter(frame: number): Counter | undefined {
    return this.#counters[frame - this.#network.states.length];
  }

  /** The frame of a counter. */
  frameOf({ call, least, most }: Counter): number {
    const key = `${call} ${least} ${most}`;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const frame = this.#network.states.length +
      this.#counters.push({ call, least, most }) - 1;
    this.#numbers.set(key, frame);
    return frame;
  }

  /** Fewest bytes that complete a frame, once what is above it is complete. */
  costOf(frame: number): number {
    const { calls, distances, starts } = this.#network, counter = this.counter(frame);
    if (counter === undefined) return distances[frame]!;
    const { rule, target } = calls[counter.call]!;
    const rounds = counter.least === 0 ? 0 : counter.least * distances[starts[rule]!]!;
    return rounds + distances[target]!;
  }

  /** Fewest bytes from a stack to the end of the text, of which its top state reads the first. */
  toEnd({ parent, frame }: Stack): number {
    const { bytes } = this.#network.states[frame]!;
    let least = Infinity;
    for (let at = 2; at < bytes.length; at += 3) {
      least = Math.min(least, this.#network.distances[bytes[at]!]!);
    }
    return 1 + least + parent!.cost;
  }

  /** Every stack that a stack with this state on top is as good as, and that can read. */
  enter(parent: Stack, state: number): Tops {
    const closure = new Closure(this.#network, this, this.#ends);
    closure.add(parent, state);
    return closure.run();
  }

  /** The stacks after what stood above `stack` is complete. */
  leave(stack: Stack): Tops {
    const closure = new Closure(this.#network, this, this.#ends);
    closure.leave(stack);
    return closure.run();
  }

  /** The stacks after a byte. */
  step(stacks: readonly Stack[], byte: number): Tops {
    const closure = new Closure(this.#network, this, this.#ends);
    const { states } = this.#network;
    for (const { parent, frame } of stacks) {
      const { bytes } = states[frame]!;
      for (let at = 0; at < bytes.length; at += 3) {
        if (byte >= bytes[at]! && byte <= bytes[at + 1]!) closure.add(parent!, bytes[at + 2]!);
      }
    }
    return closure.run();
  }
}

/** Follows calls and ends of rules until only states are left that read. */
class Closure {
  readonly #network: Network;
  readonly #frames: Frames;
  readonly #ends: Uint8Array;
  readonly #seen = new Set<number>();
  readonly #parents: Stack[] = [];
  readonly #states: number[] = [];
  readonly #found: Stack[] = [];
  #ended = false;

  constructor(network: Network, frames: Frames, ends: Uint8Array) {
    this.#network = network;
    this.#frames = frames;
    this.#ends = ends;
  }

  /** A state to look at, with what is below it. */
  add(parent: Stack, state: number): void {
    const { distances } = this.#network;
    if (distances[state] === Infinity) return; // nobody gets out of there
    const key = parent.id * distances.length + state;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.#parents.push(parent);
    this.#states.push(state);
  }

  run(): Tops {
    const { states, calls, distances } = this.#network;
    for (let at = 0; at < this.#states.length; at++) {
      const parent = this.#parents[at]!, number = this.#states[at]!, state = states[number]!;
      for (const to of state.empty) this.add(parent, to);
      for (const call of state.calls) {
        const { least, most, target } = calls[call]!;
        if (least === 0) this.add(parent, target);
        this.#enter(parent, call, Math.max(0, least - 1), most - 1);
      }
      if (state.accepting) this.leave(parent);
      if (state.bytes.length > 0) this.#found.push(parent.push(number, distances[number]!));
    }
    const stacks = this.#found.sort((a, b) => a.id - b.id);
    return { stacks, ended: this.#ended };
  }

  /** Calls a rule; so many rounds must and may follow. */
  #enter(parent: Stack, number: number, least: number, most: number): void {
    const { calls, starts } = this.#network, { rule, target } = calls[number]!;
    const frame = most === 0 ? target : this.#frames.frameOf({ call: number, least, most });
    const cost = this.#frames.costOf(frame);
    if (cost === Infinity) return;
    // A last call leaves nothing to come back to.
    const below = this.#ends[frame] === 1 ? parent : parent.push(frame, cost);
    this.add(below, starts[rule]!);
  }

  leave(stack: Stack): void {
    const { parent, frame } = stack;
    if (parent === undefined) {
      this.#ended = true;
      return;
    }
    const counter = this.#frames.counter(frame);
    if (counter === undefined) return this.add(parent, frame);
    const { call, least, most } = counter;
    if (least === 0) this.add(parent, this.#network.calls[call]!.target);
    this.#enter(parent, call, Math.max(0, least - 1), most - 1);
  }
}
