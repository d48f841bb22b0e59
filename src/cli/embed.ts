/** `cria embed`: texts to vectors. @module */

import { POOLINGS } from "../session/embed.ts";
import { choice, define, ENGINE, toggle } from "./command.ts";
import { about, UsageError } from "./failure.ts";
import { readStdin } from "./text_input.ts";
import { Interrupt } from "./interrupt.ts";
import { loadModel } from "./models.ts";
import { isTerminal, Progress, writeJson } from "./terminal.ts";

/** The command. */
export const command = define({
  arguments: [
    { name: "MODEL", help: "A GGUF file, or a folder with safetensors" },
    { name: "TEXT", help: "Texts (default: the lines of stdin)", optional: true, many: true },
  ],
  flags: {
    pooling: choice(POOLINGS, "What becomes the vector (default: what the file says, else mean)"),
    noNormalize: toggle("Leave vectors as long as they are"),
    ...ENGINE,
  },
  notes: [
    "A vector is the mean of the states that a text ends in, token by token, or that of its last " +
    "or first token (cls), at length 1. Special tokens in a text are plain text; those that the " +
    "model wants around it are added. From stdin every line is a text.",
    "Each vector is written as one line: a JSON array.",
  ],
  examples: [
    'embed model.gguf "A cat ran." "A dog ran." --json',
    "embed model.gguf < lines.txt > vectors.ndjson",
  ],
  async run({ flags, given: [path, ...given] }) {
    const { pooling, noNormalize, json, quiet } = flags;
    const named = given.filter((text) => text !== undefined);
    const texts = named.length > 0 ? named : await linesOfStdin(quiet);
    using interrupt = new Interrupt();
    const { signal } = interrupt;
    using opened = await loadModel(path, flags, signal);
    const { model } = opened;
    const vectors = await about("use", opened.path, async () => {
      using progress = new Progress(!quiet);
      const onProgress = (done: number, all: number) => progress.share("Embedding", done, all);
      return await model.embed(texts, { pooling, normalize: !noNormalize, signal, onProgress });
    });
    const embeddings = vectors.map((vector) => Array.from(vector, shortest));
    if (json) return await writeJson({ embeddings, dimensions: model.config.dim });
    for (const numbers of embeddings) await writeJson(numbers);
  },
});

/** The lines of stdin; the last one need not end. */
async function linesOfStdin(quiet: boolean): Promise<string[]> {
  const piped = isTerminal.stdin() ? "" : await readStdin(quiet);
  const lines = piped.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  if (lines.length > 0) return lines;
  throw new UsageError(`Cannot embed "": there is no text; give some, or lines on stdin`);
}

/** The number of nine digits that is this float, and no other. */
function shortest(value: number): number {
  return Number(value.toPrecision(9));
}
