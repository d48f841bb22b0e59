/**
 * Measures cria as bench/compare.ts asks for it, through the public engine: what users get.
 *
 *     deno run -A bench/peers/cria.ts MODEL --threads 4 --context 1024
 * @module
 */

import { type Batch, type LoadOptions, Model } from "../../mod.ts";
import { parseArgs } from "npm:deno-std@1.4.0/cli/parse_args.js";
import { linesOf } from "./lines.ts";
import type { Answer, Hello, Request } from "./worker.ts";
import { pseudoTokens } from "../figures.ts";

/** A batch of sequences, whose beginnings hold the past up to `filled`. */
interface Filled {
  readonly batch: Batch;
  filled: number;
}

/** A model, and a batch for each number of sequences that was asked for. */
class Engine {
  readonly #model: Model;
  readonly #batches = new Map<number, Filled>();
  readonly #past: readonly number[];
  readonly #ids: readonly number[];

  constructor(model: Model) {
    const { context, config: { vocabularySize } } = this.#model = model;
    this.#past = pseudoTokens(context, vocabularySize, 1);
    this.#ids = pseudoTokens(context, vocabularySize, 2);
  }

  /** What is measured here, and what a token reads at the least. */
  hello(): Hello {
    const { isa, kv, threads, loadMs, file, config } = this.#model;
    const { layerCount, kvHeadCount, headDim, tied } = config;
    const tensors = [...file.tensors.values()];
    const read = tensors.filter(({ name }) => tied || name !== "token_embd.weight");
    return {
      peer: "cria",
      version: `Deno ${Deno.version.deno}`,
      system: `isa ${isa}, keys and values ${kv}`,
      variants: [isa],
      ...{ threads, loadMs },
      tokenBytes: read.reduce((sum, { bytes }) => sum + bytes, 0),
      positionBytes: 2 * layerCount * kvHeadCount * headDim * { f32: 4, f16: 2, q8_0: 34 / 32 }[kv],
    };
  }

  /** Runs one test; the past before it is not timed. */
  async measure({ test, tokens, depth, parallel }: Request): Promise<Answer> {
    const batch = await this.#fill(parallel, depth);
    const ids = this.#ids.slice(0, tokens), startedAt = performance.now();
    const logits = await (test === "pp" ? readAll(batch, ids) : decodeAll(batch, ids));
    const seconds = (performance.now() - startedAt) / 1000;
    const checksum = logits.reduce((sum, value) => sum + value, 0);
    return { seconds, checksum, rssBytes: Deno.memoryUsage().rss };
  }

  /** A batch in which exactly the first `depth` tokens of the past are in every sequence. */
  async #fill(parallel: number, depth: number): Promise<Batch> {
    const known = this.#batches.get(parallel);
    const one = known ?? { batch: this.#model.createBatch(parallel), filled: 0 };
    this.#batches.set(parallel, one);
    const kept = Math.min(one.filled, depth);
    for (const sequence of one.batch.sequences) {
      sequence.rewind(kept);
      if (kept < depth) await sequence.evaluate(this.#past.slice(kept, depth));
    }
    one.filled = depth;
    return one.batch;
  }
}

/** A prompt in every sequence; the last logits of the last one. */
async function readAll({ sequences }: Batch, ids: readonly number[]): Promise<Float32Array> {
  let logits = new Float32Array() as Float32Array;
  for (const sequence of sequences) logits = await sequence.evaluate(ids);
  return logits;
}

/** Tokens one after another, in all sequences at once; the last logits of the last one. */
async function decodeAll(batch: Batch, ids: readonly number[]): Promise<Float32Array> {
  const { sequences, sequences: [single] } = batch;
  let logits = new Float32Array() as Float32Array;
  for (const token of ids) {
    if (sequences.length === 1) {
      const result = single!.evaluate([token]);
      logits = result instanceof Promise ? await result : result;
    } else {
      const rows = sequences.map((_, sequence) => ({ sequence, token }));
      logits = (await batch.decode(rows)).at(-1)!;
    }
  }
  return logits;
}

/** Answers requests until stdin ends. */
async function main(): Promise<void> {
  const { _: [path], ...flags } = parseArgs(Deno.args, {
    string: ["_", "threads", "context", "isa", "kv"],
  });
  const whole = (text: string | undefined) => text === undefined ? undefined : Number(text);
  const options: LoadOptions = {
    threads: whole(flags.threads),
    context: whole(flags.context),
    isa: flags.isa,
    kv: flags.kv as LoadOptions["kv"],
  };
  using model = await Model.load(path ?? "", options);
  const engine = new Engine(model);
  console.log(JSON.stringify(engine.hello()));
  for await (const line of linesOf(Deno.stdin.readable)) {
    console.log(JSON.stringify(await engine.measure(JSON.parse(line) as Request)));
  }
}

await main();
