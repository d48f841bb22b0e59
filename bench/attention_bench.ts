/** Benches of attention, over a cache that no cache of the processor holds. @module */

import { PAGE_POSITIONS, PageStore } from "../src/cache/pages.ts";
import { INPUTS, Region } from "../src/native/memory.ts";
import { ELEMENT } from "../src/native/operations.ts";
import { type Operand, Step } from "../src/step/step.ts";
import { kernels, poolOf } from "../tests/kernel_support.ts";
import { figure, type Ready, TINY } from "./figures.ts";
import { BEST, noise, type Output, ready } from "./kernel_scene.ts";

/** The heads and layers of a 1b model. */
const HEADS = { layerCount: TINY ? 2 : 22, heads: 32, kvHeadCount: 4, headDim: 64 };

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
  return ready(step, out, { inputs: Int32Array.from([...places, ...pages]) });
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
