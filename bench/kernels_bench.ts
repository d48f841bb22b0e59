/** Benches of kernels beside products and attention: instruction sets, small operations. @module */

import { ELEMENT } from "../src/native/operations.ts";
import { quantByName } from "../src/quant.ts";
import { Step } from "../src/step/step.ts";
import { kernels } from "../tests/kernel_support.ts";
import { figure, type Ready, TINY } from "./figures.ts";
import { activations, type Output, products, ready, SHAPE } from "./kernel_scene.ts";

for (const name of ["F32", "Q8_0", "Q4_0", "Q4_K"]) {
  const quant = quantByName(name)!, rows = TINY ? 2 : 16, { n, k } = SHAPE;
  for (const isa of kernels.isas) {
    figure({
      group: `instruction sets, ${name} [${n}, ${k}], ${rows} rows`,
      name: isa,
      baseline: isa === "scalar",
      slow: true,
      amount: { operations: 2 * rows * n * k },
      make: () => products({ quant, rows, isa }),
    });
  }
}

/** Records one operation; returns its output where that is not `out`. */
type Recorder = (step: Step, a: ReturnType<typeof activations>) => Output | void;

/** Sixteen small operations after one another: their own speed and the pool's barriers. */
function repeated(rows: number, record: Recorder): Ready {
  const a = activations(rows), step = new Step();
  let out: Output = a.out;
  for (let i = 0; i < 16; i++) out = record(step, a) ?? a.out;
  return ready(step, out);
}

for (const rows of TINY ? [1, 2] : [1, 128, 512]) {
  const { k } = SHAPE, group = `16 x small operations on [${rows}, ${k}]`;
  const bytes = 16 * rows * k * 8;
  const small = (name: string, record: Recorder) =>
    figure({ group, name, amount: { bytes }, make: () => repeated(rows, record) });
  const epsilon = 1e-5;
  small("norm", (step, { x, out }) => step.norm({ rows, k, x, weight: x, out, epsilon }));
  small("add", (step, { x, out }) => step.add({ rows, n: k, a: x, b: x, out }));
  small("softmax", (step, { x, out }) => step.softmax({ rows, n: k, x, out }));
  small("quantize", (step, { x, rounded }) => {
    const out = rounded(ELEMENT.ACT32);
    step.quantize({ rows, k, x, out });
    return out;
  });
}
