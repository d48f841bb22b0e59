/** Small steps that `cria doctor` runs: do instruction sets agree, how fast is memory. @module */

import type { Kernels } from "../native/ffi.ts";
import { Region } from "../native/memory.ts";
import { ELEMENT } from "../native/operations.ts";
import { Pool } from "../native/pool.ts";
import { quantByName, quantize } from "../quant.ts";
import { Step } from "../step/step.ts";

const NO_INPUTS = new Int32Array(1);

/** What the probe of memory reads: more than any cache holds. */
const READ_ROWS = 1 << 14;
const READ_COLUMNS = 1 << 12; // as 4-byte floats, 256 MiB in all

/**
 * How fast the threads read memory together, in GB/s: the best of five products of a vector with a
 * matrix of 256 MiB of floats, which does nothing for each byte but one multiplication.
 */
export function memoryBandwidth(kernels: Kernels, threads: number): number {
  const weightBytes = 4 * READ_ROWS * READ_COLUMNS;
  using weights = Region.alloc(kernels, weightBytes);
  using work = Region.alloc(kernels, 4 * (READ_COLUMNS + READ_ROWS));
  using pool = new Pool(kernels, threads);
  const page = new Uint8Array(1 << 20); // pages never written would all be one page of zeros
  for (let at = 0; at < weightBytes; at += page.length) weights.write(at, page);
  const step = new Step();
  const float = (memory: Region, offset: number) => ({ memory, type: ELEMENT.F32, offset });
  step.matmul({
    ...{ rows: 1, n: READ_ROWS, k: READ_COLUMNS },
    ...{ x: float(work, 0), weight: float(weights, 0), out: float(work, 4 * READ_COLUMNS) },
  });
  let best = Infinity;
  for (let repeat = 0; repeat < 5; repeat++) {
    const startMs = performance.now();
    pool.run(step, NO_INPUTS);
    best = Math.min(best, performance.now() - startMs);
  }
  return weightBytes / best / 1e6;
}

/** Instruction sets whose results differ from those of the plain kernels; none, if all is well. */
export function disagreeing(kernels: Kernels): string[] {
  const right = product(kernels, "scalar");
  return kernels.isas.filter((isa) => {
    const found = product(kernels, isa);
    return found.some((bits, index) => bits !== right[index]);
  });
}

/** The bits of a small product, of 8-bit weights and rounded activations. */
function product(kernels: Kernels, isa: string): Uint32Array {
  const n = 48, k = 256, rows = 3;
  const weight = quantByName("Q8_0")!;
  const weightBytes = quantize("Q8_0", noise(n * k, 1));
  const xBytes = 4 * rows * k, actBytes = 4096;
  using region = Region.alloc(kernels, weightBytes.length + xBytes + actBytes + 4 * rows * n);
  using pool = new Pool(kernels, 2, isa);
  const at = (type: number, offset: number) => ({ memory: region, type, offset });
  const x = at(ELEMENT.F32, weightBytes.length);
  const rounded = at(ELEMENT.ACT32, x.offset + xBytes);
  const out = at(ELEMENT.F32, rounded.offset + actBytes);
  region.write(0, new Uint8Array(weightBytes));
  region.write(x.offset, noise(rows * k, 2));
  const step = new Step();
  step.quantize({ rows, k, x, out: rounded });
  step.matmul({ rows, n, k, x: rounded, weight: at(weight.id, 0), out });
  pool.run(step, NO_INPUTS);
  return new Uint32Array(region.read(out.offset, new Float32Array(rows * n)).buffer);
}

/** Numbers from -1 to 1 that are the same every time. */
function noise(count: number, seed: number): Float32Array<ArrayBuffer> {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}
