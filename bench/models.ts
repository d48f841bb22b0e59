/** The models that benches load, and how much they are asked for. @module */

import { Model } from "../mod.ts";
import { isThere, ROOT, sharedFolder } from "../tests/support.ts";
import { TINY } from "./figures.ts";

/** Tokens of each kind of work. */
export const SIZES = TINY
  ? { prefill: [3], depths: [0, 5], together: [3], decoded: 2, generated: 4, context: 64 }
  : {
    ...{ prefill: [16, 128, 512], depths: [0, 1024], together: [4, 16] },
    ...{ decoded: 32, generated: 64, context: 2048 },
  };

/** The models that are there. */
export const MODELS = [
  { name: "embedded", path: `${ROOT}/models/story.gguf` },
  { name: "SmolLM2 Q4_1", path: `${sharedFolder() ?? ""}/models/SmolLM2-135M-Instruct.Q4_1.gguf` },
].filter(({ path }) => isThere(path));

/** Models stay open: more than one figure is made of each. */
const opened = new Map<string, Promise<Model>>();

/** A loaded model. */
export function modelAt(path: string): Promise<Model> {
  const model = opened.get(path) ?? Model.load(path, { context: SIZES.context });
  opened.set(path, model);
  return model;
}
