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

export * from "./src/session/model.ts";
export type { CacheStatistics } from "./src/cache/shared_cache.ts";
export type { LoadOptions } from "./src/session/load.ts";
export type { EvaluateOptions, LogitRows, SequencePages } from "./src/model/sequence.ts";
export type { ExpertConfig, ModelConfig } from "./src/model/config.ts";
export type { Activation, RopePairs } from "./src/model/architectures.ts";
export type * from "./src/model/rope.ts";
export type { KvType } from "./src/cache/pages.ts";
export * from "./src/session/session.ts";
export * from "./src/evaluate/perplexity.ts";
export * from "./src/evaluate/divergence.ts";
export type { EmbedOptions, Pooling } from "./src/session/embed.ts";
export type { RerankOptions } from "./src/session/rerank.ts";
export * from "./src/session/vectors.ts";
export * from "./src/session/generation.ts";
export type * from "./src/session/engine.ts";
export type { GenerateOptions, OverflowPolicy, Speculation } from "./src/session/generate.ts";
export * from "./src/session/json.ts";
export * from "./src/session/tool_run.ts";
export type { JsonSchema, StructureOptions } from "./src/session/structure.ts";
export type { Profile, ProfiledOperation } from "./src/session/profile.ts";
export * from "./src/tokenizer/tokenizer.ts";
export type { Metadata, PieceKind } from "./src/tokenizer/vocab.ts";
export { openGguf } from "./src/format/gguf.ts";
export type { UrlOptions } from "./src/format/url_source.ts";
export { openModelFile } from "./src/format/open.ts";
export { openSafetensors } from "./src/format/safetensors.ts";
export type * from "./src/format/file.ts";
export * from "./src/format/tensor_cache.ts";
export type { ReadOptions, StoredTensor } from "./src/format/stored_tensor.ts";
export { Tensor, TensorView } from "./src/tensor/tensor.ts";
export type { Nested, Tolerance } from "./src/tensor/tensor.ts";
export type { ElementArrays, ElementType, NumberArray } from "./src/tensor/elements.ts";
export type { Layout, Range } from "./src/tensor/layout.ts";
export * from "./src/format/write.ts";
export type { WholeFileOptions } from "./src/format/whole_file.ts";
export * from "./src/quantize/quantize.ts";
export type { Clipping, Scope } from "./src/quant/int8.ts";
export { dequantize, quantize } from "./src/quant.ts";
export { Sampler } from "./src/sampling/sampler.ts";
export type * from "./src/sampling/sampler.ts";
export * from "./src/chat/template.ts";
export * from "./src/errors.ts";
