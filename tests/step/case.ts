/** What a kernel test case is: how to record it, and where its results lie. @module */

import { INPUTS } from "../../src/native/memory.ts";
import { ELEMENT, type OperationName } from "../../src/native/operations.ts";
import type { Operand, Step } from "../../src/step/step.ts";
import type { Scene } from "../kernel_support.ts";
import type { Bound } from "./bounds.ts";

/** A piece of one row's results. */
export interface Output {
  /** Byte offset in the scene. */
  readonly at: number;
  /** Bytes. */
  readonly bytes: number;
  /** F32, or a type of rounded activations; what has no bound is compared as it lies there. */
  readonly type?: number;
  /** Elements, where there is a bound. */
  readonly count?: number;
  /** How far each may lie from the reference; none: bytes are equal. */
  readonly bound?: Bound;
}

/** A recorded case. */
export interface Built {
  /** What tokens, places, tables and angles it uses. */
  readonly inputs: Int32Array<ArrayBuffer>;
  /** Where each row's results lie. */
  readonly outputs: readonly (readonly Output[])[];
}

/** One operation with one choice of types and sizes. */
export interface Case {
  /** Which operation it is. */
  readonly operation: OperationName;
  /** Its choices, in words. */
  readonly name: string;
  /** Records it over some rows of the data that the scene's seed makes. */
  readonly record: (step: Step, scene: Scene, rows: readonly number[]) => Built;
}

/** The inputs of a run, while they are put together. */
export class InputWords {
  readonly #words: number[] = [];

  /** Appends integers. */
  integers(list: readonly number[]): Operand {
    const offset = this.#words.length * 4;
    this.#words.push(...list);
    return { memory: INPUTS, type: ELEMENT.I32, offset };
  }

  /** Appends floats. */
  floats(list: Float32Array<ArrayBuffer>): Operand {
    return { ...this.integers([...new Int32Array(list.buffer)]), type: ELEMENT.F32 };
  }

  /** All that was appended. */
  get words(): Int32Array<ArrayBuffer> {
    return Int32Array.from(this.#words);
  }
}

/** Float rows at an operand as outputs. */
export function floatOutputs(
  out: Operand,
  stride: number,
  count: number,
  bounds: readonly (Bound | undefined)[],
): Output[][] {
  return bounds.map((bound, row) => {
    const piece = { at: out.offset + row * stride * 4, bytes: count * 4, type: ELEMENT.F32, count };
    return [bound ? { ...piece, bound } : piece];
  });
}
