/** `cria perplexity`: how well a model predicts a text, alone or beside another model. @module */

import { type Divergence, divergence, type Spread } from "../evaluate/divergence.ts";
import {
  type EvaluationProgress,
  type Perplexity,
  perplexity,
  type PerplexityOptions,
  saveLogits,
} from "../evaluate/perplexity.ts";
import type { Model } from "../session/model.ts";
import { define, ENGINE, text, whole } from "./command.ts";
import { about, UsageError } from "./failure.ts";
import { Interrupt } from "./interrupt.ts";
import { bar, grouped } from "./layout.ts";
import { loadModel } from "./models.ts";
import { note, Progress, write, writeJson } from "./terminal.ts";
import { readText } from "./text_input.ts";

const DEFAULT_CONTEXT = 512;

/** The command. */
export const command = define({
  arguments: [{ name: "MODEL", help: "A GGUF file, or a folder with safetensors" }],
  flags: {
    file: text("FILE", "The text", { short: "f" }),
    chunks: whole("N", "Only the first N chunks", { least: 1 }),
    saveLogits: text("FILE", "Save the log-probabilities, for --kl-base"),
    klBase: text("FILE", "Compare with log-probabilities that were saved"),
    ...ENGINE,
    ctx: whole("N", "Tokens of a chunk (default: 512)", { least: 2, setting: true }),
  },
  notes: [
    "The text is tokenized without BOS and without special tokens and cut into chunks of --ctx " +
    "tokens, each evaluated alone; a last chunk of one token is left out. The mean is over all " +
    "predicted tokens: all but the first of each chunk. Behind ± stands one standard error.",
    "--save-logits and --kl-base share their files with llama-perplexity (--save-all-logits). As " +
    "there, only whole chunks count, each begins with BOS where the model has it, and only the " +
    "second half of its tokens is predicted. Text and --ctx of --kl-base are those of its file; " +
    "-f checks that it was made of that text.",
  ],
  examples: [
    "perplexity model.gguf -f text.txt --ctx 512",
    "perplexity m.F16.gguf -f t.txt --save-logits base.kld",
    "perplexity m.Q4_K.gguf --kl-base base.kld",
  ],
  async run({ flags, given: [path] }) {
    const { file, saveLogits: saved, klBase, chunks, json, quiet } = flags;
    if (file === undefined && klBase === undefined) {
      throw new UsageError('Cannot run "perplexity": -f FILE is missing');
    }
    if (saved !== undefined && klBase !== undefined) {
      throw new UsageError("Cannot use --save-logits with --kl-base: it is one or the other");
    }
    const source = file && await readText(file, quiet);
    const context = klBase === undefined
      ? flags.ctx ?? DEFAULT_CONTEXT
      : await contextOf(klBase, flags.ctx, quiet);
    using interrupt = new Interrupt();
    const { signal } = interrupt;
    using opened = await loadModel(path, { ...flags, ctx: context }, signal);
    const action = klBase === undefined ? "evaluate" : "compare with";
    const result = await about(action, klBase ?? opened.path, async () => {
      using progress = new Progress(!quiet);
      const onProgress = evaluationProgress(progress);
      const options = { context, chunks, signal, onProgress };
      return await evaluate(opened.model, source, { saved, klBase }, options);
    });
    if (json) return await writeJson(result);
    await write(("base" in result ? comparisonLines(result) : summary(result)).join("\n") + "\n");
    if (saved !== undefined && !quiet) note(`log-probabilities in ${JSON.stringify(saved)}`);
  },
});

/** The size of chunks in a file; another one may come from settings, and is not used. */
async function contextOf(path: string, wanted: number | undefined, quiet: boolean) {
  const { LogitFile } = await import("../evaluate/logit_file.ts");
  using file = await about("read", path, () => LogitFile.open(path));
  const { context } = file.header;
  if (wanted !== undefined && wanted !== context && !quiet) {
    note(`chunks of ${context} tokens as in ${JSON.stringify(path)}, not of ${wanted}`);
  }
  return context;
}

/** Does what the flags ask for. */
function evaluate(
  model: Model,
  source: string | undefined,
  { saved, klBase }: { readonly saved: string | undefined; readonly klBase: string | undefined },
  options: PerplexityOptions,
): Promise<Perplexity | Divergence> {
  if (klBase !== undefined) return divergence(model, klBase, { ...options, text: source });
  const text = source ?? "";
  return saved === undefined
    ? perplexity(model, text, options)
    : saveLogits(model, text, saved, options);
}

const BAR_COLUMNS = 20;

/** Shows a bar, the perplexity so far, and how long it may take. */
export function evaluationProgress(
  progress: Progress,
): (state: EvaluationProgress) => void {
  const startedMs = performance.now();
  return ({ tokens, totalTokens, perplexity }) => {
    const share = tokens / totalTokens, passedMs = performance.now() - startedMs;
    const left = Math.ceil(passedMs * (1 / share - 1) / 1000);
    const clock = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    const drawn = bar(share, BAR_COLUMNS).padEnd(BAR_COLUMNS);
    progress.show(`▕${drawn}▏ perplexity ${perplexity.toFixed(3)}, ${clock} left`);
  };
}

/** An estimate with its error, which one token alone does not have. */
function plusMinus(value: number, error: number, digits: number, unit = ""): string {
  const behind = Number.isNaN(error) ? "" : ` ± ${error.toFixed(digits)}`;
  return `${value.toFixed(digits)}${behind}${unit}`;
}

/** A line for each figure. */
function linesOf(rows: readonly (readonly [name: string, figures: string])[]): string[] {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, figures]) => `${name.padEnd(width)}  ${figures}`);
}

/** How well the text was predicted. */
function summary({ tokens, nll, nllError, perplexity, perplexityError }: Perplexity): string[] {
  return linesOf([
    ["perplexity", plusMinus(perplexity, perplexityError, 4)],
    ["nats each", plusMinus(nll, nllError, 5)],
    ["predicted tokens", grouped(tokens)],
  ]);
}

/** How far the predictions are from the other model's. */
function comparisonLines(result: Divergence): string[] {
  const { base, lnRatio, ratio, difference, correlation, kld, deltaP, rmsDeltaP, sameTop } = result;
  const percent = (value: number, error: number) => plusMinus(100 * value, 100 * error, 3, " %");
  return linesOf([
    ["perplexity", plusMinus(result.perplexity, result.perplexityError, 4)],
    ["of the base", plusMinus(base.perplexity, base.perplexityError, 4)],
    ["ratio", plusMinus(ratio.value, ratio.error, 5)],
    ["ln of the ratio", plusMinus(lnRatio.value, lnRatio.error, 5)],
    ["difference", plusMinus(difference.value, difference.error, 4)],
    ["correlation", `${(100 * correlation).toFixed(2)} %`],
    ["KL divergence", plusMinus(kld.mean, kld.error, 6)],
    ...spreadRows(kld, ["50", "90", "99", "99.9", "100"], (value) => value.toFixed(6)),
    ["Δp", percent(deltaP.mean, deltaP.error)],
    ...spreadRows(
      deltaP,
      ["0", "1", "50", "99", "100"],
      (value) => `${(100 * value).toFixed(3)} %`,
    ),
    ["RMS Δp", percent(rmsDeltaP.value, rmsDeltaP.error)],
    ["same top token", percent(sameTop.value, sameTop.error)],
    ["predicted tokens", grouped(result.tokens)],
  ]);
}

const NAMES: Readonly<Record<string, string>> = { 0: "minimum", 50: "median", 100: "maximum" };

/** Some percentiles of a spread. */
function spreadRows(
  { percentiles }: Spread,
  wanted: readonly string[],
  show: (value: number) => string,
): [name: string, figures: string][] {
  return wanted.map((at) => [`  ${NAMES[at] ?? `${at} %`}`, show(percentiles[at]!)]);
}
