/** Where the time of steps goes: operations by what they do, the most expensive first. @module */

import type { Recording } from "../model/runner.ts";
import { quantById } from "../quant.ts";
import { amountOf, Recorded } from "../step/amounts.ts";
import type { Operand } from "../step/step.ts";

/** One operation of all blocks together. */
export interface ProfiledOperation {
  /** What it does and to which tensors: "matmul attn_q, attn_k, attn_v". */
  readonly name: string;
  /** The types of its weights; none for operations that have none. */
  readonly types: readonly string[];
  /** How often it ran in a step, in the mean. */
  readonly calls: number;
  /** Milliseconds in a step, in the mean. */
  readonly ms: number;
  /** Its share of the time of all operations. */
  readonly share: number;
  /** Bytes that it read and wrote in a step at the least, in the mean. */
  readonly bytes: number;
  /** Multiplications and additions in a step, in the mean; 0 where there is no product. */
  readonly operations: number;
}

/** What some steps took. */
export interface Profile {
  /** How many steps. */
  readonly steps: number;
  /** Milliseconds of a step, in the mean: all operations. */
  readonly ms: number;
  /** The operations, the most expensive first. */
  readonly operations: readonly ProfiledOperation[];
}

/** What one kind of operation has taken so far, in all steps. */
interface Total {
  readonly types: Set<string>;
  calls: number;
  nanoseconds: number;
  bytes: number;
  operations: number;
}

/** Operands that are weights, and where they have names in a file. */
const WEIGHTS = ["weight", "gate", "up"];

/** Adds up steps. */
export class Profiler {
  readonly #names = new Map<string, string>(); // by handle and offset
  readonly #totals = new Map<string, Total>();
  #steps = 0;

  /** @param weights all matrices and vectors by name */
  constructor(weights: ReadonlyMap<string, Operand>) {
    for (const [name, { memory, offset }] of weights) {
      const short = name.replace(/^blk\.\d+\./, "").replace(/\.weight$/, "");
      this.#names.set(`${memory.handle}+${offset}`, short);
    }
  }

  /**
   * Adds a step.
   * @param recording what was run
   * @param nanoseconds what each operation took; those that ran together count for the first
   */
  add({ step, batch }: Recording, nanoseconds: BigUint64Array): void {
    const { words, count } = step;
    this.#steps++;
    for (let first = 0; first < count;) {
      const group = [new Recorded(words, first, batch.words)];
      let time = nanoseconds[first]!;
      for (let next = first + 1; next < count; next++) {
        const op = new Recorded(words, next, batch.words);
        if (!op.together) break;
        group.push(op);
        time += nanoseconds[next]!;
      }
      this.#count(group, Number(time));
      first += group.length;
    }
  }

  #count(group: readonly Recorded[], nanoseconds: number): void {
    const total = this.#totalOf(this.#nameOf(group));
    total.calls++;
    total.nanoseconds += nanoseconds;
    for (const op of group) {
      const { bytes, operations } = amountOf(op);
      total.bytes += bytes;
      total.operations += operations;
      for (const name of WEIGHTS) {
        const type = operations > 0 ? op.operand(name)?.type : undefined;
        if (type !== undefined) total.types.add(quantById(type)?.name ?? String(type));
      }
    }
  }

  #totalOf(name: string): Total {
    const known = this.#totals.get(name);
    if (known) return known;
    const made = { types: new Set<string>(), calls: 0, nanoseconds: 0, bytes: 0, operations: 0 };
    this.#totals.set(name, made);
    return made;
  }

  /** What operations that run together do, and to which tensors. */
  #nameOf(group: readonly Recorded[]): string {
    const kinds = new Set(group.map(({ kind }) => kind)), tensors = new Set<string>();
    for (const op of group) {
      for (const operand of WEIGHTS) {
        const place = op.operand(operand);
        if (!place) continue;
        const found = this.#names.get(`${place.handle}+${place.offset}`);
        tensors.add(found ?? `[${op.n}, ${op.k}]`);
      }
    }
    return [[...kinds].join(", "), [...tensors].join(", ")].join(" ").trim();
  }

  /** All of it, per step. */
  result(): Profile {
    const steps = this.#steps, all = [...this.#totals];
    const whole = all.reduce((sum, [, { nanoseconds }]) => sum + nanoseconds, 0);
    const operations = all.map(([name, total]) => ({
      name,
      types: [...total.types],
      calls: total.calls / steps,
      ms: total.nanoseconds / steps / 1e6,
      share: total.nanoseconds / whole,
      bytes: total.bytes / steps,
      operations: total.operations / steps,
    }));
    operations.sort((a, b) => b.ms - a.ms);
    return { steps, ms: steps === 0 ? 0 : whole / steps / 1e6, operations };
  }
}
