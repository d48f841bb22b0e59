/** Tensors that were decoded, kept as long as a budget of bytes allows. @module */
import { ArgumentError } from "../errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { ReadOptions, StoredTensor } from "./stored_tensor.ts";

/** What a cache did so far, and what it holds. */
export interface CacheCounts {
  /** Tensors that were there, or on their way. */
  readonly hits: number;
  /** Tensors that had to be read. */
  readonly misses: number;
  /** Tensors that made room for others. */
  readonly evictions: number;
  /** Tensors that it holds. */
  readonly tensors: number;
  /** Bytes of their floats. */
  readonly bytes: number;
}

/** A tensor, or the reading of it. */
interface Entry {
  readonly tensor: Promise<Tensor>;
  readonly bytes: number;
}

/**
 * Keeps decoded tensors; when they take more than the budget, those go that nobody asked for the
 * longest. Whoever asks for the same tensor gets the same object: copy it before you write to it.
 *
 * @example
 * ```ts
 * import { openGguf } from "./gguf.ts";
 * import { TensorCache } from "./tensor_cache.ts";
 * using file = await openGguf("models/story.gguf");
 * const cache = new TensorCache({ bytes: 64e6 });
 * const once = await cache.get(file.tensor("output_norm.weight"));
 * const again = await cache.get(file.tensor("output_norm.weight"));
 * console.assert(once === again && cache.counts.hits === 1 && cache.counts.misses === 1);
 * ```
 */
export class TensorCache {
  readonly #entries = new Map<string, Entry>(); // in the order of their last use
  readonly #budget: number;
  #held = 0;
  #hits = 0;
  #misses = 0;
  #evictions = 0;

  /**
   * Makes an empty cache.
   * @param options `bytes`: what the floats of all kept tensors may take together
   * @throws {ArgumentError} the budget is no number from 0
   */
  constructor({ bytes }: { readonly bytes: number }) {
    if (!(bytes >= 0)) {
      throw new ArgumentError(`Cannot keep tensors in ${bytes} bytes: it is no number from 0`);
    }
    this.#budget = bytes;
  }

  /** What happened so far, and what is held. */
  get counts(): CacheCounts {
    return {
      hits: this.#hits,
      misses: this.#misses,
      evictions: this.#evictions,
      tensors: this.#entries.size,
      bytes: this.#held,
    };
  }

  /**
   * A tensor as floats, or some rows of it; read at most once as long as it is kept. One that is
   * larger than the whole budget is read and not kept.
   */
  get(tensor: StoredTensor, { rows }: Pick<ReadOptions, "rows"> = {}): Promise<Tensor> {
    const key = JSON.stringify([tensor.path, tensor.name, tensor.offset, rows ?? null]);
    const known = this.#entries.get(key);
    if (known !== undefined) {
      this.#hits++;
      this.#entries.delete(key);
      this.#entries.set(key, known); // now the last that was used
      return known.tensor;
    }
    this.#misses++;
    const [length = 1, ...rest] = tensor.shape, [start, stop] = rows ?? [0, length];
    const bytes = 4 * rest.reduce((product, size) => product * size, stop - start);
    const entry = { tensor: tensor.dequantize({ rows }), bytes };
    if (bytes <= this.#budget) this.#keep(key, entry);
    return entry.tensor;
  }

  /** Forgets all tensors; the counts stay. */
  clear(): void {
    this.#entries.clear();
    this.#held = 0;
  }

  /** Makes room for a tensor and keeps it, unless it cannot be read. */
  #keep(key: string, entry: Entry): void {
    for (const [oldest, { bytes }] of this.#entries) {
      if (this.#held + entry.bytes <= this.#budget) break;
      this.#entries.delete(oldest);
      this.#held -= bytes;
      this.#evictions++;
    }
    this.#entries.set(key, entry);
    this.#held += entry.bytes;
    entry.tensor.catch(() => {
      if (this.#entries.get(key) !== entry) return;
      this.#entries.delete(key);
      this.#held -= entry.bytes;
    });
  }
}
