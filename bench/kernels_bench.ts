/** Benches of the kernels: products, instruction sets, attention, small operations. @module */

import { PAGE_POSITIONS, PageStore } from "../src/cache/pages.ts";
import { INPUTS, Region } from "../src/native/memory.ts";
import { ELEMENT } from "../src/native/operations.ts";
import { defaultThreads } from "../src/native/threads.ts";
import { type Quant, quantByName, QUANTS, tensorBytes } from "../src/quant.ts";
import { type Operand, Step } from "../src/step/step.ts";
import { activationType, kernels, poolOf, Scene } from "../tests/kernel_support.ts";
import { figure, type Ready, sum, TINY } from "./figures.ts";

const THREADS = Number(Deno.env.get("CRIA_THREADS") ?? defaultThreads());
const BEST = Deno.env.get("CRIA_ISA") ?? kernels.isas[0]!;
const NO_INPUTS = new Int32Array(1);

/** The feed-forward matrices of a 1b model, as many as no cache holds. */
const SHAPE = TINY
  ? { n: 48, k: 256, bytes: 1 << 16, rows: [1, 3] }
  : { n: 5632, k: 2048, bytes: 128 << 20, rows: [1, 4, 16, 128] };
/** The heads of a 1b model; its layers, for a cache that no cache holds. */
const HEADS = { layerCount: TINY ? 2 : 22, heads: 32, kvHeadCount: 4, headDim: 64 };

const scene = new Scene(1);
const noise = (rows: number, columns: number) => {
  const all = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) all.set(scene.floats("x", row, columns), row * columns);
  return all;
};

/** Where results lie. */
interface Output extends Operand {
  readonly memory: Region;
}

/** A step that is ready to run; the sum of its first outputs is its checksum. */
function ready(step: Step, isa: string, out: Output, inputs = NO_INPUTS): Ready {
  const pool = poolOf(isa, THREADS), { memory, offset, type } = out;
  const read = () =>
    type === ELEMENT.F32
      ? memory.read(offset, new Float32Array(48))
      : memory.read(offset, new Uint8Array(48));
  return { run: () => pool.run(step, inputs), checksum: () => sum(read()) };
}

/** The weights in use: one type at a time, for all types together are more than a gigabyte. */
let weights: { readonly quant: Quant; readonly region: Region } | undefined;

function matrixCount(quant: Quant, bytes: number): number {
  return Math.max(1, Math.round(bytes / tensorBytes(quant, [SHAPE.n, SHAPE.k])));
}

function weightsOf(quant: Quant): Region {
  if (weights?.quant === quant) return weights.region;
  weights?.region[Symbol.dispose]();
  const some = scene.weights("w", quant, 16, SHAPE.k); // 16 rows, over and over
  const bytes = tensorBytes(quant, [SHAPE.n, SHAPE.k]) * matrixCount(quant, SHAPE.bytes);
  const region = Region.alloc(kernels, bytes);
  for (let at = 0; at < bytes; at += some.length) {
    region.write(at, some.subarray(0, Math.min(some.length, bytes - at)));
  }
  weights = { quant, region };
  return region;
}

/** What products read and write beside weights: floats, their rounded form, results. */
function activations(rows: number) {
  const { n, k } = SHAPE;
  const xBytes = rows * k * 4, roundedBytes = rows * (k * 2 + 512);
  const memory = Region.alloc(kernels, xBytes + roundedBytes + rows * Math.max(n, k) * 4);
  memory.write(0, noise(rows, k));
  const at = (offset: number, type: number = ELEMENT.F32) => ({ memory, type, offset });
  return {
    x: at(0),
    rounded: (type: number) => at(xBytes, type),
    out: at(xBytes + roundedBytes),
  };
}

/** `count` products, one after the other, each with a matrix of its own. */
function products(quant: Quant, rows: number, isa: string, count: number): Ready {
  const { n, k } = SHAPE, { x, rounded, out } = activations(rows);
  const memory = weightsOf(quant), step = new Step(), type = activationType(quant);
  const input = quant.activation === "float" ? x : rounded(type);
  if (quant.activation !== "float") {
    const rounding = new Step();
    rounding.quantize({ rows, k, x, out: input });
    poolOf(isa, THREADS).run(rounding, NO_INPUTS);
  }
  for (let i = 0; i < count; i++) {
    const weight = { memory, type: quant.id, offset: i * tensorBytes(quant, [n, k]) };
    step.matmul({ rows, n, k, x: input, weight, out });
  }
  return ready(step, isa, out);
}

for (const rows of SHAPE.rows) {
  for (const quant of QUANTS) {
    const count = matrixCount(quant, SHAPE.bytes), { n, k } = SHAPE;
    const operations = 2 * rows * n * k * count;
    const bytes = tensorBytes(quant, [n, k]) * count;
    figure({
      group: `matmul, ${rows} rows`,
      name: `${count} x ${quant.name} [${n}, ${k}]`,
      amount: rows <= 4 ? { bytes, operations } : { operations },
      slow: rows > 16,
      make: () => products(quant, rows, BEST, count),
    });
  }
}

for (const name of ["F32", "Q8_0", "Q4_0", "Q4_K"]) {
  const quant = quantByName(name)!, rows = TINY ? 2 : 16, { n, k } = SHAPE;
  for (const isa of kernels.isas) {
    figure({
      group: `instruction sets, ${name} [${n}, ${k}], ${rows} rows`,
      name: isa,
      baseline: isa === "scalar",
      slow: true,
      amount: { operations: 2 * rows * n * k },
      make: () => products(quant, rows, isa, 1),
    });
  }
}

/** A cache of `positions` random positions in every layer. */
function filledCache(positions: number): PageStore {
  const { kvHeadCount, headDim, layerCount } = HEADS, width = kvHeadCount * headDim;
  const pages = Math.ceil(positions / PAGE_POSITIONS), most = 256;
  const store = new PageStore(kernels, HEADS, "f16", pages);
  using memory = Region.alloc(kernels, most * width * 4);
  memory.write(0, noise(most, width));
  const rowsAt: Operand = { memory, type: ELEMENT.F32, offset: 0 };
  for (let first = 0; first < positions; first += most) {
    const rows = Math.min(most, positions - first), step = new Step();
    const slots = { memory: INPUTS, type: ELEMENT.I32, offset: 0 };
    for (let layer = 0; layer < layerCount; layer++) {
      step.store({ rows, keyRows: rowsAt, valueRows: rowsAt, slots, cache: store.layer(layer) });
    }
    poolOf(BEST).run(step, Int32Array.from({ length: rows }, (_, row) => first + row));
  }
  return store;
}

let cache: { readonly positions: number; readonly store: PageStore } | undefined;

/** Attention of `rows` queries, the last of which sees `positions` positions, in every layer. */
function attention(positions: number, rows: number): Ready {
  if (cache?.positions !== positions) {
    cache?.store[Symbol.dispose]();
    cache = { positions, store: filledCache(positions) };
  }
  const { heads, headDim, layerCount } = HEADS, width = heads * headDim;
  const memory = Region.alloc(kernels, 2 * rows * width * 4);
  memory.write(0, noise(rows, width));
  const at = (offset: number): Output => ({ memory, type: ELEMENT.F32, offset });
  const out = at(rows * width * 4), tableWords = Math.ceil(positions / PAGE_POSITIONS);
  const input = (offset: number) => ({ memory: INPUTS, type: ELEMENT.I32, offset });
  const places = Array.from({ length: rows }, (_, row) => [0, positions - rows + row]).flat();
  const pages = Array.from({ length: tableWords }, (_, page) => page);
  const step = new Step();
  for (let layer = 0; layer < layerCount; layer++) {
    step.attend({
      ...{ rows, heads, tableWords, window: 0, scale: 1 / Math.sqrt(headDim), q: at(0), out },
      ...{ places: input(0), tables: input(8 * rows), cache: cache.store.layer(layer) },
    });
  }
  return ready(step, BEST, out, Int32Array.from([...places, ...pages]));
}

for (const rows of TINY ? [1, 3] : [1, 128]) {
  for (const positions of TINY ? [70] : [128, 1024, 4096]) {
    const { layerCount, kvHeadCount, heads, headDim } = HEADS;
    const seen = rows * (positions - (rows - 1) / 2); // each row sees one more than that before it
    const operations = 4 * seen * heads * headDim * layerCount;
    const bytes = 4 * positions * kvHeadCount * headDim * layerCount;
    figure({
      group: `attention, ${layerCount} layers of ${heads} / ${kvHeadCount} heads of ${headDim}`,
      name: `${rows} rows, ${positions} positions`,
      amount: rows === 1 ? { bytes, operations } : { operations },
      make: () => attention(positions, rows),
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
  return ready(step, BEST, out);
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
