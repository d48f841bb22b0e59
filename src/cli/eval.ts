/** `cria eval`: the logits after each of some tokens, for comparisons. @module */

import { ContextError } from "../errors.ts";
import type { Model } from "../session/model.ts";
import { define, ENGINE, text } from "./command.ts";
import { about, UsageError } from "./failure.ts";
import { Interrupt } from "./interrupt.ts";
import { loadModel } from "./models.ts";
import { note, Progress, writeJson } from "./terminal.ts";
import { tokenList } from "./token_list.ts";

/** The command. */
export const command = define({
  arguments: [{ name: "MODEL", help: "A GGUF file, or a folder with safetensors" }],
  flags: {
    tokens: text("ID,ID", "The tokens, teacher-forced"),
    logits: text("OUT.f32", "Where the logits go: little-endian floats, [tokens, vocabulary]"),
    ...ENGINE,
  },
  examples: ["eval model.gguf --tokens 504,3575 --logits out.f32"],
  async run({ flags, given: [path] }) {
    const { json, quiet, logits: out } = flags;
    if (flags.tokens === undefined) throw new UsageError('Cannot run "eval": --tokens is missing');
    if (out === undefined) throw new UsageError('Cannot run "eval": --logits is missing');
    const tokens = tokenList(flags.tokens, "--tokens");
    using interrupt = new Interrupt();
    const { signal } = interrupt;
    const ctx = flags.ctx ?? tokens.length;
    using opened = await loadModel(path, { ...flags, ctx }, signal);
    const { model } = opened;
    const vocab = model.config.vocabularySize;
    await about("evaluate", opened.path, async () => {
      if (tokens.length > ctx) throw new ContextError(tokens.length, ctx);
      using progress = new Progress(!quiet);
      await writeWhole(out, (write) => writeLogits(model, tokens, write, signal, progress));
    });
    if (json) await writeJson({ tokens: tokens.length, vocab });
    else if (!quiet) note(`${tokens.length} × ${vocab} logits in ${JSON.stringify(out)}`);
  },
});

/** Writes the logits part by part, so that they need not fit into memory. */
async function writeLogits(
  model: Model,
  tokens: readonly number[],
  write: Write,
  signal: AbortSignal,
  progress: Progress,
): Promise<void> {
  for await (const { first, rows, logits } of model.logitRows(tokens, { signal })) {
    progress.share("Evaluating", first + rows, tokens.length);
    await write(littleEndian(logits));
  }
}

/** The bytes of floats in the order that the file has. */
function littleEndian(values: Float32Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  const isNative = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
  if (isNative) return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  values.forEach((value, index) => view.setFloat32(4 * index, value, true));
  return new Uint8Array(view.buffer);
}

/** Appends to the file that is being written. */
type Write = (data: Uint8Array) => Promise<void>;

/**
 * Writes a file that gets its name only when it is whole. What is there and no regular file, a pipe
 * or /dev/null, is written to as it is: a new name would take its place.
 */
async function writeWhole(path: string, fill: (write: Write) => Promise<void>): Promise<void> {
  if (await isSpecial(path)) return await writeTo(path, path, {}, fill);
  const part = `${path}.${crypto.randomUUID()}.part`;
  try {
    await writeTo(part, path, { createNew: true }, fill);
    await about("write", path, () => Deno.rename(part, path));
  } catch (error) {
    await Deno.remove(part).catch(() => {});
    throw error;
  }
}

/** Whether there is something that is no regular file. */
async function isSpecial(path: string): Promise<boolean> {
  const found = await Deno.stat(path).catch(() => undefined);
  return found !== undefined && !found.isFile;
}

/** Opens and fills a file; errors name the path that the user gave. */
async function writeTo(
  path: string,
  named: string,
  options: Deno.OpenOptions,
  fill: (write: Write) => Promise<void>,
): Promise<void> {
  const writing = <T>(work: () => Promise<T>) => about("write", named, work);
  using file = await writing(() => Deno.open(path, { ...options, write: true }));
  await fill((data) =>
    writing(async () => {
      for (let at = 0; at < data.length;) at += await file.write(data.subarray(at));
    })
  );
}
