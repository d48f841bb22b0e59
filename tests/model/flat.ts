/** A model over the plainest of caches: one piece, in which every position of every layer stays. */

import { KvCache } from "../../src/cache/kv_cache.ts";
import { type KvType, PAGE_POSITIONS } from "../../src/cache/pages.ts";
import { cacheShape } from "../../src/model/config.ts";
import { Rotations } from "../../src/model/rope.ts";
import { Runner } from "../../src/model/runner.ts";
import { Scheduler } from "../../src/model/scheduler.ts";
import { ModelSequence } from "../../src/model/sequence.ts";
import { type LoadedParts, loadParts } from "../../src/session/load.ts";

/** What the sequences of a model are held against: nothing is shared, given back or cut up. */
export class FlatModel implements Disposable {
  readonly #parts: LoadedParts;
  readonly #kv: KvType;
  readonly #scheduler: Scheduler;

  private constructor(parts: LoadedParts, kv: KvType, context: number) {
    this.#parts = parts;
    this.#kv = kv;
    this.#scheduler = new Scheduler({
      ...{ runner: new Runner(parts), work: parts.work, chunkRows: 512 },
      ...{ rope: new Rotations(parts.config, context) },
      ...{ vocabularySize: parts.config.vocabularySize, dim: parts.config.dim },
    });
  }

  /** Loads a model for positions of a context. */
  static async load(path: string, kv: KvType, context: number): Promise<FlatModel> {
    return new FlatModel(await loadParts(path, { threads: 2 }), kv, context);
  }

  /** The bits of the logits after the last of some tokens. */
  async bits(tokens: readonly number[]): Promise<Uint32Array> {
    const { kernels, config } = this.#parts, shape = cacheShape(config);
    const windows = shape.windows.map(() => 0), pages = Math.ceil(tokens.length / PAGE_POSITIONS);
    using cache = new KvCache(kernels, { ...shape, windows }, this.#kv, [pages]);
    using sequence = new ModelSequence({
      ...{ cache, scheduler: this.#scheduler, capacity: tokens.length },
      ...{ vocabularySize: config.vocabularySize, onCreate: () => {}, onRelease: () => {} },
    });
    const logits = await sequence.evaluate(tokens);
    await this.#scheduler.busy;
    this.#scheduler.forget(cache);
    return new Uint32Array(logits.buffer.slice(0) as ArrayBuffer);
  }

  /** Frees everything; nothing may be running. */
  [Symbol.dispose](): void {
    const { pool, work, weights, file } = this.#parts;
    for (const part of [pool, work, weights, file]) part[Symbol.dispose]();
  }
}
