/** Benches of products: by weight type and rows; f32 and int8 from naive to parallel. @module */

import { QUANTS, tensorBytes } from "../src/quant.ts";
import { figure, sum, TINY } from "./figures.ts";
import { matrixCount, noise, products, SHAPE, type Shape, UNCACHED_BYTES } from "./kernel_scene.ts";
import { RUNGS } from "./ladder.ts";

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

/** A product on every rung that is not too slow for it. */
function ladder(rows: number, { n, k }: Shape): void {
  const problem = () => ({
    ...{ rows, n, k, x: noise(rows, k), weight: noise(n, k), bias: noise(1, n) },
  });
  for (const { name, says, numbers, most, prepare } of RUNGS) {
    if (rows * n * k > most) continue;
    figure({
      group: `${numbers.slice(0, 4).trim()} ladder, [${rows}, ${k}] x [${n}, ${k}]`,
      ...{ name: name.replace(/^int8 /, ""), amount: { operations: 2 * rows * n * k }, slow: true },
      make: () => {
        const { run, read } = prepare(problem());
        return { run, checksum: () => sum(read().subarray(0, 48)), note: () => says };
      },
    });
  }
}

for (const size of TINY ? [32] : [128, 512, 1024, 2048]) ladder(size, { n: size, k: size });
ladder(1, TINY ? { n: 64, k: 32 } : { n: 11008, k: 4096 });
