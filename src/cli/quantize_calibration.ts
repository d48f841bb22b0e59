/** Calibration of `cria quantize`: runs a text and watches the activations. @module */

import { CriaError } from "../errors.ts";
import { loadModel } from "./models.ts";
import { cut } from "../evaluate/scoring.ts";
import { Progress } from "./terminal.ts";

const CONTEXT = 512;
const CHUNKS = 2; // mean squares change little after some hundred tokens

/**
 * By tensor, the mean square of the activations that meet each column, [columns], over the first
 * 1,024 tokens of a text.
 */
export async function activationsOf(
  path: string,
  text: string,
  signal: AbortSignal,
  quiet: boolean,
): Promise<Map<string, Float32Array>> {
  const engine = { threads: undefined, ctx: CONTEXT, kv: "f32", quiet } as const;
  using opened = await loadModel(path, engine, signal);
  using progress = new Progress(!quiet);
  const { model } = opened;
  const ids = model.tokenizer.encode(text, { bos: false, special: false });
  const chunks = cut(ids, CONTEXT).slice(0, CHUNKS);
  if (chunks.length === 0) {
    throw new CriaError("Cannot calibrate: the text has fewer than two tokens");
  }
  return await model.inputSquares(async () => {
    for (const [index, chunk] of chunks.entries()) {
      progress.share("Calibrating", index, chunks.length);
      for await (const _ of model.logitRows(chunk, { signal })) progress.show("Calibrating …");
    }
  });
}
