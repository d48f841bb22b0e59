/** The model that people load: an engine that opens sessions. @module */

import { LoadedModel, type LoadOptions, loadParts } from "../model/loaded.ts";
import { Session, type SessionOptions } from "./session.ts";

/**
 * A language model, mapped and ready.
 *
 * Results are the same to the bit for every thread count, chunk size and instruction set.
 * @example
 * ```ts
 * import { Model } from "./mod.ts";
 *
 * using model = await Model.load("models/story.gguf", { threads: 2, context: 256 });
 * using session = model.session({ temperature: 0.8, seed: 7 });
 * const text = await session.generate("Once upon a time", { maxTokens: 16 }).text();
 * console.assert(text.length > 0);
 * ```
 */
export class Model extends LoadedModel {
  /**
   * Opens a model file, checks it, maps its weights and starts threads.
   * @param path a GGUF file; told by content, whatever its name
   * @param options threads, context, cache type, instruction set
   * @throws {FormatError} the file breaks its format; the message names file and byte
   * @throws {ModelError} cria cannot run this model; the message says why
   * @throws {LibraryError} the kernel library is not there or not ours
   */
  static async load(path: string, options: LoadOptions = {}): Promise<Model> {
    return new Model(await loadParts(path, options));
  }

  /**
   * Opens a conversation with its own cache of `context` positions.
   * @param options sampler options of all its generations
   */
  session(options: SessionOptions = {}): Session {
    return new Session(this, options);
  }
}
