/** Opens and loads the model that a command line names. @module */

import type { KvType } from "../cache/pages.ts";
import type { ModelFile } from "../format/file.ts";
import { openModelFile } from "../format/open.ts";
import type { Model } from "../session/model.ts";
import { about, visible } from "./failure.ts";
import { wantedTemplate } from "./template_flag.ts";
import { Progress } from "./terminal.ts";

/** The flags that say how a model is loaded. */
export interface EngineFlags {
  readonly threads: number | undefined;
  readonly ctx: number | undefined;
  readonly kv: KvType | undefined;
  readonly quantize?: "Q8_0" | "Q4_0" | "int8" | undefined;
  readonly quiet: boolean;
  /** In place of the model's: the name of a form of chat, or a file with Jinja. */
  readonly template?: string | undefined;
}

/** Opens the header of a model file; its errors name the file. A slow server shows on stderr. */
export async function openFile(path: string, quiet = true): Promise<ModelFile> {
  using progress = new Progress(!quiet);
  const ticking = setInterval(() => progress.show(`Reading ${visible(path)} …`), 100);
  try {
    return await about("read", path, () => openModelFile(path));
  } finally {
    clearInterval(ticking);
  }
}

/** A loaded model and the path it came from. */
export interface Opened extends Disposable {
  readonly path: string;
  readonly model: Model;
}

/**
 * Loads a model, the embedded one if `path` is undefined; its errors name the file.
 * @param path a model file
 * @param flags how
 * @param signal stops loading
 */
export async function loadModel(
  path: string | undefined,
  { threads, ctx, kv, quantize, quiet, template }: EngineFlags,
  signal?: AbortSignal,
): Promise<Opened> {
  using progress = new Progress(!quiet);
  const chatTemplate = await wantedTemplate(template);
  const found = path ?? await embedded(signal, progress);
  const name = found.split("/").at(-1);
  const ticking = setInterval(() => progress.show(`Loading ${name} …`), 100);
  try {
    const { Model } = await import("../session/model.ts");
    const options = { threads, context: ctx, kv, quantize, chatTemplate, signal };
    const model = await about("load", found, () => Model.load(found, options));
    return { path: found, model, [Symbol.dispose]: () => model[Symbol.dispose]() };
  } finally {
    clearInterval(ticking);
  }
}

async function embedded(signal: AbortSignal | undefined, progress: Progress): Promise<string> {
  const { embeddedModel } = await import("./embedded.ts");
  return await embeddedModel(signal, progress);
}
