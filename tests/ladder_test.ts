/** Every rung of the ladder of products, against sums in double precision. @module */

import { assert, assertEquals } from "@std/assert";
import { pseudoNumbers } from "../bench/figures.ts";
import { type Problem, type Rung, RUNGS } from "../bench/ladder.ts";

/** Random numbers from -1 to 1, rounded to floats. */
function floats(count: number, seed: number): Float32Array<ArrayBuffer> {
  const next = pseudoNumbers(seed);
  return Float32Array.from({ length: count }, () => 2 * next() - 1);
}

function problemOf(rows: number, n: number, k: number): Problem {
  const [x, weight, bias] = [floats(rows * k, 1), floats(n * k, 2), floats(n, 3)];
  return { rows, n, k, x, weight, bias };
}

/** What codes of 8 bits may be wrong by, in steps of their row; the scale of a block is f16. */
const CODE_ERROR = {
  "f32": 0,
  "int8 by rows": 0.5001,
  "int8 by blocks": 0.5001 + 127 * 2 ** -11,
};

const largest = (values: Float32Array) =>
  values.reduce((m, value) => Math.max(m, Math.abs(value)), 0);

/** One output in double precision, and how far a rung may lie from it, by what it rounds. */
function expected({ numbers, then }: Rung, problem: Problem, row: number, column: number) {
  const { k, bias } = problem;
  const x = problem.x.subarray(row * k, (row + 1) * k);
  const w = problem.weight.subarray(column * k, (column + 1) * k);
  const error = CODE_ERROR[numbers];
  const [xStep, wStep] = [error * largest(x) / 127, error * largest(w) / 127];
  let product = 0, size = 0, slack = 0;
  for (let i = 0; i < k; i++) {
    const [a, b] = [x[i]!, w[i]!];
    product += a * b;
    size += Math.abs(a * b);
    slack += Math.abs(a) * wStep + Math.abs(b) * xStep + xStep * wStep;
  }
  const value = product + (then === "nothing" ? 0 : bias[column]!);
  const total = then === "bias and SiLU" ? value / (1 + Math.exp(-value)) : value;
  const rounding = (k + 4) * 2 ** -24 * (size + 1);
  return { total, slack: slack + 1.1 * rounding }; // SiLU's slope is below 1.1
}

/** The largest share of its allowance that an output uses, and the error of all together. */
function compare(rung: Rung, problem: Problem, got: Float32Array) {
  let most = 0, errors = 0, squares = 0;
  for (let at = 0; at < got.length; at++) {
    const [row, column] = [Math.floor(at / problem.n), at % problem.n];
    const { total, slack } = expected(rung, problem, row, column);
    most = Math.max(most, Math.abs(got[at]! - total) / slack);
    errors += (got[at]! - total) ** 2;
    squares += total ** 2;
  }
  return { most, relative: Math.sqrt(errors / squares) };
}

for (const rung of RUNGS) {
  Deno.test(`ladder: ${rung.name} (${rung.numbers}, then ${rung.then}) is right`, () => {
    for (const [rows, n, k] of [[1, 1, 32], [5, 35, 96], [34, 70, 544]] as const) {
      const problem = problemOf(rows, n, k), { run, read } = rung.prepare(problem);
      run();
      const first = read().slice();
      run();
      assertEquals(read(), first); // nothing of the first run is left in the second
      assertEquals(first.length, rows * n);
      const { most, relative } = compare(rung, problem, first);
      assert(most <= 1, `${rows} x ${n} x ${k}: ${most} of what rounding allows`);
      assert(relative < (rung.numbers === "f32" ? 1e-6 : 0.02), `${relative}`);
    }
  });
}

Deno.test("ladder: C gives the same bits on every rung of the same numbers", () => {
  const problem = problemOf(9, 50, 160);
  for (const numbers of ["f32", "int8 by blocks"]) {
    const same = RUNGS.filter((rung) =>
      rung.numbers === numbers && rung.then === "nothing" && rung.name.includes("thread")
    );
    const [first, ...others] = same.map(({ prepare }) => {
      const { run, read } = prepare(problem);
      run();
      return read();
    });
    assert(others.length >= 2);
    for (const other of others) assertEquals(other, first);
  }
});
