/**
 * What a grammar does within one token, whatever stands below: configurations are sets of stacks
 * over an unknown bottom, found lazily and kept in a table, like the states of a lazy DFA. @module
 */

import type { Network } from "./network.ts";
import { type Frames, Stack, type Tops } from "./stack.ts";

/** Nothing can follow. */
export const DEAD = 0;

/** What flags say of a configuration. */
export const READS = 1, LEAVES = 2;

/** Beyond this many the table begins anew. */
const MOST_CONFIGURATIONS = 8000;
/** The same for all their stacks. */
const MOST_STACKS = 500_000;

/** Configurations and the ways between them. */
export class RelativeAutomaton {
  /** The class of each byte: bytes of one class are never told apart. */
  readonly classes: Uint8Array; // [256]
  /** How many classes there are. */
  readonly classCount: number;
  /** Where each class leads from each configuration; -1 where it is not known yet. */
  table: Int32Array; // [configurations, classCount]
  /** READS and LEAVES of each configuration. */
  flags: Uint8Array; // [configurations]
  /** Counts how often the table has begun anew: numbers of configurations die with it. */
  generation = 0;
  readonly #frames: Frames;
  readonly #clamp: number;
  #bottom = new Stack(undefined, -1, 0);
  #stacks: (readonly Stack[])[] = [];
  #numbers = new Map<string, number>();
  #total = 0;
  #cuts = new WeakMap<Stack, { readonly relative: Stack; readonly below: Stack }>();

  /**
   * Begins with an empty table.
   * @param frames of the network
   * @param longest bytes of the longest token: more rounds than that no token can tell apart
   */
  constructor(network: Network, frames: Frames, longest: number) {
    this.#frames = frames;
    this.#clamp = longest + 1;
    ({ classes: this.classes, count: this.classCount } = classify(network));
    this.table = new Int32Array(64 * this.classCount).fill(-1);
    this.flags = new Uint8Array(64);
    this.#begin();
  }

  /**
   * The configurations of a set of stacks, by what stands below them. A stack is cut under its top
   * frame and the counters under that.
   */
  cut(stacks: readonly Stack[]): Map<Stack, number> {
    const groups = new Map<Stack, Stack[]>();
    for (const stack of stacks) {
      const { relative, below } = this.#cut(stack);
      const group = groups.get(below);
      if (group === undefined) groups.set(below, [relative]);
      else group.push(relative);
    }
    return new Map(Array.from(groups, ([below, group]) => {
      group.sort((a, b) => a.id - b.id);
      return [below, this.#number({ stacks: group, ended: false })];
    }));
  }

  /** The configuration after what stood above a stack is complete, and what is below it. */
  leave(stack: Stack): { readonly configuration: number; readonly below: Stack } {
    const { relative, below } = this.#cut(stack);
    return { configuration: this.#number(this.#frames.leave(relative)), below };
  }

  /** Makes room in the table, where it is needed; numbers of before are void then. */
  refresh(): void {
    const { length } = this.#stacks;
    if (length >= MOST_CONFIGURATIONS || this.#total >= MOST_STACKS) this.#begin();
  }

  /** Finds where a byte leads, and puts it into the table. */
  step(configuration: number, byte: number): number {
    const to = this.#number(this.#frames.step(this.#stacks[configuration]!, byte));
    this.table[configuration * this.classCount + this.classes[byte]!] = to;
    return to;
  }

  #begin(): void {
    this.generation++;
    this.#bottom = new Stack(undefined, -1, 0);
    this.#cuts = new WeakMap();
    this.#stacks = [];
    this.#numbers = new Map();
    this.#total = 0;
    this.table.fill(-1);
    this.#number({ stacks: [], ended: false });
  }

  #cut(stack: Stack): { readonly relative: Stack; readonly below: Stack } {
    const known = this.#cuts.get(stack);
    if (known !== undefined) return known;
    const frames = [stack.frame];
    let below = stack.parent!;
    for (; below.parent !== undefined; below = below.parent) {
      const counter = this.#frames.counter(below.frame);
      if (counter === undefined) break;
      frames.push(this.#clamped(below.frame));
    }
    frames[0] = this.#clamped(stack.frame);
    const relative = frames.reduceRight((on, frame) => on.push(frame, 0), this.#bottom);
    const cut = { relative, below };
    this.#cuts.set(stack, cut);
    return cut;
  }

  /** A frame that does the same within a token. */
  #clamped(frame: number): number {
    const counter = this.#frames.counter(frame);
    if (counter === undefined) return frame;
    const least = Math.min(counter.least, this.#clamp), most = Math.min(counter.most, this.#clamp);
    return this.#frames.frameOf({ call: counter.call, least, most });
  }

  #number({ stacks, ended }: Tops): number {
    let key = ended ? "!" : "";
    for (const { id } of stacks) key += `${id},`;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#stacks.push(stacks) - 1;
    this.#numbers.set(key, number);
    this.#total += stacks.length;
    if (number >= this.flags.length) this.#grow();
    this.flags[number] = (stacks.length > 0 ? READS : 0) | (ended ? LEAVES : 0);
    return number;
  }

  #grow(): void {
    const table = new Int32Array(this.table.length * 2).fill(-1);
    table.set(this.table);
    this.table = table;
    const flags = new Uint8Array(this.flags.length * 2);
    flags.set(this.flags);
    this.flags = flags;
  }
}

/** Bytes that no edge of a network tells apart get one class. */
function classify({ states }: Network): { classes: Uint8Array; count: number } {
  const begins = new Uint8Array(257);
  for (const { bytes } of states) {
    for (let at = 0; at < bytes.length; at += 3) {
      begins[bytes[at]!] = begins[bytes[at + 1]! + 1] = 1;
    }
  }
  const classes = new Uint8Array(256);
  let count = 0;
  for (let byte = 0; byte < 256; byte++) {
    if (byte > 0 && begins[byte] === 1) count++;
    classes[byte] = count;
  }
  return { classes, count: count + 1 };
}
