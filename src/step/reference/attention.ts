/** Writing keys and values into the cache, and attention over it. @module */

import { ELEMENT } from "../../native/operations.ts";
import type { Recorded } from "./recorded.ts";
import { softcapOf, softmaxOf } from "./rows.ts";

/** Positions whose keys lie together, transposed: [headDim][16]. */
const GROUP = 16;

/** The cache of one layer, as the operands `keys` and `values` of an operation describe it. */
class Cache {
  readonly #op: Recorded;
  readonly #heads: number;
  readonly #element: 2 | 4;
  readonly #page: number;
  /** Dimensions of a head. */
  readonly headDim: number;

  constructor(op: Recorded, heads: number) {
    this.#op = op;
    this.#heads = heads;
    this.#element = op.type("keys") === ELEMENT.F32 ? 4 : 2;
    this.#page = op.integer("pagePositions");
    this.headDim = op.integer("headDim");
  }

  /** Where a slot's key lies in its page; a slot is page * pagePositions + position within. */
  #keyAt(head: number, slot: number, d: number): number {
    const within = slot % this.#page, group = Math.floor(within / GROUP);
    const start = head * this.#page * this.headDim;
    return start + (group * this.headDim + d) * GROUP + within % GROUP;
  }

  #valueAt(head: number, slot: number, d: number): number {
    return (head * this.#page + slot % this.#page) * this.headDim + d;
  }

  /** The page of a slot, of keys or of values. */
  #view(operand: string, slot: number): DataView<ArrayBuffer> {
    const start = Math.floor(slot / this.#page) * this.#op.integer("pageBytes");
    const count = this.#heads * this.#page * this.headDim * this.#element;
    const bytes = this.#op.bytes(operand, start, count);
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #read(view: DataView, index: number): number {
    return this.#element === 4
      ? view.getFloat32(4 * index, true)
      : view.getFloat16(2 * index, true);
  }

  #write(view: DataView, index: number, value: number): void {
    if (this.#element === 4) view.setFloat32(4 * index, value, true);
    else view.setFloat16(2 * index, value, true);
  }

  /** Writes key and value [headDim] of a head into a slot. */
  store(head: number, slot: number, key: Float32Array, value: Float32Array): void {
    const keys = this.#view("keys", slot), values = this.#view("values", slot);
    for (let d = 0; d < this.headDim; d++) {
      this.#write(keys, this.#keyAt(head, slot, d), key[d]!);
      this.#write(values, this.#valueAt(head, slot, d), value[d]!);
    }
  }

  /** The product of a query [headDim] and the key in a slot. */
  score(head: number, slot: number, query: Float32Array): number {
    const keys = this.#view("keys", slot);
    let sum = 0;
    for (let d = 0; d < this.headDim; d++) {
      sum += query[d]! * this.#read(keys, this.#keyAt(head, slot, d));
    }
    return sum;
  }

  /** Adds `weight` times the value in a slot to `out` [headDim]. */
  addValue(head: number, slot: number, weight: number, out: Float64Array): void {
    const values = this.#view("values", slot);
    for (let d = 0; d < this.headDim; d++) {
      out[d]! += weight * this.#read(values, this.#valueAt(head, slot, d));
    }
  }
}

/** Writes k and v [rows, heads, headDim] into the cache slots `slots` [rows]. */
export function store(op: Recorded): void {
  const heads = op.integer("heads"), cache = new Cache(op, heads), { headDim } = cache;
  const slots = op.integers("slots", 0, op.rows), stride = op.integer("stride");
  for (let row = 0; row < op.rows; row++) {
    for (let head = 0; head < heads; head++) {
      const at = row * stride + head * headDim;
      cache.store(head, slots[row]!, op.floats("k", at, headDim), op.floats("v", at, headDim));
    }
  }
}

/** The slots that a row sees: its positions from the window's first to its own, by its table. */
function seenSlots(op: Recorded, row: number): number[] {
  const [start = 0, position = 0] = op.integers("places", 2 * row, 2);
  const page = op.integer("pagePositions"), window = op.integer("window");
  const first = window > 0 ? Math.max(0, position - window + 1) : 0;
  const table = op.integers("tables", start, Math.floor(position / page) + 1);
  return Array.from({ length: position - first + 1 }, (_, i) => {
    const p = first + i;
    return table[Math.floor(p / page)]! * page + p % page;
  });
}

/** Causal attention: out = sum of softmax(scale q k) v over the positions that a row sees. */
export function attend(op: Recorded): void {
  const heads = op.integer("heads"), kvHeads = op.integer("kvHeads"), scale = op.float("scale");
  const cap = op.float("softcap");
  const cache = new Cache(op, kvHeads), { headDim } = cache;
  for (let row = 0; row < op.rows; row++) {
    const slots = seenSlots(op, row);
    for (let head = 0; head < heads; head++) {
      const keyHead = Math.floor(head / (heads / kvHeads));
      const query = op.floats("q", row * op.integer("qStride") + head * headDim, headDim);
      const score = (slot: number) => softcapOf(scale * cache.score(keyHead, slot, query), cap);
      const weights = softmaxOf(slots.map(score));
      const sum = new Float64Array(headDim);
      slots.forEach((slot, i) => cache.addValue(keyHead, slot, weights[i]!, sum));
      op.floats("out", row * op.integer("outStride") + head * headDim, headDim).set(sum);
    }
  }
}
