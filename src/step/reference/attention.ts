/** Writing keys and values into the cache, and attention over it. @module */

import { ELEMENT } from "../../native/operations.ts";
import type { Recorded } from "./recorded.ts";
import { roundBlock } from "./rounding.ts";
import { softcapOf, softmaxOf } from "./rows.ts";

/** Positions whose keys lie together, transposed: [headDim][16]. */
const GROUP = 16;

/** Dimensions that share a scale, where numbers are codes. */
const BLOCK = 32;

/** The cache of one layer, as the operands `keys` and `values` of an operation describe it. */
class Cache {
  readonly #op: Recorded;
  readonly #heads: number;
  readonly #element: number; // bytes: 4, 2, or 1 for codes with scales
  readonly #page: number;
  /** Dimensions of a head. */
  readonly headDim: number;

  constructor(op: Recorded, heads: number) {
    this.#op = op;
    this.#heads = heads;
    this.#element = elementBytes(op.type("keys"));
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
    const scales = this.#element === 1 ? 2 * this.#blocks : 0;
    const count = this.#heads * this.#page * (this.headDim * this.#element + scales);
    const bytes = this.#op.bytes(operand, start, count);
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Blocks of 32 dimensions that have a scale each. */
  get #blocks(): number {
    return Math.ceil(this.headDim / BLOCK);
  }

  /** Where scales are, in bytes: keys [group][block][16], values [position][block]. */
  #keyScaleAt(head: number, slot: number, d: number): number {
    const within = slot % this.#page, start = head * this.#page + within - within % GROUP;
    const index = start * this.#blocks + Math.floor(d / BLOCK) * GROUP + within % GROUP;
    return this.#heads * this.#page * this.headDim + 2 * index;
  }

  #valueScaleAt(head: number, slot: number, d: number): number {
    const index = (head * this.#page + slot % this.#page) * this.#blocks + Math.floor(d / BLOCK);
    return this.#heads * this.#page * this.headDim + 2 * index;
  }

  #read(view: DataView, index: number, scaleAt: number): number {
    if (this.#element === 4) return view.getFloat32(4 * index, true);
    if (this.#element === 2) return view.getFloat16(2 * index, true);
    return Math.fround(view.getInt8(index) * view.getFloat16(scaleAt, true));
  }

  /** Writes key and value [headDim] of a head into a slot. */
  store(head: number, slot: number, key: Float32Array, value: Float32Array): void {
    const keys = this.#view("keys", slot), values = this.#view("values", slot);
    const keyAt = (d: number) => this.#keyAt(head, slot, d);
    const valueAt = (d: number) => this.#valueAt(head, slot, d);
    if (this.#element === 1) {
      this.#writeCodes(keys, key, keyAt, (d) => this.#keyScaleAt(head, slot, d));
      this.#writeCodes(values, value, valueAt, (d) => this.#valueScaleAt(head, slot, d));
      return;
    }
    for (let d = 0; d < this.headDim; d++) {
      this.#write(keys, keyAt(d), key[d]!);
      this.#write(values, valueAt(d), value[d]!);
    }
  }

  #write(view: DataView, index: number, value: number): void {
    if (this.#element === 4) view.setFloat32(4 * index, value, true);
    else view.setFloat16(2 * index, value, true);
  }

  /** Rounds blocks of 32 dimensions, or what is left, and writes codes and scales. */
  #writeCodes(
    view: DataView,
    x: Float32Array,
    at: (d: number) => number,
    scaleAt: (d: number) => number,
  ): void {
    for (let d = 0; d < x.length; d += BLOCK) {
      const part = x.subarray(d, d + BLOCK), codes = new Int8Array(part.length);
      view.setFloat16(scaleAt(d), roundBlock(part, codes), true);
      codes.forEach((code, i) => view.setInt8(at(d + i), code));
    }
  }

  /** The product of a query [headDim] and the key in a slot. */
  score(head: number, slot: number, query: Float32Array): number {
    const keys = this.#view("keys", slot);
    let sum = 0;
    for (let d = 0; d < this.headDim; d++) {
      const scaleAt = this.#keyScaleAt(head, slot, d);
      sum += query[d]! * this.#read(keys, this.#keyAt(head, slot, d), scaleAt);
    }
    return sum;
  }

  /** Adds `weight` times the value in a slot to `out` [headDim]. */
  addValue(head: number, slot: number, weight: number, out: Float64Array): void {
    const values = this.#view("values", slot);
    for (let d = 0; d < this.headDim; d++) {
      const scaleAt = this.#valueScaleAt(head, slot, d);
      out[d]! += weight * this.#read(values, this.#valueAt(head, slot, d), scaleAt);
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

/** Bytes of a number of the cache. */
function elementBytes(type: number): number {
  return type === ELEMENT.F32 ? 4 : type === ELEMENT.F16 ? 2 : 1;
}
