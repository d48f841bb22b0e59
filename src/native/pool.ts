/** Thread pools: they check and run recorded steps. @module */

import { ArgumentError, DisposedError, KernelError } from "../errors.ts";
import type { Kernels } from "./ffi.ts";
import { OP_WORDS, OPERATION_NAMES, OPERATIONS } from "./operations.ts";

/** A step as C takes it. */
export interface RunnableStep {
  /** The operations, `OP_WORDS.size` words each. */
  readonly words: Int32Array<ArrayBuffer>;
  /** How many operations there are. */
  readonly count: number;
}

/** Threads bound to one instruction set. One step runs at a time. */
export class Pool implements Disposable {
  readonly #kernels: Kernels;
  #handle: number;
  readonly #fault = new Int32Array(2);
  /** Threads, the caller's included. */
  readonly threads: number;
  /** The instruction set. */
  readonly isa: string;

  /**
   * @param kernels the library
   * @param threads 1 to 256, the calling thread included
   * @param isa an instruction set; the best one if left out
   */
  constructor(kernels: Kernels, threads: number, isa: string = kernels.isas[0]!) {
    if (!kernels.isas.includes(isa)) {
      throw new ArgumentError(
        `Cannot use instruction set "${isa}": this processor has ${kernels.isas.join(", ")}`,
      );
    }
    this.#kernels = kernels;
    this.threads = threads;
    this.isa = isa;
    const code = kernels.call.cria_pool_create(threads, new TextEncoder().encode(isa + "\0"));
    this.#handle = kernels.unwrap(code, `start ${threads} threads`);
  }

  /**
   * Runs a step on this thread and the pool's; returns when it is done.
   * @param step the recorded operations
   * @param inputs token ids, positions, tables: what operands of memory -1 point into
   * @param nanoseconds where given, each operation's time is added to it
   */
  run(
    step: RunnableStep,
    inputs: Int32Array<ArrayBuffer>,
    nanoseconds?: BigUint64Array<ArrayBuffer>,
  ): void {
    const code = this.#kernels.call.cria_run(...this.#arguments(step, inputs, nanoseconds));
    this.#check(step, code);
  }

  /**
   * The same, beside the event loop: for what takes longer than a few milliseconds.
   * Costs 20 to 30 µs more than `run`.
   * @param step as for `run`
   * @param inputs as for `run`; neither may change before the promise settles
   * @param nanoseconds as for `run`
   * @param control one word; when it becomes anything but 0, the rest is not computed
   * @returns whether the step was run to its end; if not, what it writes is undefined
   */
  async runAside(
    step: RunnableStep,
    inputs: Int32Array<ArrayBuffer>,
    nanoseconds?: BigUint64Array<ArrayBuffer>,
    control?: Int32Array<ArrayBuffer>,
  ): Promise<boolean> {
    const given = this.#arguments(step, inputs, nanoseconds, control);
    const code = await this.#kernels.call.cria_run_aside(...given);
    if (control?.[0] && this.#kernels.errorName(code) === "CANCELLED") return false;
    this.#check(step, code);
    return true;
  }

  #arguments(
    { words, count }: RunnableStep,
    inputs: Int32Array<ArrayBuffer>,
    nanoseconds?: BigUint64Array<ArrayBuffer>,
    control?: Int32Array<ArrayBuffer>,
  ) {
    if (this.#handle < 0) throw new DisposedError("Cannot run a step: the pool was disposed of");
    if (words.length < count * OP_WORDS.size || (nanoseconds && nanoseconds.length < count)) {
      throw new ArgumentError(`Cannot run a step: a buffer is too short for ${count} operations`);
    }
    this.#fault.fill(-1);
    const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
    const times = nanoseconds
      ? new Uint8Array(nanoseconds.buffer, nanoseconds.byteOffset, nanoseconds.byteLength)
      : null;
    const { length } = inputs, handle = this.#handle;
    return [handle, bytes, count, inputs, length, control ?? null, this.#fault, times] as const;
  }

  #check({ words }: RunnableStep, code: number): void {
    if (code === 0) return;
    const [op = -1, slot = -1] = this.#fault;
    const name = OPERATION_NAMES[words[op * OP_WORDS.size] ?? -1];
    const operand = name && OPERATIONS[name].operands[slot];
    const place = operand ? ` (operand "${operand}")` : "";
    const action = op < 0 ? "run a step" : `run operation ${op}, ${name ?? "unknown"}${place}`;
    this.#kernels.unwrap(code, action);
    throw new KernelError(`Cannot run a step: code ${code}`, code);
  }

  /** Stops the threads. */
  [Symbol.dispose](): void {
    if (this.#handle < 0) return;
    this.#kernels.unwrap(this.#kernels.call.cria_pool_free(this.#handle), "stop a pool");
    this.#handle = -1;
  }
}
