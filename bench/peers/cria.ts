/**
 * Measures cria as bench/compare.ts asks for it, through the public engine: what users get.
 *
 *     deno run -A bench/peers/cria.ts MODEL --threads 4 --context 1024
 * @module
 */

import { type LoadOptions, Model } from "../../mod.ts";
import { parseArgs } from "npm:deno-std@1.4.0/cli/parse_args.js";
import { linesOf } from "./lines.ts";
import type { Answer, Hello, Request } from "./worker.ts";
import { pseudoTokens } from "../figures.ts";

/** A model and one sequence, whose beginning holds the past up to `filled`. */
class Engine {
  readonly #model: Model;
  readonly #sequence: ReturnType<Model["createSequence"]>;
  readonly #past: readonly number[];
  readonly #ids: readonly number[];
  #filled = 0;

  constructor(model: Model) {
    const { context, config: { vocabularySize } } = this.#model = model;
    this.#sequence = model.createSequence();
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
      positionBytes: 2 * layerCount * kvHeadCount * headDim * (kv === "f16" ? 2 : 4),
    };
  }

  /** Runs one test; the past before it is not timed. */
  async measure({ test, tokens, depth }: Request): Promise<Answer> {
    await this.#fill(depth);
    const ids = this.#ids.slice(0, tokens), startedAt = performance.now();
    let logits = new Float32Array() as Float32Array;
    if (test === "pp") logits = await this.#sequence.evaluate(ids);
    else {
      for (const id of ids) {
        const result = this.#sequence.evaluate([id]);
        logits = result instanceof Promise ? await result : result;
      }
    }
    const seconds = (performance.now() - startedAt) / 1000;
    const checksum = logits.reduce((sum, value) => sum + value, 0);
    return { seconds, checksum, rssBytes: Deno.memoryUsage().rss };
  }

  async #fill(depth: number): Promise<void> {
    const kept = Math.min(this.#filled, depth);
    this.#sequence.rewind(kept);
    if (kept < depth) await this.#sequence.evaluate(this.#past.slice(kept, depth));
    this.#filled = depth;
  }
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
