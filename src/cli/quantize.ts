/** `cria quantize`: writes a model with coarser weights. @module */

import { CLIPPINGS, SCOPES } from "../quant/int8.ts";
import { TARGETS } from "../quantize/plan.ts";
import { quantizeFile, type QuantizeResult } from "../quantize/quantize.ts";
import { choice, define, text, toggle, whole } from "./command.ts";
import { UsageError } from "./failure.ts";
import { Interrupt } from "./interrupt.ts";
import { bytes, threeDigits } from "./layout.ts";
import { activationsOf } from "./quantize_calibration.ts";
import { compare, reportLines } from "./quantize_report.ts";
import { note, Progress, terminalWidth, write, writeJson } from "./terminal.ts";
import { readText } from "./text_input.ts";

/** The command. */
export const command = define({
  arguments: [
    { name: "IN", help: "A model, or a folder with one: best with F32, F16 or BF16 weights" },
    { name: "OUT", help: "The GGUF file to be written" },
  ],
  flags: {
    type: choice(TARGETS.map(({ name }) => name), "What the matrices become"),
    report: toggle("Show what each tensor lost, and perplexity before and after"),
    calibrate: text("FILE", "A text: for the report, and for the activations that int8 weighs"),
    scope: choice(SCOPES, "What shares a scale in int8 (default: row)"),
    clip: choice(CLIPPINGS, "How far an int8 scale reaches (default: min-max, calibrated: mse)"),
    force: toggle("Replace OUT if it is there"),
    allowRequantize: toggle("Round again what was rounded to fewer than 8 bits before"),
    threads: whole("N", "Workers (default: one per processor)", { least: 1, setting: true }),
  },
  notes: [
    "Matrices become the type; norms, biases and routers of experts stay as they are. As is " +
    "usual, the output matrix (the embedding where they are tied) is at least Q6_K, and rows " +
    "that are no whole blocks get another type: Q5_0 for Q4_K, Q5_1 for Q5_K, Q8_0 for " +
    "Q6_K, F16 for the rest.",
    "Of a folder in Hugging Face layout all that GGUF has keys for goes along: numbers of the " +
    "config, tokenizer, chat templates. What GGUF cannot say is refused.",
    "int8 is symmetric: one scale per row (output channel) or per matrix, stored as Q8_0 blocks " +
    "that share it, so that every kernel runs it; activations are rounded to int8 per 32. A " +
    "scale reaches the largest weight (min-max), 99.9 % of them (percentile), or as far as " +
    "leaves the least squared error (mse): with --calibrate and --scope row, of the products. " +
    "Clipping cuts off rare large weights, on which some models depend: look at --report.",
    "OUT gets its name when it is whole; Ctrl-C leaves nothing behind.",
  ],
  examples: [
    "quantize model.F16.gguf model.Q4_K.gguf --type Q4_K",
    "quantize folder model.Q8_0.gguf --type Q8_0",
    "quantize model.gguf int8.gguf --type int8 --calibrate text.txt --report",
  ],
  async run({ flags, given: [input = "", output = ""] }) {
    const { type, force: overwrite, allowRequantize: requantize, threads: workers } = flags;
    if (type === undefined) throw new UsageError('Cannot run "quantize": --type is missing');
    if (type !== "int8" && (flags.scope ?? flags.clip) !== undefined) {
      throw new UsageError(`Cannot use --scope or --clip with "${type}": they are for int8`);
    }
    using interrupt = new Interrupt();
    using progress = new Progress(!flags.quiet);
    const { signal } = interrupt, { quiet } = flags;
    const sample = await readSample(flags.calibrate, quiet);
    const weighs = type === "int8" && sample !== undefined && flags.scope !== "tensor";
    const result = await quantizeFile(input, output, {
      ...{ type, overwrite, requantize, workers, signal },
      ...{ scope: flags.scope, clipping: flags.clip },
      importance: weighs ? () => activationsOf(input, sample.content, signal, quiet) : undefined,
      onProgress: (done, all) => progress.share("Quantizing", done, all),
    });
    progress.clear();
    const comparison = flags.report
      ? await compare(input, output, { text: sample, quiet, signal })
      : undefined;
    if (flags.json) return await writeJson({ ...result, perplexity: comparison });
    if (comparison) {
      const lines = reportLines(result, comparison, Math.min(80, terminalWidth()));
      await write(lines.map((line) => `${line}\n`).join(""));
    }
    if (!quiet) { for (const line of summary(result, output)) note(line); }
  },
});

/** The text of --calibrate. */
async function readSample(
  path: string | undefined,
  quiet: boolean,
): Promise<{ name: string; content: string } | undefined> {
  if (path === undefined) return undefined;
  return { name: path, content: await readText(path, quiet) };
}

/** What was done, in a few lines. */
function summary({ inBytes, outBytes, tensors }: QuantizeResult, output: string): string[] {
  const share = threeDigits(100 * outBytes / inBytes);
  const lines = [`${JSON.stringify(output)}: ${bytes(outBytes)}, ${share} % of ${bytes(inBytes)}`];
  const fallbacks = Map.groupBy(
    tensors.filter(({ instead }) => instead !== undefined),
    ({ instead, type }) => `${type} instead of ${instead}`,
  );
  for (const [change, some] of fallbacks) {
    lines.push(`${some.length} tensors are ${change}: their rows are no whole blocks of that`);
  }
  return lines;
}
