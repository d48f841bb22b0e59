/** Benches of loading: the header, the model, and up to the first token, warm and cold. @module */

import { Model, openModelFile } from "../mod.ts";
import { figure, type Ready, sum } from "./figures.ts";
import { MODELS } from "./models.ts";

/** Opens and closes the file: header, metadata, names of tensors. */
function header(path: string): Ready {
  let tensors = 0;
  const run = async () => {
    using file = await openModelFile(path);
    tensors = file.tensors.size;
  };
  return { run, checksum: () => tensors, note: () => `${tensors} tensors` };
}

/** Loads the model; with `token`, runs it once as well. */
function load(path: string, token: boolean): Ready {
  let logits: Float32Array | undefined, loadMs = 0;
  const run = async () => {
    using model = await Model.load(path, { context: 64 });
    loadMs = model.loadMs;
    if (!token) return;
    using sequence = model.createSequence();
    logits = (await sequence.evaluate([1])).slice();
  };
  return { run, checksum: () => sum(logits ?? []), note: () => `${loadMs.toFixed(1)} ms to load` };
}

/** Whether this system can be told to forget a file: GNU dd can. */
async function canForget(path: string): Promise<boolean> {
  return Deno.build.os === "linux" && await forget(path).then(() => true, () => false);
}

/** Asks the system to drop a file from its cache; it keeps what is mapped by somebody. */
async function forget(path: string): Promise<void> {
  const args = [`if=${path}`, "iflag=nocache", "count=0", "status=none"];
  const { success } = await new Deno.Command("dd", { args, stderr: "null" }).output();
  if (!success) throw new Error(`Cannot drop "${path}" from the cache: dd failed`);
}

for (const { name: group, path } of MODELS) {
  const add = (name: string, make: () => Ready, before?: () => Promise<void>) => {
    figure({ group, name, amount: {}, waits: true, slow: true, before, make });
  };
  add("header", () => header(path));
  add("load, warm", () => load(path, false));
  add("load and first token, warm", () => load(path, true));
  if (await canForget(path)) {
    add("load and first token, cold", () => load(path, true), () => forget(path));
  }
}
