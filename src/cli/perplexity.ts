/** `cria perplexity`: how well a model predicts a text. @module */

import type { Model } from "../session/model.ts";
import { CriaError } from "../errors.ts";
import { define, ENGINE, text, whole } from "./command.ts";
import { about, UsageError } from "./failure.ts";
import { Interrupt } from "./interrupt.ts";
import { loadModel } from "./models.ts";
import { Progress, write, writeJson } from "./terminal.ts";

const DEFAULT_CONTEXT = 512;

/** The command. */
export const command = define({
  arguments: [{ name: "MODEL", help: "A GGUF file, or a folder with safetensors" }],
  flags: {
    file: text("FILE", "The text", { short: "f" }),
    chunks: whole("N", "Only the first N chunks", { least: 1 }),
    ...ENGINE,
    ctx: whole("N", "Tokens of a chunk (default: 512)", { least: 2, setting: true }),
  },
  notes: [
    "The text is tokenized without BOS and without special tokens and cut into chunks of --ctx " +
    "tokens, each evaluated alone; a last chunk of one token is left out. The mean is over all " +
    "predicted tokens: all but the first of each chunk.",
  ],
  examples: ["perplexity model.gguf -f text.txt --ctx 512"],
  async run({ flags, given: [path] }) {
    const { file, ctx = DEFAULT_CONTEXT, chunks = Infinity, json, quiet } = flags;
    if (file === undefined) throw new UsageError('Cannot run "perplexity": -f FILE is missing');
    const source = await about("read", file, () => Deno.readTextFile(file));
    using interrupt = new Interrupt();
    const { signal } = interrupt;
    using opened = await loadModel(path, { ...flags, ctx }, signal);
    const { model } = opened;
    const result = await about("evaluate", opened.path, async () => {
      using progress = new Progress(!quiet);
      const ids = model.tokenizer.encode(source, { bos: false, special: false });
      return await measure(model, cut(ids, ctx).slice(0, chunks), signal, progress);
    });
    if (result.tokens === 0) {
      throw new CriaError(`Cannot measure ${JSON.stringify(file)}: it has fewer than two tokens`);
    }
    if (json) return await writeJson(result);
    const { perplexity, nll, tokens } = result;
    const figures = `${nll.toFixed(5)} nats each over ${tokens} predicted tokens`;
    await write(`perplexity ${perplexity.toFixed(4)} (${figures})\n`);
  },
});

/** Chunks of at most `length` tokens; none has fewer than two. */
function cut(ids: readonly number[], length: number): number[][] {
  const chunks: number[][] = [];
  for (let at = 0; at + 1 < ids.length; at += length) chunks.push(ids.slice(at, at + length));
  return chunks;
}

/** The mean negative log-likelihood of all predicted tokens, in nats. */
async function measure(
  model: Model,
  chunks: readonly (readonly number[])[],
  signal: AbortSignal,
  progress: Progress,
): Promise<{ tokens: number; nll: number; perplexity: number }> {
  const vocabulary = model.config.vocabularySize;
  let sum = 0, count = 0;
  for (const [index, chunk] of chunks.entries()) {
    for await (const { first, rows, logits } of model.logitRows(chunk, { signal })) {
      for (let row = 0; row < rows; row++) {
        const next = chunk[first + row + 1];
        if (next === undefined) break; // nothing follows the last token
        sum += surprise(logits.subarray(row * vocabulary, (row + 1) * vocabulary), next);
        count++;
      }
      progress.show(
        `Chunk ${index + 1} of ${chunks.length}, perplexity ${Math.exp(sum / count).toFixed(3)}`,
      );
    }
  }
  const nll = count === 0 ? 0 : sum / count;
  return { tokens: count, nll, perplexity: Math.exp(nll) };
}

/** -ln softmax(logits)[token], in double precision. */
function surprise(logits: Float32Array, token: number): number {
  let most = -Infinity;
  for (const logit of logits) if (logit > most) most = logit;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - most);
  return most + Math.log(sum) - logits[token]!;
}
