/** `cria quantize`: writes a model with coarser weights. @module */

import { quantizeFile, type QuantizeResult } from "../quantize/quantize.ts";
import { TARGETS } from "../quantize/plan.ts";
import { choice, define, toggle, whole } from "./command.ts";
import { UsageError } from "./failure.ts";
import { Interrupt } from "./interrupt.ts";
import { bytes, threeDigits } from "./layout.ts";
import { note, Progress, writeJson } from "./terminal.ts";

/** The command. */
export const command = define({
  arguments: [
    { name: "IN", help: "A model: best with F32, F16 or BF16 weights" },
    { name: "OUT", help: "The GGUF file to be written" },
  ],
  flags: {
    type: choice(TARGETS.map(({ name }) => name), "What the matrices become"),
    force: toggle("Replace OUT if it is there"),
    allowRequantize: toggle("Round again what was rounded to fewer than 8 bits before"),
    threads: whole("N", "Workers (default: one per processor)", { least: 1, setting: true }),
  },
  notes: [
    "Matrices become the type; norms, biases and routers of experts stay as they are. As is " +
    "usual, the output matrix (the embedding where they are tied) is at least Q6_K, and rows " +
    "that are no whole blocks get another type: Q5_0 for Q4_K, Q5_1 for Q5_K, Q8_0 for " +
    "Q6_K, F16 for the rest.",
    "OUT gets its name when it is whole; Ctrl-C leaves nothing behind.",
  ],
  examples: ["quantize model.F16.gguf model.Q4_K.gguf --type Q4_K"],
  async run({ flags, given: [input = "", output = ""] }) {
    const { type, force: overwrite, allowRequantize: requantize, threads: workers } = flags;
    if (type === undefined) throw new UsageError('Cannot run "quantize": --type is missing');
    using interrupt = new Interrupt();
    using progress = new Progress(!flags.quiet);
    const { signal } = interrupt;
    const result = await quantizeFile(input, output, {
      ...{ type, overwrite, requantize, workers, signal },
      onProgress: (done, all) => progress.share("Quantizing", done, all),
    });
    progress.clear();
    if (flags.json) return await writeJson(result);
    if (!flags.quiet) { for (const line of summary(result, output)) note(line); }
  },
});

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
