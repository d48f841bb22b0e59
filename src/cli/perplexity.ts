/** `cria perplexity`: how well a model predicts a text. @module */

import { CriaError } from "../errors.ts";
import { define, ENGINE, text, whole } from "./command.ts";
import { about, UsageError } from "./failure.ts";
import { Interrupt } from "./interrupt.ts";
import { loadModel } from "./models.ts";
import { cut, measure } from "./prediction.ts";
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
