/** `cria run`: continues a text. @module */

import { define, ENGINE, toggle, whole } from "./command.ts";
import { about, UsageError } from "./failure.ts";
import {
  finish,
  generateOptions,
  GENERATION,
  promptProgress,
  promptText,
  writeGeneration,
} from "./generation.ts";
import { Interrupt } from "./interrupt.ts";
import { loadModel } from "./models.ts";
import { readStructure } from "./structure.ts";
import { dim, isTerminal, Progress, writeError } from "./terminal.ts";

/** The command. */
export const command = define({
  arguments: [{
    name: "MODEL",
    help: "A GGUF file, or a folder with safetensors (default: the embedded story model)",
    optional: true,
  }],
  flags: {
    ...GENERATION,
    noBos: toggle("Leave out the token that texts begin with"),
    logprobs: whole("N", "With --json: each token's log-probability, and the N likeliest tokens"),
    ignoreEos: toggle("Go on after tokens that end a text", { setting: true }),
    ...ENGINE,
  },
  examples: [
    'run -p "Once upon a time"',
    'run model.gguf -p "The capital of France is" -n 32',
  ],
  async run({ flags, given: [path] }) {
    if (flags.logprobs !== undefined && !flags.json) {
      throw new UsageError(`Cannot use --logprobs: it needs --json`);
    }
    const structure = await readStructure(flags);
    const text = await promptText(flags.prompt);
    using interrupt = new Interrupt();
    const { signal } = interrupt;
    using opened = await loadModel(path, flags, signal);
    const { model } = opened;
    return await about("run", opened.path, async () => {
      using progress = new Progress(!flags.quiet);
      using session = model.session();
      const prompt = flags.noBos ? model.tokenizer.encode(text, { bos: false }) : text;
      const generation = session.generate(prompt, {
        ...generateOptions(flags),
        ...structure,
        ...{ ignoreEos: flags.ignoreEos, logprobs: flags.logprobs },
        signal,
        onPromptProgress: promptProgress(progress),
      });
      const { json, quiet } = flags;
      if (!json && !quiet && isTerminal.stdout() && isTerminal.stderr()) writeError(dim(text));
      const result = await writeGeneration(generation, signal, progress, json);
      return await finish(opened, result, flags);
    });
  },
});
