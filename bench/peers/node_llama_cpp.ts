/**
 * Measures node-llama-cpp under Deno as bench/compare.ts asks for it: its prebuilt binary, and the
 * sequence interface that it offers for work by hand.
 *
 *     deno run -A --no-lock bench/peers/node_llama_cpp.ts MODEL --threads 4 --context 1024
 *
 * Every token that it gives is sampled, greedily, in C++; a prompt counts until its first token.
 * Some versions name platform packages that not every registry has; this one could be loaded.
 * @module
 */

import { parseArgs } from "npm:deno-std@1.4.0/cli/parse_args.js";
import { linesOf } from "./lines.ts";
import type { Answer, Hello, Request } from "./worker.ts";
import { pseudoTokens } from "../figures.ts";

const VERSION = "3.21.1";

/** What is used of it; a package that need not be there cannot lend its types. */
interface Library {
  getLlama(options: Record<string, unknown>): Promise<{
    readonly buildType: string;
    readonly systemInfo: string;
    loadModel(options: { modelPath: string }): Promise<LoadedModel>;
  }>;
}

interface LoadedModel {
  readonly fileInfo: { readonly metadata: { readonly tokenizer: { ggml: { tokens: string[] } } } };
  createContext(options: Record<string, unknown>): Promise<{ getSequence(): Sequence }>;
}

interface Sequence {
  readonly nextTokenIndex: number;
  eraseContextTokenRanges(ranges: { start: number; end: number }[]): Promise<void>;
  evaluateWithoutGeneratingNewTokens(tokens: readonly number[]): Promise<void>;
  evaluate(
    tokens: readonly number[],
    options: { temperature: number; yieldEogToken: boolean },
  ): AsyncGenerator<number>;
}

/** A sequence and the tokens that it is given. */
interface Engine {
  readonly sequence: Sequence;
  readonly past: readonly number[];
  readonly ids: readonly number[];
}

/** Runs one test; the past before it is not timed. */
async function measure(
  { sequence, past, ids }: Engine,
  { test, tokens, depth, parallel }: Request,
): Promise<Answer> {
  if (parallel !== 1) throw new Error(`Cannot decode ${parallel} sequences: this peer has one`);
  const end = sequence.nextTokenIndex;
  if (end > 0) await sequence.eraseContextTokenRanges([{ start: 0, end }]);
  if (depth > 0) await sequence.evaluateWithoutGeneratingNewTokens(past.slice(0, depth));
  const given = test === "pp" ? ids.slice(0, tokens) : ids.slice(0, 1);
  const options = { temperature: 0, yieldEogToken: true };
  let left = test === "pp" ? 1 : tokens, last = NaN;
  const startedAt = performance.now();
  for await (const token of sequence.evaluate(given, options)) {
    last = token;
    if (--left === 0) break;
  }
  const seconds = (performance.now() - startedAt) / 1000;
  return { seconds, checksum: last, rssBytes: Deno.memoryUsage().rss };
}

/** Answers requests until stdin ends. */
async function main(): Promise<void> {
  const { _: [path], ...flags } = parseArgs(Deno.args, { string: ["_", "threads", "context"] });
  const threads = Number(flags.threads ?? 4), startedAt = performance.now();
  const specifier = `npm:node-llama-cpp@${VERSION}`; // not in our lock file: resolved when it runs
  const library = await import(specifier) as Library;
  const settings = { gpu: false, build: "never", logLevel: "error", progressLogs: false };
  const llama = await library.getLlama({ ...settings, maxThreads: threads });
  const model = await llama.loadModel({ modelPath: path ?? "" });
  const contextSize = Number(flags.context ?? 1024) + 8;
  const context = await model.createContext({ contextSize, threads, batchSize: 512 });
  const count = model.fileInfo.metadata.tokenizer.ggml.tokens.length;
  const past = pseudoTokens(contextSize, count, 1), ids = pseudoTokens(contextSize, count, 2);
  const hello: Hello = {
    peer: "node-llama-cpp",
    version: `${VERSION}, Deno ${Deno.version.deno}`,
    system: `${llama.buildType}; ${llama.systemInfo}`,
    variants: ["evaluate"],
    ...{ threads, loadMs: performance.now() - startedAt },
  };
  console.log(JSON.stringify(hello));
  const engine = { sequence: context.getSequence(), past, ids };
  for await (const line of linesOf(Deno.stdin.readable)) {
    console.log(JSON.stringify(await measure(engine, JSON.parse(line) as Request)));
  }
  Deno.exit(0); // it keeps threads that would wait for ever
}

await main();
