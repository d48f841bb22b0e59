/** Products of quantised matrices and a vector, against numpy in double precision. @module */

import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { ELEMENT } from "../../src/native/operations.ts";
import { quantByName, QUANTS } from "../../src/quant.ts";
import { activationBytes } from "../../src/step/reference/rounding.ts";
import { Step } from "../../src/step/step.ts";
import { activationType, kernels, poolOf, Scene } from "../kernel_support.ts";
import { sharedTest } from "../support.ts";

interface MatvecCase {
  readonly kind: string;
  readonly type: string;
  readonly rows: number;
  readonly cols: number;
  readonly raw: string;
  readonly x: string;
  readonly expected: string;
  readonly rms_scale: number;
  readonly tol: {
    readonly f32_act_max_abs_over_scale: number;
    readonly q8_act_max_abs_over_scale: number;
  };
}

/** W x as the engine computes it: activations rounded where the type asks for it. */
function matvec(
  isa: string,
  type: string,
  weights: Uint8Array<ArrayBuffer>,
  x: Float32Array<ArrayBuffer>,
  n: number,
): Float32Array {
  const quant = quantByName(type)!, k = x.length, scene = new Scene(0), step = new Step();
  const floats = scene.rows([x], k), rounded = activationType(quant);
  const weight = scene.at(scene.put(weights), quant.id), out = scene.at(scene.reserve(n * 4));
  const acts = scene.at(scene.reserve(activationBytes(rounded, k)), rounded);
  if (rounded !== ELEMENT.F32) step.quantize({ rows: 1, k, x: floats, out: acts });
  step.matmul({ rows: 1, n, k, x: rounded === ELEMENT.F32 ? floats : acts, weight, out });
  const bytes = scene.run(poolOf(isa), step, new Int32Array(0));
  return new Float32Array(bytes.buffer, out.offset, n);
}

sharedTest("matvec: W x of every weight type", "conformance/manifest.json", async (path, t) => {
  const folder = path.replace(/\/[^/]*$/, "");
  const manifest: { cases: MatvecCase[] } = JSON.parse(await Deno.readTextFile(path));
  const cases = manifest.cases.filter(({ kind, type }) => kind === "matvec" && quantByName(type));
  const golden = JSON.parse(
    await Deno.readTextFile(new URL("../quant/decoded.json", import.meta.url)),
  );
  const types = [...cases.map(({ type }) => type), ...Object.keys(golden.types)];
  assertEquals(types.sort(), QUANTS.map(({ name }) => name).sort()); // each has an oracle
  const read = (name: string) => Deno.readFile(`${folder}/${name}`);
  for (const test of cases) {
    await t.step(test.type, async () => {
      const x = new Float32Array((await read(test.x)).buffer);
      const expected = new Float32Array((await read(test.expected)).buffer);
      assertEquals([x.length, expected.length], [test.cols, test.rows]);
      const weights = await read(test.raw);
      const isFloat = quantByName(test.type)?.activation === "float";
      const { f32_act_max_abs_over_scale, q8_act_max_abs_over_scale } = test.tol;
      const allowed = isFloat ? f32_act_max_abs_over_scale : q8_act_max_abs_over_scale;
      for (const isa of kernels.isas) {
        const y = matvec(isa, test.type, weights, x, test.rows);
        const worst = Math.max(...y.map((value, i) => Math.abs(value - expected[i]!)));
        assertLessOrEqual(worst / test.rms_scale, allowed, isa);
        assert(y.every(Number.isFinite));
      }
    });
  }
});
