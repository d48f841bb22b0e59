/** Benches of products: by weight type and rows; f32 and int8 from naive to parallel. @module */

import { quantByName, QUANTS, tensorBytes } from "../src/quant.ts";
import { kernels } from "../tests/kernel_support.ts";
import { figure, type Ready, sum, TINY } from "./figures.ts";
import {
  BEST,
  matricesOf,
  matrixCount,
  noise,
  products,
  SHAPE,
  type Shape,
  THREADS,
  UNCACHED_BYTES,
} from "./kernel_scene.ts";

for (const rows of TINY ? [1, 3] : [1, 4, 16, 128]) {
  for (const quant of QUANTS) {
    const count = matrixCount(quant, SHAPE, UNCACHED_BYTES), { n, k } = SHAPE;
    const operations = 2 * rows * n * k * count;
    const bytes = tensorBytes(quant, [n, k]) * count;
    figure({
      group: `matmul, ${rows} rows`,
      name: `${count} x ${quant.name} [${n}, ${k}]`,
      amount: rows <= 4 ? { bytes, operations } : { operations },
      slow: rows > 16,
      make: () => products({ quant, rows, count }),
    });
  }
}

/** The product that everybody writes first: three loops over floats. */
function naive(size: number): Ready {
  const a = noise(size, size), out = new Float32Array(size * size);
  const matrix = matricesOf(quantByName("F32")!, { n: size, k: size }, 1);
  const b = matrix.read(0, new Float32Array(size * size));
  const run = () => {
    for (let row = 0; row < size; row++) {
      for (let column = 0; column < size; column++) {
        let total = 0;
        for (let i = 0; i < size; i++) total += a[row * size + i]! * b[column * size + i]!;
        out[row * size + column] = total;
      }
    }
  };
  return { run, checksum: () => sum(out.subarray(0, 48)) };
}

/** What is taken away on the way from the best: threads, then vectors. */
const RUNGS = [
  { isa: "scalar", threads: 1, most: 512 },
  { isa: BEST, threads: 1, most: Infinity },
  { isa: BEST, threads: THREADS, most: Infinity },
].filter(({ isa }) => kernels.isas.includes(isa));

/** A product on every rung; `naiveUpTo` is where three loops in TypeScript take too long. */
function ladder(name: string, type: string, rows: number, shape: Shape, naiveUpTo = 0): void {
  const quant = quantByName(type)!, { n, k } = shape;
  const group = `${name} ladder, [${rows}, ${k}] x [${n}, ${k}]`;
  const amount = { operations: 2 * rows * n * k }, slow = true;
  if (n <= naiveUpTo) {
    figure({ group, name: "three loops in TypeScript", amount, slow, make: () => naive(n) });
  }
  for (const { isa, threads, most } of RUNGS) {
    if (rows * n * k > most ** 3) continue;
    figure({
      ...{ group, amount, slow },
      name: `${isa}, ${threads} ${threads === 1 ? "thread" : "threads"}`,
      make: () => products({ quant, rows, shape, isa, threads }),
    });
  }
}

for (const size of TINY ? [32] : [128, 512, 1024, 2048]) {
  ladder("f32", "F32", size, { n: size, k: size }, 512);
  ladder("int8", "Q8_0", size, { n: size, k: size });
}

const WIDE = TINY ? { n: 64, k: 32 } : { n: 11008, k: 4096 };
ladder("f32", "F32", 1, WIDE);
ladder("int8", "Q8_0", 1, WIDE);
