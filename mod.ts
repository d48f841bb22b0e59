/**
 * cria: Llama-family language models from TypeScript, fast, exact and sandboxed.
 *
 * @example
 * ```ts
 * import { Model } from "./mod.ts";
 *
 * using model = await Model.load("models/story.gguf", { context: 256 });
 * using session = model.session({ seed: 7 });
 * for await (const piece of session.generate("Once upon a time", { maxTokens: 16 })) {
 *   console.assert(typeof piece.text === "string");
 * }
 * ```
 * @module
 */

export { Model } from "./src/session/model.ts";
export type { LoadOptions, ModelMemory } from "./src/model/loaded.ts";
export type { ModelConfig } from "./src/model/config.ts";
export { Session } from "./src/session/session.ts";
export type { ChatOptions, Prompt, SessionOptions } from "./src/session/session.ts";
export { Generation } from "./src/session/generation.ts";
export type { FinishReason, GenerationResult, Piece, Timings } from "./src/session/generation.ts";
export type { GenerateOptions } from "./src/session/generate.ts";
export { Tokenizer } from "./src/tokenizer/tokenizer.ts";
export { openGguf } from "./src/format/gguf.ts";
export type { ModelFile, TensorInfo } from "./src/format/file.ts";
export { dequantize, quantize } from "./src/quant.ts";
export { Sampler } from "./src/sampling/sampler.ts";
export type { SamplerOptions } from "./src/sampling/sampler.ts";
export { ChatTemplate } from "./src/chat/template.ts";
export * from "./src/errors.ts";
